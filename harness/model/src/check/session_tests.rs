//! On what FRR 7.5.1, 8.4.4 and 10.3 answered in labs.

use std::time::Duration;

use super::*;
use crate::frr::{GracefulMode, bfd_peers, sessions};
use crate::scenario::Count;

macro_rules! answers {
    ($name:literal) => {
        [
            ("7.5.1", include_str!(concat!("../frr/fixtures/7.5.1/", $name))),
            ("8.4.4", include_str!(concat!("../frr/fixtures/8.4.4/", $name))),
            ("10.3", include_str!(concat!("../frr/fixtures/10.3/", $name))),
        ]
    };
}

const PEER: &str = "192.168.1.5";

fn book() -> AddressBook {
    let mut book = AddressBook::default();
    book.insert(PEER.parse().unwrap(), "gw1");
    book.insert("fd00:192:168:1::5".parse().unwrap(), "gw1");
    book
}

fn up() -> ExpectSession {
    ExpectSession::established("worker", PEER)
}

fn down() -> ExpectSession {
    ExpectSession { state: "active".to_string(), ..up() }
}

/// The verdict on 8.4.4's answers, after `change`.
fn on_8_4_4(expect: &ExpectSession, change: impl Fn(&mut Session)) -> Checked {
    let mut found = sessions(answers!("neighbors-full.json")[1].1).unwrap();
    found.iter_mut().for_each(change);
    session(expect, &found, &bfd_peers(answers!("bfd-peers.json")[1].1).unwrap(), &book(), &LostBefore::new())
}

fn refused(expect: &ExpectSession) -> String {
    let checked = on_8_4_4(expect, |_| {});
    assert!(!checked.holds, "{}", checked.status);
    checked.status
}

/// Everything at once, as all versions tell it.
fn all() -> ExpectSession {
    let received = Some(Count::exactly(3));
    ExpectSession {
        uptime_at_least: Some(Duration::from_secs(5)),
        capabilities: vec![Capability::RouteRefresh, Capability::FourOctetAs, Capability::GracefulRestart],
        prefixes: Some(ExpectPrefixes {
            family: Some(AddressFamily::Ipv4),
            received,
            accepted: received,
            sent: Some(Count::exactly(0)),
        }),
        last_reset: Some("bgp notification received (cease/*)".to_string()),
        bfd: Some(ExpectBfd::Up),
        graceful_restart: Some(ExpectGracefulRestart {
            mode: Some(GracefulMode::Helper),
            peer_mode: Some(GracefulMode::Restart),
            helping: Some(false),
            end_of_rib: Some(true),
        }),
        flaps: Some(Count::exactly(1)),
        ..up()
    }
}

#[test]
fn every_version_meets_the_same_expectation() {
    for ((version, neighbors), (_, bfd)) in
        answers!("neighbors-full.json").into_iter().zip(answers!("bfd-peers.json"))
    {
        let (sessions, bfd) = (sessions(neighbors).unwrap(), bfd_peers(bfd).unwrap());
        let checked = session(&all(), &sessions, &bfd, &book(), &LostBefore::new());
        assert!(checked.holds, "{version}: {}", checked.status);
        let what: Vec<&str> = checked.evidence.iter().map(|e| e.what.as_str()).collect();
        assert_eq!(what, ["session", "bfd"], "{version}");
    }
}

#[test]
fn every_session_with_a_node_counts() {
    let by_name = ExpectSession { peer: "gw1".to_string(), ..up() };
    assert!(on_8_4_4(&by_name, |_| {}).holds);
    let one_down = |s: &mut Session| {
        if s.peer.contains(':') {
            s.state = SessionState::Active;
        }
    };
    let checked = on_8_4_4(&by_name, one_down);
    assert!(!checked.holds);
    insta::assert_snapshot!(checked.status, @"session worker -> gw1 (fd00:192:168:1::5) is Active (last reset: BGP Notification received (Cease/Other Configuration Change))");
    assert!(on_8_4_4(&up(), one_down).holds);
    let nobody = ExpectSession { peer: "192.168.1.9".to_string(), ..up() };
    insta::assert_snapshot!(refused(&nobody), @"worker has no session with 192.168.1.9");
}

