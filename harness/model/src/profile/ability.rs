//! What a router can do, as far as requirements ask for it.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Something that a gateway may be unable to do. A profile says of each whether its router can.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ability {
    /// Installs what it learns in the kernel.
    Fib,
    /// Installs several next hops of one prefix.
    FibEcmp,
    /// RFC 5880, with BGP watching it.
    Bfd,
    /// Keeps the routes of a peer that restarts (RFC 4724, section 4.2).
    GracefulRestartHelper,
    /// Tells its peers to keep its routes while it restarts (RFC 4724, section 4.1).
    GracefulRestart,
    /// RFC 2385.
    Md5,
    /// Answers a ROUTE-REFRESH (RFC 2918).
    RouteRefresh,
    /// Can be told not to offer route refresh, as some vendors' routers do not.
    NoRouteRefresh,
    Multihop,
    /// A session over IPv6 link-local addresses, without addresses in the configuration.
    Unnumbered,
    /// Peers by a range of addresses.
    DynamicPeers,
    /// IPv4 and IPv6 unicast on each session (RFC 4760).
    BothFamilies,
    Vrf,
    /// Makes subinterfaces by its own configuration.
    Vlan,
}

impl Ability {
    pub const ALL: [Ability; 14] = [
        Ability::Fib,
        Ability::FibEcmp,
        Ability::Bfd,
        Ability::GracefulRestartHelper,
        Ability::GracefulRestart,
        Ability::Md5,
        Ability::RouteRefresh,
        Ability::NoRouteRefresh,
        Ability::Multihop,
        Ability::Unnumbered,
        Ability::DynamicPeers,
        Ability::BothFamilies,
        Ability::Vrf,
        Ability::Vlan,
    ];

    /// Whether it says where sessions and routes are, so that a configuration without it is a wrong one.
    pub fn is_a_place(self) -> bool {
        matches!(self, Ability::Vrf | Ability::Vlan)
    }

    /// The name in profiles and in output.
    pub fn name(self) -> &'static str {
        match self {
            Ability::Fib => "fib",
            Ability::FibEcmp => "fib-ecmp",
            Ability::Bfd => "bfd",
            Ability::GracefulRestartHelper => "graceful-restart-helper",
            Ability::GracefulRestart => "graceful-restart",
            Ability::Md5 => "md5",
            Ability::RouteRefresh => "route-refresh",
            Ability::NoRouteRefresh => "no-route-refresh",
            Ability::Multihop => "multihop",
            Ability::Unnumbered => "unnumbered",
            Ability::DynamicPeers => "dynamic-peers",
            Ability::BothFamilies => "both-families",
            Ability::Vrf => "vrf",
            Ability::Vlan => "vlan",
        }
    }
}

impl fmt::Display for Ability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Abilities of which a profile says nothing.
pub(super) fn unmentioned(said: &BTreeSet<Ability>) -> Vec<&'static str> {
    Ability::ALL.iter().filter(|ability| !said.contains(ability)).map(|ability| ability.name()).collect()
}
