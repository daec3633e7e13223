//! Where a configuration line belongs.
//!
//! FRR's files have no block syntax: a line belongs to the innermost open node that knows the command, and the
//! outer nodes are tried in turn. Indentation means nothing to FRR, but it tells what the author meant, which is
//! how a header with a typing error is kept from lending its lines to the section before it.

/// A configuration node, as far as this gate needs to tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Context {
    Root,
    Bgp,
    AddressFamily,
    RouteMap,
    Interface,
    Vrf,
    Bfd,
    BfdProfile,
    BfdPeer,
    Line,
    /// `router ospf` and others that no lab of ours configures: everything that is no top-level command is theirs.
    Other,
    /// A header that no grammar here knows, kept with the lines that are indented below it.
    Unknown,
}

const TOP: &[&str] = &[
    "access-list",
    "affinity-map",
    "agentx",
    "allow-external-route-update",
    "banner",
    "bfd",
    "debug",
    "domainname",
    "dump",
    "enable",
    "fpm",
    "frr",
    "hostname",
    "interface",
    "key",
    "l2vpn",
    "line",
    "log",
    "mac",
    "mpls",
    "nexthop-group",
    "password",
    "pbr",
    "pbr-map",
    "route-map",
    "router",
    "router-id",
    "rpki",
    "segment-routing",
    "service",
    "username",
    "vrf",
    "zebra",
];

const BGP: &[&str] = &[
    "address-family",
    "advertise",
    "advertise-all-vni",
    "aggregate-address",
    "coalesce-time",
    "distance",
    "export",
    "import",
    "label",
    "maximum-paths",
    "neighbor",
    "network",
    "rd",
    "read-quanta",
    "redistribute",
    "route-target",
    "rt",
    "segment-routing",
    "sid",
    "table-map",
    "timers",
    "update-delay",
    "vni",
    "vrf-policy",
    "write-quanta",
];

const FAMILY: &[&str] = &[
    "advertise",
    "advertise-all-vni",
    "aggregate-address",
    "distance",
    "dup-addr-detection",
    "export",
    "import",
    "label",
    "maximum-paths",
    "network",
    "nexthop",
    "rd",
    "redistribute",
    "route-target",
    "rt",
    "sid",
    "table-map",
    "use-es-l3nhg",
    "vni",
];

/// The neighbor settings that are per address family. Others walk up to the router.
const FAMILY_NEIGHBOR: &[&str] = &[
    "accept-own",
    "activate",
    "addpath-tx-all-paths",
    "addpath-tx-bestpath-per-AS",
    "addpath-tx-best-selected",
    "advertise-map",
    "allowas-in",
    "as-override",
    "attribute-unchanged",
    "capability-orf",
    "default-originate",
    "disable-addpath-rx",
    "distribute-list",
    "encapsulation",
    "filter-list",
    "maximum-prefix",
    "maximum-prefix-out",
    "next-hop-self",
    "nexthop-local",
    "prefix-list",
    "remove-private-AS",
    "route-map",
    "route-reflector-client",
    "route-server-client",
    "send-community",
    "soft-reconfiguration",
    "soo",
    "unsuppress-map",
    "weight",
];

const BGP_LISTS: &[&str] =
    &["as-path", "community-list", "extcommunity-list", "large-community-list", "community"];

/// `ip X` and `ipv6 X` at the top of the file; other `ip ...` lines belong to interfaces.
const IP_TOP: &[&str] = &[
    "access-list",
    "as-path",
    "community-list",
    "extcommunity-list",
    "forwarding",
    "host",
    "import-table",
    "large-community-list",
    "mroute",
    "multicast-routing",
    "nht",
    "prefix-list",
    "protocol",
    "route",
    "router-id",
];

const BFD_SESSION: &[&str] = &[
    "detect-multiplier",
    "echo",
    "echo-interval",
    "echo-mode",
    "label",
    "log-session-changes",
    "minimum-ttl",
    "passive-mode",
    "receive-interval",
    "shutdown",
    "transmit-interval",
];

