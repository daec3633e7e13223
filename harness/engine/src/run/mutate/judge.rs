//! Whether an expectation notices that its lab is broken.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use routeproof_model::mutate::{Fate, expectation};
use routeproof_model::scenario::{Expect, Verb};

use crate::run::boot::Booted;
use crate::run::error::RunError;
use crate::run::expect;
use crate::wait::{self, Probe};

/// How long the mutation may take to have its effect: bgpd notices a lost connection or interface at once.
const EFFECT: Duration = Duration::from_secs(4);
/// An expectation that is false for this long does not come true any more: `within` does not wait for it in vain.
const STAYS: Duration = Duration::from_secs(1);
const POLL: Duration = Duration::from_millis(50);

/// What the looks so far add up to.
#[derive(Default)]
struct Seen {
    false_since: Option<Instant>,
    /// What the last look saw, if it was false.
    fate: Option<Fate>,
    /// Why the last look saw nothing.
    error: Option<String>,
}

/// What the step would say of the broken lab.
pub async fn fate(booted: &Booted, verb: &Verb) -> Fate {
    let Some((expect, witness)) = expectation(verb) else {
        return Fate::Untried { why: "no expectation".to_string() };
    };
    let watched = match expect::node(booted, expect.node()) {
        Ok(node) => node,
        Err(e) => return Fate::Untried { why: e.line() },
    };
    // A window fails by one moment; `within` fails if no moment comes.
    let patience = if matches!(verb, Verb::Holds { .. }) { Duration::ZERO } else { STAYS };
    let seen = Mutex::new(Seen::default());
    let probe = async || {
        let looked = look(booted, expect, witness).await;
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        let fate = match looked {
            Err(e) => {
                seen.error = Some(e.line());
                seen.fate = None;
                None
            }
            Ok(None) => {
                *seen = Seen::default();
                None
            }
            Ok(Some(fate)) => {
                let since = *seen.false_since.get_or_insert_with(Instant::now);
                seen.fate = Some(fate.clone());
                (since.elapsed() >= patience).then_some(fate)
            }
        };
        fate.map_or_else(|| Probe::NotYet(String::new()), Probe::Done)
    };
    let limit = EFFECT + patience;
    if let Ok(fate) = wait::until("the mutation's effect", limit, POLL, probe, || watched.changed()).await {
        return fate;
    }
    let seen = std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner));
    match seen {
        // Requests that nobody answers take their time: there was no second look, and none that was true.
        Seen { fate: Some(fate), .. } => fate,
        Seen { error: Some(why), .. } => Fate::Untried { why },
        _ => Fate::Survived,
    }
}

/// What is wrong now, if anything is.
async fn look(
    booted: &Booted,
    expect: &Expect,
    witness: Option<ipnet::IpNet>,
) -> Result<Option<Fate>, RunError> {
    let checked = expect::now(booted, expect).await?;
    if checked.unproved {
        return Ok(Some(Fate::WitnessLost { why: checked.status }));
    }
    if !checked.holds {
        return Ok(Some(Fate::Killed { why: checked.status }));
    }
    let missing = expect::witness_missing(booted, expect, witness).await?;
    Ok(missing.map(|why| Fate::WitnessLost { why }))
}
