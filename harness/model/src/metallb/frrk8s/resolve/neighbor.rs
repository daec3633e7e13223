//! One neighbor.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::router::{Sources, is_per_family};
use super::{advertise, family, fields, receive};
use crate::diag::nearest;
use crate::metallb::frrk8s::conf::{Families, Neighbor};
use crate::metallb::frrk8s::specs::{NeighborSpec, RouterSpec};
use crate::metallb::frrk8s::version::Generation;
use crate::metallb::reject::{Place, Reject};
use crate::metallb::resolve::RemoteAs;
use crate::metallb::store::METALLB_NAMESPACE;
use crate::path;

/// The object around a neighbor.
#[derive(Clone, Copy, Debug)]
pub(super) struct Context<'a> {
    pub router: &'a RouterSpec,
    /// The router's prefixes and those that it imports.
    pub allowed: &'a BTreeSet<&'a str>,
    /// The object's BFD profiles.
    pub profiles: &'a [&'a str],
    pub from: Sources<'a>,
}

/// `ASN@address`: how frr-k8s names a neighbor to its user.
pub(super) fn name_of(n: &NeighborSpec) -> String {
    let host = if n.address.is_empty() { &n.interface } else { &n.address };
    match n.dynamic_asn.as_str() {
        "" => format!("{}@{host}", n.asn.unwrap_or_default()),
        dynamic => format!("{dynamic}@{host}"),
    }
}

pub(super) fn neighbor(
    place: Place,
    n: &NeighborSpec,
    context: Context<'_>,
) -> Result<Neighbor, Box<Reject>> {
    let frr_k8s = context.from.frr_k8s;
    fields::of_neighbor(&place, n, frr_k8s)?;
    let families = families(&place, n, context)?;
    let asn = asn(&place, n, context)?;
    bfd_profile(&place, n, context)?;
    let (hold, keepalive) = timers(&place, n)?;
    let password = password(&place, n, context)?;
    let announcements = advertise::announcements(&place, n, families, context)?;
    let incoming = receive::incoming(&place, &n.to_receive)?;
    Ok(Neighbor {
        families,
        asn,
        host: if n.address.is_empty() { n.interface.clone() } else { n.address.clone() },
        unnumbered: n.address.is_empty(),
        port: n.port,
        hold,
        keepalive,
        connect: n.connect_time.map(|t| t.0.as_secs()),
        password,
        written_password: n.password.clone(),
        source: n.source_address.clone(),
        bfd_profile: n.bfd_profile.clone(),
        graceful_restart: n.enable_graceful_restart,
        ebgp_multihop: n.ebgp_multi_hop,
        local_as: n.local_asn,
        vrf: context.router.vrf.clone(),
        disable_mp: n.disable_mp,
        announcements,
        incoming,
        written: place,
    })
}

fn families(place: &Place, n: &NeighborSpec, context: Context<'_>) -> Result<Families, Box<Reject>> {
    let per_family = is_per_family(context.from.frr_k8s);
    match (n.address.as_str(), n.interface.as_str()) {
        ("", "") if per_family => {
            let asn = name_of(n).trim_end_matches('@').to_owned();
            let reason = format!("neighbor with ASN {asn} has no address and no interface");
            return Err(place
                .clone()
                .reject(reason)
                .hint("set `address`, or `interface` for an unnumbered session"));
        }
        (address, interface) if !address.is_empty() && !interface.is_empty() => {
            let reason = format!("neighbor {} has both Address and Interface specified", name_of(n));
            let hint = "leave one of `address` and `interface` out";
            return Err(place.at(path!["interface"]).reject(reason).hint(hint));
        }
        ("", _) if per_family => return Ok(Families::Dual),
        _ => {}
    }
    let ip: IpAddr = n.address.parse().map_err(|_| {
        let reason = format!(
            "failed to find ipfamily for {address}, IPFamilyForAddresses: Invalid address [\"{address}\"]",
            address = n.address
        );
        let hint = "an IPv4 or IPv6 address, without a prefix length";
        place.at(path!["address"]).reject(reason).hint(hint)
    })?;
    Ok(if n.dual_stack_address_family { Families::Dual } else { Families::One(family(ip)) })
}

