//! `session`: what a BGP session must be like. What is not said does not matter.

use std::fmt;
use std::time::Duration;

use serde::de::{MapAccess, Visitor, value::MapAccessDeserializer};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::words::some_duration;
use crate::frr::{Capability, GracefulMode};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ExpectSession {
    pub node: String,
    /// A node of the topology (then all sessions with it), or the peer's address.
    pub peer: String,
    /// The VRF that the session is in (`default` for none); without it, sessions of any.
    #[serde(default)]
    pub vrf: Option<String>,
    /// RFC 4271, section 8.2.2: `idle`, `connect`, `active`, `opensent`, `openconfirm`, `established`; `down` is
    /// any but the last (releases of FRR differ in where a lost session waits).
    #[serde(default = "established")]
    pub state: String,
    /// Established for so long. FRR counts whole seconds.
    #[serde(default, with = "some_duration")]
    pub uptime_at_least: Option<Duration>,
    /// Offered by both sides (RFC 5492).
    #[serde(default)]
    pub capabilities: Vec<Capability>,
    #[serde(default)]
    pub prefixes: Option<ExpectPrefixes>,
    /// FRR's reason of the last reset, the name of its NOTIFICATION, or both as `REASON (NOTIFICATION)`, in any case of
    /// letters; `*` stands for any text. `never` if it was never lost. Names that FRR has changed count as one
    /// (`Waiting for NHT` is `No path to specified Neighbor`; `BFD down received` is also the NOTIFICATION Cease/BFD Down).
    #[serde(default)]
    pub last_reset: Option<String>,
    /// The BFD session with the peer (RFC 5880). `up` also demands that bgpd watches it.
    #[serde(default)]
    pub bfd: Option<ExpectBfd>,
    #[serde(default)]
    pub graceful_restart: Option<ExpectGracefulRestart>,
    /// How often the session was lost since the last step that changed something, or since its daemon started.
    #[serde(default)]
    pub flaps: Option<Count>,
}

impl ExpectSession {
    /// Established, whatever else.
    pub fn established(node: &str, peer: &str) -> ExpectSession {
        ExpectSession {
            node: node.to_string(),
            peer: peer.to_string(),
            vrf: None,
            state: established(),
            uptime_at_least: None,
            capabilities: Vec::new(),
            prefixes: None,
            last_reset: None,
            bfd: None,
            graceful_restart: None,
            flaps: None,
        }
    }
}

fn established() -> String {
    "established".to_string()
}

/// Prefixes of a session. `received` are those of the Adj-RIB-In, before policy: bgpd keeps it only with
/// `soft-reconfiguration inbound`; without it, they are those that policy let through, the same as `accepted`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectPrefixes {
    /// Without it all families together.
    #[serde(default)]
    pub family: Option<AddressFamily>,
    #[serde(default)]
    pub received: Option<Count>,
    /// Let through by the inbound policy.
    #[serde(default)]
    pub accepted: Option<Count>,
    /// Advertised to the peer (Adj-RIB-Out).
    #[serde(default)]
    pub sent: Option<Count>,
}

impl ExpectPrefixes {
    /// Whether it names no count.
    pub fn asks_nothing(&self) -> bool {
        self.received.is_none() && self.accepted.is_none() && self.sent.is_none()
    }
}

/// Unicast of a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddressFamily {
    Ipv4,
    Ipv6,
}

/// RFC 5880, section 4.1, and `none`: no BFD session with the peer exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ExpectBfd {
    Up,
    Down,
    Init,
    AdminDown,
    None,
}

/// RFC 4724, as bgpd tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ExpectGracefulRestart {
    /// The node's mode: `helper` (FRR's default), `restart`, `disable`.
    #[serde(default)]
    pub mode: Option<GracefulMode>,
    /// The peer's, by its OPEN.
    #[serde(default)]
    pub peer_mode: Option<GracefulMode>,
    /// Whether the node keeps the routes of a peer that is away, as stale.
    #[serde(default)]
    pub helping: Option<bool>,
    /// Whether the peer has sent End-of-RIB for every family of the session.
    #[serde(default)]
    pub end_of_rib: Option<bool>,
}

/// `3`, or `{ at-least: 1, at-most: 5 }` with one or both of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    pub at_least: u64,
    pub at_most: u64,
}

impl Count {
    pub fn exactly(number: u64) -> Count {
        Count { at_least: number, at_most: number }
    }

