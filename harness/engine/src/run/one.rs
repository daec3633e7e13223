//! One run on this kernel: its lab, its steps, its verdict, and whether its lab stays.

use std::time::Duration;

use routeproof_model::event::EventKind;
use routeproof_model::plan::PlannedRun;
use routeproof_model::result::Outcome;
use tokio::sync::watch;

use super::boot::{BootOptions, Booted, boot_unless};
use super::matrix::{broken, stopped};
use super::steps::{self, Verdict};
use crate::event::Events;
use crate::keep::Keeper;
use crate::lab::unless_dead;

/// A verdict, and how long the lab was kept after it.
#[derive(Debug)]
pub(crate) struct Judged {
    pub verdict: Verdict,
    pub kept: Duration,
}

impl From<Verdict> for Judged {
    fn from(verdict: Verdict) -> Judged {
        Judged { verdict, kept: Duration::ZERO }
    }
}

/// Boots the lab of a run on this kernel and does its steps; a lab that goes wrong may be kept for a while. `None`: `stop` became
/// true before there was a verdict.
pub(crate) async fn judge_run(
    planned: &PlannedRun,
    options: &BootOptions<'_>,
    events: &Events,
    stop: watch::Receiver<bool>,
    keeper: Keeper<'_>,
) -> Option<Judged> {
    let stop = || stopped(stop.clone());
    match boot_unless(stop(), planned, options, events).await {
        Ok(None) => None,
        Ok(Some(mut booted)) => {
            booted.leave_faults = keeper.is_free();
            let verdict = tokio::select! {
                verdict = judge(&mut booted, planned, events) => Some(verdict),
                () = stop() => None,
            };
            events.send(EventKind::RunHealth { health: booted.meter.read() });
            // What the host spoilt is tried again, which needs the lab's place.
            let kept = match verdict.as_ref().filter(|v| v.outcome > Outcome::Skipped && !v.by_host) {
                Some(wrong) => {
                    keeper.keep(&booted, (planned, wrong.outcome), options.folder, events, stop()).await
                }
                None => None,
            };
            if let Err(e) = booted.shutdown().await {
                events.warn(format!("{}: observations are incomplete: {e}", planned.slug()));
            }
            let time = kept.map_or(Duration::ZERO, |kept| kept.release());
            verdict.map(|verdict| Judged { verdict, kept: time })
        }
        Err(e) => Some(broken(&e).into()),
    }
}

/// The steps' verdict, unless the lab dies under them: then the router is not to blame.
async fn judge(booted: &mut Booted, planned: &PlannedRun, events: &Events) -> Verdict {
    let died = booted.lab.died();
    let steps = async {
        match steps::run(booted, planned, events).await {
            passed if passed.outcome == Outcome::Passed => Ok(passed),
            other => Err(other),
        }
    };
    match unless_dead(died, steps).await {
        Ok(Ok(verdict) | Err(verdict)) => verdict,
        Err(death) => broken(&death.into()),
    }
}
