//! Evidence as people read it.

use routeproof_model::fact::{Neighbour, Route, names};
use routeproof_model::frr::Session;
use routeproof_model::result::Evidence;
use serde::de::DeserializeOwned;
use serde_json::Value;

const MAX_VALUE_LINES: usize = 12;
const MAX_VALUE_CHARS: usize = 600;

/// `session of worker`.
pub(super) fn evidence_title(evidence: &Evidence) -> String {
    match &evidence.node {
        Some(node) => format!("{} of {node}", evidence.what),
        None => evidence.what.clone(),
    }
}

/// A piece of evidence for reading: the facts that everybody knows as the field writes them, text as its lines, other data
/// on one line; all cut to a sensible size. The result file has the whole of it.
pub(super) fn evidence_lines(evidence: &Evidence) -> Vec<String> {
    let known = match evidence.what.as_str() {
        "session" => known(&evidence.value, session),
        "kernel-route" => known(&evidence.value, route),
        "kernel-neighbour" => known(&evidence.value, neighbour),
        _ => None,
    };
    let text = known.unwrap_or_else(|| match &evidence.value {
        Value::String(text) => text.clone(),
        other => say(other, true),
    });
    let mut lines: Vec<String> = text.trim_end().lines().map(cut).collect();
    let left_out = lines.len().saturating_sub(MAX_VALUE_LINES);
    lines.truncate(MAX_VALUE_LINES);
    if left_out > 0 {
        lines.push(format!("({left_out} more lines)"));
    }
    lines
}

/// Data as people write it: `peer=10.0.0.1 state=Established`, inner objects in braces, lists in brackets.
fn say(value: &Value, outermost: bool) -> String {
    match value {
        Value::Object(map) => {
            let told = map.iter().filter(|(_, value)| !value.is_null());
            let fields = told.map(|(key, value)| format!("{key}={}", say(value, false)));
            let fields = fields.collect::<Vec<_>>().join(" ");
            if outermost && !map.is_empty() { fields } else { format!("{{{fields}}}") }
        }
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(|item| say(item, false)).collect();
            format!("[{}]", items.join(", "))
        }
        Value::String(text) if !text.is_empty() && !text.contains([' ', '"', '\n']) => text.clone(),
        other => other.to_string(),
    }
}

fn cut(line: &str) -> String {
    match line.char_indices().nth(MAX_VALUE_CHARS) {
        Some((at, _)) => format!("{}\u{2026} ({} more bytes)", &line[..at], line.len() - at),
        None => line.to_owned(),
    }
}

fn known<T: DeserializeOwned>(value: &Value, words: impl Fn(&T) -> String) -> Option<String> {
    T::deserialize(value).ok().as_ref().map(words)
}

/// `10.0.0.1 (AS 64512) Established for 3 s; ipv4Unicast accepted 2, sent 0; 1 flap; last reset: BFD down received`.
fn session(session: &Session) -> String {
    let uptime = session.established.map(|up| format!(" for {} s", up.uptime_ms / 1000)).unwrap_or_default();
    let mut parts = vec![format!("{} (AS {}) {:?}{uptime}", session.peer, session.remote_asn, session.state)];
    for (family, counts) in &session.families {
        let each =
            [("received", counts.received), ("accepted", Some(counts.accepted)), ("sent", counts.sent)];
        let told: Vec<String> =
            each.iter().filter_map(|(word, count)| Some(format!("{word} {}", (*count)?))).collect();
        // An inactive family has nothing to tell.
        if counts.sent.is_some() || counts.accepted > 0 {
            parts.push(format!("{family} {}", told.join(", ")));
        }
    }
    parts.extend(session.bfd.as_ref().map(|bfd| format!("BFD {bfd}")));
    match session.connections_dropped {
        0 => {}
        1 => parts.push("1 flap".to_owned()),
        flaps => parts.push(format!("{flaps} flaps")),
    }
    parts.extend(session.last_reset.as_ref().map(|why| format!("last reset: {why}")));
    parts.join("; ")
}

/// `172.16.1.0/24 proto bgp metric 20 table main via 10.0.0.1 dev eth1 weight 1, via ...`, nearly as `ip route` writes it.
fn route(route: &Route) -> String {
    let kind = if route.kind == "unicast" { String::new() } else { format!("{} ", route.kind) };
    let mut words = format!("{kind}{} proto {} metric {}", route.prefix, route.protocol, route.metric);
    words.push_str(&format!(" table {}", names::table(route.table)));
    words.extend(route.prefsrc.map(|source| format!(" src {source}")));
    words.extend(route.nhid.map(|id| format!(" nhid {id}")));
    let hops: Vec<String> = route.nexthops.iter().map(ToString::to_string).collect();
    if hops.is_empty() { words } else { format!("{words} {}", hops.join(", ")) }
}

