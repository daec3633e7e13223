//! Breaking what an expectation follows over time. The mutation is over, or in force for good, before the step looks: it judges
//! all that has happened since the change, whenever it begins to look.

use std::time::Duration;

use routeproof_model::check::Convergence;
use routeproof_model::mutate::{Fate, Flapping, Mutation, applies, expectation, flapping, outage};
use routeproof_model::plan::PlannedRun;
use routeproof_model::result::Outcome;
use routeproof_model::scenario::{Expect, ExpectConvergence, ExpectLoss, Verb};

use super::inject::inject;
use crate::event::Events;
use crate::observe::now;
use crate::run::boot::Booted;
use crate::run::error::RunError;
use crate::run::expect::node;
use crate::run::steps::{self, Memory, Verdict};
use crate::wait::{self, Probe};

const POLL: Duration = Duration::from_millis(5);
/// By then the kernel's message of a mutation has come.
const SEEN: Duration = Duration::from_millis(50);
/// FRR mends what it has not finished yet, not what it knows nothing of.
const MENDED: usize = 5;

/// Does the steps that lead to the expectation, breaks what it follows, and judges. The verdict is that of the steps; there
/// is no fate if they did not pass, or if the mutation would show nothing in this lab.
pub async fn fate(
    booted: &mut Booted,
    run: &PlannedRun,
    step: usize,
    mutation: Mutation,
    events: &Events,
) -> Result<(Verdict, Option<Fate>), RunError> {
    let mut memory = Memory::default();
    let change = run.change_before(step);
    let before = change.filter(|_| mutation == Mutation::SkipChange).unwrap_or(step);
    let led = steps::some(booted, run, 0..before, &mut memory, events).await;
    if led.outcome != Outcome::Passed {
        return Ok((led, None));
    }
    let verb = &run.steps[step].verb;
    let acted = match (expectation(verb), change) {
        (Some((Expect::Convergence(e), _)), Some(change)) => match mutation {
            Mutation::SkipChange => skip(booted, run, change, e, &mut memory)?,
            Mutation::Flap => flap(booted, run, verb, flapping(e), &memory).await?,
            _ => once_final(booted, run, verb, e, mutation).await?,
        },
        (Some((Expect::Loss(e), _)), _) => lose(booted, run, verb, e, mutation).await?,
        _ => false,
    };
    if !acted {
        return Ok((led, None));
    }
    let done = steps::one(booted, run, step, &mut memory, events).await;
    let why = done.message.unwrap_or_default();
    let fate = match done.outcome {
        Outcome::Passed => Fate::Survived,
        Outcome::Failed => Fate::Killed { why },
        outcome => Fate::Untried { why: format!("{outcome}: {why}") },
    };
    Ok((led, Some(fate)))
}

/// A state that is there already stays without the change, too.
fn skip(
    booted: &Booted,
    run: &PlannedRun,
    change: usize,
    expect: &ExpectConvergence,
    memory: &mut Memory,
) -> Result<bool, RunError> {
    if fits(booted, expect)? {
        return Ok(false);
    }
    steps::skip(booted, run, change, memory)?;
    Ok(true)
}

fn fits(booted: &Booted, expect: &ExpectConvergence) -> Result<bool, RunError> {
    let watched = node(booted, &expect.node)?;
    Ok(watched.monitor.with_state(|kernel| Convergence::new(expect, &booted.book, now(), kernel).fits()))
}

/// The route goes and comes back, until the expectation must have noticed.
async fn flap(
    booted: &mut Booted,
    run: &PlannedRun,
    verb: &Verb,
    flapping: Option<Flapping>,
    memory: &Memory,
) -> Result<bool, RunError> {
    let (Some(flapping), Some(since), Some((expect, _))) = (flapping, memory.changed(), expectation(verb))
    else {
        return Ok(false);
    };
    let mut flaps = 0;
    loop {
        let watched = node(booted, expect.node())?;
        let applies = watched.monitor.with_state(|kernel| applies(Mutation::Flap, verb, kernel));
        let passed = Duration::from_nanos(now().0.saturating_sub(since.0));
        let enough = flaps >= flapping.at_least && passed >= flapping.until;
        if enough || !applies {
            return Ok(enough);
        }
        inject(booted, run, Mutation::Flap, &[verb]).await?;
        flaps += 1;
        wait::elapse(flapping.apart).await;
    }
}

/// The final state is there, and is made wrong; again, if FRR was not through with the change and has mended it.
async fn once_final(
    booted: &mut Booted,
    run: &PlannedRun,
    verb: &Verb,
    expect: &ExpectConvergence,
    mutation: Mutation,
) -> Result<bool, RunError> {
    let Verb::Eventually { within, .. } = verb else { return Ok(false) };
    if !is_final(booted, expect, *within).await? {
        let why = format!("no final state within {:.1} s, unbroken", within.as_secs_f64());
        return Err(RunError::Observe { node: expect.node.clone(), why });
    }
    for _ in 0..MENDED {
        let watched = node(booted, &expect.node)?;
        if !watched.monitor.with_state(|kernel| applies(mutation, verb, kernel)) {
            return Ok(false);
        }
        inject(booted, run, mutation, &[verb]).await?;
        wait::elapse(SEEN).await;
        if !is_final(booted, expect, expect.stable).await? {
            break;
        }
    }
    Ok(true)
}

/// Waits for it.
async fn is_final(booted: &Booted, expect: &ExpectConvergence, within: Duration) -> Result<bool, RunError> {
    let watched = node(booted, &expect.node)?;
    let look = async || match fits(booted, expect) {
        Err(e) => Probe::Done(Err(e)),
        Ok(true) => Probe::Done(Ok(true)),
        Ok(false) => Probe::NotYet("not there yet".to_string()),
    };
    let waited = wait::until("the final state", within, POLL, look, || watched.changed()).await;
    waited.unwrap_or(Ok(false))
}

/// Packets are lost for long enough.
async fn lose(
    booted: &mut Booted,
    run: &PlannedRun,
    verb: &Verb,
    expect: &ExpectLoss,
    mutation: Mutation,
) -> Result<bool, RunError> {
    let of_name = |verb: &&Verb| matches!(verb, Verb::Stream(stream) if stream.name == expect.stream);
    let Some(Verb::Stream(stream)) = run.steps.iter().map(|step| &step.verb).find(of_name) else {
        return Ok(false);
    };
    inject(booted, run, mutation, &[verb]).await?;
    wait::elapse(outage(expect, stream)).await;
    Ok(true)
}
