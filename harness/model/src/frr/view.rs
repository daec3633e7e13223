//! One snapshot of what a node's daemons claim.

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::answer::FrrViewError;
use super::rib::{RibEntry, rib};
use super::session::{Session, sessions};
use super::table::{BgpTable, Path, bgp_table};

/// A show command and the daemon whose vty answers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Question {
    pub daemon: &'static str,
    pub command: &'static str,
    /// The answer lists every route.
    pub is_long: bool,
}

/// The commands of one snapshot, in the order of [`Answers`]' fields.
///
/// The `vrf all` forms: they cover every VRF, and say `{}` instead of a refusal while no BGP instance exists.
pub const fn view_questions() -> [Question; 5] {
    [
        Question { daemon: "bgpd", command: "show bgp vrf all neighbors json", is_long: false },
        Question { daemon: "bgpd", command: "show bgp vrf all ipv4 unicast json", is_long: true },
        Question { daemon: "bgpd", command: "show bgp vrf all ipv6 unicast json", is_long: true },
        Question { daemon: "zebra", command: "show ip route vrf all json", is_long: true },
        Question { daemon: "zebra", command: "show ipv6 route vrf all json", is_long: true },
    ]
}

/// The texts that the daemons answered to [`view_questions`].
#[derive(Clone, Copy, Debug)]
pub struct Answers<'a> {
    pub neighbors: &'a str,
    pub bgp_ipv4: &'a str,
    pub bgp_ipv6: &'a str,
    pub route_ipv4: &'a str,
    pub route_ipv6: &'a str,
}

/// What bgpd and zebra of one node claim at one time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DaemonView {
    pub sessions: Vec<Session>,
    /// IPv4 and IPv6 tables of every VRF.
    pub bgp: Vec<BgpTable>,
    pub rib: BTreeMap<IpNet, Vec<RibEntry>>,
}

impl DaemonView {
    /// Parses a snapshot.
    ///
    /// # Errors
    /// The first answer that cannot be read; nothing of the snapshot is used then.
    pub fn parse(answers: Answers<'_>) -> Result<Self, FrrViewError> {
        let mut bgp = bgp_table(answers.bgp_ipv4)?;
        bgp.extend(bgp_table(answers.bgp_ipv6)?);
        let mut routes = rib(answers.route_ipv4)?;
        routes.extend(rib(answers.route_ipv6)?);
        Ok(Self { sessions: sessions(answers.neighbors)?, bgp, rib: routes })
    }

    /// A neighbor's session in a VRF.
    pub fn session(&self, vrf: &str, peer: &str) -> Option<&Session> {
        self.sessions.iter().find(|s| s.vrf == vrf && s.peer == peer)
    }

    /// The paths that bgpd has for a prefix in a VRF; empty when it has none.
    pub fn paths(&self, vrf: &str, prefix: &IpNet) -> &[Path] {
        let mut tables = self.bgp.iter().filter(|table| table.vrf == vrf);
        tables.find_map(|table| table.routes.get(prefix)).map_or(&[], Vec::as_slice)
    }

    /// zebra's entries for a prefix in a VRF.
    pub fn rib_entries<'a>(&'a self, vrf: &'a str, prefix: &IpNet) -> impl Iterator<Item = &'a RibEntry> {
        self.rib.get(prefix).into_iter().flatten().filter(move |entry| entry.vrf == vrf)
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::fixtures::fixture;
    use super::*;

    #[test]
    fn a_snapshot_hangs_together_and_survives_a_file() {
        let view = DaemonView::parse(Answers {
            neighbors: fixture!("10.3/neighbors-vrf-all.json"),
            bgp_ipv4: fixture!("10.3/bgp-ipv4-vrf-all.json"),
            bgp_ipv6: fixture!("10.3/bgp-ipv6.json"),
            route_ipv4: fixture!("10.3/route-ipv4-vrf-all.json"),
            route_ipv6: fixture!("10.3/route-ipv6.json"),
        })
        .unwrap();
        let prefix = "172.16.1.0/24".parse().unwrap();
        let [path] = view.paths("default", &prefix) else { panic!("one path") };
        assert!(view.session("default", path.peer.as_deref().unwrap()).unwrap().established.is_some());
        assert!(view.rib_entries("default", &prefix).all(|entry| entry.installed));
        assert_eq!(view.paths("red", &prefix), []);
        let saved = serde_json::to_string(&view).unwrap();
        assert_eq!(serde_json::from_str::<DaemonView>(&saved).unwrap(), view);
    }

    #[test]
    fn before_any_configuration() {
        let empty = Answers {
            neighbors: "{\n}\n",
            bgp_ipv4: "{\n}\n",
            bgp_ipv6: "{\n}\n",
            route_ipv4: "{}",
            route_ipv6: "{}",
        };
        assert_eq!(DaemonView::parse(empty).unwrap(), DaemonView::default());
    }
}