    pub fn fits(self, number: u64) -> bool {
        (self.at_least..=self.at_most).contains(&number)
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.at_least, self.at_most) {
            (least, most) if least == most => write!(f, "{least}"),
            (least, u64::MAX) => write!(f, "at least {least}"),
            (0, most) => write!(f, "at most {most}"),
            (least, most) => write!(f, "{least} to {most}"),
        }
    }
}

impl Serialize for Count {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.at_least == self.at_most {
            return serializer.serialize_u64(self.at_least);
        }
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("at-least", &self.at_least)?;
        if self.at_most != u64::MAX {
            map.serialize_entry("at-most", &self.at_most)?;
        }
        map.end()
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Range {
    at_least: Option<u64>,
    at_most: Option<u64>,
}

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Count, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Count;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number, or { at-least: N, at-most: M }")
            }
            fn visit_u64<E>(self, number: u64) -> Result<Count, E> {
                Ok(Count::exactly(number))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Count, A::Error> {
                let range = Range::deserialize(MapAccessDeserializer::new(map))?;
                let (least, most) = (range.at_least.unwrap_or(0), range.at_most.unwrap_or(u64::MAX));
                match (range.at_least.or(range.at_most), least <= most) {
                    (None, _) => {
                        Err(serde::de::Error::custom("a range needs `at-least`, `at-most`, or both"))
                    }
                    (_, false) => Err(serde::de::Error::custom(format!(
                        "nothing is at least {least} and at most {most}"
                    ))),
                    _ => Ok(Count { at_least: least, at_most: most }),
                }
            }
        }
        deserializer.deserialize_any(Either)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diag::Source;
    use crate::yaml;

    fn read(text: &str) -> Result<ExpectSession, String> {
        yaml::parse(&Source::new("s.yaml", format!("node: n\npeer: gw1\n{text}"))).map_err(|e| e.to_string())
    }

    const ALL: &str = "
state: established
uptime-at-least: 90s
capabilities: [route-refresh, 4-octet-as]
prefixes: { family: ipv4, received: 3, accepted: { at-least: 1, at-most: 3 }, sent: { at-most: 1 } }
last-reset: Peer closed the session
bfd: none
graceful-restart: { mode: helper, peer-mode: restart, helping: false, end-of-rib: true }
flaps: { at-least: 2 }
";

    #[test]
    fn a_plan_keeps_what_was_written() {
        for text in ["", ALL] {
            let expect = read(text).unwrap();
            let planned = serde_json::to_string(&expect).unwrap();
            let again: ExpectSession = serde_json::from_str(&planned).unwrap();
            assert_eq!(format!("{again:?}"), format!("{expect:?}"));
        }
    }

    #[test]
    fn counts_are_numbers_or_ranges() {
        let all = read(ALL).unwrap();
        let prefixes = all.prefixes.unwrap();
        let shown = [prefixes.received, prefixes.accepted, prefixes.sent, all.flaps].map(Option::unwrap);
        assert_eq!(shown.map(|count| count.to_string()), ["3", "1 to 3", "at most 1", "at least 2"]);
        assert!(shown[1].fits(1) && shown[1].fits(3) && !shown[1].fits(0) && !shown[1].fits(4));
    }

    #[test]
    fn mistakes_are_named() {
        let error = |text| read(text).unwrap_err();
        insta::assert_snapshot!(error("flaps: few"), @"s.yaml:3:8: expected a number, or { at-least: N, at-most: M }, found the text `few`");
        insta::assert_snapshot!(error("flaps: { at-least: 3, at-most: 2 }"), @"s.yaml:3:8: nothing is at least 3 and at most 2");
        insta::assert_snapshot!(error("flaps: {}"), @"s.yaml:3:8: a range needs `at-least`, `at-most`, or both");
        insta::assert_snapshot!(error("flaps: { atleast: 3 }"), @"s.yaml:3:10: unknown field `atleast`");
        insta::assert_snapshot!(error("capabilities: [route-refesh]"), @"s.yaml:3:16: unknown value `route-refesh`");
        insta::assert_snapshot!(error("bfd: upp"), @"s.yaml:3:6: unknown value `upp`");
        insta::assert_snapshot!(error("uptime-at-least: soon"), @"s.yaml:3:18: `soon` is not a duration such as 20s or 500ms: expected number at 0");
        insta::assert_snapshot!(error("prefixes: { family: ipv5 }"), @"s.yaml:3:21: unknown value `ipv5`");
    }
}
