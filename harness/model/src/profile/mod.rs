//! Routers as data: a profile is a folder with `profile.yaml` and templates beside it.
//!
//! A profile says how its router is started, configured from a vendor-neutral [`Intent`], asked, and what it cannot do. From
//! a profile, a version and an intent comes a [`Router`], which a plan holds and the engine runs. Templates are minijinja's;
//! answers are read by jq filters. The embedded profiles are in `harness/model/profiles`.

mod ability;
mod answer;
mod beyond;
mod catalogue;
mod file;
mod folder;
mod intent;
mod ports;
mod router;
mod template;
#[cfg(test)]
mod tests;
mod told;

pub use ability::Ability;
pub use answer::{AnswerError, read_answer};
pub use beyond::{Beyond, Stand, beyond};
pub use catalogue::{Choice, PROFILE, Profiles, UnknownRouter};
pub use file::{
    AddressesBy, Ask, Containerlab, Daemon, Debian, Driver, FileFile, Format, KnownIssue, ProfileFile,
    Question, Script, Start, Told, Variant, VersionFile,
};
pub use folder::{Profile, repository};
pub use intent::{BfdTimers, DynamicPeers, Family, GracefulRestart, Intent, Peer, Timers, Vlan, Vrf};
pub use ports::Ports;
pub use router::{CommandError, RenderedFile, Router, RouterImage};
pub use template::{TemplateError, render, values};
pub use told::{told_prefixes, told_sessions, told_version};
