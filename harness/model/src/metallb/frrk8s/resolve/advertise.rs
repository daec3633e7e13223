//! `toAdvertise`: what a neighbor hears, with which local preference and communities.

use std::collections::{BTreeMap, BTreeSet};

use super::family_of;
use super::neighbor::{Context, name_of};
use super::router::is_per_family;
use crate::metallb::community::{Community, CommunityError};
use crate::metallb::frrconf::{Announcement, Attributes, Family};
use crate::metallb::frrk8s::conf::Families;
use crate::metallb::frrk8s::specs::{AllowMode, NeighborSpec};
use crate::metallb::frrk8s::version::Generation;
use crate::metallb::reject::{Place, Reject};
use crate::path;

/// By family and prefix.
type Announcements<'a> = BTreeMap<(Family, &'a str), Announcement>;

/// What may go out, IPv4 first, then by prefix.
pub(super) fn announcements(
    place: &Place,
    n: &NeighborSpec,
    families: Families,
    context: Context<'_>,
) -> Result<Vec<Announcement>, Box<Reject>> {
    let place = &place.at(path!["toAdvertise"]);
    let mut all = allowed(place, n, families, context)?;
    local_preferences(place, n, families, context, &mut all)?;
    communities(place, n, families, context, &mut all)?;
    // The other family's go nowhere since lists are per family.
    let carried = |family| !is_per_family(context.from.frr_k8s) || families.carries(family);
    Ok(all.into_iter().filter(|((family, _), _)| carried(*family)).map(|(_, a)| a).collect())
}

fn allowed<'a>(
    place: &Place,
    n: &'a NeighborSpec,
    families: Families,
    context: Context<'a>,
) -> Result<Announcements<'a>, Box<Reject>> {
    let listed = &n.to_advertise.allowed;
    let place = place.at(path!["allowed", "prefixes"]);
    let prefixes: Vec<&str> = match listed.mode {
        AllowMode::All => context.allowed.iter().copied().collect(),
        AllowMode::Filtered => {
            for (i, p) in listed.prefixes.iter().enumerate() {
                let place = place.at(path![i]);
                fits(&place, p, families, context, |why| {
                    format!(
                        "invalid allowed prefixes {} for neighbor {}, err: {why}",
                        shown(&listed.prefixes),
                        name_of(n)
                    )
                })?;
                if !context.allowed.contains(p.as_str()) {
                    return Err(place
                        .reject(not_configured(p, n, context))
                        .hint("it must be in the router's `prefixes`, written the same way"));
                }
            }
            listed.prefixes.iter().map(String::as_str).collect()
        }
    };
    let announcement = |prefix: &'a str| {
        let family = family_of(prefix)?;
        let none = Attributes::default;
        let prefix_text = prefix.to_owned();
        let plain = Announcement {
            family,
            prefix: prefix_text,
            local_pref: None,
            communities: none(),
            large_communities: none(),
        };
        Some(((family, prefix), plain))
    };
    Ok(prefixes.into_iter().filter_map(announcement).collect())
}

fn not_configured(prefix: &str, n: &NeighborSpec, context: Context<'_>) -> String {
    match context.from.frr_k8s.generation >= Generation::V0_0_14 {
        true => format!(
            "trying to advertise non configured prefix {prefix} to neighbor {}, vrf {}",
            name_of(n),
            context.router.vrf
        ),
        false => format!("prefix {prefix} is not an allowed prefix"),
    }
}

fn shown(prefixes: &[String]) -> String {
    format!("[{}]", prefixes.join(" "))
}

/// Is it a prefix of a family that the session carries? (Before v0.0.17 families were not compared.)
fn fits(
    place: &Place,
    prefix: &str,
    families: Families,
    context: Context<'_>,
    reason: impl Fn(String) -> String,
) -> Result<(), Box<Reject>> {
    match family_of(prefix) {
        None => {
            let reject = place.clone().reject(reason(format!("unknown ipfamily for {prefix}")));
            Err(reject.hint("a prefix looks like 10.100.0.0/24"))
        }
        Some(family) if is_per_family(context.from.frr_k8s) && !families.carries(family) => {
            let why = format!("prefix {prefix} is not compatible with the ipfamily {}", families.name());
            Err(place
                .clone()
                .reject(reason(why))
                .hint("`dualStackAddressFamily: true` carries both families"))
        }
        Some(_) => Ok(()),
    }
}

