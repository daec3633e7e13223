//! What two BGP speakers offered each other in their OPEN messages (RFC 5492).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A capability, by the field's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Multiprotocol extensions (RFC 4760) for IPv4 unicast.
    Ipv4Unicast,
    /// Multiprotocol extensions (RFC 4760) for IPv6 unicast.
    Ipv6Unicast,
    /// RFC 2918.
    RouteRefresh,
    /// RFC 7313.
    EnhancedRouteRefresh,
    /// RFC 6793.
    #[serde(rename = "4-octet-as")]
    FourOctetAs,
    /// RFC 4724.
    GracefulRestart,
    /// RFC 9494.
    LongLivedGracefulRestart,
    /// IPv4 prefixes with IPv6 next hops: RFC 8950.
    ExtendedNexthop,
    /// RFC 8654.
    ExtendedMessage,
    /// RFC 7911: one side sends several paths and the other receives them, in some family.
    AddPath,
}

/// One capability, as each side announced it in its OPEN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Negotiated {
    /// This daemon offered it.
    pub advertised: bool,
    /// The peer offered it.
    pub received: bool,
}

/// Who sends and who receives several paths of a family (RFC 7911, section 4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddPath {
    pub send: Negotiated,
    pub receive: Negotiated,
}

/// Fields that came later are empty in recordings of before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// RFC 2918. A peer that did not offer it gets no ROUTE-REFRESH, so a changed inbound policy has no effect.
    pub route_refresh: Negotiated,
    /// RFC 4760, by FRR's name of the family.
    pub multiprotocol: BTreeMap<String, Negotiated>,
    /// RFC 4724.
    pub graceful_restart: Negotiated,
    /// RFC 7313.
    #[serde(default)]
    pub enhanced_route_refresh: Negotiated,
    /// RFC 6793.
    #[serde(default)]
    pub four_octet_as: Negotiated,
    /// RFC 9494.
    #[serde(default)]
    pub long_lived_graceful_restart: Negotiated,
    /// RFC 8950.
    #[serde(default)]
    pub extended_nexthop: Negotiated,
    /// RFC 8654.
    #[serde(default)]
    pub extended_message: Negotiated,
    /// RFC 7911, by FRR's name of the family.
    #[serde(default)]
    pub add_path: BTreeMap<String, AddPath>,
}

impl Capability {
    pub const ALL: [Capability; 10] = [
        Capability::Ipv4Unicast,
        Capability::Ipv6Unicast,
        Capability::RouteRefresh,
        Capability::EnhancedRouteRefresh,
        Capability::FourOctetAs,
        Capability::GracefulRestart,
        Capability::LongLivedGracefulRestart,
        Capability::ExtendedNexthop,
        Capability::ExtendedMessage,
        Capability::AddPath,
    ];

    /// The name in scenario files and in output.
    pub fn name(self) -> &'static str {
        match self {
            Capability::Ipv4Unicast => "ipv4-unicast",
            Capability::Ipv6Unicast => "ipv6-unicast",
            Capability::RouteRefresh => "route-refresh",
            Capability::EnhancedRouteRefresh => "enhanced-route-refresh",
            Capability::FourOctetAs => "4-octet-as",
            Capability::GracefulRestart => "graceful-restart",
            Capability::LongLivedGracefulRestart => "long-lived-graceful-restart",
            Capability::ExtendedNexthop => "extended-nexthop",
            Capability::ExtendedMessage => "extended-message",
            Capability::AddPath => "add-path",
        }
    }
}

impl Negotiated {
    pub fn both(self) -> bool {
        self.advertised && self.received
    }
}

impl AddPath {
    /// Several paths travel in at least one direction.
    pub fn used(self) -> bool {
        (self.send.advertised && self.receive.received) || (self.send.received && self.receive.advertised)
    }
}

impl Capabilities {
    /// Whether both sides offered it. For ADD-PATH: whether one sends what the other receives.
    pub fn negotiated(&self, capability: Capability) -> bool {
        match capability {
            Capability::AddPath => self.add_path.values().any(|family| family.used()),
            other => self.offered(other).both(),
        }
    }

    /// Who offered it. For ADD-PATH: in whatever family and direction.
    pub fn offered(&self, capability: Capability) -> Negotiated {
        let family = |name: &str| self.multiprotocol.get(name).copied().unwrap_or_default();
        match capability {
            Capability::Ipv4Unicast => family("ipv4Unicast"),
            Capability::Ipv6Unicast => family("ipv6Unicast"),
            Capability::RouteRefresh => self.route_refresh,
            Capability::EnhancedRouteRefresh => self.enhanced_route_refresh,
            Capability::FourOctetAs => self.four_octet_as,
            Capability::GracefulRestart => self.graceful_restart,
            Capability::LongLivedGracefulRestart => self.long_lived_graceful_restart,
            Capability::ExtendedNexthop => self.extended_nexthop,
            Capability::ExtendedMessage => self.extended_message,
            Capability::AddPath => {
                let ways = self.add_path.values().flat_map(|family| [family.send, family.receive]);
                ways.fold(Negotiated::default(), or)
            }
        }
    }

