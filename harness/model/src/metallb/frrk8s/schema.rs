//! What the API server refuses by the CRD's schema, whatever the release of frr-k8s.

use ipnet::IpNet;

use super::specs::{BfdProfileItem, FrrConfigurationSpec, NeighborSpec, PrefixSelectorSpec};
use crate::metallb::meta::LabelSelector;
use crate::metallb::objects::{ObjectId, Resource};
use crate::metallb::reject::{Place, Reject};
use crate::path;

/// Checks one object.
pub(in crate::metallb) fn check(
    id: &ObjectId,
    from: &Resource<FrrConfigurationSpec>,
) -> Result<(), Box<Reject>> {
    let spec = &from.spec;
    let whole = Place { id: id.clone(), path: path!["spec"] };
    selector(&whole, &spec.node_selector)?;
    let bgp = whole.at(path!["bgp"]);
    if spec.bgp.routers.len() > 50 {
        return Err(bgp.at(path!["routers"]).reject("spec.bgp.routers must have at most 50 items"));
    }
    for (i, router) in spec.bgp.routers.iter().enumerate() {
        let place = bgp.at(path!["routers", i]);
        if router.asn.is_none() {
            let reason = format!("spec.bgp.routers[{i}].asn: Required value");
            return Err(place.reject(reason).hint("set `asn`, the node's AS number, for example 64513"));
        }
        for (j, n) in router.neighbors.iter().enumerate() {
            neighbor(&place.at(path!["neighbors", j]), n)?;
        }
    }
    for (i, profile) in spec.bgp.bfd_profiles.iter().enumerate() {
        bfd(&bgp.at(path!["bfdProfiles", i]), profile)?;
    }
    Ok(())
}

fn selector(whole: &Place, selector: &LabelSelector) -> Result<(), Box<Reject>> {
    match selector.values_misfit() {
        None => Ok(()),
        Some((i, reason)) => {
            let place = whole.at(path!["nodeSelector", "matchExpressions", i]);
            Err(place.reject(format!("{reason}\nresource contains an invalid NodeSelector")))
        }
    }
}

fn neighbor(place: &Place, n: &NeighborSpec) -> Result<(), Box<Reject>> {
    if !["", "internal", "external"].contains(&n.dynamic_asn.as_str()) {
        let reason = format!(
            "{}: Unsupported value: \"{}\": supported values: \"internal\", \"external\"",
            place.at(path!["dynamicASN"]).dotted(),
            n.dynamic_asn
        );
        return Err(place.at(path!["dynamicASN"]).reject(reason));
    }
    within(place, "port", n.port.map(u32::from), 0, 16384)?;
    if n.local_asn == Some(0) {
        within(place, "localASN", n.local_asn, 1, u32::MAX)?;
    }
    if let Some(time) = n.connect_time {
        if !(1..=65535).contains(&time.0.as_secs()) {
            let reason = "connect time should be between 1 seconds to 65535";
            return Err(place.at(path!["connectTime"]).reject(reason));
        }
        if time.0.subsec_millis() != 0 {
            let reason = "connect time should contain a whole number of seconds";
            return Err(place.at(path!["connectTime"]).reject(reason));
        }
    }
    for (i, s) in n.to_receive.allowed.prefixes.iter().enumerate() {
        prefix_selector(&place.at(path!["toReceive", "allowed", "prefixes", i]), s)?;
    }
    let sets = n.to_advertise.with_local_pref.iter().map(|s| ("withLocalPref", &s.prefixes)).enumerate();
    let communities = n.to_advertise.with_community.iter().map(|s| ("withCommunity", &s.prefixes));
    for (i, (field, prefixes)) in sets.chain(communities.enumerate()) {
        if prefixes.is_empty() {
            let place = place.at(path!["toAdvertise", field, i, "prefixes"]);
            let reason = format!("{} should have at least 1 items", place.dotted());
            return Err(place.reject(reason));
        }
    }
    Ok(())
}

fn prefix_selector(place: &Place, s: &PrefixSelectorSpec) -> Result<(), Box<Reject>> {
    if s.prefix.parse::<IpNet>().is_err() {
        let place = place.at(path!["prefix"]);
        let reason = format!("{} in body must be of type cidr: \"{}\"", place.dotted(), s.prefix);
        return Err(place
            .reject(reason)
            .hint("for example 172.16.0.0/16, with `le: 24` for the longer ones"));
    }
    within(place, "le", s.le, 1, 128)?;
    within(place, "ge", s.ge, 1, 128)
}

fn bfd(place: &Place, p: &BfdProfileItem) -> Result<(), Box<Reject>> {
    if p.name.is_empty() {
        return Err(place.clone().reject(format!("{}.name: Required value", place.dotted())));
    }
    for (field, value) in [
        ("receiveInterval", p.receive_interval),
        ("transmitInterval", p.transmit_interval),
        ("echoInterval", p.echo_interval),
    ] {
        within(place, field, value, 10, 60_000)?;
    }
    within(place, "detectMultiplier", p.detect_multiplier, 2, 255)?;
    within(place, "minimumTtl", p.minimum_ttl, 1, 254)
}

fn within(place: &Place, field: &str, value: Option<u32>, min: u32, max: u32) -> Result<(), Box<Reject>> {
    let place = place.at(path![field]);
    let (word, bound) = match value {
        Some(v) if v < min => ("greater", min),
        Some(v) if v > max => ("less", max),
        _ => return Ok(()),
    };
    let reason = format!("{} in body should be {word} than or equal to {bound}", place.dotted());
    Err(place.reject(reason))
}
