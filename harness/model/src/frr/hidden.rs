//! What FRR does not print because it is the default.

use super::config::Statement;
use super::gate::Gate;
use super::grammar::Context;

/// What decides the defaults of the FRR that printed the running configuration.
pub(super) struct Hidden {
    /// Major and minor version, from the `frr version` line.
    version: Option<(u32, u32)>,
    /// `frr defaults datacenter` instead of `traditional`.
    datacenter: bool,
}

/// On by default in the `traditional` profile; FRR prints only their `no` form.
const ON: &[&[&str]] = &[
    &["bgp", "ebgp-requires-policy"],
    &["bgp", "network", "import-check"],
    &["bgp", "default", "ipv4-unicast"],
    &["bgp", "suppress-duplicates"],
    &["bgp", "enforce-first-as"],
    &["bgp", "fast-external-failover"],
    &["ip", "forwarding"],
    &["ipv6", "forwarding"],
    &["link-detect"],
    &["zebra", "nexthop", "kernel", "enable"],
];

/// The default of `maximum-paths` is the most that a build allows (`--enable-multipath`): FRR's own, those of distributions.
const MOST_PATHS: [&str; 5] = ["16", "64", "128", "256", "512"];

/// BFD's defaults, RFC 5880 timers in milliseconds as FRR sets them.
const BFD: &[(&[&str], &str)] = &[
    (&["receive-interval"], "300"),
    (&["transmit-interval"], "300"),
    (&["detect-multiplier"], "3"),
    (&["minimum-ttl"], "254"),
    (&["echo-interval"], "50"),
    (&["echo", "receive-interval"], "50"),
    (&["echo", "transmit-interval"], "50"),
];

impl Hidden {
    pub fn of(running: &[Statement]) -> Self {
        let after = |start: &str| running.iter().find_map(|s| s.text.strip_prefix(start)).map(str::to_owned);
        let version = after("frr version ").and_then(|text| {
            let mut numbers = text.split(['.', '-', '_']).map(str::parse::<u32>);
            Some((numbers.next()?.ok()?, numbers.next().and_then(Result::ok).unwrap_or(0)))
        });
        Self { version, datacenter: after("frr defaults ").is_some_and(|name| name.trim() == "datacenter") }
    }

    /// FRR 7.5 does not print the numbers of AS-path list entries, nor `neighbor X bfd` beside a profile.
    pub fn is_before_8(&self) -> bool {
        self.version.is_some_and(|version| version < (8, 0))
    }

    /// Whether a line states a default that is in force, so that FRR prints nothing.
    pub fn is_default(&self, gate: &Gate, context: Context, section: &[String], words: &[&str]) -> bool {
        let lines = gate.lines(section);
        let has = |start: &str| {
            lines.iter().any(|line| line.text == start || line.text.starts_with(&format!("{start} ")))
        };
        if ON.contains(&words) || (self.datacenter && words == ["bgp", "log-neighbor-changes"]) {
            return !has(&format!("no {}", words.join(" ")));
        }
        match (context, words) {
            (Context::Root, [family @ ("ip" | "ipv6"), "nht", "resolve-via-default"]) => {
                self.version.is_some_and(|version| version >= (9, 1))
                    && !has(&format!("no {family} nht resolve-via-default"))
            }
            (Context::Root, ["bgp", "route-map", "delay-timer", "5"]) => !has("bgp route-map delay-timer"),
            (Context::Bgp, ["timers", "bgp", "60", "180"]) => !has("timers bgp"),
            (Context::Bgp, ["neighbor", peer, "port", "179"]) => {
                known(gate, section, peer) && !has(&format!("neighbor {peer} port"))
            }
            (Context::Bgp, ["neighbor", peer, "ebgp-multihop", "1"]) => {
                known(gate, section, peer) && !has(&format!("neighbor {peer} ebgp-multihop"))
            }
            (Context::AddressFamily, ["maximum-paths", most]) if MOST_PATHS.contains(most) => !lines
                .iter()
                .any(|line| line.text.starts_with("maximum-paths ") && !line.text.contains(" ibgp ")),
            (Context::AddressFamily, ["maximum-paths", "ibgp", most]) if MOST_PATHS.contains(most) => {
                !has("maximum-paths ibgp")
            }
            (Context::AddressFamily, ["neighbor", peer, "send-community", ..]) => {
                known_above(gate, section, peer) && !has(&format!("no neighbor {peer} send-community"))
            }
            (Context::AddressFamily, ["neighbor", peer, "activate"]) => {
                let router = gate.lines(above(section));
                let off = router.iter().any(|line| line.text == "no bgp default ipv4-unicast");
                section.last().is_some_and(|last| last == "address-family ipv4 unicast")
                    && !off
                    && known_above(gate, section, peer)
                    && !has(&format!("no neighbor {peer} activate"))
            }
            (Context::BfdProfile | Context::BfdPeer, [key @ .., value]) => {
                BFD.contains(&(key, *value)) && bfd_session_exists(gate, section) && !has(&key.join(" "))
            }
            _ => false,
        }
    }

    /// Whether `no WORDS` holds although FRR does not print it: the thing is not there, and it is off by default.
    pub fn is_absent(&self, gate: &Gate, section: &[String], words: &[&str]) -> bool {
        let on_by_default = ON.contains(&words) || matches!(words, ["ip" | "ipv6", "nht", ..]);
        if on_by_default && !self.datacenter {
            return false;
        }
        if let ["neighbor", _, "activate"] = words
            && section.last().is_some_and(|last| last == "address-family ipv4 unicast")
            && !gate.lines(above(section)).iter().any(|line| line.text == "no bgp default ipv4-unicast")
        {
            return false;
        }
        if let ["neighbor", _, "send-community", ..] | ["ipv6", "nd", "suppress-ra"] = words {
            return false;
        }
        let text = words.join(" ");
        !gate
            .lines(section)
            .iter()
            .any(|line| line.text == text || line.text.starts_with(&format!("{text} ")))
    }
}

fn above(section: &[String]) -> &[String] {
    &section[..section.len().saturating_sub(1)]
}

/// A setting can only be in force on a neighbor that exists.
fn known(gate: &Gate, router: &[String], peer: &str) -> bool {
    gate.lines(router).iter().any(|line| line.text.starts_with(&format!("neighbor {peer} ")))
}

fn known_above(gate: &Gate, family: &[String], peer: &str) -> bool {
    known(gate, above(family), peer)
}

/// A profile or peer whose settings are all defaults is still printed as a header.
fn bfd_session_exists(gate: &Gate, section: &[String]) -> bool {
    section.last().is_some_and(|header| gate.lines(above(section)).iter().any(|line| line.text == *header))
}
