//! An example: a repository with a cluster's manifests, whose `cargo test` proves that its nodes learn routes.
//!
//! There is nothing in this library. Look at `tests/routes.rs`, `scenarios/` and `topologies/`.