fn local_preferences<'a>(
    place: &Place,
    n: &'a NeighborSpec,
    families: Families,
    context: Context<'_>,
    all: &mut Announcements<'a>,
) -> Result<(), Box<Reject>> {
    let generation = context.from.frr_k8s.generation;
    let mut seen = BTreeSet::new();
    for (i, set) in n.to_advertise.with_local_pref.iter().enumerate() {
        let (place, value) = (place.at(path!["withLocalPref", i]), set.local_pref);
        if !seen.insert(value) && generation >= Generation::V0_0_16 {
            let reason = match is_per_family(context.from.frr_k8s) {
                true => format!("local preference {value} is already defined"),
                false => format!("multiple entries with the same localPref: {value}"),
            };
            let hint = "list all its prefixes in one entry";
            return Err(place.at(path!["localPref"]).reject(reason).hint(hint));
        }
        for (j, p) in set.prefixes.iter().enumerate() {
            let place = place.at(path!["prefixes", j]);
            fits(&place, p, families, context, |why| {
                let prefixes = shown(&set.prefixes);
                let name = name_of(n);
                format!("invalid prefixes {prefixes} for localpref {value} for neighbor {name}, err: {why}")
            })?;
            let key = family_of(p).map(|family| (family, p.as_str()));
            let Some(announcement) = key.and_then(|key| all.get_mut(&key)) else {
                let reason = format!("localPref {value} associated to non existing prefix {p}");
                return Err(place.reject(reason).hint("`allowed` must let it go out"));
            };
            if let Some(existing) = announcement.local_pref {
                return Err(place.reject(set_twice(p, existing, value, &set.prefixes, generation)));
            }
            announcement.local_pref = Some(value);
        }
    }
    if generation < Generation::V0_0_20 {
        // Its template takes 0 for none.
        all.values_mut().for_each(|a| a.local_pref = a.local_pref.filter(|value| *value != 0));
    }
    Ok(())
}

fn set_twice(p: &str, existing: u32, value: u32, prefixes: &[String], generation: Generation) -> String {
    match generation {
        g if g < Generation::V0_0_16 => format!("multiple local prefs specified for prefix {p}"),
        g if g < Generation::V0_0_20 && existing == value => {
            format!("prefix {p} with local prefs {value} defined twice")
        }
        g if g < Generation::V0_0_20 => {
            format!("multiple local prefs ({existing},{value}) specified for prefix {p}")
        }
        _ if existing == value => format!("prefix {p} is already defined for local preference {value}"),
        _ => {
            let prefixes = shown(prefixes);
            format!("prefix {prefixes} is configured with both local preference {existing} and {value}")
        }
    }
}

fn communities<'a>(
    place: &Place,
    n: &'a NeighborSpec,
    families: Families,
    context: Context<'_>,
    all: &mut Announcements<'a>,
) -> Result<(), Box<Reject>> {
    let per_family = is_per_family(context.from.frr_k8s);
    let mut seen: Vec<Community> = Vec::new();
    for (i, set) in n.to_advertise.with_community.iter().enumerate() {
        let (place, text) = (place.at(path!["withCommunity", i]), &set.community);
        let community = Community::parse(text).map_err(|e| {
            let (CommunityError::Value(why) | CommunityError::Format(why)) = e;
            let place = place.at(path!["community"]);
            place
                .reject(format!("invalid community {text}, err: {why}"))
                .hint("`65000:1` or `large:65000:1:1`; aliases of Community objects are MetalLB's only")
        })?;
        if per_family && seen.contains(&community) {
            let reason = format!("community {text} is already defined");
            let hint = "list all its prefixes in one entry";
            return Err(place.at(path!["community"]).reject(reason).hint(hint));
        }
        seen.push(community);
        for (j, p) in set.prefixes.iter().enumerate() {
            let place = place.at(path!["prefixes", j]);
            fits(&place, p, families, context, |why| {
                let prefixes = shown(&set.prefixes);
                let name = name_of(n);
                format!("invalid prefixes {prefixes} for community {text} for neighbor {name}, err: {why}")
            })?;
            let key = family_of(p).map(|family| (family, p.as_str()));
            let Some(announcement) = key.and_then(|key| all.get_mut(&key)) else {
                return Err(place
                    .reject(not_advertised(p, community, per_family))
                    .hint("`allowed` must let it go out"));
            };
            let set = match community {
                Community::Standard(..) => &mut announcement.communities,
                Community::Large(..) => &mut announcement.large_communities,
            };
            if per_family && set.0.contains(&community.to_string()) {
                return Err(place.reject(format!("prefix {p} is already defined for community {community}")));
            }
            set.merge(Attributes(vec![community.to_string()]));
        }
    }
    Ok(())
}

fn not_advertised(prefix: &str, community: Community, per_family: bool) -> String {
    match (per_family, community) {
        (true, _) => format!(
            "prefix {prefix} is advertised for community {community} but it's not in the advertisement list of the neighbor"
        ),
        (false, Community::Standard(..)) => format!("community associated to non existing prefix {prefix}"),
        (false, Community::Large(..)) => {
            format!("large community associated to non existing prefix {prefix}")
        }
    }
}
