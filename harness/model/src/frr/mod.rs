//! FRR's own view of the world, and the gate on its configuration.
//!
//! The routing daemon is a witness, never the judge: the kernel is. [`DaemonView`] is what bgpd and zebra claim,
//! read from their JSON; a key that should be there and is not is an error, never "absent". [`missing_lines`] and
//! [`rejections`] are the gate after every load or reload: which lines FRR refused, and which of the lines that we
//! handed it are not in its running configuration.
//!
//! FRR 7.5.1, 8.4.4 and 10.3 were measured; the recordings in `fixtures/` are our own.

mod answer;
mod bfd;
mod capabilities;
mod config;
mod gate;
mod graceful;
mod grammar;
mod hidden;
mod normal;
mod part;
mod rejection;
mod rib;
mod session;
mod table;
mod view;

pub use answer::FrrViewError;
pub use bfd::{BfdPeer, BfdState, bfd_peers};
pub use capabilities::{AddPath, Capabilities, Capability, Negotiated};
pub use config::{
    ConfigLine, RouteMapEntry, RunningConfig, Section, Stanza, StanzaLine, running_config, stanzas,
};
pub use graceful::{GracefulMode, GracefulRestart};

pub use gate::{MissingKind, MissingLine, missing_lines};

pub use part::bgp_part;
pub use rejection::{Rejection, rejections};
pub use rib::{RibEntry, RibNextHop, read_rib, rib};
pub use session::{Established, FamilyState, RefreshCounters, Session, SessionState, sessions};
pub use table::{
    AdvertisedRoute, BgpTable, NextHop, Path, adj_rib_in_count, adj_rib_out, bgp_table, routes_received,
};
pub use view::{Answers, DaemonView, Question, view_questions};
