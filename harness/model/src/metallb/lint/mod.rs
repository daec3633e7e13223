//! The extras lint: what is wrong with a `bgpextras` ConfigMap, found before any FRR runs.
//!
//! MetalLB appends the extras to frr.conf without looking at them. [`Lint`] looks at them beside the peers, the release and the FRR
//! that they will meet, and gives [`Finding`]s: each names a [`Rule`] (its id, its severity and its page in `docs/lints`), the line
//! inside the ConfigMap, why it is wrong and what to write instead. A finding is made only where FRR's behaviour is certain.

mod catalogue;
mod families;
mod finding;
mod frr_version;
mod grammar;
mod line;
mod lists;
mod maps;
mod names;
mod parse;
mod peers;
mod prefix;
mod run;

#[cfg(test)]
mod tests;

pub use catalogue::{Rule, UnknownRule};
pub use finding::Finding;
pub use frr_version::FrrVersion;
pub use run::Lint;