    /// All that were negotiated.
    pub fn all_negotiated(&self) -> impl Iterator<Item = Capability> {
        Capability::ALL.into_iter().filter(|capability| self.negotiated(*capability))
    }
}

/// FRR prints a capability's key only when one of the two sides offered it, so here a missing key is a statement.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
pub(super) struct RawCapabilities {
    route_refresh: String,
    enhanced_route_refresh: String,
    #[serde(rename = "4byteAs")]
    four_octet_as: String,
    graceful_restart: String,
    long_lived_graceful_restart: String,
    extended_nexthop: String,
    extended_message: String,
    multiprotocol_extensions: BTreeMap<String, BTreeMap<String, bool>>,
    /// `rxAdvertised`, `txReceived`, `rxAdvertisedAndReceived`, ...; FRR 10 prints those that are false, too.
    add_path: BTreeMap<String, BTreeMap<String, bool>>,
}

pub(super) fn capabilities(raw: RawCapabilities) -> Capabilities {
    let add_path = |sides: &BTreeMap<String, bool>| {
        let way = |prefix: &str| {
            let named = sides.iter().filter(|(_, on)| **on).filter_map(|(side, _)| side.strip_prefix(prefix));
            named.map(negotiated).fold(Negotiated::default(), or)
        };
        AddPath { send: way("tx"), receive: way("rx") }
    };
    let offered = |sides: &BTreeMap<String, bool>| {
        let said = sides.iter().filter(|(_, on)| **on).map(|(side, _)| negotiated(side));
        said.fold(Negotiated::default(), or)
    };
    Capabilities {
        route_refresh: negotiated(&raw.route_refresh),
        enhanced_route_refresh: negotiated(&raw.enhanced_route_refresh),
        four_octet_as: negotiated(&raw.four_octet_as),
        graceful_restart: negotiated(&raw.graceful_restart),
        long_lived_graceful_restart: negotiated(&raw.long_lived_graceful_restart),
        extended_nexthop: negotiated(&raw.extended_nexthop),
        extended_message: negotiated(&raw.extended_message),
        multiprotocol: raw.multiprotocol_extensions.iter().map(|(f, s)| (f.clone(), offered(s))).collect(),
        add_path: raw.add_path.iter().map(|(f, s)| (f.clone(), add_path(s))).collect(),
    }
}

fn or(a: Negotiated, b: Negotiated) -> Negotiated {
    Negotiated { advertised: a.advertised | b.advertised, received: a.received | b.received }
}

/// FRR's words: `advertised`, `received`, `advertisedAndReceived`, and with `Old`, `New` behind it before 10.
fn negotiated(word: &str) -> Negotiated {
    let lower = word.to_ascii_lowercase();
    Negotiated { advertised: lower.contains("advertised"), received: lower.contains("received") }
}

#[cfg(test)]
mod tests {
    use super::super::answer::fixtures::versions;
    use super::super::sessions;
    use super::*;

    fn names(capabilities: &Capabilities) -> String {
        capabilities.all_negotiated().map(Capability::name).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn every_version_names_what_was_negotiated() {
        let later = "enhanced-route-refresh ";
        for (version, text) in versions!("neighbors-full.json") {
            let all = sessions(text).unwrap();
            let [four, six] = [0, 1].map(|i| all[i].capabilities.clone().unwrap());
            let (refresh, more, message) = match version {
                "7.5.1" => ("", "", ""),
                _ => (later, " long-lived-graceful-restart", " extended-message"),
            };
            assert_eq!(
                names(&four),
                format!(
                    "ipv4-unicast route-refresh {refresh}4-octet-as graceful-restart{more}{message} add-path"
                ),
                "{version}"
            );
            assert_eq!(
                names(&six),
                format!(
                    "ipv4-unicast ipv6-unicast route-refresh {refresh}4-octet-as graceful-restart{more} extended-nexthop{message}"
                ),
                "{version}"
            );
            // Both can receive several paths, and nobody sends them.
            let receive = Negotiated { advertised: true, received: true };
            assert_eq!(six.add_path["ipv6Unicast"], AddPath { receive, ..AddPath::default() }, "{version}");
        }
    }

    #[test]
    fn names_are_those_of_the_files() {
        for capability in Capability::ALL {
            assert_eq!(serde_json::to_value(capability).unwrap(), capability.name());
        }
    }

    #[test]
    fn a_recording_of_before_reads() {
        let old = r#"{"route_refresh":{"advertised":true,"received":true},"multiprotocol":{},"graceful_restart":{"advertised":true,"received":false}}"#;
        let read: Capabilities = serde_json::from_str(old).unwrap();
        assert!(read.negotiated(Capability::RouteRefresh) && !read.negotiated(Capability::GracefulRestart));
    }
}
