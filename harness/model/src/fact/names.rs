//! Numbers of the routing netlink family and the names that the field writes for them.
//!
//! The names are those of iproute2's rt_protos and rt_scopes and of the protocol list that FRR installs with it.
//! A number without a name is written as a number, as `ip` does.

use std::borrow::Cow;

const PROTOCOLS: &[(u8, &str)] = &[
    (0, "unspec"),
    (1, "redirect"),
    (2, "kernel"),
    (3, "boot"),
    (4, "static"),
    (8, "gated"),
    (9, "ra"),
    (10, "mrt"),
    (11, "zebra"),
    (12, "bird"),
    (13, "dnrouted"),
    (14, "xorp"),
    (15, "ntk"),
    (16, "dhcp"),
    (17, "mrouted"),
    (18, "keepalived"),
    (42, "babel"),
    (99, "openr"),
    (186, "bgp"),
    (187, "isis"),
    (188, "ospf"),
    (189, "rip"),
    (190, "ripng"),
    (191, "nhrp"),
    (192, "eigrp"),
    (193, "ldp"),
    (194, "sharp"),
    (195, "pbr"),
    (196, "zstatic"),
    (197, "openfabric"),
    (198, "srte"),
];

const KINDS: &[(u8, &str)] = &[
    (0, "unspec"),
    (1, "unicast"),
    (2, "local"),
    (3, "broadcast"),
    (4, "anycast"),
    (5, "multicast"),
    (6, "blackhole"),
    (7, "unreachable"),
    (8, "prohibit"),
    (9, "throw"),
    (10, "nat"),
    (11, "xresolve"),
];

const SCOPES: &[(u8, &str)] = &[(0, "global"), (200, "site"), (253, "link"), (254, "host"), (255, "nowhere")];

/// What of [`Route`](super::Route) is such a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    Protocol,
    Kind,
    Scope,
}

impl Word {
    /// The names that there are.
    pub fn names(self) -> Vec<&'static str> {
        self.table().iter().map(|(_, name)| *name).collect()
    }

    /// Whether a fact may have this word: a name, or a number that has none.
    pub fn has(self, word: &str) -> bool {
        let unnamed = |number: u8| self.table().iter().all(|(known, _)| *known != number);
        self.names().contains(&word) || word.parse().is_ok_and(unnamed)
    }

    fn table(self) -> &'static [(u8, &'static str)] {
        match self {
            Word::Protocol => PROTOCOLS,
            Word::Kind => KINDS,
            Word::Scope => SCOPES,
        }
    }
}

/// The name of an rtm_protocol number: 186 is `bgp`.
pub fn protocol(number: u8) -> Cow<'static, str> {
    name_in(PROTOCOLS, number)
}

/// The name of an rtm_type number: 6 is `blackhole`.
pub fn route_kind(number: u8) -> Cow<'static, str> {
    name_in(KINDS, number)
}

/// The name of an rtm_scope or ifa_scope number: 253 is `link`.
pub fn scope(number: u8) -> Cow<'static, str> {
    name_in(SCOPES, number)
}

/// The name of a routing table where the kernel reserves one: 254 is `main`.
pub fn table(number: u32) -> Cow<'static, str> {
    match number {
        253 => "default".into(),
        254 => "main".into(),
        255 => "local".into(),
        other => other.to_string().into(),
    }
}

/// The same text without an allocation of its own when it is one of the names above.
pub(super) fn shared(text: &str) -> Cow<'static, str> {
    [PROTOCOLS, KINDS, SCOPES]
        .iter()
        .flat_map(|names| names.iter())
        .find(|(_, name)| *name == text)
        .map_or_else(|| text.to_owned().into(), |(_, name)| Cow::Borrowed(*name))
}

fn name_in(names: &'static [(u8, &'static str)], number: u8) -> Cow<'static, str> {
    names
        .iter()
        .find(|(n, _)| *n == number)
        .map_or_else(|| number.to_string().into(), |(_, name)| Cow::Borrowed(*name))
}