const INTERFACE: &[&str] =
    &["bandwidth", "description", "evpn", "isis", "link-detect", "link-params", "multicast", "shutdown"];

/// The words of a line without a leading `no`.
pub(super) fn positive<'a>(words: &'a [&'a str]) -> &'a [&'a str] {
    match words {
        ["no", rest @ ..] => rest,
        all => all,
    }
}

/// A setting that belongs to an address family; FRR takes it in the router's node too, for IPv4 unicast.
pub(super) fn is_family_setting(words: &[&str]) -> bool {
    match positive(words) {
        ["neighbor", _, "capability", "orf", ..] => true,
        ["neighbor", _, setting, ..] => FAMILY_NEIGHBOR.contains(setting),
        [first, ..] => FAMILY.contains(first),
        [] => false,
    }
}

/// Whether a node knows a command.
pub(super) fn accepts(context: Context, words: &[&str]) -> bool {
    let words = positive(words);
    let (Some(first), second) = (words.first(), words.get(1).copied().unwrap_or("")) else {
        return false;
    };
    match context {
        Context::Root => match *first {
            "bgp" => BGP_LISTS.contains(&second) || second == "route-map",
            "ip" | "ipv6" => IP_TOP.contains(&second),
            first => TOP.contains(&first),
        },
        Context::Bgp => match *first {
            // FRR keeps this timer for all instances, at the top of the file.
            "bgp" => !BGP_LISTS.contains(&second) && second != "route-map",
            first => BGP.contains(&first),
        },
        Context::AddressFamily => {
            is_family_setting(words) || (*first == "bgp" && matches!(second, "dampening" | "retain"))
        }
        Context::RouteMap => {
            matches!(*first, "match" | "set" | "on-match" | "continue" | "call" | "description")
        }
        Context::Interface => match *first {
            "ip" | "ipv6" => !IP_TOP.contains(&second),
            first => INTERFACE.contains(&first),
        },
        Context::Vrf => match *first {
            "ip" | "ipv6" => {
                matches!(second, "route" | "protocol" | "nht" | "router-id" | "mroute" | "import-table")
            }
            first => matches!(first, "vni" | "netns" | "mpls"),
        },
        Context::Bfd => matches!(*first, "profile" | "peer"),
        Context::BfdProfile => BFD_SESSION.contains(first),
        Context::BfdPeer => BFD_SESSION.contains(first) || *first == "profile",
        Context::Line => matches!(*first, "exec-timeout" | "access-class" | "login" | "ipv6"),
        Context::Other => !accepts(Context::Root, words),
        Context::Unknown => false,
    }
}

/// The node that a line opens, if it is a header.
pub(super) fn opens(context: Context, words: &[&str]) -> Option<Context> {
    match (context, words) {
        (Context::Root, ["router", "bgp", ..]) => Some(Context::Bgp),
        (
            Context::Root,
            ["router" | "l2vpn" | "key" | "pbr-map" | "nexthop-group" | "segment-routing" | "rpki", ..],
        ) => Some(Context::Other),
        (Context::Root, ["route-map", _, "permit" | "deny", _]) => Some(Context::RouteMap),
        (Context::Root, ["interface", ..]) => Some(Context::Interface),
        (Context::Root, ["vrf", _]) => Some(Context::Vrf),
        (Context::Root, ["bfd"]) => Some(Context::Bfd),
        (Context::Root, ["line", "vty"]) => Some(Context::Line),
        (Context::Bgp, ["address-family", ..]) => Some(Context::AddressFamily),
        (Context::Bgp | Context::AddressFamily, ["vni", _]) => Some(Context::Other),
        (Context::Bfd, ["profile", ..]) => Some(Context::BfdProfile),
        (Context::Bfd, ["peer", ..]) => Some(Context::BfdPeer),
        _ => None,
    }
}
