//! `show bgp [vrf all] neighbors json`: sessions, their counters and what they negotiated.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::answer::{FrrViewError, parse};
use super::capabilities::{Capabilities, RawCapabilities, capabilities};
use super::graceful::{GracefulRestart, RawGracefulRestart, graceful_restart};

const WHAT: &str = "show bgp neighbors json";

/// A BGP session's state, RFC 4271 section 8.2.2, and FRR's two transient states while a peer is torn down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SessionState {
    Idle,
    Connect,
    Active,
    OpenSent,
    OpenConfirm,
    Established,
    /// FRR only: the peer's routes are being removed.
    Clearing,
    /// FRR only: the peer is going away.
    Deleted,
}

/// One BGP neighbor of a daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub vrf: String,
    /// The address, or the interface of an unnumbered peer, as configured.
    pub peer: String,
    pub remote_asn: u32,
    pub local_asn: u32,
    pub state: SessionState,
    /// Present exactly when the state is Established.
    pub established: Option<Established>,
    /// How often the session was established since the daemon started.
    pub connections_established: u64,
    /// How often it was lost.
    pub connections_dropped: u64,
    /// Why it was last reset, in FRR's words; `None` when it never was.
    pub last_reset: Option<String>,
    /// The NOTIFICATION of that reset, sent or received (RFC 4271, section 4.5), as FRR names it: code and subcode.
    #[serde(default)]
    pub last_notification: Option<String>,
    /// ROUTE-REFRESH messages (RFC 2918). They count per peer and are not cleared when the session is reset.
    pub refresh: RefreshCounters,
    /// UPDATE messages received.
    pub updates_received: u64,
    /// What was negotiated; FRR tells it for an Established session only.
    pub capabilities: Option<Capabilities>,
    /// By FRR's name of the family: `ipv4Unicast`, `ipv6Unicast`.
    pub families: BTreeMap<String, FamilyState>,
    /// How bgpd sees the BFD session that it watches: `up`, `down`, `admin-down`, `unknown`; `None` when it watches none.
    /// bfdd's own word is in [`super::BfdPeer`].
    #[serde(default)]
    pub bfd: Option<String>,
    /// `None` from an FRR that does not know it, and in recordings of before.
    #[serde(default)]
    pub graceful_restart: Option<GracefulRestart>,
}

