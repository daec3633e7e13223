//! Where a probe starts, ends or is watched.

use routeproof_model::fact::{KernelState, Link};

use crate::lab::NodeHandle;

/// A node with its network devices as they are now.
#[derive(Clone, Debug)]
pub struct Place<'a> {
    pub handle: &'a NodeHandle,
    pub links: Vec<Link>,
}

impl<'a> Place<'a> {
    pub fn new(handle: &'a NodeHandle, kernel: &KernelState) -> Place<'a> {
        Place { handle, links: kernel.links().cloned().collect() }
    }

    pub fn name(&self) -> &'a str {
        self.handle.name()
    }
}

/// Every interface that reaches out of the node.
pub fn outward(link: &Link) -> bool {
    link.up && link.kind != "loopback"
}
