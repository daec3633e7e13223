//! BGPPeer. The rules of a release are those of its [`Generation`]; at admission, which knows no release, an object passes if
//! some release accepts it.

use super::session::{Host, RemoteAs, Timers, connect, timers};
use crate::metallb::meta::{LabelSelector, check_selectors};
use crate::metallb::objects::{Kind, ObjectId, Resource};
use crate::metallb::reject::Reject;
use crate::metallb::release::Generation;
use crate::metallb::specs::{BgpPeerSpec, SecretRef};
use crate::metallb::store::{METALLB_NAMESPACE, Objects};
use crate::path;
use std::net::IpAddr;

/// A BGP session that some nodes run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::metallb) struct Peer {
    pub name: String,
    pub my_asn: u32,
    pub asn: RemoteAs,
    pub host: Host,
    pub source: Option<IpAddr>,
    /// 0 when the user asked for FRR's default.
    pub port: u16,
    /// Seconds; `None` leaves them to FRR.
    pub timers: Option<Timers>,
    /// Seconds.
    pub connect: Option<u64>,
    pub router_id: Option<IpAddr>,
    pub nodes: Vec<LabelSelector>,
    pub password: String,
    /// Where the password comes from; empty if it is the peer's own.
    pub secret: SecretRef,
    pub bfd_profile: String,
    pub graceful_restart: bool,
    pub ebgp_multihop: bool,
    pub vrf: String,
    pub disable_mp: bool,
    pub dual_stack: bool,
    pub local_asn: Option<u32>,
}

/// Resolves one BGPPeer; without a generation, as the most lenient release does.
pub(in crate::metallb) fn peer(
    id: &ObjectId,
    from: &Resource<BgpPeerSpec>,
    objects: &Objects,
    generation: Option<Generation>,
) -> Result<Peer, Box<Reject>> {
    let spec = &from.spec;
    let asn = asns(id, spec, generation)?;
    let host = host(id, spec, generation)?;
    let timers = timers(id, spec, generation)?;
    let connect = connect(id, spec)?;
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
    if port == 0 && generation.is_some_and(|g| g >= Generation::V0_15_0) {
        let reason = "spec.peerPort in body should be greater than or equal to 1";
        return Err(Reject::spec(id, "peerPort", reason).hint("leave it out for 179"));
    }
    if spec.local_asn == Some(0) {
        let reason = "spec.localASN in body should be greater than or equal to 1";
        return Err(Reject::spec(id, "localASN", reason));
    }
    check_selectors(&spec.node_selectors, "nodeSelectors")
        .map_err(|(i, reason)| Reject::item(id, "nodeSelectors", i, reason))?;
    let password = password(id, spec, objects)?;
    check_bfd(id, spec, objects)?;
    Ok(Peer {
        name: id.name.clone(),
        my_asn: spec.my_asn,
        asn,
        host,
        source,
        port,
        timers,
        connect,
        router_id,
        nodes: spec.node_selectors.clone(),
        password,
        secret: spec.password_secret.clone(),
        bfd_profile: spec.bfd_profile.clone(),
        graceful_restart: spec.enable_graceful_restart.unwrap_or(false),
        ebgp_multihop: spec.ebgp_multi_hop,
        vrf: spec.vrf.clone(),
        disable_mp: spec.disable_mp,
        dual_stack: spec.dual_stack_address_family,
        local_asn: spec.local_asn,
    })
}

fn asns(id: &ObjectId, spec: &BgpPeerSpec, generation: Option<Generation>) -> Result<RemoteAs, Box<Reject>> {
    if spec.my_asn == 0 {
        return Err(Reject::spec(id, "myASN", "missing local ASN").hint("set `myASN`, for example 64513"));
    }
    let asn = match (spec.peer_asn, spec.dynamic_asn.as_str()) {
        (0, "") => {
            let reason = match generation {
                Some(g) if g >= Generation::V0_14_9 => "missing peer ASN and dynamicASN",
                _ => "missing peer ASN",
            };
            return Err(Reject::spec(id, "peerASN", reason)
                .hint("set `peerASN` to the gateway's AS number, for example 64512"));
        }
        (asn, "") => RemoteAs::Number(asn),
        (0, "internal") => RemoteAs::Internal,
        (0, "external") => RemoteAs::External,
        (0, other) => {
            return Err(Reject::spec(id, "dynamicASN", format!("invalid dynamicASN {other}"))
                .hint("`internal` or `external`"));
        }
        (_, _) => {
            return Err(Reject::spec(id, "dynamicASN", "both peer ASN and dynamicASN specified")
                .hint("leave one of `peerASN` and `dynamicASN` out"));
        }
    };
    if spec.peer_asn == spec.my_asn && spec.ebgp_multi_hop {
        return Err(Reject::spec(id, "ebgpMultiHop", "invalid ebgp-multihop parameter set for an ibgp peer"));
    }
    Ok(asn)
}

fn host(id: &ObjectId, spec: &BgpPeerSpec, generation: Option<Generation>) -> Result<Host, Box<Reject>> {
    match (spec.peer_address.as_str(), spec.interface.as_str()) {
        ("", "") if generation.is_some_and(|g| g >= Generation::V0_15_0) => {
            Err(Reject::spec(id, "peerAddress", "peer has no Address or Interface specified")
                .hint("set `peerAddress`, or `interface` for an unnumbered session"))
        }
        ("", name) if !name.is_empty() => Ok(Host::Interface(name.to_owned())),
        (_, name) if !name.is_empty() => {
            Err(Reject::spec(id, "interface", "peer has both Address and Interface specified")
                .hint("leave one of `peerAddress` and `interface` out"))
        }
        (address, _) => parse_ip(id, "peerAddress", address, "invalid BGPPeer address").map(Host::Address),
    }
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
        // The webhooks do not look at Secrets: the speakers keep what they have.
        return Err(Reject::at(id, path, reason)
            .hint(format!("its type is `{}`", secret.spec.kind))
            .transient());
    }
    let Some(bytes) = secret.spec.data.get("password") else {
        let reason = format!("password not specified in the secret \"{METALLB_NAMESPACE}\"/\"{name}\"");
        return Err(Reject::at(id, path, reason).hint("the key must be `password`").transient());
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