fn asn(place: &Place, n: &NeighborSpec, context: Context<'_>) -> Result<RemoteAs, Box<Reject>> {
    let generation = context.from.frr_k8s.generation;
    if let (Some(asn), Some(_)) = (n.asn, n.local_asn)
        && context.router.asn == Some(asn)
    {
        let reason = format!(
            "neighbor {}: localASN is not supported for iBGP sessions (neighbor ASN {asn} equals router ASN)",
            name_of(n)
        );
        return Err(place.at(path!["localASN"]).reject(reason));
    }
    match (n.asn.unwrap_or(0), n.dynamic_asn.as_str()) {
        (0, "") if generation >= Generation::V0_0_16 => {
            let reason = format!("neighbor {} has no ASN or DynamicASN specified", name_of(n));
            Err(place.at(path!["asn"]).reject(reason).hint("set `asn` to the gateway's AS number"))
        }
        (0, "") if n.asn.is_none() => {
            let place = place.at(path!["asn"]);
            let reason = format!("{}: Required value", place.dotted());
            Err(place.reject(reason).hint("set `asn` to the gateway's AS number"))
        }
        (asn, "") => Ok(RemoteAs::Number(asn)),
        (0, "internal") => Ok(RemoteAs::Internal),
        (0, _) => Ok(RemoteAs::External),
        _ => {
            let reason = format!("neighbor {} has both ASN and DynamicASN specified", name_of(n));
            let hint = "leave one of `asn` and `dynamicASN` out";
            Err(place.at(path!["dynamicASN"]).reject(reason).hint(hint))
        }
    }
}

fn bfd_profile(place: &Place, n: &NeighborSpec, context: Context<'_>) -> Result<(), Box<Reject>> {
    let name = n.bfd_profile.as_str();
    if name.is_empty() || context.profiles.contains(&name) {
        return Ok(());
    }
    let reason = format!("neighbor {} referencing non existing BFDProfile {name}", name_of(n));
    let hint = match nearest(name, context.profiles.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "define it in `spec.bgp.bfdProfiles` of the same FRRConfiguration".to_owned(),
    };
    Err(place.at(path!["bfdProfile"]).reject(reason).hint(hint))
}

/// (hold, keepalive) in whole seconds.
fn timers(place: &Place, n: &NeighborSpec) -> Result<(Option<u64>, Option<u64>), Box<Reject>> {
    let reject = |field: &str, why: String| {
        let reason = format!("invalid timers for neighbor {}, err: {why}", name_of(n));
        place.at(path![field]).reject(reason)
    };
    let (hold, keepalive) = match (n.hold_time, n.keepalive_time) {
        (None, None) => return Ok((None, None)),
        (Some(hold), Some(keepalive)) => (hold, keepalive),
        (hold, _) => {
            let (set, missing) = match hold {
                Some(_) => ("holdTime", "keepaliveTime"),
                None => ("keepaliveTime", "holdTime"),
            };
            let why = "one of KeepaliveTime/HoldTime specified, both must be set or none".to_owned();
            return Err(reject(set, why).hint(format!("set `{missing}`, too")));
        }
    };
    if matches!(hold.0.as_secs(), 1 | 2) {
        return Err(reject("holdTime", format!("invalid hold time \"{hold}\": must be 0 or >=3s")));
    }
    if keepalive > hold {
        let why = format!("invalid keepaliveTime \"{keepalive}\", must be lower than holdTime \"{hold}\"");
        return Err(reject("keepaliveTime", why));
    }
    Ok((Some(hold.0.as_secs()), Some(keepalive.0.as_secs())))
}

fn password(place: &Place, n: &NeighborSpec, context: Context<'_>) -> Result<String, Box<Reject>> {
    let name = &n.password_secret.name;
    let place = place.at(path!["passwordSecret", "name"]);
    if !n.password.is_empty() && !name.is_empty() {
        let reason = format!("neighbor {} specifies both cleartext password and secret ref", name_of(n));
        return Err(place.reject(reason).hint("leave one of `password` and `passwordSecret` out"));
    }
    if name.is_empty() {
        return Ok(n.password.clone());
    }
    let Some(secret) = context.from.objects.secret(METALLB_NAMESPACE, name) else {
        let reason = format!("secret {name} not found for neighbor {}", name_of(n));
        let hint = format!("apply a Secret `{name}` in namespace {METALLB_NAMESPACE}");
        return Err(place.reject(reason).hint(hint).transient());
    };
    if secret.spec.kind != "kubernetes.io/basic-auth" {
        let reason = format!(
            "secret type mismatch on \"{METALLB_NAMESPACE}\"/\"{name}\", type \"kubernetes.io/basic-auth\" is expected"
        );
        return Err(place.reject(reason).hint(format!("its type is `{}`", secret.spec.kind)));
    }
    match secret.spec.data.get("password") {
        Some(bytes) => Ok(String::from_utf8_lossy(bytes).into_owned()),
        None => {
            let reason =
                format!("password field not specified in the secret \"{METALLB_NAMESPACE}\"/\"{name}\"");
            Err(place.reject(reason).hint("the key must be `password`"))
        }
    }
}
