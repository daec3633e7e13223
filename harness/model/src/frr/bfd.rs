//! `show bfd peers json`: bfdd's sessions (RFC 5880).

use serde::{Deserialize, Serialize};

use super::answer::{FrrViewError, parse};

/// RFC 5880, section 4.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BfdState {
    AdminDown,
    Down,
    Init,
    Up,
}

impl std::fmt::Display for BfdState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            BfdState::AdminDown => "admin-down",
            BfdState::Down => "down",
            BfdState::Init => "init",
            BfdState::Up => "up",
        })
    }
}

/// One BFD session of a daemon. Intervals are in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BfdPeer {
    pub vrf: String,
    /// The peer's address.
    pub peer: String,
    pub interface: Option<String>,
    /// RFC 5883.
    pub multihop: bool,
    pub state: BfdState,
    /// Seconds in this state; `None` where FRR does not tell (administratively down, or in between).
    pub since_s: Option<u64>,
    /// Why this side last left the state Up, in FRR's words (RFC 5880, section 4.1): `ok`, `control detection time expired`.
    pub diagnostic: String,
    /// The same of the peer.
    pub remote_diagnostic: String,
    /// Required Min RX Interval of this side.
    pub receive_interval_ms: u64,
    /// Desired Min TX Interval of this side.
    pub transmit_interval_ms: u64,
    pub detect_multiplier: u64,
    pub remote_receive_interval_ms: u64,
    pub remote_transmit_interval_ms: u64,
    pub remote_detect_multiplier: u64,
}

impl BfdPeer {
    /// How long this side waits for a packet before it calls the session down: RFC 5880, section 6.8.4.
    pub fn detection_time_ms(&self) -> u64 {
        self.remote_detect_multiplier * self.receive_interval_ms.max(self.remote_transmit_interval_ms)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct RawPeer {
    vrf: String,
    peer: String,
    interface: Option<String>,
    multihop: bool,
    status: RawState,
    /// Printed in the state Up.
    uptime: Option<u64>,
    /// Printed in the state Down.
    downtime: Option<u64>,
    diagnostic: String,
    remote_diagnostic: String,
    receive_interval: u64,
    transmit_interval: u64,
    detect_multiplier: u64,
    remote_receive_interval: u64,
    remote_transmit_interval: u64,
    remote_detect_multiplier: u64,
}

/// FRR calls AdminDown `shutdown`.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum RawState {
    Shutdown,
    Down,
    Init,
    Up,
}

/// Parses `show bfd peers json`.
///
/// # Errors
/// When the text is no JSON, a state is unknown, or a key is missing.
pub fn bfd_peers(show_bfd_peers_json: &str) -> Result<Vec<BfdPeer>, FrrViewError> {
    let raw: Vec<RawPeer> = parse("show bfd peers json", show_bfd_peers_json)?;
    let mut peers: Vec<BfdPeer> = raw.into_iter().map(peer).collect();
    // bfdd lists them in the order of a hash.
    peers.sort_by(|a, b| (&a.vrf, &a.peer, &a.interface).cmp(&(&b.vrf, &b.peer, &b.interface)));
    Ok(peers)
}

fn peer(raw: RawPeer) -> BfdPeer {
    BfdPeer {
        state: match raw.status {
            RawState::Shutdown => BfdState::AdminDown,
            RawState::Down => BfdState::Down,
            RawState::Init => BfdState::Init,
            RawState::Up => BfdState::Up,
        },
        since_s: raw.uptime.or(raw.downtime),
        vrf: raw.vrf,
        peer: raw.peer,
        interface: raw.interface,
        multihop: raw.multihop,
        diagnostic: raw.diagnostic,
        remote_diagnostic: raw.remote_diagnostic,
        receive_interval_ms: raw.receive_interval,
        transmit_interval_ms: raw.transmit_interval,
        detect_multiplier: raw.detect_multiplier,
        remote_receive_interval_ms: raw.remote_receive_interval,
        remote_transmit_interval_ms: raw.remote_transmit_interval,
        remote_detect_multiplier: raw.remote_detect_multiplier,
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::fixtures::{fixture, versions};
    use super::*;

    #[test]
    fn every_version_tells_the_same_story() {
        for (version, text) in versions!("bfd-peers.json") {
            let peers = bfd_peers(text).unwrap();
            let seen: Vec<_> = peers.iter().map(|p| (p.peer.as_str(), p.state, p.multihop)).collect();
            assert_eq!(
                seen,
                [("192.168.1.5", BfdState::Up, false), ("fd00:192:168:1::5", BfdState::Up, false)],
                "{version}"
            );
            assert_eq!((peers[0].detection_time_ms(), peers[0].since_s.is_some()), (300, true), "{version}");
            assert_eq!(
                (peers[0].vrf.as_str(), peers[0].interface.as_deref()),
                ("default", Some("eth1")),
                "{version}"
            );
        }
        for (version, text) in versions!("bfd-peers-down.json") {
            for peer in bfd_peers(text).unwrap() {
                assert_eq!(
                    (peer.state, peer.diagnostic.as_str()),
                    (BfdState::Down, "neighbor signaled session down"),
                    "{version}"
                );
                assert!(peer.since_s.unwrap() >= 1, "{version}");
            }
        }
    }

    #[test]
    fn nothing_is_watched_and_nothing_is_readable_differ() {
        assert_eq!(bfd_peers("[]\n").unwrap(), []);
        insta::assert_snapshot!(bfd_peers("bfdd is not running\n").unwrap_err(), @r#"the answer to `show bfd peers json` is not JSON: "bfdd is not running""#);
        let text = fixture!("8.4.4/bfd-peers.json").replacen("\"status\"", "\"renamed\"", 1);
        insta::assert_snapshot!(bfd_peers(&text).unwrap_err(), @"the answer to `show bfd peers json` lacks the key `[0].status`");
        let text = fixture!("8.4.4/bfd-peers.json").replacen("\"up\"", "\"upside\"", 1);
        assert!(bfd_peers(&text).is_err());
    }
}
