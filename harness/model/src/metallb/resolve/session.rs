//! What a BGPPeer says of its session: the other side's AS number and host, and the timers.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use crate::metallb::duration::GoDuration;
use crate::metallb::objects::ObjectId;
use crate::metallb::reject::Reject;
use crate::metallb::release::Generation;
use crate::metallb::specs::BgpPeerSpec;

/// The AS number that the other side must have, as in `neighbor P remote-as`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoteAs {
    Number(u32),
    /// Ours.
    Internal,
    /// Any but ours.
    External,
}

impl RemoteAs {
    /// Whether the session is eBGP.
    pub fn is_external(self, my_asn: u32) -> bool {
        match self {
            Self::Number(asn) => asn != my_asn,
            Self::Internal => false,
            Self::External => true,
        }
    }
}

impl fmt::Display for RemoteAs {
    /// As FRR spells it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(asn) => asn.fmt(f),
            Self::Internal => f.write_str("internal"),
            Self::External => f.write_str("external"),
        }
    }
}

/// Where the other side is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::metallb) enum Host {
    Address(IpAddr),
    /// The node's interface of an unnumbered session.
    Interface(String),
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(ip) => ip.fmt(f),
            Self::Interface(name) => f.write_str(name),
        }
    }
}

/// As given: FRR gets whole seconds, rounded down, and an FRRConfiguration all of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::metallb) struct Timers {
    pub keepalive: GoDuration,
    pub hold: GoDuration,
}

impl Timers {
    /// (keepalive, hold) for FRR.
    pub fn seconds(self) -> (u64, u64) {
        (self.keepalive.0.as_secs(), self.hold.0.as_secs())
    }
}

/// MetalLB's hold time up to v0.14.8 when the manifest has none (or 0).
const DEFAULT_HOLD: GoDuration = GoDuration(Duration::from_secs(90));

/// Hold and keepalive time; without a generation, what some release accepts.
pub(super) fn timers(
    id: &ObjectId,
    spec: &BgpPeerSpec,
    generation: Option<Generation>,
) -> Result<Option<Timers>, Box<Reject>> {
    match generation {
        Some(g) if g < Generation::V0_14_9 => timers_with_default(id, spec, g).map(Some),
        Some(_) => timers_as_given(id, spec),
        None => timers_with_default(id, spec, Generation::V0_13_0)
            .map(Some)
            .or_else(|older| timers_as_given(id, spec).map_err(|_| older)),
    }
}

fn timers_with_default(
    id: &ObjectId,
    spec: &BgpPeerSpec,
    generation: Generation,
) -> Result<Timers, Box<Reject>> {
    let given = |d: Option<GoDuration>| d.filter(|d| !d.is_zero());
    let hold = given(spec.hold_time).unwrap_or(DEFAULT_HOLD);
    check_hold(id, hold, "")?;
    let keepalive = given(spec.keepalive_time).unwrap_or(GoDuration(hold.0 / 3));
    if keepalive > hold {
        let reason = match generation < Generation::V0_14_6 {
            true => format!("invalid keepaliveTime \"{keepalive}\", must be lower than holdTime \"{hold}\""),
            false => {
                format!("invalid keepaliveTime \"{keepalive}\" must be smaller than holdtime \"{hold}\"")
            }
        };
        return Err(Reject::spec(id, "keepaliveTime", reason)
            .hint("holdTime is 90s when it is not set (up to v0.14.8)"));
    }
    Ok(Timers { keepalive, hold })
}

/// Since v0.14.9: none given, none rendered; one given, the other follows; 0 is a value.
fn timers_as_given(id: &ObjectId, spec: &BgpPeerSpec) -> Result<Option<Timers>, Box<Reject>> {
    let (hold, keepalive) = match (spec.hold_time, spec.keepalive_time) {
        (None, None) => return Ok(None),
        (Some(hold), Some(keepalive)) => (hold, keepalive),
        (Some(hold), None) => (hold, GoDuration(hold.0 / 3)),
        (None, Some(keepalive)) => (GoDuration(keepalive.0.saturating_mul(3)), keepalive),
    };
    check_hold(id, hold, "invalid BGPPeer timers: ")?;
    if keepalive > hold {
        let reason = format!(
            "invalid BGPPeer timers: invalid keepaliveTime \"{keepalive}\", must be lower than holdTime \"{hold}\""
        );
        return Err(Reject::spec(id, "keepaliveTime", reason));
    }
    Ok(Some(Timers { keepalive, hold }))
}

fn check_hold(id: &ObjectId, hold: GoDuration, context: &str) -> Result<(), Box<Reject>> {
    match hold.0.as_secs() {
        1 | 2 => {
            let reason = format!("{context}invalid hold time \"{hold}\": must be 0 or >=3s");
            Err(Reject::spec(id, "holdTime", reason))
        }
        _ => Ok(()),
    }
}

/// The connect time in seconds; the rules are those of the CRD.
pub(super) fn connect(id: &ObjectId, spec: &BgpPeerSpec) -> Result<Option<u64>, Box<Reject>> {
    let Some(time) = spec.connect_time else { return Ok(None) };
    let seconds = time.0.as_secs();
    if !(1..=65535).contains(&seconds) {
        let reason = "connect time should be between 1 seconds to 65535";
        return Err(Reject::spec(id, "connectTime", reason));
    }
    if time.0.subsec_millis() != 0 {
        let reason = "connect time should contain a whole number of seconds";
        return Err(Reject::spec(id, "connectTime", reason));
    }
    Ok(Some(seconds))
}
