//! `session`: the state of a node's BGP sessions with a peer.

use super::{AddressBook, Checked, evidence};
use crate::frr::Session;
use crate::scenario::ExpectSession;

/// With a node's name as the peer, every session with that node must be in the state, and there must be one.
pub fn session(expect: &ExpectSession, sessions: &[Session], book: &AddressBook) -> Checked {
    let with_peer: Vec<&Session> = sessions
        .iter()
        .filter(|s| s.peer.parse().is_ok_and(|address| book.is(&expect.peer, address)))
        .collect();
    let state = |s: &Session| state_name(s).to_lowercase();
    let wrong = with_peer.iter().find(|s| state(s) != expect.state.to_lowercase());
    let status = match (with_peer.first(), wrong) {
        (None, _) => format!("{} has no session with {}", expect.node, expect.peer),
        (_, Some(wrong)) => format!("session {} -> {} is {}", expect.node, expect.peer, state_name(wrong)),
        (Some(_), None) => format!("session {} -> {} is {}", expect.node, expect.peer, expect.state),
    };
    let evidence = with_peer.iter().map(|s| evidence("session", &expect.node, s)).collect();
    Checked { holds: wrong.is_none() && !with_peer.is_empty(), status, evidence }
}

/// The state by its name in RFC 4271, section 8.2.2.
fn state_name(session: &Session) -> String {
    format!("{:?}", session.state)
}