/// Since when a session is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Established {
    /// Seconds since the Unix epoch, by the daemon's clock. It changes when the session was reset in between.
    pub since_epoch_s: i64,
    /// Milliseconds; FRR's resolution is one second.
    pub uptime_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefreshCounters {
    pub sent: u64,
    pub received: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FamilyState {
    /// Prefixes in the Adj-RIB-In, before policy. bgpd keeps one only with `soft-reconfiguration inbound`, and its
    /// neighbor listing does not count it: `None` unless it was asked for ([`super::adj_rib_in_count`]).
    #[serde(default)]
    pub received: Option<u64>,
    /// Prefixes that the inbound policy let through. FRR also calls this `pfxRcd`.
    pub accepted: u64,
    /// Prefixes advertised to the peer; `None` while FRR keeps no such count (family not negotiated).
    pub sent: Option<u64>,
    pub route_map_in: Option<String>,
    pub route_map_out: Option<String>,
    /// `soft-reconfiguration inbound`: the Adj-RIB-In is kept before policy.
    pub soft_reconfiguration: bool,
}

impl Session {
    /// Whether this daemon may ask the peer to send its routes again.
    pub fn can_refresh(&self) -> bool {
        self.capabilities.as_ref().is_some_and(|c| c.route_refresh.received)
    }
}

/// Parses `show bgp neighbors json` or its `vrf all` form.
///
/// # Errors
/// When the text is a refusal or no JSON, or when a key is missing that FRR always prints in that state.
pub fn sessions(show_bgp_neighbors_json: &str) -> Result<Vec<Session>, FrrViewError> {
    let top: BTreeMap<String, Value> = parse(WHAT, show_bgp_neighbors_json)?;
    let mut found = Vec::new();
    // A single VRF (`show bgp vrf X neighbors json`) names itself at the top, beside its neighbors.
    let own_vrf = top.get("vrfName").and_then(Value::as_str).unwrap_or("default").to_owned();
    for (key, value) in top {
        match value {
            Value::Object(fields) if fields.contains_key("vrfName") => {
                for (peer, value) in fields.into_iter().filter(|(_, value)| value.is_object()) {
                    found.push(session(&key, peer, value)?);
                }
            }
            Value::Object(fields) => found.push(session(&own_vrf, key, Value::Object(fields))?),
            _ => {}
        }
    }
    Ok(found)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawSession {
    #[serde(deserialize_with = "asn")]
    remote_as: u32,
    #[serde(deserialize_with = "asn")]
    local_as: u32,
    bgp_state: SessionState,
    bgp_timer_up_msec: Option<u64>,
    bgp_timer_up_established_epoch: Option<i64>,
    connections_established: u64,
    connections_dropped: u64,
    /// Only `never`; otherwise the reason is in `lastResetDueTo`.
    last_reset: Option<String>,
    last_reset_due_to: Option<String>,
    last_notification_reason: Option<String>,
    message_stats: RawStats,
    neighbor_capabilities: Option<RawCapabilities>,
    address_family_info: BTreeMap<String, RawFamily>,
    /// FRR tells it in every state, from 7.4 on.
    graceful_restart_info: Option<RawGracefulRestart>,
    /// Printed only when bgpd watches a BFD session.
    peer_bfd_info: Option<RawBfd>,
}

#[derive(Deserialize)]
struct RawBfd {
    /// `Up`, `Down`, `Admin Down`, `Unknown`.
    status: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawStats {
    route_refresh_sent: u64,
    route_refresh_recv: u64,
    updates_recv: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawFamily {
    accepted_prefix_counter: u64,
    sent_prefix_counter: Option<u64>,
    route_map_for_incoming_advertisements: Option<String>,
    route_map_for_outgoing_advertisements: Option<String>,
    /// Printed only when it is configured.
    #[serde(default)]
    inbound_soft_config_permit: bool,
}

/// An ASN is a number, or text when the router runs with `as-notation dot` (RFC 5396).
fn asn<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    use serde::de::Error;
    let value = Value::deserialize(deserializer)?;
    let read = match &value {
        Value::Number(number) => number.as_u64().and_then(|n| u32::try_from(n).ok()),
        Value::String(text) => match text.split_once('.') {
            Some((high, low)) => high
                .parse::<u16>()
                .ok()
                .zip(low.parse::<u16>().ok())
                .map(|(h, l)| (u32::from(h) << 16) | u32::from(l)),
            None => text.parse().ok(),
        },
        _ => None,
    };
    read.ok_or_else(|| D::Error::custom(format!("{value} is not an ASN")))
}

fn session(vrf: &str, peer: String, value: Value) -> Result<Session, FrrViewError> {
    let missing = |key: &str| FrrViewError::Missing { what: WHAT, path: format!("{peer}.{key}") };
    let raw: RawSession = parse(WHAT, &value.to_string()).map_err(|error| within(&peer, error))?;
    let up = raw.bgp_state == SessionState::Established;
    let established = match (up, raw.bgp_timer_up_established_epoch, raw.bgp_timer_up_msec) {
        (false, _, _) => None,
        (true, Some(since_epoch_s), Some(uptime_ms)) => Some(Established { since_epoch_s, uptime_ms }),
        (true, None, _) => return Err(missing("bgpTimerUpEstablishedEpoch")),
        (true, _, None) => return Err(missing("bgpTimerUpMsec")),
    };
    if up && raw.neighbor_capabilities.is_none() {
        return Err(missing("neighborCapabilities"));
    }
    let last_reset = match (raw.last_reset_due_to, raw.last_reset) {
        (Some(reason), _) => Some(reason),
        (None, Some(_)) => None,
        (None, None) => return Err(missing("lastResetDueTo")),
    };
    Ok(Session {
        vrf: vrf.to_owned(),
        remote_asn: raw.remote_as,
        local_asn: raw.local_as,
        state: raw.bgp_state,
        established,
        connections_established: raw.connections_established,
        connections_dropped: raw.connections_dropped,
        last_reset,
        last_notification: raw.last_notification_reason,
        refresh: RefreshCounters {
            sent: raw.message_stats.route_refresh_sent,
            received: raw.message_stats.route_refresh_recv,
        },
        updates_received: raw.message_stats.updates_recv,
        capabilities: raw.neighbor_capabilities.map(capabilities),
        families: raw.address_family_info.into_iter().map(|(name, raw)| (name, family(raw))).collect(),
        bfd: raw.peer_bfd_info.map(|bfd| bfd.status.to_lowercase().replace(' ', "-")),
        graceful_restart: raw
            .graceful_restart_info
            .map(|raw| graceful_restart(WHAT, raw).map_err(|e| within(&peer, e)))
            .transpose()?,
        peer,
    })
}

fn within(peer: &str, error: FrrViewError) -> FrrViewError {
    match error {
        FrrViewError::Missing { what, path } => {
            FrrViewError::Missing { what, path: format!("{peer}.{path}") }
        }
        FrrViewError::Unexpected { what, path, source } => {
            FrrViewError::Unexpected { what, path: format!("{peer}.{path}"), source }
        }
        other => other,
    }
}

fn family(raw: RawFamily) -> FamilyState {
    FamilyState {
        received: None,
        accepted: raw.accepted_prefix_counter,
        sent: raw.sent_prefix_counter,
        route_map_in: raw.route_map_for_incoming_advertisements,
        route_map_out: raw.route_map_for_outgoing_advertisements,
        soft_reconfiguration: raw.inbound_soft_config_permit,
    }
}

#[cfg(test)]
mod tests {
    use super::super::Negotiated;
    use super::super::answer::fixtures::{fixture, versions};
    use super::*;

    #[test]
    fn every_version_tells_the_same_story() {
        for (version, text) in versions!("neighbors.json") {
            let all = sessions(text).unwrap();
            let peers: Vec<_> = all.iter().map(|s| (s.peer.as_str(), s.state, s.remote_asn)).collect();
            use SessionState::{Active, Established};
            let expected = [
                ("192.168.1.5", Established, 64512),
                ("192.168.1.9", Active, 64512),
                ("fd00:1::5", Established, 64512),
            ];
            assert_eq!(peers, expected, "{version}");
            let first = &all[0];
            assert!(first.established.unwrap().uptime_ms >= 1_000, "{version}");
            assert_eq!((first.refresh.sent, first.connections_established), (4, 1), "{version}");
            assert!(first.can_refresh() && !all[1].can_refresh(), "{version}");
            let ipv4 = &first.families["ipv4Unicast"];
            assert_eq!((ipv4.accepted, ipv4.sent), (3, Some(0)), "{version}");
            assert_eq!(ipv4.route_map_in.as_deref(), Some("192.168.1.5-in"), "{version}");
            let both = Negotiated { advertised: true, received: true };
            assert_eq!(first.capabilities.as_ref().unwrap().multiprotocol["ipv6Unicast"], both, "{version}");
            assert_eq!(all[1].families["ipv4Unicast"].sent, None, "{version}");
        }
    }

    #[test]
    fn bfd_and_the_last_reset() {
        for (version, text) in versions!("neighbors-full.json") {
            let first = &sessions(text).unwrap()[0];
            assert_eq!(first.bfd.as_deref(), Some("up"), "{version}");
            assert_eq!(first.last_reset.as_deref(), Some("BGP Notification received"), "{version}");
            let notification = first.last_notification.as_deref();
            assert_eq!(notification, Some("Cease/Other Configuration Change"), "{version}");
            assert!(first.families["ipv4Unicast"].soft_reconfiguration, "{version}");
        }
        for (version, text) in versions!("neighbors-gr-helping.json") {
            assert_eq!(sessions(text).unwrap()[0].bfd.as_deref(), Some("down"), "{version}");
        }
        for (version, text) in versions!("neighbors.json") {
            assert_eq!(sessions(text).unwrap()[0].bfd, None, "{version}");
        }
    }

    #[test]
    fn the_vrf_form_has_the_same_sessions() {
        for ((_, plain), (version, by_vrf)) in
            versions!("neighbors.json").into_iter().zip(versions!("neighbors-vrf-all.json"))
        {
            let names =
                |text| sessions(text).unwrap().into_iter().map(|s| (s.vrf, s.peer)).collect::<Vec<_>>();
            assert_eq!(names(plain), names(by_vrf), "{version}");
        }
        assert!(
            sessions("{\n\"default\":{\n  \"vrfId\":0,\n  \"vrfName\":\"default\"\n}\n}").unwrap().is_empty()
        );
        assert!(sessions("{}").unwrap().is_empty());
    }

    #[test]
    fn a_missing_key_is_an_error_that_names_it() {
        for key in [
            "routeRefreshSent",
            "acceptedPrefixCounter",
            "bgpState",
            "bgpTimerUpEstablishedEpoch",
            "connectionsDropped",
            "neighborCapabilities",
        ] {
            let text = fixture!("8.4.4/neighbors.json").replacen(&format!("\"{key}\""), "\"renamed\"", 1);
            let message = sessions(&text).unwrap_err().to_string();
            assert!(message.contains("192.168.1.5.") && message.contains(key), "{message}");
        }
    }

    #[test]
    fn errors_read_well() {
        insta::assert_snapshot!(sessions("% BGP instance not found\n").unwrap_err(), @"FRR refused `show bgp neighbors json`: BGP instance not found");
        insta::assert_snapshot!(sessions("bgpd is not running\n").unwrap_err(), @r#"the answer to `show bgp neighbors json` is not JSON: "bgpd is not running""#);
        let cut = &fixture!("10.3/neighbors.json")[..400];
        assert!(matches!(sessions(cut), Err(FrrViewError::NotJson { .. })));
    }

    #[test]
    fn asn_in_dot_notation() {
        let text = fixture!("10.3/neighbors.json").replace("\"remoteAs\":64512", "\"remoteAs\":\"1.10\"");
        assert_eq!(sessions(&text).unwrap()[0].remote_asn, 65546);
    }
}
