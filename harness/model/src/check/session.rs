//! `session`: a node's BGP sessions with a peer, as bgpd and bfdd tell them.

use std::collections::BTreeMap;

use super::{AddressBook, Checked, evidence};
use crate::frr::{BfdPeer, BfdState, Capability, FamilyState, GracefulRestart, Session, SessionState};
use crate::scenario::{AddressFamily, ExpectBfd, ExpectGracefulRestart, ExpectPrefixes, ExpectSession};

/// How often sessions had been lost before the last change, by [`counted_as`].
pub type LostBefore = BTreeMap<String, u64>;

/// FRR's name for being in no VRF.
const DEFAULT: &str = "default";

/// The peer as bgpd names it, with its VRF if it is in one: two VRFs may have a peer of the same address.
pub fn counted_as(session: &Session) -> String {
    match session.vrf.as_str() {
        DEFAULT => session.peer.clone(),
        vrf => format!("{} in VRF {vrf}", session.peer),
    }
}

/// With a node's name as the peer, every session with that node must be as described, and there must be one.
///
/// `bfd` is what bfdd answered; it counts only where the expectation speaks of BFD. Flaps count from `before` on.
pub fn session(
    expect: &ExpectSession,
    sessions: &[Session],
    bfd: &[BfdPeer],
    book: &AddressBook,
    before: &LostBefore,
) -> Checked {
    let with_peer: Vec<&Session> = sessions
        .iter()
        .filter(|s| book.is_peer(&expect.node, &expect.peer, &s.peer))
        .filter(|s| expect.vrf.as_ref().is_none_or(|vrf| *vrf == s.vrf))
        .collect();
    let wrong = with_peer.iter().find_map(|session| {
        let why = differs(expect, session, bfd, before).err()?;
        // A node may have several.
        let named = session.peer == expect.peer && (session.vrf == DEFAULT || expect.vrf.is_some());
        let peer = if named { String::new() } else { format!(" ({})", counted_as(session)) };
        Some(format!("{peer} {why}"))
    });
    let status = match (with_peer.first(), &wrong) {
        (None, _) => {
            let vrf = expect.vrf.as_ref().map(|vrf| format!(" in VRF {vrf}")).unwrap_or_default();
            format!("{} has no session with {}{vrf}", expect.node, expect.peer)
        }
        (_, Some(why)) => format!("session {} -> {}{why}", expect.node, expect.peer),
        (Some(_), None) => format!("session {} -> {} is {}", expect.node, expect.peer, expect.state),
    };
    let mut found: Vec<_> = with_peer.iter().map(|s| evidence("session", &expect.node, s)).collect();
    if expect.bfd.is_some() {
        let peers = with_peer.iter().flat_map(|session| of_session(bfd, session));
        found.extend(peers.map(|peer| evidence("bfd", &expect.node, peer)));
    }
    Checked { holds: wrong.is_none() && !with_peer.is_empty(), unproved: false, status, evidence: found }
}

/// What is not as expected, in words that follow "session A -> B".
fn differs(
    expect: &ExpectSession,
    session: &Session,
    bfd: &[BfdPeer],
    before: &LostBefore,
) -> Result<(), String> {
    // The state by its name in RFC 4271, section 8.2.2.
    let state = format!("{:?}", session.state);
    let fits = match expect.state.eq_ignore_ascii_case("down") {
        true => session.state != SessionState::Established,
        false => state.eq_ignore_ascii_case(&expect.state),
    };
    if !fits {
        return Err(format!("is {state}{}", reset_note(session)));
    }
    uptime(expect, session)?;
    expect.capabilities.iter().try_for_each(|capability| negotiated(*capability, session))?;
    expect.prefixes.as_ref().map_or(Ok(()), |wanted| prefixes(wanted, &session.families))?;
    expect.last_reset.as_ref().map_or(Ok(()), |wanted| last_reset(wanted, session))?;
    expect.bfd.map_or(Ok(()), |wanted| bfd_state(wanted, session, bfd))?;
    expect.graceful_restart.as_ref().map_or(Ok(()), |wanted| graceful(wanted, session))?;
    // A speaker that was restarted counts from 0.
    let earlier = before.get(&counted_as(session)).copied().unwrap_or(0);
    let found = session.connections_dropped.checked_sub(earlier).unwrap_or(session.connections_dropped);
    match expect.flaps {
        Some(wanted) if !wanted.fits(found) => {
            let times = if found == 1 { "time" } else { "times" };
            Err(format!("was lost {found} {times}, not {wanted}{}", reset_note(session)))
        }
        _ => Ok(()),
    }
}

