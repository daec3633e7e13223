//! `rib-fib`: what zebra calls installed is what the kernel holds, and the other way round. Either alone has been seen to
//! be wrong for good: routes that FRR believes in and the kernel lacks, and left-overs that only the kernel knows.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use serde::Serialize;

use super::{Checked, evidence};
use crate::fact::{KernelState, Route, names};
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
        metric: u32,
    },
    DifferentNextHops {
        prefix: IpNet,
        table: u32,
        daemon: Vec<Way>,
        kernel: Vec<Way>,
    },
    /// The same next hops, in other proportions.
    DifferentWeights {
        prefix: IpNet,
        table: u32,
        daemon: Vec<Share>,
        kernel: Vec<Share>,
    },
    /// zebra says that it leads somewhere; the kernel drops or refuses its packets.
    DifferentType {
        prefix: IpNet,
        table: u32,
        daemon: Vec<Way>,
        /// rtm_type: `blackhole`, `unreachable`, `prohibit`.
        kernel: String,
    },
}

/// A way out as both sides know it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Way {
    pub gateway: Option<IpAddr>,
    pub device: Option<String>,
}

/// A way out and its weight.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Share {
    pub way: Way,
    pub weight: u16,
}

impl std::fmt::Display for Way {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.gateway, &self.device) {
            (Some(gateway), Some(device)) => write!(f, "via {gateway} dev {device}"),
            (Some(gateway), None) => write!(f, "via {gateway}"),
            (None, Some(device)) => write!(f, "dev {device}"),
            (None, None) => f.write_str("nowhere"),
        }
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} weight {}", self.way, self.weight)
    }
}

/// `via 10.0.0.1 dev eth1 and via 10.0.0.2 dev eth1`.
fn list(items: &[impl std::fmt::Display]) -> String {
    match items {
        [] => "no way out".to_string(),
        items => items.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and "),
    }
}

impl std::fmt::Display for Disagreement {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::MissingInKernel { prefix, table, protocol } => write!(
                f,
                "FRR says that {prefix} ({protocol}) is installed; the kernel's table {} lacks it",
                names::table(*table)
            ),
            Self::OnlyInKernel { prefix, table, protocol, metric } => write!(
                f,
                "the kernel's table {} has {prefix} ({protocol}, metric {metric}), which FRR does not call installed",
                names::table(*table)
            ),
            Self::DifferentNextHops { prefix, daemon, kernel, .. } => {
                write!(f, "{prefix}: FRR says {}, the kernel has {}", list(daemon), list(kernel))
            }
            Self::DifferentWeights { prefix, daemon, kernel, .. } => {
                write!(f, "{prefix}: FRR says {}, the kernel has {}", list(daemon), list(kernel))
            }
            Self::DifferentType { prefix, daemon, kernel, .. } => {
                write!(f, "{prefix}: FRR says {}, the kernel drops it ({kernel})", list(daemon))
            }
        }
    }
}

/// Protocols whose routes only FRR installs: FRR's word, and the kernel's (rtm_protocol).
const OURS: [(&str, &str); 5] =
    [("bgp", "bgp"), ("static", "zstatic"), ("ospf", "ospf"), ("isis", "isis"), ("rip", "rip")];

/// How many disagreements a status names. The evidence has them all.
const NAMED: usize = 3;

/// Compares all that zebra and the kernel hold, over all tables.
pub fn rib_fib(node: &str, rib: &[(IpNet, RibEntry)], kernel: &KernelState) -> Checked {
    let found = disagreements(rib, kernel);
    let named: Vec<String> = found.iter().take(NAMED).map(ToString::to_string).collect();
    let status = match found.len() {
        0 => format!("FRR and the kernel of {node} agree"),
        all if all > NAMED => format!("{} (and {} more)", named.join("; "), all - NAMED),
        _ => named.join("; "),
    };
    let evidence = found.iter().map(|d| evidence("disagreement", node, d)).collect();
    Checked { holds: found.is_empty(), unproved: false, status, evidence }
}

