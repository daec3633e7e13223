//! Reading a node's kernel over netlink.
//!
//! A [`Monitor`] listens from before a node's daemons start: it records every change with its time and keeps the
//! [`KernelState`](routeproof_model::fact::KernelState) that expectations are judged by. [`dump_all`] reads the tables
//! once, [`route_get`] asks for one lookup. All take sockets that were opened in the node's network namespace, so that
//! nothing here enters a namespace or knows which backend made it.

mod clock;
mod decode;
mod dump;
mod error;
mod listener;
mod lookup;
mod monitor;
mod request;
mod socket;

pub use clock::now;
pub use dump::dump_all;
pub use error::ObserveError;
pub use lookup::{Lookup, RouteQuery, refusal, route_get};
pub use monitor::{Monitor, Sink, Sockets};
pub use socket::EVENT_BUFFER;
