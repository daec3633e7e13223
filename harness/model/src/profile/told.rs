//! What a router tells about its sessions and routes, in our words.

use std::collections::BTreeMap;

use ipnet::IpNet;
use serde::Deserialize;

use super::answer::{AnswerError, read_answer};
use super::file::Question;
use crate::frr::{
    Capabilities, Capability, Established, FamilyState, Negotiated, RefreshCounters, Session, SessionState,
};

/// What the filter of `ask: sessions` gives for each session. Beyond peer and state, only what the profile says under `tells`
/// is judged.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ToldSession {
    peer: String,
    /// By its name in RFC 4271, section 8.2.2, in any case of letters.
    state: String,
    #[serde(default)]
    vrf: Option<String>,
    #[serde(default)]
    remote_asn: Option<u32>,
    #[serde(default)]
    local_asn: Option<u32>,
    #[serde(default)]
    uptime_s: Option<f64>,
    #[serde(default)]
    dropped: Option<u64>,
    #[serde(default)]
    last_reset: Option<String>,
    /// By family: `ipv4`, `ipv6`.
    #[serde(default)]
    families: BTreeMap<String, ToldFamily>,
    /// Those of the peer's OPEN that this router offers, too.
    #[serde(default)]
    capabilities: Vec<Capability>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct ToldFamily {
    #[serde(default)]
    received: Option<u64>,
    #[serde(default)]
    accepted: u64,
    #[serde(default)]
    sent: Option<u64>,
}

/// The sessions of an answer; `now_epoch_s` turns uptimes into times.
///
/// # Errors
/// As [`read_answer`], and a state that RFC 4271 does not have.
pub fn told_sessions(
    question: &Question,
    answer: &str,
    now_epoch_s: i64,
) -> Result<Vec<Session>, AnswerError> {
    let told: Vec<ToldSession> = read_answer(question, answer)?;
    told.into_iter().map(|session| session.read(now_epoch_s)).collect()
}

/// The prefixes of an answer: `received` and `advertised` give one text each.
///
/// # Errors
/// As [`read_answer`], and what is no prefix.
pub fn told_prefixes(question: &Question, answer: &str) -> Result<Vec<IpNet>, AnswerError> {
    let texts: Vec<String> = read_answer(question, answer)?;
    let read =
        |text: &String| text.parse().map_err(|_| AnswerError::Shape(format!("`{text}` is not a prefix")));
    let mut prefixes = texts.iter().map(read).collect::<Result<Vec<IpNet>, _>>()?;
    prefixes.sort();
    prefixes.dedup();
    Ok(prefixes)
}

/// The version in an answer.
///
/// # Errors
/// As [`read_answer`], and an answer without one.
pub fn told_version(question: &Question, answer: &str) -> Result<String, AnswerError> {
    let found: Vec<String> = read_answer(question, answer)?;
    found.into_iter().next().ok_or_else(|| AnswerError::Shape("nothing".to_string()))
}

impl ToldSession {
    fn read(self, now_epoch_s: i64) -> Result<Session, AnswerError> {
        let state = state(&self.state)?;
        let uptime_s = self.uptime_s.unwrap_or(0.0).max(0.0);
        let established = (state == SessionState::Established).then(|| Established {
            since_epoch_s: now_epoch_s - uptime_s as i64,
            uptime_ms: (uptime_s * 1000.0) as u64,
        });
        let both = Negotiated { advertised: true, received: true };
        let has = |wanted: Capability| match self.capabilities.contains(&wanted) {
            true => both,
            false => Negotiated::default(),
        };
        let multiprotocol =
            [(Capability::Ipv4Unicast, "ipv4Unicast"), (Capability::Ipv6Unicast, "ipv6Unicast")];
        let capabilities = Capabilities {
            route_refresh: has(Capability::RouteRefresh),
            multiprotocol: multiprotocol.iter().map(|(c, name)| (name.to_string(), has(*c))).collect(),
            graceful_restart: has(Capability::GracefulRestart),
            enhanced_route_refresh: has(Capability::EnhancedRouteRefresh),
            four_octet_as: has(Capability::FourOctetAs),
            long_lived_graceful_restart: has(Capability::LongLivedGracefulRestart),
            extended_nexthop: has(Capability::ExtendedNexthop),
            extended_message: has(Capability::ExtendedMessage),
            add_path: BTreeMap::new(),
        };
        let families = self.families.iter().map(|(name, told)| (format!("{name}Unicast"), told.read()));
        Ok(Session {
            vrf: self.vrf.unwrap_or_else(|| "default".to_string()),
            remote_asn: self.remote_asn.unwrap_or(0),
            local_asn: self.local_asn.unwrap_or(0),
            state,
            // The router counts only losses, if at all.
            connections_established: self.dropped.unwrap_or(0) + u64::from(established.is_some()),
            connections_dropped: self.dropped.unwrap_or(0),
            established,
            last_reset: self.last_reset,
            last_notification: None,
            refresh: RefreshCounters { sent: 0, received: 0 },
            updates_received: 0,
            capabilities: established.map(|_| capabilities),
            families: families.collect(),
            bfd: None,
            graceful_restart: None,
            peer: self.peer,
        })
    }
}

impl ToldFamily {
    fn read(self) -> FamilyState {
        FamilyState {
            received: self.received,
            accepted: self.accepted,
            sent: self.sent,
            route_map_in: None,
            route_map_out: None,
            soft_reconfiguration: false,
        }
    }
}

fn state(text: &str) -> Result<SessionState, AnswerError> {
    use SessionState::{Active, Connect, Established, Idle, OpenConfirm, OpenSent};
    let all = [Idle, Connect, Active, OpenSent, OpenConfirm, Established];
    let plain: String = text.chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    let found = all.into_iter().find(|state| format!("{state:?}").eq_ignore_ascii_case(&plain));
    found.ok_or_else(|| AnswerError::Shape(format!("`{text}` is no state of RFC 4271, section 8.2.2")))
}