fn disagreements(rib: &[(IpNet, RibEntry)], kernel: &KernelState) -> Vec<Disagreement> {
    let installed: Vec<(&IpNet, &RibEntry, &str)> = rib
        .iter()
        .filter(|(_, entry)| entry.selected && entry.installed)
        .filter_map(|(prefix, entry)| Some((prefix, entry, kernel_word(&entry.protocol)?)))
        .collect();
    let mut found = Vec::new();
    // What of the kernel's routes zebra may mean: one a prefix and table.
    let mut claimed: BTreeSet<Key> = BTreeSet::new();
    for (prefix, entry, protocol) in &installed {
        let mut theirs =
            kernel.routes_to(**prefix).filter(|r| r.table == entry.table && r.protocol == *protocol);
        let Some(first) = theirs.next() else {
            let (prefix, table, protocol) = (**prefix, entry.table, entry.protocol.clone());
            found.push(Disagreement::MissingInKernel { prefix, table, protocol });
            continue;
        };
        // Of several, the one that it describes; the others are nobody's.
        let said = different(**prefix, entry, &first);
        let other =
            said.as_ref().and_then(|_| theirs.find(|route| different(**prefix, entry, route).is_none()));
        claimed.insert(key(other.as_ref().unwrap_or(&first)));
        found.extend(said.filter(|_| other.is_none()));
    }
    for route in kernel.routes().filter(|r| OURS.iter().any(|(_, word)| *word == r.protocol)) {
        if !claimed.contains(&key(&route)) {
            let Route { prefix, table, protocol, metric, .. } = route;
            found.push(Disagreement::OnlyInKernel { prefix, table, protocol, metric });
        }
    }
    found
}

/// What tells the kernel's routes apart.
type Key = (IpNet, u32, String, u32);

fn key(route: &Route) -> Key {
    (route.prefix, route.table, route.protocol.clone(), route.metric)
}

fn kernel_word(frr: &str) -> Option<&'static str> {
    OURS.iter().find(|(daemon, _)| *daemon == frr).map(|(_, kernel)| *kernel)
}

fn different(prefix: IpNet, entry: &RibEntry, route: &Route) -> Option<Disagreement> {
    // A blackhole has no way out on either side; zebra lists its reason as a next hop without address and interface.
    let used = entry.next_hops.iter().filter(|hop| hop.active && hop.fib);
    let daemon = used
        .map(|hop| (Way { gateway: hop.address, device: hop.interface.clone() }, hop.weight))
        .filter(|(way, _)| way.gateway.is_some() || way.device.is_some());
    let kernel = route
        .nexthops
        .iter()
        .map(|hop| (Way { gateway: hop.gateway, device: hop.device.clone() }, hop.weight));
    let (daemon, kernel): (BTreeMap<Way, u16>, BTreeMap<Way, u16>) = (daemon.collect(), kernel.collect());
    let table = route.table;
    let ways = |of: &BTreeMap<Way, u16>| of.keys().cloned().collect::<Vec<Way>>();
    if route.kind != "unicast" {
        let (daemon, kernel) = (ways(&daemon), route.kind.clone());
        return (!daemon.is_empty()).then_some(Disagreement::DifferentType { prefix, table, daemon, kernel });
    }
    if !daemon.keys().eq(kernel.keys()) {
        let (daemon, kernel) = (ways(&daemon), ways(&kernel));
        return Some(Disagreement::DifferentNextHops { prefix, table, daemon, kernel });
    }
    if same_shares(&daemon, &kernel) {
        return None;
    }
    let shares = |of: BTreeMap<Way, u16>| of.into_iter().map(|(way, weight)| Share { way, weight }).collect();
    let (daemon, kernel) = (shares(daemon), shares(kernel));
    Some(Disagreement::DifferentWeights { prefix, table, daemon, kernel })
}