#[test]
fn what_was_lost_before_the_last_change_does_not_count() {
    let found = sessions(answers!("neighbors-full.json")[1].1).unwrap();
    let of = |flaps, before: u64| {
        let expect = ExpectSession { flaps: Some(Count::exactly(flaps)), ..up() };
        session(&expect, &found, &[], &book(), &[("192.168.1.5".to_string(), before)].into()).holds
    };
    assert!(of(1, 0) && of(0, 1));
    assert!(!of(1, 1));
    // More than now: the daemon was started again, and counts from 0.
    assert!(of(1, 7));
}

#[test]
fn uptime_capabilities_and_flaps() {
    insta::assert_snapshot!(refused(&ExpectSession { uptime_at_least: Some(Duration::from_secs(3600)), ..up() }), @"session worker -> 192.168.1.5 is up for 104 s, not for 1h (last reset: BGP Notification received (Cease/Other Configuration Change))");
    insta::assert_snapshot!(refused(&ExpectSession { flaps: Some(Count::exactly(0)), ..up() }), @"session worker -> 192.168.1.5 was lost 1 time, not 0 (last reset: BGP Notification received (Cease/Other Configuration Change))");
    insta::assert_snapshot!(refused(&ExpectSession { capabilities: vec![Capability::ExtendedNexthop], ..up() }), @"session worker -> 192.168.1.5 has not negotiated extended-nexthop: neither side offers it");
    let six = ExpectSession { peer: "fd00:192:168:1::5".to_string(), ..up() };
    insta::assert_snapshot!(refused(&ExpectSession { capabilities: vec![Capability::AddPath], ..six.clone() }), @"session worker -> fd00:192:168:1::5 has not negotiated add-path: no side sends what the other receives");
    let expect = ExpectSession { capabilities: vec![Capability::Ipv6Unicast], ..six };
    assert!(on_8_4_4(&expect, |_| {}).holds);
}

#[test]
fn prefixes_before_and_after_policy() {
    let expect = |prefixes| ExpectSession { prefixes: Some(prefixes), ..up() };
    let three = Some(Count::exactly(3));
    let received = ExpectPrefixes { received: three, ..ExpectPrefixes::default() };
    // Policy lets one of three through: with an Adj-RIB-In that shows, without one it cannot.
    let filtered = |received: Option<u64>| {
        move |s: &mut Session| {
            let family = s.families.get_mut("ipv4Unicast").unwrap();
            (family.received, family.accepted) = (received, 1);
        }
    };
    let wanted = ExpectPrefixes { accepted: Some(Count::exactly(1)), ..received.clone() };
    assert!(on_8_4_4(&expect(wanted), filtered(Some(3))).holds);
    insta::assert_snapshot!(on_8_4_4(&expect(received), filtered(None)).status, @"session worker -> 192.168.1.5 has 1 prefixes received, not 3; without `soft-reconfiguration inbound` bgpd counts only what policy lets through");
    insta::assert_snapshot!(refused(&expect(ExpectPrefixes { sent: three, family: Some(AddressFamily::Ipv4), ..ExpectPrefixes::default() })), @"session worker -> 192.168.1.5 has 0 prefixes of IPv4 sent, not 3");
    let six = ExpectPrefixes { family: Some(AddressFamily::Ipv6), ..ExpectPrefixes::default() };
    let no_six = on_8_4_4(&expect(six), |s| {
        s.families.remove("ipv6Unicast");
    });
    insta::assert_snapshot!(no_six.status, @"session worker -> 192.168.1.5 has no family IPv6 unicast");
}

#[test]
fn the_last_reset_by_either_name() {
    let reset = |wanted: &str| ExpectSession { last_reset: Some(wanted.to_string()), ..up() };
    for fits in ["BGP Notification received", "cease/other configuration change", "*Configuration*"] {
        assert!(on_8_4_4(&reset(fits), |_| {}).holds, "{fits}");
    }
    insta::assert_snapshot!(refused(&reset("Peer closed the session")), @"session worker -> 192.168.1.5 was last reset by `BGP Notification received (Cease/Other Configuration Change)`, not `Peer closed the session`");
    insta::assert_snapshot!(refused(&reset("never")), @"session worker -> 192.168.1.5 was last reset by `BGP Notification received (Cease/Other Configuration Change)`, not `never`");
    let never = |s: &mut Session| (s.last_reset, s.connections_dropped) = (None, 0);
    assert!(on_8_4_4(&reset("never"), never).holds);
    let not_yet = |s: &mut Session| {
        (s.last_reset, s.connections_dropped) = (Some("Waiting for peer OPEN".to_string()), 0);
    };
    assert!(on_8_4_4(&reset("never"), not_yet).holds);
    insta::assert_snapshot!(on_8_4_4(&reset("BFD*"), never).status, @"session worker -> 192.168.1.5 was never reset, so not by `BFD*`");
    // Renamed in FRR 10; both names mean both.
    for word in ["Waiting for NHT", "No path to specified Neighbor"] {
        for wanted in ["Waiting for NHT", "no path to specified neighbor"] {
            assert!(on_8_4_4(&reset(wanted), |s| s.last_reset = Some(word.to_string())).holds, "{wanted}");
        }
    }
}

