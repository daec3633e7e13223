//! T1: whatever ends an invocation, nothing is left on the host: no process, namespace, link, mount, and no file outside of
//! the run directory and the cache. `ROUTEPROOF_KILLS=50` makes the last test as thorough as it gets.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]
#![allow(clippy::disallowed_methods, reason = "these tests start the binary, wait for a moment, and kill it")]

#[path = "../support/host.rs"]
mod host;
#[path = "../support/mod.rs"]
mod support;

mod ends;
mod moments;
mod ordinary_user;
mod scene;
