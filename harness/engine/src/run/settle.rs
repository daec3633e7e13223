//! A moment after a link has its carrier, the kernel tells the rest of itself (net/core/link_watch.c), and only then the
//! interface gets its IPv6 link-local address, by which the kernel names gateways. On a slow kernel the nodes' addresses would
//! be written down without it.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use routeproof_model::fact::{KernelState, Link};

use super::node::Node;
use crate::wait::{self, Probe};

/// The kernel delays such news by a second at most. Whatever is not settled then will not be waited for.
const LIMIT: Duration = Duration::from_secs(2);

/// The kernel tells of each change; this is for one that was missed.
const LOOK: Duration = Duration::from_millis(200);

/// Waits until every interface that is up and has a carrier is up in the words of RFC 2863, too, and a cable's end has its
/// link-local address if its node has IPv6.
pub(super) async fn links(nodes: &BTreeMap<String, Node>) {
    let of_node = async |node: &Node| {
        let probe = || async {
            match node.monitor.with_state(unsettled) {
                None => Probe::Done(()),
                Some(name) => Probe::NotYet(format!("{name} is not up yet")),
            }
        };
        let _ = wait::until("links to settle", LIMIT, LOOK, probe, || node.changed()).await;
    };
    join_all(nodes.values().map(of_node)).await;
}

fn unsettled(kernel: &KernelState) -> Option<String> {
    // Devices that tell nothing are `unknown`: lo, tunnels.
    let settled = |operstate: &str| operstate == "up" || operstate == "unknown";
    let ipv6 = || kernel.addresses().filter(|a| a.address.addr().is_ipv6() && a.device != "lo");
    let has_ipv6 = ipv6().next().is_some();
    let has_own = |device: &str| ipv6().any(|a| a.device == device && a.scope == "link");
    // Where IPv6 is off, or on a port of a bridge or bond, no address will come.
    let lacks_own =
        |link: &Link| has_ipv6 && link.kind == "veth" && link.master.is_none() && !has_own(&link.name);
    let mut waiting = kernel.links().filter(|link| link.up && link.carrier);
    waiting.find(|link| !settled(&link.operstate) || lacks_own(link)).map(|link| link.name.clone())
}