/// zebra scales weights to what the kernel takes (1 to 256), so shares are compared, to a hundredth.
fn same_shares(daemon: &BTreeMap<Way, u16>, kernel: &BTreeMap<Way, u16>) -> bool {
    let share = |of: &BTreeMap<Way, u16>, weight: u16| {
        f64::from(weight) / of.values().map(|w| f64::from(*w)).sum::<f64>().max(1.0)
    };
    daemon.values().zip(kernel.values()).all(|(d, k)| (share(daemon, *d) - share(kernel, *k)).abs() < 0.01)
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
            weight: 1,
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
        insta::assert_snapshot!(status(&[entry("10.0.0.1", true)], &[]), @"FRR says that 172.16.1.0/24 (bgp) is installed; the kernel's table main lacks it");
        insta::assert_snapshot!(status(&[entry("10.0.0.1", false)], &[route("10.0.0.1")]), @"the kernel's table main has 172.16.1.0/24 (bgp, metric 20), which FRR does not call installed");
        insta::assert_snapshot!(status(&[entry("10.0.0.1", true)], &[route("10.0.0.2")]), @"172.16.1.0/24: FRR says via 10.0.0.1 dev eth1, the kernel has via 10.0.0.2 dev eth1");
        let elsewhere = Route { table: 10, ..route("10.0.0.1") };
        insta::assert_snapshot!(status(&[entry("10.0.0.1", true)], &[elsewhere]), @"FRR says that 172.16.1.0/24 (bgp) is installed; the kernel's table main lacks it; the kernel's table 10 has 172.16.1.0/24 (bgp, metric 20), which FRR does not call installed");
        let blackhole = Route { kind: "blackhole".into(), nexthops: NextHop::set([]), ..route("10.0.0.1") };
        insta::assert_snapshot!(status(&[entry("10.0.0.1", true)], &[blackhole]), @"172.16.1.0/24: FRR says via 10.0.0.1 dev eth1, the kernel drops it (blackhole)");
        // A second route of the same prefix comes before the one that FRR means.
        let before = Route { metric: 7, ..route("10.0.0.1") };
        insta::assert_snapshot!(status(&[entry("10.0.0.2", true)], &[before, route("10.0.0.2")]), @"the kernel's table main has 172.16.1.0/24 (bgp, metric 7), which FRR does not call installed");
        let many: Vec<_> = (1..=5)
            .map(|n| Route { prefix: format!("10.{n}.0.0/16").parse().unwrap(), ..route("10.0.0.1") })
            .collect();
        insta::assert_snapshot!(status(&[], &many), @"the kernel's table main has 10.1.0.0/16 (bgp, metric 20), which FRR does not call installed; the kernel's table main has 10.2.0.0/16 (bgp, metric 20), which FRR does not call installed; the kernel's table main has 10.3.0.0/16 (bgp, metric 20), which FRR does not call installed (and 2 more)");
    }

    #[test]
    fn weights_are_compared_by_the_shares_that_they_give() {
        let (prefix, mut both) = entry("10.0.0.1", true);
        both.next_hops.extend(entry("10.0.0.2", true).1.next_hops);
        let weighted = |first: u16, second: u16| {
            let hop = |(gateway, weight): (&str, u16)| NextHop {
                weight,
                ..NextHop::new(Some(gateway.parse().unwrap()), Some("eth1"))
            };
            let nexthops = NextHop::set([("10.0.0.1", first), ("10.0.0.2", second)].map(hop));
            kernel(&[Route { nexthops, ..route("10.0.0.1") }])
        };
        assert!(rib_fib("n", &[(prefix, both.clone())], &weighted(1, 1)).holds);
        let uneven = rib_fib("n", &[(prefix, both.clone())], &weighted(3, 1));
        insta::assert_snapshot!(uneven.status, @"172.16.1.0/24: FRR says via 10.0.0.1 dev eth1 weight 1 and via 10.0.0.2 dev eth1 weight 1, the kernel has via 10.0.0.1 dev eth1 weight 3 and via 10.0.0.2 dev eth1 weight 1");
        // zebra's 1000 and 500 are more than the kernel takes.
        both.next_hops[0].weight = 1000;
        both.next_hops[1].weight = 500;
        assert!(rib_fib("n", &[(prefix, both.clone())], &weighted(255, 127)).holds);
        assert!(!rib_fib("n", &[(prefix, both)], &weighted(1, 1)).holds);
    }
}
