//! `rib-fib`: what zebra calls installed is what the kernel holds, and the other way round. Either alone has been seen to
//! be wrong for good: routes that FRR believes in and the kernel lacks, and left-overs that only the kernel knows.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use serde::Serialize;

use super::{Checked, evidence};
use crate::fact::{KernelState, Route};
use crate::frr::RibEntry;

/// One disagreement, by its kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Disagreement {
    /// zebra says that it is installed; the kernel's table has no such route.
    MissingInKernel {
        prefix: IpNet,
        table: u32,
        protocol: String,
    },
    /// The kernel has a route with FRR's mark that zebra does not claim.
    OnlyInKernel {
        prefix: IpNet,
        table: u32,
        protocol: String,
    },
    DifferentNextHops {
        prefix: IpNet,
        table: u32,
        daemon: Vec<Way>,
        kernel: Vec<Way>,
    },
}

/// A way out as both sides know it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Way {
    pub gateway: Option<IpAddr>,
    pub device: Option<String>,
}

impl std::fmt::Display for Disagreement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ways = |ways: &[Way]| {
            let one = |w: &Way| match (w.gateway, &w.device) {
                (Some(gateway), Some(device)) => format!("{gateway} dev {device}"),
                (Some(gateway), None) => gateway.to_string(),
                (None, Some(device)) => format!("dev {device}"),
                (None, None) => "nowhere".to_string(),
            };
            ways.iter().map(one).collect::<Vec<_>>().join(" and ")
        };
        match self {
            Self::MissingInKernel { prefix, table, protocol } => {
                write!(
                    f,
                    "FRR says that {prefix} ({protocol}) is installed; the kernel's table {table} lacks it"
                )
            }
            Self::OnlyInKernel { prefix, table, protocol } => {
                write!(
                    f,
                    "the kernel's table {table} has {prefix} ({protocol}), which FRR does not call installed"
                )
            }
            Self::DifferentNextHops { prefix, daemon, kernel, .. } => {
                write!(f, "{prefix}: FRR says via {}, the kernel has via {}", ways(daemon), ways(kernel))
            }
        }
    }
}

/// Protocols whose routes only FRR installs: FRR's word, and the kernel's (rtm_protocol).
const OURS: [(&str, &str); 5] =
    [("bgp", "bgp"), ("static", "zstatic"), ("ospf", "ospf"), ("isis", "isis"), ("rip", "rip")];

/// Compares all that zebra and the kernel hold, over all tables.
pub fn rib_fib(node: &str, rib: &[(IpNet, RibEntry)], kernel: &KernelState) -> Checked {
    let found = disagreements(rib, kernel);
    let status = match found.as_slice() {
        [] => format!("FRR and the kernel of {node} agree"),
        [one] => one.to_string(),
        [first, rest @ ..] => format!("{first} (and {} more)", rest.len()),
    };
    let evidence = found.iter().map(|d| evidence("disagreement", node, d)).collect();
    Checked { holds: found.is_empty(), status, evidence }
}

fn disagreements(rib: &[(IpNet, RibEntry)], kernel: &KernelState) -> Vec<Disagreement> {
    let installed: Vec<(&IpNet, &RibEntry, &str)> = rib
        .iter()
        .filter(|(_, entry)| entry.selected && entry.installed)
        .filter_map(|(prefix, entry)| Some((prefix, entry, kernel_word(&entry.protocol)?)))
        .collect();
    let mut found = Vec::new();
    for (prefix, entry, protocol) in &installed {
        match kernel.routes_to(**prefix).find(|r| r.table == entry.table && r.protocol == *protocol) {
            None => found.push(Disagreement::MissingInKernel {
                prefix: **prefix,
                table: entry.table,
                protocol: entry.protocol.clone(),
            }),
            Some(route) => found.extend(different(**prefix, entry, &route)),
        }
    }
    let claimed: BTreeSet<(IpNet, u32, &str)> =
        installed.iter().map(|(p, e, word)| (**p, e.table, *word)).collect();
    for route in kernel.routes().filter(|r| OURS.iter().any(|(_, word)| *word == r.protocol)) {
        if !claimed.contains(&(route.prefix, route.table, route.protocol.as_str())) {
            let Route { prefix, table, protocol, .. } = route;
            found.push(Disagreement::OnlyInKernel { prefix, table, protocol });
        }
    }
    found
}

