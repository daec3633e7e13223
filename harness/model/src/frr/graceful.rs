//! Graceful restart (RFC 4724) of one session, as bgpd tells it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::answer::FrrViewError;

/// A side's part in a graceful restart, by FRR's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum GracefulMode {
    /// Keeps the peer's routes while the peer restarts; does not ask for the same.
    Helper,
    /// Asks the peer to keep its routes while it restarts, and helps.
    Restart,
    /// Does neither.
    Disable,
}

impl std::fmt::Display for GracefulMode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            GracefulMode::Helper => "helper",
            GracefulMode::Restart => "restart",
            GracefulMode::Disable => "disable",
        })
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GracefulRestart {
    /// This daemon's mode, configured for the neighbor or inherited from the instance.
    pub mode: GracefulMode,
    /// The peer's, by its OPEN; `None` while no session is up.
    pub peer_mode: Option<GracefulMode>,
    /// The Restart Time that this daemon offers, in seconds.
    pub restart_time_s: u64,
    /// The Restart Time of the peer's last OPEN, in seconds; 0 when there was none.
    pub peer_restart_time_s: u64,
    /// Set while this daemon helps: the peer is away, its routes are kept as stale for so many seconds more.
    pub helping_for_s: Option<u64>,
    /// Families whose End-of-RIB marker the peer sent, by FRR's name.
    pub end_of_rib_received: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RawGracefulRestart {
    end_of_rib_recv: BTreeMap<String, bool>,
    local_gr_mode: String,
    remote_gr_mode: String,
    timers: RawTimers,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawTimers {
    configured_restart_timer: u64,
    received_restart_timer: u64,
    restart_timer_remaining: Option<u64>,
}

/// Errors: a mode that is none, named by its key.
pub(super) fn graceful_restart(
    what: &'static str,
    raw: RawGracefulRestart,
) -> Result<GracefulRestart, FrrViewError> {
    let unexpected = |key: &str, word: &str| FrrViewError::Unexpected {
        what,
        path: format!("gracefulRestartInfo.{key}"),
        source: serde::de::Error::custom(format!("`{word}` is not a mode of graceful restart")),
    };
    let local = mode(&raw.local_gr_mode).ok_or_else(|| unexpected("localGrMode", &raw.local_gr_mode))?;
    let peer_mode = match raw.remote_gr_mode.as_str() {
        "NotApplicable" => None,
        word => Some(mode(word).ok_or_else(|| unexpected("remoteGrMode", word))?),
    };
    Ok(GracefulRestart {
        mode: local,
        peer_mode,
        restart_time_s: raw.timers.configured_restart_timer,
        peer_restart_time_s: raw.timers.received_restart_timer,
        helping_for_s: raw.timers.restart_timer_remaining,
        end_of_rib_received: raw
            .end_of_rib_recv
            .into_iter()
            .filter(|(_, received)| *received)
            .map(|(family, _)| family)
            .collect(),
    })
}

/// `Helper*` is a mode that the neighbor inherits.
fn mode(word: &str) -> Option<GracefulMode> {
    match word.trim_end_matches('*') {
        "Helper" => Some(GracefulMode::Helper),
        "Restart" => Some(GracefulMode::Restart),
        "Disable" => Some(GracefulMode::Disable),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::fixtures::{fixture, versions};
    use super::super::sessions;
    use super::*;

    #[test]
    fn modes_and_markers_of_sessions_that_are_up() {
        for (version, text) in versions!("neighbors-full.json") {
            let all = sessions(text).unwrap();
            let states: Vec<_> = all.iter().map(|s| s.graceful_restart.clone().unwrap()).collect();
            let modes: Vec<_> = states.iter().map(|gr| (gr.mode, gr.peer_mode)).collect();
            use GracefulMode::{Helper, Restart};
            assert_eq!(modes, [(Helper, Some(Restart)), (Restart, Some(Restart))], "{version}");
            assert_eq!(states[0].end_of_rib_received, ["ipv4Unicast"], "{version}");
            assert_eq!(states[1].end_of_rib_received, ["ipv4Unicast", "ipv6Unicast"], "{version}");
            assert!(states.iter().all(|gr| gr.helping_for_s.is_none()), "{version}");
            assert!(states.iter().all(|gr| gr.peer_restart_time_s == 120), "{version}");
        }
    }

    #[test]
    fn a_helper_at_work_shows() {
        for (version, text) in versions!("neighbors-gr-helping.json") {
            for session in sessions(text).unwrap() {
                let gr = session.graceful_restart.unwrap();
                assert_eq!((gr.helping_for_s, gr.peer_mode), (Some(118), None), "{version}");
            }
        }
    }

    #[test]
    fn a_mode_that_is_none_is_an_error() {
        let text = fixture!("8.4.4/neighbors-full.json").replace("Helper*", "Observer");
        insta::assert_snapshot!(sessions(&text).unwrap_err(), @"the answer to `show bgp neighbors json` has an unexpected value at `192.168.1.5.gracefulRestartInfo.localGrMode`");
    }
}
