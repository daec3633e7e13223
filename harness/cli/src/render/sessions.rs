//! `routeproof inspect NODE`: what the node's bgpd and bfdd say of their sessions.

use std::time::Duration;

use comfy_table::Table;
use routeproof_model::fact::DaemonSessions;
use routeproof_model::frr::{BfdPeer, BfdState, Capability, Session};

use super::inspect::{or_dash, rows, section};

/// The sessions, and what each negotiated.
pub(super) fn sections(daemons: &DaemonSessions) -> String {
    if let Some(why) = &daemons.unanswered {
        return format!("SESSIONS\n  not known: {why}\n\n");
    }
    let mut text = section("SESSIONS", sessions(daemons));
    if let Some(table) = capabilities(&daemons.bgp) {
        text.push_str(&section("CAPABILITIES negotiated", Some(table)));
    }
    let strays = strays(daemons);
    if strays.row_count() > 0 {
        text.push_str(&section("BFD SESSIONS of no BGP session", Some(strays)));
    }
    text
}

fn sessions(daemons: &DaemonSessions) -> Option<Table> {
    rows(
        [
            "peer",
            "AS",
            "state",
            "up for",
            "flaps",
            "received/accepted/sent",
            "BFD",
            "graceful restart",
            "last reset",
        ],
        daemons.bgp.iter().map(|session| {
            [
                peer(session),
                session.remote_asn.to_string(),
                format!("{:?}", session.state),
                or_dash(session.established.map(|up| time(up.uptime_ms / 1000))),
                session.connections_dropped.to_string(),
                or_dash(Some(prefixes(session))),
                or_dash(bfd(session, &daemons.bfd)),
                or_dash(graceful_restart(session)),
                or_dash(last_reset(session)),
            ]
        }),
    )
}

fn peer(session: &Session) -> String {
    match session.vrf.as_str() {
        "default" => session.peer.clone(),
        vrf => format!("{} (VRF {vrf})", session.peer),
    }
}

/// Families that carry something; `-` for an Adj-RIB-In that bgpd does not keep.
fn prefixes(session: &Session) -> String {
    let carried = session.families.iter().filter(|(_, family)| family.sent.is_some());
    let shown = carried.map(|(name, family)| {
        let received = family.received.map_or("-".to_owned(), |n| n.to_string());
        let sent = family.sent.unwrap_or_default();
        format!("{} {received}/{}/{sent}", name.trim_end_matches("Unicast"), family.accepted)
    });
    shown.collect::<Vec<_>>().join("\n")
}

fn bfd(session: &Session, bfd: &[BfdPeer]) -> Option<String> {
    let found = bfd.iter().find(|b| b.peer == session.peer && b.vrf == session.vrf);
    let Some(found) = found else {
        return session.bfd.as_ref().map(|state| format!("{state}, by bgpd alone"));
    };
    let mut words = vec![match found.state {
        BfdState::Up => format!("up, detects in {} ms", found.detection_time_ms()),
        // What the peer wants is not known yet.
        state => state.to_string(),
    }];
    if found.diagnostic != "ok" {
        words.push(format!("last {}", found.diagnostic));
    }
    match &session.bfd {
        None => words.push("not watched by bgpd".to_owned()),
        Some(state) if *state != found.state.to_string() => words.push(format!("{state} for bgpd")),
        Some(_) => {}
    }
    Some(words.join("\n"))
}

fn graceful_restart(session: &Session) -> Option<String> {
    let gr = session.graceful_restart.as_ref()?;
    let mut text = gr.mode.to_string();
    if let Some(peer) = gr.peer_mode {
        text.push_str(&format!(", peer {peer}"));
    }
    if let Some(left) = gr.helping_for_s {
        text.push_str(&format!("\nhelping, {left} s left"));
    }
    Some(text)
}

