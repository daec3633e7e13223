//! Two segments of a node, resolved against its kernel: their tables and devices.

use std::collections::BTreeSet;

use ipnet::IpNet;

use crate::fact::KernelState;
use crate::scenario::{ExpectIsolation, IpFamily, Segment};

/// The main table (linux/rtnetlink.h, RT_TABLE_MAIN).
const MAIN: u32 = 254;

pub(super) struct Side<'a> {
    pub name: &'a str,
    pub segment: &'a Segment,
    pub table: u32,
    /// The interface; with a VRF also its device and whatever else belongs to it.
    pub devices: BTreeSet<String>,
}

pub(super) struct Pair<'a> {
    pub from: Side<'a>,
    pub to: Side<'a>,
    pub family: IpFamily,
    /// Prefixes that may be reached across, and must be.
    pub leaks: Vec<IpNet>,
}

impl<'a> Side<'a> {
    /// # Errors
    /// What the node lacks of the segment, after the node's name.
    pub fn of(expect: &'a ExpectIsolation, name: &'a str, kernel: &KernelState) -> Result<Side<'a>, String> {
        let segment = &expect.segments[name];
        let interface = &segment.interface;
        let Some(link) = kernel.link(interface) else { return Err(format!("has no interface {interface}")) };
        let mut devices: BTreeSet<String> = [interface.clone()].into();
        let table = match &segment.vrf {
            None => segment.table.unwrap_or(MAIN),
            Some(vrf) => {
                let device = kernel.link(vrf).filter(|link| link.vrf_table.is_some());
                let Some(device) = device else { return Err(format!("has no VRF {vrf}")) };
                if link.master != Some(device.index) {
                    return Err(format!("has {interface}, but not in VRF {vrf}"));
                }
                devices.insert(vrf.clone());
                let members = kernel.links().filter(|link| link.master == Some(device.index));
                devices.extend(members.map(|link| link.name.clone()));
                device.vrf_table.unwrap_or(MAIN)
            }
        };
        Ok(Side { name, segment, table, devices })
    }
}

impl Pair<'_> {
    pub fn is_ipv4(&self) -> bool {
        self.family == IpFamily::Ipv4
    }
}
