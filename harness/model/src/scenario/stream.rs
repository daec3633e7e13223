//! A paced stream of packets that runs across later steps, and the expectation that ends it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::words::{address_or_prefix, duration, some_duration};
use crate::fact::StreamProtocol;

/// Starts a stream that goes on until a `loss` step judges it, or the run ends.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StreamStep {
    /// By which a `loss` step names it.
    pub name: String,
    /// The sending node.
    pub from: String,
    /// An address, or a prefix whose addresses the flows are spread over.
    #[serde(deserialize_with = "address_or_prefix")]
    pub to: ipnet::IpNet,
    /// How often a packet of each flow is sent.
    #[serde(default = "five_milliseconds", with = "duration")]
    pub every: Duration,
    #[serde(default)]
    pub protocol: StreamProtocol,
    /// Each has a port of its own, and, where `to` has enough of them, an address.
    #[serde(default = "some_flows")]
    pub flows: u32,
    /// Nodes that arrivals are looked for in. Without them: the owner of the destination address; where it is nobody's, the
    /// gateways for what a cluster node sends, the cluster nodes for what others send. They are ends of ways, not stations: a
    /// packet that a second one of them gets counts as a duplicate.
    #[serde(default)]
    pub at: Vec<String>,
}

fn five_milliseconds() -> Duration {
    Duration::from_millis(5)
}

fn some_flows() -> u32 {
    8
}

/// Ends a stream and judges what became of its packets.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ExpectLoss {
    pub stream: String,
    /// The stream's sender; known from the stream.
    #[serde(default)]
    pub node: String,
    /// The longest that any flow may be without an arrival, the pace not counted.
    #[serde(default, with = "some_duration")]
    pub at_most: Option<Duration>,
    /// The most packets that may be lost, over all flows.
    pub lost_at_most: Option<usize>,
    #[serde(default)]
    pub during: During,
}

/// Which packets count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum During {
    /// All of the stream.
    #[default]
    Stream,
    /// Those that were sent after the last step that changed something.
    Change,
}
