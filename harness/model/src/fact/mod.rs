//! What was seen in a node's kernel, decoded from netlink into plain values.
//!
//! [`KernelEvent`]s are what a node's listener records, one per line of `observations.jsonl`; [`KernelState`] is what
//! they add up to, here and when a recording is replayed; [`Inspection`] is one moment of it, for people and tools.

mod alike;
mod diff;
mod event;
mod exchange;
mod flows;
mod health;
mod inspection;
mod isolation;
pub mod names;
mod objects;
mod packet;
mod returned;
mod route;
mod routes;
mod shared_map;
mod state;
mod stream;
mod window;

#[cfg(test)]
mod state_tests;

pub use alike::Alike;
pub use event::{Change, Gap, GapReason, KernelEvent, Kind, Mono, Object, ResyncReason};
pub use exchange::{Attempt, Exchange, Protocol, Way};
pub use flows::{Exit, Flow, Flows};
pub use health::HostHealth;
pub use inspection::{Beside, DaemonSessions, Forwarding, INSPECTION_SCHEMA, Inspection};
pub use isolation::{Crossing, HostPort, Isolation, Shooter, Shot};
pub use objects::{Address, GroupMember, Link, Neighbour, NexthopObject, Rule};
pub use packet::{Direction, Mac, NotAMac, Packet, Transport};
pub use returned::{Returned, RpFilter, WayBack};
pub use route::{NextHop, Route};
pub use state::{Applied, KernelState};
pub use stream::{Again, Refused, Sent, Stream, StreamFlow, StreamProtocol, Way as StreamWay};
pub use window::Window;
