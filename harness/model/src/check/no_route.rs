//! `no-route`: a prefix, or every route of a protocol, is absent from a node's kernel.

use super::{Checked, evidence};
use crate::fact::{KernelState, Route};
use crate::scenario::ExpectNoRoute;

pub fn no_route(expect: &ExpectNoRoute, kernel: &KernelState) -> Checked {
    let fits =
        |r: &Route| r.table == expect.table && expect.proto.as_ref().is_none_or(|proto| *proto == r.protocol);
    let found: Vec<Route> = match expect.prefix {
        Some(prefix) => kernel.routes_to(prefix).filter(fits).collect(),
        None => kernel.routes().filter(fits).collect(),
    };
    let status = match found.first() {
        None => format!("{} has no such route", expect.node),
        Some(route) => format!("{} has {} (protocol {})", expect.node, route.prefix, route.protocol),
    };
    let evidence = found.iter().map(|r| evidence("kernel-route", &expect.node, r)).collect();
    Checked { holds: found.is_empty(), unproved: false, status, evidence }
}
