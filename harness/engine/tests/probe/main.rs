//! T1: packets between the nodes of small labs. Needs namespaces and any tree (FRR's, pulled when it is not cached).
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod capture;
mod ecmp;
mod exchange;
mod support;