/// FRR 7.5.1 says `BFD down received`; 8.4.4 and 10.3 send a NOTIFICATION and say so.
#[test]
fn a_reset_by_bfd_has_one_name() {
    let bfd = ExpectSession { last_reset: Some("BFD down received".to_string()), ..up() };
    let told = |name: &'static str| {
        move |s: &mut Session| {
            s.last_reset = Some("BGP Notification send".to_string());
            s.last_notification = Some(name.to_string());
        }
    };
    assert!(on_8_4_4(&bfd, told("Cease/BFD Down")).holds);
    assert!(!on_8_4_4(&bfd, told("Hold Timer Expired")).holds);
    assert!(on_8_4_4(&bfd, |s| s.last_reset = Some("BFD down received".to_string())).holds);
}

#[test]
fn patterns() {
    let yes = [("", ""), ("*", "abc"), ("a*c", "abc"), ("*b*", "ABC"), ("a*b*c", "a-b-c"), ("ab*b", "abb")];
    let no = [("", "a"), ("a", "ab"), ("a*c", "ab"), ("ab*b", "ab"), ("*b*b*", "abc")];
    assert!(yes.iter().all(|(pattern, text)| matches(pattern, text)));
    assert!(no.iter().all(|(pattern, text)| !matches(pattern, text)));
}

#[test]
fn bfd_by_both_daemons() {
    let bfd = |wanted| ExpectSession { bfd: Some(wanted), ..up() };
    insta::assert_snapshot!(refused(&bfd(ExpectBfd::Down)), @"session worker -> 192.168.1.5 has BFD up, not down");
    insta::assert_snapshot!(refused(&bfd(ExpectBfd::None)), @"session worker -> 192.168.1.5 has a BFD session, which is up");
    let not_watched = on_8_4_4(&bfd(ExpectBfd::Up), |s| s.bfd = None);
    insta::assert_snapshot!(not_watched.status, @"session worker -> 192.168.1.5 has BFD up, but bgpd does not watch it");
    let late = on_8_4_4(&bfd(ExpectBfd::Up), |s| s.bfd = Some("down".to_string()));
    insta::assert_snapshot!(late.status, @"session worker -> 192.168.1.5 has BFD up, but bgpd takes it for down");
    let found = sessions(answers!("neighbors-full.json")[1].1).unwrap();
    insta::assert_snapshot!(session(&bfd(ExpectBfd::Up), &found, &[], &book(), &LostBefore::new()).status, @"session worker -> 192.168.1.5 has no BFD session, so none that is up");
    assert!(session(&bfd(ExpectBfd::None), &found, &[], &book(), &LostBefore::new()).holds);
    for ((version, neighbors), (_, peers)) in
        answers!("neighbors-gr-helping.json").into_iter().zip(answers!("bfd-peers-down.json"))
    {
        let (found, peers) = (sessions(neighbors).unwrap(), bfd_peers(peers).unwrap());
        let state = format!("{:?}", found[0].state).to_lowercase();
        let expect = ExpectSession { state, ..down() };
        assert!(
            session(
                &ExpectSession { bfd: Some(ExpectBfd::Down), ..expect.clone() },
                &found,
                &peers,
                &book(),
                &LostBefore::new()
            )
            .holds
        );
        let up = session(
            &ExpectSession { bfd: Some(ExpectBfd::Up), ..expect },
            &found,
            &peers,
            &book(),
            &LostBefore::new(),
        );
        assert!(
            up.status.ends_with("has BFD down (neighbor signaled session down), not up"),
            "{version}: {}",
            up.status
        );
    }
}