/// `10.0.0.1 dev eth1 lladdr 02:00:00:00:00:05 reachable`.
fn neighbour(neighbour: &Neighbour) -> String {
    let mac = neighbour.mac.as_ref().map(|mac| format!(" lladdr {mac}")).unwrap_or_default();
    let proxy = if neighbour.proxy { " proxy" } else { "" };
    format!("{} dev {}{mac}{proxy} {}", neighbour.address, neighbour.device, neighbour.state)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn lines(what: &str, value: Value) -> Vec<String> {
        evidence_lines(&Evidence { what: what.into(), node: None, value })
    }

    #[test]
    fn values_are_for_reading() {
        let policy = json!({ "peer": "10.0.0.1", "up": true, "caps": ["mp bgp", 4], "timers": { "hold": 90 }, "none": {}, "nil": null });
        assert_eq!(
            lines("policy", policy),
            [r#"caps=["mp bgp", 4] none={} peer=10.0.0.1 timers={hold=90} up=true"#]
        );
        assert_eq!(lines("text", json!("one\ntwo\n")), ["one", "two"]);
        let long = lines("text", json!("line\n".repeat(20)));
        assert_eq!((long.len(), long[12].as_str()), (13, "(8 more lines)"));
        assert_eq!(
            lines("text", json!("é".repeat(601))),
            [format!("{}\u{2026} (2 more bytes)", "é".repeat(600))]
        );
    }

    #[test]
    fn what_everybody_knows_is_written_as_the_field_writes_it() {
        let route = json!({
            "kind": "unicast", "metric": 20, "nhid": 11, "prefix": "172.20.0.0/24", "prefsrc": null, "protocol": "bgp",
            "scope": "global", "table": 254, "nexthops": [
                { "device": "eth1", "gateway": "10.8.0.1", "onlink": false, "weight": 1 },
                { "device": "eth1", "gateway": "10.8.0.2", "onlink": true, "weight": 3 },
            ],
        });
        insta::assert_snapshot!(lines("kernel-route", route)[0], @"172.20.0.0/24 proto bgp metric 20 table main nhid 11 via 10.8.0.1 dev eth1 weight 1, via 10.8.0.2 dev eth1 weight 3 onlink");
        let hole = json!({
            "kind": "blackhole", "metric": 0, "nhid": null, "prefix": "fc00::/64", "prefsrc": null, "protocol": "boot",
            "scope": "global", "table": 100, "nexthops": [],
        });
        insta::assert_snapshot!(lines("kernel-route", hole)[0], @"blackhole fc00::/64 proto boot metric 0 table 100");
        let neighbour = json!({
            "address": "10.8.0.2", "device": "eth1", "mac": "02:00:00:00:00:99", "proxy": false, "router": false,
            "state": "permanent",
        });
        insta::assert_snapshot!(lines("kernel-neighbour", neighbour)[0], @"10.8.0.2 dev eth1 lladdr 02:00:00:00:00:99 permanent");
        let session = json!({
            "vrf": "default", "peer": "10.8.0.1", "remote_asn": 64512, "local_asn": 64513, "state": "Established",
            "established": { "since_epoch_s": 1, "uptime_ms": 3000 }, "connections_established": 2,
            "connections_dropped": 1, "last_reset": "Hold Timer Expired", "refresh": { "received": 0, "sent": 0 },
            "updates_received": 2, "capabilities": null, "bfd": "up", "families": {
                "ipv4Unicast": { "accepted": 2, "sent": 0, "soft_reconfiguration": false, "route_map_in": null, "route_map_out": null },
                "ipv6Unicast": { "accepted": 0, "sent": null, "soft_reconfiguration": false, "route_map_in": null, "route_map_out": null },
            },
        });
        insta::assert_snapshot!(lines("session", session)[0], @"10.8.0.1 (AS 64512) Established for 3 s; ipv4Unicast accepted 2, sent 0; BFD up; 1 flap; last reset: Hold Timer Expired");
        // What a daemon that does not answer leaves is text.
        assert_eq!(lines("session", json!("bgpd does not answer")), ["bgpd does not answer"]);
    }
}