fn kernel_word(frr: &str) -> Option<&'static str> {
    OURS.iter().find(|(daemon, _)| *daemon == frr).map(|(_, kernel)| *kernel)
}

fn different(prefix: IpNet, entry: &RibEntry, route: &Route) -> Option<Disagreement> {
    // A blackhole has no way out on either side; zebra lists its reason as a next hop without address and interface.
    let used = entry.next_hops.iter().filter(|hop| hop.active && hop.fib);
    let daemon: BTreeSet<Way> = used
        .map(|hop| Way { gateway: hop.address, device: hop.interface.clone() })
        .filter(|way| way.gateway.is_some() || way.device.is_some())
        .collect();
    let kernel: BTreeSet<Way> =
        route.nexthops.iter().map(|hop| Way { gateway: hop.gateway, device: hop.device.clone() }).collect();
    if daemon == kernel || (daemon.is_empty() && route.kind != "unicast") {
        return None;
    }
    let (daemon, kernel) = (daemon.into_iter().collect(), kernel.into_iter().collect());
    Some(Disagreement::DifferentNextHops { prefix, table: route.table, daemon, kernel })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{Change, KernelEvent, Mono, NextHop, Object};
    use crate::frr::RibNextHop;

    const PREFIX: &str = "172.16.1.0/24";

    fn kernel(routes: &[Route]) -> KernelState {
        let mut state = KernelState::default();
        for route in routes {
            let change = Change::New(Object::Route(route.clone()));
            state.apply(&KernelEvent { at: Mono(1), change });
        }
        state
    }

    fn route(gateway: &str) -> Route {
        Route {
            table: 254,
            prefix: PREFIX.parse().unwrap(),
            metric: 20,
            protocol: "bgp".into(),
            kind: "unicast".into(),
            scope: "global".into(),
            nexthops: NextHop::set([NextHop::new(Some(gateway.parse().unwrap()), Some("eth1"))]),
            ..Route::default()
        }
    }

    fn entry(gateway: &str, installed: bool) -> (IpNet, RibEntry) {
        let hop = RibNextHop {
            address: Some(gateway.parse().unwrap()),
            interface: Some("eth1".into()),
            active: true,
            fib: true,
        };
        let entry = RibEntry {
            vrf: "default".into(),
            protocol: "bgp".into(),
            selected: true,
            installed,
            table: 254,
            distance: 20,
            metric: 0,
            next_hops: vec![hop],
            nexthop_group: None,
        };
        (PREFIX.parse().unwrap(), entry)
    }

    #[test]
    fn agreement_in_presence_and_in_absence() {
        assert!(rib_fib("n", &[entry("10.0.0.1", true)], &kernel(&[route("10.0.0.1")])).holds);
        assert!(rib_fib("n", &[], &kernel(&[])).holds);
        let not_ours = Route { protocol: "kernel".into(), ..route("10.0.0.1") };
        assert!(rib_fib("n", &[], &kernel(&[not_ours])).holds);
    }

    #[test]
    fn each_kind_of_disagreement_is_named() {
        let status = |rib: &[(IpNet, RibEntry)], routes: &[Route]| {
            let checked = rib_fib("n", rib, &kernel(routes));
            assert!(!checked.holds);
            checked.status
        };
        insta::assert_snapshot!(status(&[entry("10.0.0.1", true)], &[]), @"FRR says that 172.16.1.0/24 (bgp) is installed; the kernel's table 254 lacks it");
        insta::assert_snapshot!(status(&[entry("10.0.0.1", false)], &[route("10.0.0.1")]), @"the kernel's table 254 has 172.16.1.0/24 (bgp), which FRR does not call installed");
        insta::assert_snapshot!(status(&[entry("10.0.0.1", true)], &[route("10.0.0.2")]), @"172.16.1.0/24: FRR says via 10.0.0.1 dev eth1, the kernel has via 10.0.0.2 dev eth1");
        let elsewhere = Route { table: 10, ..route("10.0.0.1") };
        assert!(status(&[entry("10.0.0.1", true)], &[elsewhere]).contains("(and 1 more)"));
    }
}
