//! `peers`.

use std::net::IpAddr;
use std::time::Duration;

use super::file::PeerFile;
use crate::metallb::duration::{self, GoDuration};
use crate::metallb::objects::ObjectId;
use crate::metallb::reject::{Place, Reject};
use crate::metallb::resolve::{Host, Peer, RemoteAs, Timers};
use crate::metallb::specs::SecretRef;
use crate::path;

/// One session for FRR: whatever is not in the file has MetalLB's default.
pub(super) fn peer(place: &Place, from: &PeerFile) -> Result<Peer, Box<Reject>> {
    let (my_asn, asn) = asns(place, from)?;
    let address =
        address(place, "peer-address", from.peer_address.as_deref().unwrap_or_default(), "invalid peer IP")?;
    let timers = timers(place, from)?;
    let optional = |field: &str, text: &Option<String>, reason: &str| match text.as_deref() {
        None | Some("") => Ok(None),
        Some(text) => self::address(place, field, text, reason).map(Some),
    };
    let router_id = optional("router-id", &from.router_id, "invalid router ID")?;
    let source = optional("source-address", &from.source_address, "invalid source IP")?;
    let mut nodes = Vec::new();
    for (i, selector) in from.node_selectors.iter().flatten().enumerate() {
        let selector = selector.selector();
        if let Some((_, reason)) = selector.values_misfit() {
            let place = place.at(path!["node-selectors", i]);
            return Err(place.reject(format!("parsing node selector: {reason}")));
        }
        nodes.push(selector);
    }
    Ok(Peer {
        name: address.to_string(),
        my_asn,
        asn: RemoteAs::Number(asn),
        host: Host::Address(address),
        source,
        port: from.peer_port.filter(|port| *port != 0).unwrap_or(179),
        timers: Some(timers),
        connect: None,
        router_id,
        nodes,
        password: from.password.clone().unwrap_or_default(),
        secret: SecretRef::default(),
        bfd_profile: from.bfd_profile.clone().unwrap_or_default(),
        graceful_restart: false,
        ebgp_multihop: from.ebgp_multihop.unwrap_or_default().0,
        vrf: String::new(),
        disable_mp: false,
        dual_stack: false,
        local_asn: None,
    })
}

fn asns(place: &Place, from: &PeerFile) -> Result<(u32, u32), Box<Reject>> {
    let given = |asn: Option<u32>| asn.filter(|n| *n != 0);
    let Some(my_asn) = given(from.my_asn) else {
        return Err(place
            .at(path!["my-asn"])
            .reject("missing local ASN")
            .hint("set `my-asn`, for example 64513"));
    };
    let Some(asn) = given(from.peer_asn) else {
        let reject = place.at(path!["peer-asn"]).reject("missing peer ASN");
        return Err(reject.hint("set `peer-asn` to the gateway's AS number, for example 64512"));
    };
    if asn == my_asn && from.ebgp_multihop.unwrap_or_default().0 {
        let reason = "invalid ebgp-multihop parameter set for an ibgp peer";
        return Err(place.at(path!["ebgp-multihop"]).reject(reason));
    }
    Ok((my_asn, asn))
}

fn address(place: &Place, field: &str, text: &str, reason: &str) -> Result<IpAddr, Box<Reject>> {
    // As Go prints it.
    text.parse::<IpAddr>().map(|ip| ip.to_canonical()).map_err(|_| {
        let reject = place.at(path![field]).reject(format!("{reason} \"{text}\""));
        reject.hint("an IPv4 or IPv6 address, without a prefix length")
    })
}

/// In whole seconds, rounded down before they are compared.
fn timers(place: &Place, from: &PeerFile) -> Result<Timers, Box<Reject>> {
    let seconds = |field: &str, what: &str, text: &Option<String>| match text.as_deref() {
        None | Some("") => Ok(None),
        Some(text) => duration::parse(text)
            .map(|d| Some(d.as_secs()))
            .map_err(|why| place.at(path![field]).reject(format!("invalid {what} time \"{text}\": {why}"))),
    };
    let hold = seconds("hold-time", "hold", &from.hold_time)?.unwrap_or(90);
    if hold == 1 || hold == 2 {
        let text = from.hold_time.as_deref().unwrap_or_default();
        let reason = format!("invalid hold time \"{text}\": must be 0 or >=3s");
        return Err(place.at(path!["hold-time"]).reject(reason));
    }
    let keepalive = seconds("keepalive-time", "keepalive", &from.keepalive_time)?.unwrap_or(hold / 3);
    if keepalive > hold {
        let text = from.keepalive_time.as_deref().unwrap_or_default();
        let reject = place.at(path!["keepalive-time"]).reject(format!("invalid keepaliveTime \"{text}\""));
        return Err(reject.hint("it must not be longer than `hold-time`, which is 90s when it is not set"));
    }
    let duration = |seconds| GoDuration(Duration::from_secs(seconds));
    Ok(Timers { keepalive: duration(keepalive), hold: duration(hold) })
}

/// In FRR mode all peers have one router ID and one AS number of ours, and no address twice; MetalLB compares what was written.
pub(super) fn check_frr_mode(root: &Place, peers: &[PeerFile]) -> Result<(), Box<Reject>> {
    let Some((first, others)) = peers.split_first() else { return Ok(()) };
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    for (i, peer) in others.iter().enumerate() {
        let at = |field: &str| root.at(path!["peers", i + 1, field]);
        let (address, before) = (text(&peer.peer_address), &peers[..=i]);
        if text(&peer.router_id) != text(&first.router_id) {
            let reason = format!(
                "peer {} has RouterID different from {}, in FRR mode all RouterID must be equal",
                text(&peer.router_id),
                text(&first.router_id)
            );
            return Err(at("router-id").reject(reason));
        }
        if peer.my_asn.unwrap_or(0) != first.my_asn.unwrap_or(0) {
            let reason = format!(
                "peer {address} has myAsn different from {}, in FRR mode all myAsn must be equal",
                text(&first.peer_address)
            );
            return Err(at("my-asn").reject(reason));
        }
        if before.iter().any(|other| text(&other.peer_address) == address) {
            let reason =
                format!("peer {address} already exists, FRR mode doesn't support duplicate BGPPeers");
            return Err(at("peer-address").reject(reason));
        }
    }
    Ok(())
}

/// Two spellings of one address: MetalLB lets them pass and renders the settings of either, at random.
pub(super) fn check_twice(
    place: &Place,
    peer: &Peer,
    before: &[(ObjectId, Peer)],
) -> Result<(), Box<Reject>> {
    match before.iter().any(|(_, other)| other.host == peer.host) {
        false => Ok(()),
        true => {
            let reason =
                format!("peer {} already exists, FRR mode doesn't support duplicate BGPPeers", peer.host);
            Err(place.at(path!["peer-address"]).reject(reason).hint("it is there in another spelling"))
        }
    }
}
