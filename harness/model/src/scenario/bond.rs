//! `bond` as it is written: which links of a bond carry traffic.

use serde::{Deserialize, Serialize};

/// The bond's members that are in use, by the kernel. With 802.3ad several are only when LACP has put them into one
/// aggregator, so that the other side counts them as one link, too.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExpectBond {
    pub node: String,
    /// The bond.
    pub interface: String,
    /// Exactly these members are active.
    pub active: Vec<String>,
}
