//! From what a user wrote to what a speaker works with: addresses parsed, defaults filled in, references followed. What does not
//! resolve is a [`super::reject::Reject`] with MetalLB's reason, so resolving is also most of the validation.

mod adv;
mod bfd;
mod peer;
mod pool;
mod session;

pub(super) use adv::{Advertisement, advertisement, aliases, check_aggregation};
pub(super) use bfd::{BfdProfile, bfd_profile};
pub(super) use peer::{Peer, peer};
pub(super) use pool::{Pool, check_overlap, confuses_buggy_firmware, parse_addresses, pool};
pub use session::RemoteAs;
pub(super) use session::{Host, Timers};
