//! Routers, their prefixes and imports, and BFD profiles.

use std::collections::{BTreeMap, BTreeSet};

use super::{family_of, fields, neighbor};
use crate::metallb::frrconf::Family;
use crate::metallb::frrk8s::conf::Router;
use crate::metallb::frrk8s::specs::{FrrConfigurationSpec, RouterSpec};
use crate::metallb::frrk8s::version::{FrrK8s, Generation};
use crate::metallb::objects::ObjectId;
use crate::metallb::reject::{Place, Reject};
use crate::metallb::resolve::BfdProfile;
use crate::metallb::store::Objects;
use crate::path;

/// What an object is read with.
#[derive(Clone, Copy, Debug)]
pub(in crate::metallb::frrk8s) struct Sources<'a> {
    pub frr_k8s: &'a FrrK8s,
    /// For the Secrets of passwords.
    pub objects: &'a Objects,
}

/// The BFD profiles of one object, in its order.
pub(in crate::metallb::frrk8s) fn profiles(
    id: &ObjectId,
    spec: &FrrConfigurationSpec,
) -> Result<Vec<BfdProfile>, Box<Reject>> {
    let mut all: Vec<BfdProfile> = Vec::new();
    for (i, b) in spec.bgp.bfd_profiles.iter().enumerate() {
        if all.iter().any(|known| known.name == b.name) {
            let reason = format!("duplicate bfd profile name {} in config {}", b.name, id.name);
            return Err(Reject::at(id, path!["spec", "bgp", "bfdProfiles", i, "name"], reason));
        }
        all.push(BfdProfile {
            name: b.name.clone(),
            receive: b.receive_interval,
            transmit: b.transmit_interval,
            multiplier: b.detect_multiplier,
            echo: b.echo_interval,
            echo_mode: b.echo_mode.unwrap_or(false),
            passive: b.passive_mode.unwrap_or(false),
            minimum_ttl: b.minimum_ttl,
        });
    }
    Ok(all)
}

/// The routers of one object, in its order.
pub(in crate::metallb::frrk8s) fn routers(
    id: &ObjectId,
    spec: &FrrConfigurationSpec,
    from: Sources<'_>,
) -> Result<Vec<Router>, Box<Reject>> {
    // A later router of the same VRF hides an earlier one from those that import it.
    let prefixes: BTreeMap<&str, &[String]> =
        spec.bgp.routers.iter().map(|r| (r.vrf.as_str(), r.prefixes.as_slice())).collect();
    let profiles: Vec<&str> = spec.bgp.bfd_profiles.iter().map(|b| b.name.as_str()).collect();
    let routers = spec.bgp.routers.iter().enumerate().map(|(i, r)| {
        let place = Place { id: id.clone(), path: path!["spec", "bgp", "routers", i] };
        router(place, r, &prefixes, &profiles, from)
    });
    routers.collect()
}

fn router(
    place: Place,
    r: &RouterSpec,
    in_object: &BTreeMap<&str, &[String]>,
    profiles: &[&str],
    from: Sources<'_>,
) -> Result<Router, Box<Reject>> {
    fields::of_router(&place, r, from.frr_k8s)?;
    if let Some(i) = r.prefixes.iter().position(|p| family_of(p).is_none()) {
        let reason = format!("unknown ipfamily for {}", r.prefixes[i]);
        return Err(place.at(path!["prefixes", i]).reject(reason).hint("a prefix looks like 10.100.0.0/24"));
    }
    let imported = imported(&place, r, in_object)?;
    // Prefixes that may be advertised: the router's own and, since they can be imported, those of other VRFs.
    let allowed: BTreeSet<&str> = r.prefixes.iter().map(String::as_str).chain(imported).collect();
    let context = neighbor::Context { router: r, allowed: &allowed, profiles, from };
    let neighbors = r.neighbors.iter().enumerate().map(|(j, n)| {
        let place = place.at(path!["neighbors", j]);
        neighbor::neighbor(place, n, context)
    });
    let neighbors = neighbors.collect::<Result<_, _>>()?;
    let of = |family: Family| r.prefixes.iter().filter(|p| family_of(p) == Some(family)).cloned().collect();
    Ok(Router {
        // The schema has checked it.
        asn: r.asn.unwrap_or_default(),
        id: r.id.clone(),
        vrf: r.vrf.clone(),
        neighbors,
        networks_v4: of(Family::Ipv4),
        networks_v6: of(Family::Ipv6),
        imports: r.imports.iter().map(|i| i.vrf.clone()).collect(),
        written: place,
    })
}

/// The prefixes of imported VRFs, which the same object must define.
fn imported<'a>(
    place: &Place,
    r: &RouterSpec,
    in_object: &BTreeMap<&str, &'a [String]>,
) -> Result<Vec<&'a str>, Box<Reject>> {
    let mut all = Vec::new();
    for (i, import) in r.imports.iter().enumerate() {
        // The default VRF has a name only here.
        let vrf = if import.vrf == "default" { "" } else { import.vrf.as_str() };
        let Some(prefixes) = in_object.get(vrf) else {
            let reason = match import.vrf.as_str() {
                "default" => "vrf  not found in prefixes in router".to_owned(),
                vrf => format!(
                    "router {}-{} imports vrf {vrf} which is not defined",
                    r.asn.unwrap_or_default(),
                    r.vrf
                ),
            };
            let hint = "the router of that VRF must be in the same FRRConfiguration";
            return Err(place.at(path!["imports", i, "vrf"]).reject(reason).hint(hint));
        };
        all.extend(prefixes.iter().map(String::as_str));
    }
    Ok(all)
}

/// Whether the rules of the release since which lists are per family hold.
pub(super) fn is_per_family(frr_k8s: &FrrK8s) -> bool {
    frr_k8s.generation >= Generation::V0_0_20
}
