//! An expectation of every cluster node: each is waited for by itself, all at the same time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::try_join_all;
use routeproof_model::check;
use routeproof_model::scenario::Expect;

use super::boot::Booted;
use super::error::RunError;
use super::expect;
use super::steps::Done;

/// A hundred bgpds that are asked as often as one would be would have no time for anything else.
const POLL: Duration = Duration::from_millis(500);

pub async fn eventually(
    booted: &Booted,
    each: &[Expect],
    within: Duration,
    status: &(dyn Fn(&str) + Sync),
) -> Result<Done, RunError> {
    let ended = AtomicUsize::new(0);
    let one = async |expect: &Expect| {
        let done = expect::eventually_by(booted, expect, within, POLL, &|_| {}).await;
        let ended = ended.fetch_add(1, Ordering::Relaxed) + 1;
        status(&format!("{ended} of {} nodes", each.len()));
        done
    };
    let all = try_join_all(each.iter().map(one)).await?;
    let verdicts: Vec<_> = all.iter().map(|done| (done.outcome, done.message.clone())).collect();
    let (outcome, message) = check::of_all(&verdicts);
    Ok(Done { outcome, message, evidence: all.into_iter().flat_map(|done| done.evidence).collect() })
}
