//! Packets that really travel: sending them from a node, answering them in a node, and watching them pass.
//!
//! Sockets are opened by the node's agent, so nothing here enters a namespace. [`Capture`] watches interfaces,
//! [`send_flows`] counts who gets flows, [`exchange`] makes requests and finds the ways of their replies, [`Responder`]
//! answers them, [`RunningStream`] counts what is lost while other things happen, [`shoot`] puts frames on links and finds
//! where they end, [`socket`] has the openers. What was seen becomes facts of the model; what they prove is judged there.

mod capture;
mod client;
mod decode;
mod destinations;
mod error;
mod exchange;
mod flows;
mod frame;
mod packet_socket;
mod ping;
mod place;
mod responder;
mod segments;
mod sender;
pub mod socket;
mod stream;
mod tally;

pub use capture::{Capture, Captured};
pub use destinations::destinations;
pub use error::ProbeError;
pub use exchange::{ExchangePlan, exchange};
pub use flows::{FlowPlan, send_flows};
pub use ping::Ping;
pub use place::{Place, outward};
pub use responder::Responder;
pub use segments::{SegmentPlan, ShotPlan, WatchedPort, shoot};
pub use stream::{RunningStream, StreamPlan, Watched};
