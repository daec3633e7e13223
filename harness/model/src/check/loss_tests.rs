use std::time::Duration;

use super::*;
use crate::fact::{Again, Refused, StreamProtocol, StreamWay};

const EVERY: u64 = 5_000;

/// Sent every 5 ms, each number the packet's own: who got it, and 20 us later; `.` is lost. `late` is how much longer than
/// the pace the sender was silent before a packet.
fn flow(packets: &str, late: &[(usize, u64)]) -> StreamFlow {
    let behind = |i: usize| late.iter().filter(|(at, _)| *at == i).map(|(_, us)| us).sum::<u64>();
    let mut by: Vec<StreamWay> = Vec::new();
    for packet in packets.chars().filter(|c| *c != '.') {
        let node = format!("gw{packet}");
        match by.last_mut() {
            Some(way) if way.node == node => way.count += 1,
            _ => by.push(StreamWay { node, count: 1 }),
        }
    }
    StreamFlow {
        sport: 4000,
        dst: "172.16.1.10".parse().unwrap(),
        dport: Some(33434),
        sent_us: (0..packets.len()).map(|i| if i == 0 { 0 } else { EVERY + behind(i) }).collect(),
        took_us: packets.chars().map(|c| (c != '.').then_some(20)).collect(),
        by,
        again: Vec::new(),
        refused: Vec::new(),
    }
}

fn stream(flows: Vec<StreamFlow>) -> Stream {
    Stream {
        name: "s1".into(),
        node: "worker".into(),
        protocol: StreamProtocol::Udp,
        every_us: EVERY,
        from: Mono(1_000_000_000),
        at: Mono(2_000_000_000),
        watched: ["gw1".to_string(), "gw2".to_string()].into(),
        flows,
        dropped: 0,
        unwatched: Default::default(),
    }
}

fn expect(at_most_ms: u64) -> ExpectLoss {
    ExpectLoss {
        stream: "s1".into(),
        node: "worker".into(),
        at_most: Some(Duration::from_millis(at_most_ms)),
        lost_at_most: None,
        during: During::Stream,
    }
}

/// 11 ms after the start: three packets of each flow have been sent.
const CHANGE: Option<Mono> = Some(Mono(1_011_000_000));