fn last_reset(session: &Session) -> Option<String> {
    // FRR before 10 keeps a reason of the time before the session came up.
    if session.connections_dropped == 0 && session.established.is_some() {
        return Some("never".to_string());
    }
    let reason = session.last_reset.clone()?;
    Some(match &session.last_notification {
        Some(notification) if reason.contains("Notification") => format!("{reason}\n({notification})"),
        _ => reason,
    })
}

fn capabilities(sessions: &[Session]) -> Option<Table> {
    let known = sessions.iter().filter_map(|session| Some((session, session.capabilities.as_ref()?)));
    rows(
        ["peer", "capabilities"],
        known.map(|(session, capabilities)| {
            let names: Vec<&str> = capabilities.all_negotiated().map(Capability::name).collect();
            [peer(session), or_dash(Some(names.join(" ")))]
        }),
    )
}

fn strays(daemons: &DaemonSessions) -> Table {
    let of_none =
        daemons.bfd.iter().filter(|b| !daemons.bgp.iter().any(|s| s.peer == b.peer && s.vrf == b.vrf));
    let found = of_none.map(|b| [b.peer.clone(), or_dash(b.interface.clone()), b.state.to_string()]);
    rows(["peer", "interface", "state"], found).unwrap_or_default()
}

/// `12s`, `3m 4s`.
fn time(seconds: u64) -> String {
    humantime::format_duration(Duration::from_secs(seconds)).to_string()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

    use routeproof_model::frr::{bfd_peers, sessions};

    use super::*;

    macro_rules! answer {
        ($name:literal) => {
            include_str!(concat!("../../../model/src/frr/fixtures/8.4.4/", $name))
        };
    }

    #[test]
    fn sessions_read_like_this() {
        let bgp = sessions(answer!("neighbors-full.json")).unwrap();
        let bfd = bfd_peers(answer!("bfd-peers.json")).unwrap();
        insta::assert_snapshot!(sections(&DaemonSessions { bgp, bfd, unanswered: None }), @r"
        SESSIONS
          peer               AS     state        up for  flaps  received/accepted/sent  BFD                    graceful restart       last reset
          192.168.1.5        64512  Established  1m 44s  1      ipv4 -/3/0              up, detects in 300 ms  helper, peer restart   BGP Notification received
                                                                                                                                      (Cease/Other Configuration Change)
          fd00:192:168:1::5  64512  Established  2s      2      ipv4 -/3/0              up, detects in 300 ms  restart, peer restart  BGP Notification received
                                                                ipv6 -/3/0                                                            (Cease/Other Configuration Change)

        CAPABILITIES negotiated
          peer               capabilities
          192.168.1.5        ipv4-unicast route-refresh enhanced-route-refresh 4-octet-as graceful-restart long-lived-graceful-restart extended-message add-path
          fd00:192:168:1::5  ipv4-unicast ipv6-unicast route-refresh enhanced-route-refresh 4-octet-as graceful-restart long-lived-graceful-restart extended-nexthop extended-message
        ");
    }

    #[test]
    fn a_peer_that_is_away_and_a_daemon_that_is_silent() {
        let bgp = sessions(answer!("neighbors-gr-helping.json")).unwrap();
        let bfd = bfd_peers(answer!("bfd-peers-down.json")).unwrap();
        let alone = DaemonSessions { bgp: bgp[..1].to_vec(), bfd, unanswered: None };
        insta::assert_snapshot!(sections(&alone), @r"
        SESSIONS
          peer         AS     state   up for  flaps  received/accepted/sent  BFD                                  graceful restart     last reset
          192.168.1.5  64512  Active  -       2      -                       down                                 helper               BFD down received
                                                                             last neighbor signaled session down  helping, 118 s left

        BFD SESSIONS of no BGP session
          peer               interface  state
          fd00:192:168:1::5  eth1       down
        ");
        let silent =
            DaemonSessions { unanswered: Some("bgpd is dead".to_owned()), ..DaemonSessions::default() };
        insta::assert_snapshot!(sections(&silent), @r"
        SESSIONS
          not known: bgpd is dead
        ");
    }
}