#[test]
fn graceful_restart() {
    let gr = |wanted| ExpectSession { graceful_restart: Some(wanted), ..up() };
    let default = ExpectGracefulRestart::default;
    insta::assert_snapshot!(refused(&gr(ExpectGracefulRestart { mode: Some(GracefulMode::Restart), ..default() })), @"session worker -> 192.168.1.5 is in graceful-restart mode helper, not restart");
    insta::assert_snapshot!(refused(&gr(ExpectGracefulRestart { peer_mode: Some(GracefulMode::Disable), ..default() })), @"session worker -> 192.168.1.5 has a peer in graceful-restart mode restart, not disable");
    insta::assert_snapshot!(refused(&gr(ExpectGracefulRestart { helping: Some(true), ..default() })), @"session worker -> 192.168.1.5 does not help the peer to restart");
    let incomplete = |s: &mut Session| s.graceful_restart.as_mut().unwrap().end_of_rib_received.clear();
    let expect = gr(ExpectGracefulRestart { end_of_rib: Some(true), ..default() });
    insta::assert_snapshot!(on_8_4_4(&expect, incomplete).status, @"session worker -> 192.168.1.5 lacks End-of-RIB of the peer (got it for: )");
    for (version, neighbors) in answers!("neighbors-gr-helping.json") {
        let found = sessions(neighbors).unwrap();
        let state = format!("{:?}", found[0].state);
        let helping = ExpectGracefulRestart { helping: Some(true), ..default() };
        let expect = ExpectSession { state, graceful_restart: Some(helping), ..down() };
        assert!(session(&expect, &found, &[], &book(), &LostBefore::new()).holds, "{version}");
    }
}

#[test]
fn two_vrfs_may_have_a_peer_of_one_address() {
    let mut found = sessions(answers!("neighbors-full.json")[1].1).unwrap();
    found.retain(|session| session.peer == PEER);
    let (red, mut blue) = (Session { vrf: "red".into(), ..found.remove(0) }, red_is_lost());
    blue.vrf = "blue".into();
    let found = [red, blue];
    let said = |vrf: Option<&str>, before: &LostBefore| {
        let expect = ExpectSession { vrf: vrf.map(str::to_string), flaps: Some(Count::exactly(1)), ..up() };
        session(&expect, &found, &[], &book(), before).status
    };
    let never = LostBefore::new();
    assert_eq!(said(Some("red"), &never), "session worker -> 192.168.1.5 is established");
    insta::assert_snapshot!(said(Some("blue"), &never), @"session worker -> 192.168.1.5 is Active (last reset: BGP Notification received (Cease/Other Configuration Change))");
    insta::assert_snapshot!(said(None, &never), @"session worker -> 192.168.1.5 (192.168.1.5 in VRF blue) is Active (last reset: BGP Notification received (Cease/Other Configuration Change))");
    insta::assert_snapshot!(said(Some("default"), &never), @"worker has no session with 192.168.1.5 in VRF default");
    // Each counts from its own past.
    let before = found.iter().map(|s| (counted_as(s), 0)).collect::<LostBefore>();
    assert_eq!(Vec::from_iter(before.keys()), ["192.168.1.5 in VRF blue", "192.168.1.5 in VRF red"]);
}

/// The recorded session, down.
fn red_is_lost() -> Session {
    let found = sessions(answers!("neighbors-full.json")[1].1).unwrap();
    let session = found.into_iter().find(|session| session.peer == PEER).unwrap();
    Session { state: SessionState::Active, established: None, ..session }
}

#[test]
fn an_unnumbered_session_is_with_the_node_at_the_links_other_end() {
    let mut book = book();
    book.alias("worker", "k8s-worker");
    book.link("k8s-worker", "eth1", "gw1");
    book.link("k8s-worker", "eth2", "gw2");
    let mut found = sessions(answers!("neighbors-full.json")[1].1).unwrap();
    found.retain(|session| session.peer == PEER);
    found[0].peer = "eth1".into();
    let judge = |peer: &str| {
        session(&ExpectSession::established("worker", peer), &found, &[], &book, &LostBefore::new())
    };
    assert!(judge("gw1").holds);
    assert_eq!(judge("gw2").status, "worker has no session with gw2");
}