#[test]
fn only_the_flows_of_the_failed_gateway_are_out() {
    let stream = stream(vec![flow("1111111111", &[]), flow("222...1111", &[]), flow("22....1111", &[])]);
    let judged = loss(&expect(20), &stream, CHANGE);
    assert_eq!(judged.outcome, Outcome::Passed);
    insta::assert_snapshot!(judged.message, @"30 packets in 3 flows, 7 lost, out for 20.0 ms; 2 flows went from gw2 to gw1 after 19.0 ms");
    insta::assert_json_snapshot!(judged.evidence[0].value, @r#"
    {
      "duplicates": 0,
      "got": {
        "gw1": [
          3,
          15
        ],
        "gw2": [
          5,
          0
        ]
      },
      "late_ms": 0.0,
      "lost": 7,
      "out_ms": 20.0,
      "received": 23,
      "refused": 0,
      "sent": 30,
      "stream": "s1",
      "unsure_ms": 0.0,
      "ways": [
        {
          "after": "gw1",
          "before": "gw1",
          "flows": 1,
          "last_before_ms": 34.02,
          "lost": 0,
          "moved_ms": null,
          "out_ms": 0.02
        },
        {
          "after": "gw1",
          "before": "gw2",
          "flows": 2,
          "last_before_ms": -0.98,
          "lost": 7,
          "moved_ms": [
            19.02,
            19.02
          ],
          "out_ms": 20.0
        }
      ],
      "why": null
    }
    "#);
    let judged = loss(&expect(19), &stream, CHANGE);
    assert_eq!(judged.outcome, Outcome::Failed, "{}", judged.message);
}

#[test]
fn lost_packets_are_counted_over_all_flows() {
    let stream = stream(vec![flow("111..11111", &[]), flow("1.11111111", &[])]);
    let counts = |most| ExpectLoss { at_most: None, lost_at_most: Some(most), ..expect(0) };
    assert_eq!(loss(&counts(3), &stream, None).outcome, Outcome::Passed);
    assert_eq!(loss(&counts(2), &stream, None).outcome, Outcome::Failed);
    let after = |most| ExpectLoss { during: During::Change, ..counts(most) };
    assert_eq!(loss(&after(2), &stream, CHANGE).outcome, Outcome::Passed, "the one before does not count");
    assert_eq!(loss(&after(1), &stream, CHANGE).outcome, Outcome::Failed);
}

#[test]
fn a_late_sender_is_no_loss_but_proves_nothing_either() {
    let late = stream(vec![flow("1111111111", &[(5, 30_000)])]);
    assert_eq!(loss(&expect(40), &late, None).outcome, Outcome::Passed);
    let judged = loss(&expect(20), &late, None);
    assert_eq!(judged.outcome, Outcome::Inconclusive);
    insta::assert_snapshot!(judged.message, @"out for at most 20 ms expected, which cannot be told: 10 packets in 1 flow, 0 lost, out for 0.0 ms (up to 30.0 ms, for the sender was late)");
    let lost_too = stream(vec![flow("111.....11", &[(5, 30_000)])]);
    assert_eq!(loss(&expect(20), &lost_too, None).outcome, Outcome::Failed, "25 ms without the 30");
    assert_eq!(loss(&expect(26), &lost_too, None).outcome, Outcome::Inconclusive);
}

#[test]
fn a_stream_that_ends_or_begins_out_is_out() {
    for packets in ["11111.....", ".....11111"] {
        let stream = stream(vec![flow(packets, &[])]);
        assert_eq!(loss(&expect(24), &stream, None).outcome, Outcome::Failed, "{packets}");
        assert_eq!(loss(&expect(26), &stream, None).outcome, Outcome::Passed, "{packets}");
    }
    let never = loss(&expect(40), &stream(vec![flow("..........", &[])]), CHANGE);
    assert_eq!(never.outcome, Outcome::Failed);
    insta::assert_snapshot!(never.message, @"out for at most 40 ms expected: 10 packets in 1 flow, 10 lost, out for 50.0 ms");
}

#[test]
fn what_cannot_be_trusted_is_no_verdict() {
    let whole = || stream(vec![flow("1111111111", &[])]);
    let dropped = Stream { dropped: 3, ..whole() };
    assert_eq!(loss(&expect(40), &dropped, None).outcome, Outcome::Inconclusive);
    assert_eq!(loss(&expect(40), &stream(Vec::new()), None).outcome, Outcome::Inconclusive);
    let late = ExpectLoss { during: During::Change, ..expect(40) };
    let after = Some(Mono(9_000_000_000));
    assert_eq!(loss(&late, &whole(), after).outcome, Outcome::Inconclusive, "nothing was sent since");
}

#[test]
fn refusals_and_duplicates_are_told() {
    let mut flow = flow("111...1111", &[]);
    flow.refused.push(Refused { first: 3, count: 3, why: "Network is unreachable".into() });
    flow.again.push(Again { sequence: 7, node: "gw2".into(), took_us: 25 });
    let judged = loss(&expect(10), &stream(vec![flow]), CHANGE);
    assert_eq!(judged.outcome, Outcome::Failed);
    assert_eq!(judged.evidence[0].value["duplicates"], 1);
    insta::assert_snapshot!(judged.message, @"out for at most 10 ms expected: 10 packets in 1 flow, 3 lost, out for 15.0 ms; 3 of them were refused: Network is unreachable");
}

#[test]
fn what_nobody_watched_is_not_lost_for_sure() {
    let flows = || vec![flow("11.....11", &[])];
    let unwatched = Stream { unwatched: ["gw1:eth1".to_string()].into(), ..stream(flows()) };
    assert_eq!(loss(&expect(10), &stream(flows()), None).outcome, Outcome::Failed);
    let judged = loss(&expect(10), &unwatched, None);
    assert_eq!(judged.outcome, Outcome::Inconclusive);
    assert!(judged.message.contains("nobody watched gw1:eth1"), "{}", judged.message);
    assert_eq!(loss(&expect(100), &unwatched, None).outcome, Outcome::Passed, "it was seen to arrive");
}
