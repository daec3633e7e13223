//! BGPPeer.

use std::net::IpAddr;
use std::time::Duration;

use crate::metallb::duration::GoDuration;
use crate::metallb::meta::{LabelSelector, check_selectors};
use crate::metallb::objects::{Kind, ObjectId, Resource};
use crate::metallb::reject::Reject;
use crate::metallb::specs::BgpPeerSpec;
use crate::metallb::store::{METALLB_NAMESPACE, Objects};
use crate::path;

/// A BGP session that some nodes run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::metallb) struct Peer {
    pub name: String,
    pub my_asn: u32,
    pub asn: u32,
    pub address: IpAddr,
    pub source: Option<IpAddr>,
    /// 0 when the user asked for FRR's default.
    pub port: u16,
    /// Seconds.
    pub hold: u64,
    /// Seconds.
    pub keepalive: u64,
    pub router_id: Option<IpAddr>,
    pub nodes: Vec<LabelSelector>,
    pub password: String,
    pub bfd_profile: String,
    pub ebgp_multihop: bool,
    pub vrf: String,
}

/// MetalLB's hold time when the manifest has none (or 0).
const DEFAULT_HOLD: GoDuration = GoDuration(Duration::from_secs(90));

/// Resolves one BGPPeer as the releases up to v0.14.8 do.
pub(in crate::metallb) fn peer(
    id: &ObjectId,
    from: &Resource<BgpPeerSpec>,
    objects: &Objects,
) -> Result<Peer, Box<Reject>> {
    let spec = &from.spec;
    check_asns(id, spec)?;
    if spec.peer_address.is_empty() && !spec.interface.is_empty() {
        return Err(Reject::spec(id, "interface", "missing peerAddress")
            .hint("`interface` exists since v0.15.0, which cannot be rendered yet; set `peerAddress`"));
    }
    let address = parse_ip(id, "peerAddress", &spec.peer_address, "invalid BGPPeer address")?;
    let (hold, keepalive) = timers(id, spec)?;
    let optional = |field: &str, text: &str, reason: &str| match text {
        "" => Ok(None),
        _ => parse_ip(id, field, text, reason).map(Some),
    };
    let router_id = optional("routerID", &spec.router_id, "invalid router ID")?;
    let source = optional("sourceAddress", &spec.source_address, "invalid source IP")?;
    let port = spec.peer_port.unwrap_or(179);
    if port > 16384 {
        return Err(Reject::spec(
            id,
            "peerPort",
            "spec.peerPort in body should be less than or equal to 16384",
        ));
    }
    check_selectors(&spec.node_selectors, "nodeSelectors")
        .map_err(|(i, reason)| Reject::item(id, "nodeSelectors", i, reason))?;
    let password = password(id, spec, objects)?;
    check_bfd(id, spec, objects)?;
    Ok(Peer {
        name: id.name.clone(),
        my_asn: spec.my_asn,
        asn: spec.peer_asn,
        address,
        source,
        port,
        hold,
        keepalive,
        router_id,
        nodes: spec.node_selectors.clone(),
        password,
        bfd_profile: spec.bfd_profile.clone(),
        ebgp_multihop: spec.ebgp_multi_hop,
        vrf: spec.vrf.clone(),
    })
}

fn check_asns(id: &ObjectId, spec: &BgpPeerSpec) -> Result<(), Box<Reject>> {
    if spec.my_asn == 0 {
        return Err(Reject::spec(id, "myASN", "missing local ASN").hint("set `myASN`, for example 64513"));
    }
    if spec.peer_asn == 0 {
        let hint = match spec.dynamic_asn.as_str() {
            "" => "set `peerASN` to the gateway's AS number, for example 64512",
            _ => "`dynamicASN` exists since v0.14.9, which cannot be rendered yet; set `peerASN`",
        };
        return Err(Reject::spec(id, "peerASN", "missing peer ASN").hint(hint));
    }
    if spec.peer_asn == spec.my_asn && spec.ebgp_multi_hop {
        return Err(Reject::spec(id, "ebgpMultiHop", "invalid ebgp-multihop parameter set for an ibgp peer"));
    }
    Ok(())
}

fn parse_ip(id: &ObjectId, field: &str, text: &str, reason: &str) -> Result<IpAddr, Box<Reject>> {
    let reject = || Reject::spec(id, field, format!("{reason} \"{text}\""));
    let ip: IpAddr = text.parse().map_err(|_| match text {
        "" => reject().hint(format!("set `{field}`")),
        _ => reject().hint("an IPv4 or IPv6 address, without a prefix length"),
    })?;
    // Go prints ::ffff:192.0.2.1 as 192.0.2.1, and the name of every route map follows from that.
    Ok(ip.to_canonical())
}

/// (hold, keepalive) in whole seconds.
fn timers(id: &ObjectId, spec: &BgpPeerSpec) -> Result<(u64, u64), Box<Reject>> {
    let given = |d: Option<GoDuration>| d.filter(|d| !d.is_zero());
    let hold = given(spec.hold_time).unwrap_or(DEFAULT_HOLD);
    let seconds = hold.0.as_secs();
    if seconds != 0 && seconds < 3 {
        return Err(Reject::spec(id, "holdTime", format!("invalid hold time \"{hold}\": must be 0 or >=3s")));
    }
    let keepalive = given(spec.keepalive_time).unwrap_or(GoDuration(hold.0 / 3));
    if keepalive > hold {
        let reason = format!("invalid keepaliveTime \"{keepalive}\", must be lower than holdTime \"{hold}\"");
        return Err(Reject::spec(id, "keepaliveTime", reason).hint("holdTime is 90s when it is not set"));
    }
    Ok((seconds, keepalive.0.as_secs()))
}

fn password(id: &ObjectId, spec: &BgpPeerSpec, objects: &Objects) -> Result<String, Box<Reject>> {
    let name = &spec.password_secret.name;
    if !spec.password.is_empty() && !name.is_empty() {
        return Err(Reject::spec(
            id,
            "passwordSecret",
            "can not have both password and secret ref set in peer config",
        ));
    }
    if name.is_empty() {
        return Ok(spec.password.clone());
    }
    let path = path!["spec", "passwordSecret", "name"];
    let Some(secret) = objects.secret(METALLB_NAMESPACE, name) else {
        return Err(Reject::at(id, path, "secret ref not found for peer config")
            .hint(format!("apply a Secret `{name}` in namespace {METALLB_NAMESPACE}"))
            .transient());
    };
    if secret.spec.kind != "kubernetes.io/basic-auth" {
        let reason = format!(
            "secret type mismatch on \"{METALLB_NAMESPACE}\"/\"{name}\", type \"kubernetes.io/basic-auth\" is expected"
        );
        return Err(Reject::at(id, path, reason).hint(format!("its type is `{}`", secret.spec.kind)));
    }
    let Some(bytes) = secret.spec.data.get("password") else {
        let reason = format!("password not specified in the secret \"{METALLB_NAMESPACE}\"/\"{name}\"");
        return Err(Reject::at(id, path, reason).hint("the key must be `password`"));
    };
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

fn check_bfd(id: &ObjectId, spec: &BgpPeerSpec, objects: &Objects) -> Result<(), Box<Reject>> {
    let name = &spec.bfd_profile;
    if name.is_empty() || objects.exists(Kind::BfdProfile, METALLB_NAMESPACE, name) {
        return Ok(());
    }
    let reason = format!("peer {} referencing non existing bfd profile {name}", id.name);
    Err(Reject::spec(id, "bfdProfile", reason).transient())
}
