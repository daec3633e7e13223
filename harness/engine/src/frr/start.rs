//! Starts freshly configured BGP peers without their start timer.
//!
//! FRR lets a new peer wait in Idle for a second (BGP_INIT_START_TIMER; `IdleHoldTimer` of RFC 4271, section 8.1.1). From FRR 8
//! on, setting a peer's connect timer raises ManualStart; but where a family is active already, a ManualStop goes first and
//! flushes it. So the peer's families are switched off, its connect timer set and taken back, and the families switched
//! on again, all within one reading of the vty, in which bgpd does nothing else. Afterwards the running configuration
//! is what it was, as the gate confirms. FRR 7 raises nothing: there the start timer stays.
//!
//! A peer that has started by itself meanwhile must be left alone: switching its families off would end its session with a
//! Cease, and its next attempt may take many seconds. So all of this happens in less than a start timer's time, or not.

use std::time::{Duration, Instant};

use routeproof_model::frr::{Stanza, stanzas};

use super::daemons::Frr;
use super::error::FrrError;
use super::vty::{Vty, VtyError};
use crate::lab::NodeHandle;

/// What bgpd reads from a vty at once.
const ONE_READING: usize = 512;

/// Less than BGP_INIT_START_TIMER: no peer of a load that began that long ago has started by itself.
const UNTOUCHED: Duration = Duration::from_millis(700);

/// Starts the peers of a configuration whose loading began at `loaded`, into a bgpd without sessions. Peers that it does
/// not come to in time start by themselves.
///
/// # Errors
/// When bgpd goes away or refuses a line, after which its configuration is in doubt.
pub async fn start_peers(node: &NodeHandle, frr: &Frr, conf: &str, loaded: Instant) -> Result<(), FrrError> {
    let batches: Vec<Vec<String>> = stanzas(conf).iter().flat_map(batches).collect();
    if batches.is_empty() || !frr.daemons().any(|name| name == "bgpd") {
        return Ok(());
    }
    let mut vty = Vty::new("bgpd", frr.vty("bgpd").await?);
    for batch in batches.iter().take_while(|_| loaded.elapsed() < UNTOUCHED) {
        let sent = enter(&mut vty, batch).await;
        sent.map_err(|source| FrrError::Vty { node: node.name().to_string(), source })?;
    }
    Ok(())
}

async fn enter(vty: &mut Vty, batch: &[String]) -> Result<(), VtyError> {
    let lines: Vec<&str> = batch.iter().map(String::as_str).collect();
    for answer in vty.config(&lines).await? {
        if !answer.status.is_taken() {
            let (daemon, command) = (vty.daemon().to_owned(), batch[answer.line].clone());
            return Err(VtyError::Refused { daemon, command, text: answer.text.trim().to_owned() });
        }
    }
    Ok(())
}

/// One batch for each peer of a `router bgp` stanza whose start can be told from the text alone.
fn batches(stanza: &Stanza) -> Vec<Vec<String>> {
    let texts = || stanza.lines.iter().map(|l| (l.depth, l.line.text.as_str()));
    // With this default a peer is active in a family that no line names.
    if !stanza.header.text.starts_with("router bgp ") || !texts().any(|l| l == (1, NO_DEFAULT)) {
        return Vec::new();
    }
    let peers = texts().filter_map(|(_, text)| match text.split(' ').collect::<Vec<_>>()[..] {
        ["neighbor", peer, "remote-as", _] => Some(peer),
        _ => None,
    });
    peers.filter_map(|peer| batch(stanza, peer)).collect()
}

const NO_DEFAULT: &str = "no bgp default ipv4-unicast";

fn batch(stanza: &Stanza, peer: &str) -> Option<Vec<String>> {
    let (activate, timer) = (format!("neighbor {peer} activate"), format!("neighbor {peer} timers connect "));
    let mut families = Vec::new();
    let (mut family, mut own_timer) = (None, None);
    for line in &stanza.lines {
        let text = line.line.text.as_str();
        if text.starts_with(&format!("neighbor {peer} shutdown")) {
            return None;
        }
        if line.depth == 1 {
            family = text.starts_with("address-family ").then_some(text);
        }
        own_timer = text.strip_prefix(&timer).or(own_timer);
        families.extend(family.filter(|_| text == activate));
    }
    let switch = |line: String| {
        let inside =
            move |family: &&str| [family.to_string(), line.clone(), "exit-address-family".to_string()];
        families.iter().flat_map(inside).collect::<Vec<_>>()
    };
    let mut lines = vec![stanza.header.text.clone()];
    lines.extend(switch(format!("no {activate}")));
    lines.push(format!("{timer}{}", own_timer.unwrap_or("1")));
    lines.extend(own_timer.is_none().then(|| format!("no neighbor {peer} timers connect")));
    lines.extend(switch(activate));
    lines.push("exit".to_string());
    let length: usize = lines.iter().map(|line| line.len() + 1).sum();
    (!families.is_empty() && length <= ONE_READING).then_some(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(conf: &str) -> String {
        let batches: Vec<String> =
            stanzas(conf).iter().flat_map(batches).map(|batch| batch.join("; ")).collect();
        batches.join("\n")
    }

    #[test]
    fn each_peer_is_left_as_it_was() {
        let conf = "router bgp 64513 vrf red\n no bgp default ipv4-unicast\n neighbor 10.0.0.1 remote-as 64512\n\
            \x20neighbor 10.0.0.2 remote-as external\n neighbor 10.0.0.2 timers connect 7\n\
            \x20address-family ipv4 unicast\n  neighbor 10.0.0.1 activate\n  neighbor 10.0.0.2 activate\n exit-address-family\n\
            \x20address-family ipv6 unicast\n  neighbor 10.0.0.1 activate\n exit-address-family\n";
        insta::assert_snapshot!(shown(conf), @r"
        router bgp 64513 vrf red; address-family ipv4 unicast; no neighbor 10.0.0.1 activate; exit-address-family; address-family ipv6 unicast; no neighbor 10.0.0.1 activate; exit-address-family; neighbor 10.0.0.1 timers connect 1; no neighbor 10.0.0.1 timers connect; address-family ipv4 unicast; neighbor 10.0.0.1 activate; exit-address-family; address-family ipv6 unicast; neighbor 10.0.0.1 activate; exit-address-family; exit
        router bgp 64513 vrf red; address-family ipv4 unicast; no neighbor 10.0.0.2 activate; exit-address-family; neighbor 10.0.0.2 timers connect 7; address-family ipv4 unicast; neighbor 10.0.0.2 activate; exit-address-family; exit
        ");
    }

    #[test]
    fn what_the_text_does_not_tell_is_left_alone() {
        let peer = |before: &str, inside: &str| {
            shown(&format!(
                "router bgp 1\n{before} neighbor 10.0.0.1 remote-as 2\n address-family ipv4 unicast\n{inside} exit-address-family\n"
            ))
        };
        let (no_default, activate) = (" no bgp default ipv4-unicast\n", "  neighbor 10.0.0.1 activate\n");
        assert!(!peer(no_default, activate).is_empty());
        assert_eq!(peer("", activate), "");
        assert_eq!(peer(no_default, ""), "");
        assert_eq!(peer(&format!("{no_default} neighbor 10.0.0.1 shutdown\n"), activate), "");
        assert_eq!(shown("router ospf\n"), "");
    }
}
