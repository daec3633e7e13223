//! What v0.12 has of its own: all neighbors hear the same, so lists of a property's prefixes are named by the property alone. A property
//! is only sent where an address-family block of the neighbor has its out map, and what has none is sent without any filter.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::router::{activation, opening, session};
use super::{Counter, line};
use crate::metallb::frrconf::{Announcement, Family, FrrConf, Neighbor, Router};
use crate::metallb::release::Generation;

/// A property's prefixes, one list for each family.
type Prefixes<'a, K> = BTreeMap<K, BTreeSet<&'a str>>;

/// `[IPv4, IPv6]` of each kind of property.
#[derive(Debug, Default)]
struct Properties<'a> {
    /// As texts.
    communities: [Prefixes<'a, &'a str>; 2],
    /// As numbers.
    local_prefs: [Prefixes<'a, u32>; 2],
}

/// The prefix lists, then the route maps of each neighbor.
pub(super) fn filters(out: &mut String, conf: &FrrConf, counter: &mut Counter) {
    let neighbors = || conf.routers.iter().flat_map(|r| &r.neighbors);
    let properties = Properties::of(neighbors().flat_map(|n| &n.announcements));
    properties.lists(out);
    for neighbor in neighbors() {
        properties.maps(out, neighbor, counter);
    }
}

impl<'a> Properties<'a> {
    fn of(announcements: impl Iterator<Item = &'a Announcement>) -> Self {
        let mut all = Self::default();
        for a in announcements {
            for community in &a.communities.0 {
                all.communities[a.family as usize].entry(community).or_default().insert(&a.prefix);
            }
            if let Some(value) = a.local_pref {
                all.local_prefs[a.family as usize].entry(value).or_default().insert(&a.prefix);
            }
        }
        all
    }

    /// In this order. The word is `ip` for IPv6, too, which FRR refuses.
    fn lists(&self, out: &mut String) {
        for family in Family::BOTH {
            for (community, prefixes) in &self.communities[family as usize] {
                list(out, &community_list(community, family), prefixes);
            }
        }
        for family in Family::BOTH {
            for (value, prefixes) in &self.local_prefs[family as usize] {
                list(out, &local_pref_list(*value, family), prefixes);
            }
        }
    }

    fn maps(&self, out: &mut String, n: &Neighbor, counter: &mut Counter) {
        let id = n.id();
        line!(out, "route-map {id}-in deny 20");
        out.push('\n');
        let mut entry = |family: Family, list: String, set: String| {
            line!(out, "route-map {id}-out permit {}", counter.next(&id));
            line!(out, "  match {} address prefix-list {list}", family.word());
            line!(out, "  set {set}");
            line!(out, "  on-match next");
        };
        for family in Family::BOTH {
            for value in self.local_prefs[family as usize].keys() {
                entry(family, local_pref_list(*value, family), format!("local-preference {value}"));
            }
        }
        for family in Family::BOTH {
            for community in self.communities[family as usize].keys() {
                entry(family, community_list(community, family), format!("community {community} additive"));
            }
        }
        line!(out, "route-map {id}-out permit {}", counter.next(&id));
    }
}

fn list(out: &mut String, name: &str, prefixes: &BTreeSet<&str>) {
    for prefix in prefixes {
        line!(out, "ip prefix-list {name} permit {prefix}");
    }
}

fn community_list(community: &str, family: Family) -> String {
    format!("{community}-{}prefixes", short(family))
}

fn local_pref_list(value: u32, family: Family) -> String {
    format!("{value}-{}localpref-prefixes", short(family))
}

fn short(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "v4",
        Family::Ipv6 => "v6",
    }
}

/// One address-family block per advertisement.
pub(super) fn router(out: &mut String, r: &Router) {
    opening(out, r.asn, &r.vrf, false, r.router_id.as_deref());
    out.push('\n');
    for n in &r.neighbors {
        session(out, r.asn, n, Generation::V0_12);
    }
    out.push('\n');
    for n in &r.neighbors {
        if n.announcements.is_empty() {
            for family in Family::BOTH {
                activation(out, &n.host, &n.id(), family, None, None);
            }
        }
        for a in &n.announcements {
            let has_property = !a.communities.0.is_empty() || a.local_pref.is_some();
            let out_map = has_property.then_some("    ");
            activation(out, &n.host, &n.id(), a.family, Some(&a.prefix), out_map);
        }
        out.push('\n');
    }
}