fn reset_note(session: &Session) -> String {
    reason(session).map(|reason| format!(" (last reset: {reason})")).unwrap_or_default()
}

fn uptime(expect: &ExpectSession, session: &Session) -> Result<(), String> {
    let Some(wanted) = expect.uptime_at_least else { return Ok(()) };
    let wanted_ms = u64::try_from(wanted.as_millis()).unwrap_or(u64::MAX);
    match session.established {
        Some(up) if up.uptime_ms >= wanted_ms => Ok(()),
        Some(up) => Err(format!(
            "is up for {} s, not for {}{}",
            up.uptime_ms / 1000,
            humantime::format_duration(wanted),
            reset_note(session)
        )),
        None => Err("is not up".to_string()),
    }
}

fn negotiated(capability: Capability, session: &Session) -> Result<(), String> {
    let name = capability.name();
    let Some(capabilities) = &session.capabilities else {
        return Err(format!("has not negotiated {name}: it is not up"));
    };
    if capabilities.negotiated(capability) {
        return Ok(());
    }
    let offered = capabilities.offered(capability);
    let who = match (offered.advertised, offered.received) {
        (true, true) => "no side sends what the other receives",
        (true, false) => "the peer does not offer it",
        (false, true) => "only the peer offers it",
        (false, false) => "neither side offers it",
    };
    Err(format!("has not negotiated {name}: {who}"))
}

fn prefixes(wanted: &ExpectPrefixes, families: &BTreeMap<String, FamilyState>) -> Result<(), String> {
    let key = wanted.family.map(|family| match family {
        AddressFamily::Ipv4 => "ipv4Unicast",
        AddressFamily::Ipv6 => "ipv6Unicast",
    });
    let chosen: Vec<&FamilyState> =
        families.iter().filter(|(name, _)| key.is_none_or(|key| key == *name)).map(|(_, f)| f).collect();
    let of = match (wanted.family, chosen.is_empty()) {
        (Some(AddressFamily::Ipv4), true) => return Err("has no family IPv4 unicast".to_string()),
        (Some(AddressFamily::Ipv6), true) => return Err("has no family IPv6 unicast".to_string()),
        (Some(AddressFamily::Ipv4), false) => " of IPv4",
        (Some(AddressFamily::Ipv6), false) => " of IPv6",
        (None, _) => "",
    };
    let sum = |count: fn(&FamilyState) -> u64| chosen.iter().map(|family| count(family)).sum::<u64>();
    let received = sum(|family| family.received.unwrap_or(family.accepted));
    // bgpd keeps no Adj-RIB-In then: what policy refuses is gone.
    let note = match chosen.iter().any(|family| family.received.is_none() && family.sent.is_some()) {
        true => "; without `soft-reconfiguration inbound` bgpd counts only what policy lets through",
        false => "",
    };
    let counts = [
        ("received", wanted.received, received, note),
        ("accepted", wanted.accepted, sum(|family| family.accepted), ""),
        ("sent", wanted.sent, sum(|family| family.sent.unwrap_or(0)), ""),
    ];
    let wrong = counts.into_iter().find_map(|(what, wanted, found, note)| {
        Some((what, wanted?, found, note)).filter(|w| !w.1.fits(found))
    });
    match wrong {
        Some((what, wanted, found, note)) => {
            Err(format!("has {found} prefixes{of} {what}, not {wanted}{note}"))
        }
        None => Ok(()),
    }
}

/// Reasons that FRR has renamed; the first is the name that is shown and compared.
const RENAMED: [(&str, &str); 2] = [
    ("No path to specified Neighbor", "Waiting for NHT"),
    ("BGP Notification sent", "BGP Notification send"),
];

/// The last reset as it is shown: `BGP Notification received (Cease/Other Configuration Change)`.
fn reason(session: &Session) -> Option<String> {
    let reason = session.last_reset.as_deref().map(current)?;
    Some(match &session.last_notification {
        Some(notification) if reason.contains("Notification") => format!("{reason} ({notification})"),
        _ => reason.to_string(),
    })
}

fn current(reason: &str) -> &str {
    RENAMED.iter().find(|(_, old)| old.eq_ignore_ascii_case(reason)).map_or(reason, |(new, _)| new)
}

fn last_reset(wanted: &str, session: &Session) -> Result<(), String> {
    // FRR before 10 gives a reason to sessions that were never up, too: `Waiting for peer OPEN`.
    if wanted.eq_ignore_ascii_case("never") && session.connections_dropped == 0 {
        return Ok(());
    }
    let Some(shown) = reason(session) else {
        return Err(format!("was never reset, so not by `{wanted}`"));
    };
    let reason = session.last_reset.as_deref().map_or("", current);
    let notification = session.last_notification.as_deref().filter(|_| reason.contains("Notification"));
    let texts = [
        Some(shown.as_str()),
        Some(reason),
        session.last_reset.as_deref(),
        notification,
        told(reason, notification),
    ];
    match texts.into_iter().flatten().any(|text| matches(current(wanted), text)) {
        true => Ok(()),
        false => Err(format!("was last reset by `{shown}`, not `{wanted}`")),
    }
}

/// What FRR 7.5 calls a reset of which later releases tell the peer by a NOTIFICATION (RFC 9384).
fn told(reason: &str, notification: Option<&str>) -> Option<&'static str> {
    let by_bfd = reason == "BGP Notification sent" && notification == Some("Cease/BFD Down");
    by_bfd.then_some("BFD down received")
}

/// A pattern in which `*` stands for any text; the case of letters does not matter.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_lowercase(), text.to_lowercase());
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// bfdd's sessions with the peer of a BGP session.
fn of_session<'a>(bfd: &'a [BfdPeer], session: &'a Session) -> impl Iterator<Item = &'a BfdPeer> {
    bfd.iter().filter(|peer| peer.peer == session.peer && peer.vrf == session.vrf)
}

fn bfd_state(wanted: ExpectBfd, session: &Session, bfd: &[BfdPeer]) -> Result<(), String> {
    let mut peers = of_session(bfd, session);
    let wanted = match wanted {
        ExpectBfd::None => {
            return match peers.next() {
                None => Ok(()),
                Some(peer) => Err(format!("has a BFD session, which is {}", peer.state)),
            };
        }
        ExpectBfd::Up => BfdState::Up,
        ExpectBfd::Down => BfdState::Down,
        ExpectBfd::Init => BfdState::Init,
        ExpectBfd::AdminDown => BfdState::AdminDown,
    };
    let mut found = false;
    for peer in peers {
        found = true;
        if peer.state != wanted {
            let why = match peer.diagnostic.as_str() {
                "ok" => String::new(),
                why => format!(" ({why})"),
            };
            return Err(format!("has BFD {}{why}, not {wanted}", peer.state));
        }
    }
    match (found, session.bfd.as_deref()) {
        (false, _) => Err(format!("has no BFD session, so none that is {wanted}")),
        (true, None) => Err(format!("has BFD {wanted}, but bgpd does not watch it")),
        // bgpd learns of it a moment later than bfdd.
        (true, Some(word)) if wanted == BfdState::Up && word != "up" => {
            Err(format!("has BFD {wanted}, but bgpd takes it for {word}"))
        }
        (true, Some(_)) => Ok(()),
    }
}

fn graceful(wanted: &ExpectGracefulRestart, session: &Session) -> Result<(), String> {
    let Some(found) = &session.graceful_restart else {
        return Err("has no graceful restart that FRR tells of".to_string());
    };
    if let Some(mode) = wanted.mode.filter(|mode| *mode != found.mode) {
        return Err(format!("is in graceful-restart mode {}, not {mode}", found.mode));
    }
    match (wanted.peer_mode, found.peer_mode) {
        (Some(mode), Some(peer)) if mode != peer => {
            return Err(format!("has a peer in graceful-restart mode {peer}, not {mode}"));
        }
        (Some(mode), None) => {
            return Err(format!("has no peer in graceful-restart mode {mode}: no OPEN of it counts"));
        }
        _ => {}
    }
    match (wanted.helping, found.helping_for_s) {
        (Some(true), None) => return Err("does not help the peer to restart".to_string()),
        (Some(false), Some(left)) => {
            return Err(format!("helps the peer to restart, for {left} s more"));
        }
        _ => {}
    }
    match wanted.end_of_rib {
        Some(wanted) if wanted != end_of_rib(session, found) => Err(match wanted {
            true => {
                format!("lacks End-of-RIB of the peer (got it for: {})", found.end_of_rib_received.join(", "))
            }
            false => "has End-of-RIB of the peer for every family".to_string(),
        }),
        _ => Ok(()),
    }
}

/// For every family that both sides carry, and at least one.
fn end_of_rib(session: &Session, found: &GracefulRestart) -> bool {
    let Some(capabilities) = &session.capabilities else { return false };
    let mut carried = capabilities.multiprotocol.iter().filter(|(_, n)| n.both()).map(|(f, _)| f).peekable();
    session.state == SessionState::Established
        && carried.peek().is_some()
        && carried.all(|family| found.end_of_rib_received.contains(family))
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
