//! One lab that is broken: everything passes first, then comes the mutation, then each expectation is judged.

use std::collections::BTreeMap;

use futures::future::join_all;
use routeproof_model::mutate::{self, Fate, Mutation, Phase, applies, may_apply};
use routeproof_model::plan::PlannedRun;
use routeproof_model::result::Outcome;
use routeproof_model::scenario::Verb;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{inject, judge, timed};
use crate::event::Events;
use crate::lab::unless_dead;
use crate::run::boot::{BootOptions, Booted, boot_unless};
use crate::run::error::RunError;
use crate::run::expect;
use crate::run::matrix::{broken, stopped};
use crate::run::steps::{self, Verdict};

/// Step -> what became of its expectation.
pub type Fates = BTreeMap<usize, Fate>;

/// What is to be tried on one lab.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trial {
    /// The steps up to the phase's last expectation; the axes name the mutation.
    pub planned: PlannedRun,
    pub phase: Phase,
    /// `None`: it is left as it is, to show that what is followed over time passes there.
    pub mutation: Option<Mutation>,
}

/// What came of it.
#[derive(Debug, Serialize, Deserialize)]
pub struct Tried {
    pub verdict: Verdict,
    pub fates: Fates,
}

impl Trial {
    /// Boots the lab on this kernel and tries. `None`: `stop` became true before there was a verdict.
    pub async fn judge(
        &self,
        options: &BootOptions<'_>,
        events: &Events,
        stop: watch::Receiver<bool>,
    ) -> Option<Tried> {
        let stop = || stopped(stop.clone());
        match boot_unless(stop(), &self.planned, options, events).await {
            Ok(None) => None,
            Ok(Some(mut booted)) => {
                let died = booted.lab.died();
                let tried = async {
                    tokio::select! {
                        tried = self.try_on(&mut booted, events) => Ok(Some(tried)),
                        () = stop() => Ok(None),
                    }
                };
                let tried = unless_dead(died, tried)
                    .await
                    .unwrap_or_else(|death| Ok::<_, RunError>(Some(self.untried(&death.into()))));
                if let Err(e) = booted.shutdown().await {
                    events.warn(format!("{}: observations are incomplete: {e}", self.planned.slug()));
                }
                tried.unwrap_or_else(|e| Some(self.untried(&e)))
            }
            Err(e) => Some(self.untried(&e)),
        }
    }

    /// It came to nothing, by this error.
    pub fn untried(&self, error: &RunError) -> Tried {
        self.untried_by(broken(error))
    }

    fn untried_by(&self, verdict: Verdict) -> Tried {
        let why = verdict.reason.clone().unwrap_or_default();
        let may = |step: &&usize| {
            self.mutation.is_none_or(|mutation| may_apply(mutation, &self.planned.steps[**step].verb))
        };
        let fate = |step: &usize| (*step, Fate::Untried { why: why.clone() });
        let fates = self.phase.expects.iter().filter(may).map(fate).collect();
        Tried { verdict, fates }
    }

    /// The control, the mutation, the fates.
    async fn try_on(&self, booted: &mut Booted, events: &Events) -> Tried {
        if let (Some(mutation), [step]) = (self.mutation, self.phase.expects.as_slice())
            && mutate::is_timed(&self.planned.steps[*step].verb)
        {
            return self.try_over_time(booted, mutation, *step, events).await;
        }
        let control = steps::control(booted, &self.planned, events).await;
        if control.outcome != Outcome::Passed {
            return self.not_passed(control);
        }
        let Some(mutation) = self.mutation else { return Tried { verdict: control, fates: Fates::new() } };
        let chosen = match self.chosen(booted, mutation) {
            Ok(chosen) => chosen,
            Err(e) => return self.untried(&e),
        };
        let verbs: Vec<&Verb> = chosen.iter().map(|step| &self.planned.steps[*step].verb).collect();
        if verbs.is_empty() {
            return Tried { verdict: control, fates: Fates::new() };
        }
        if let Err(e) = inject::inject(booted, &self.planned, mutation, &verbs).await {
            return self.untried(&e);
        }
        let fates = join_all(verbs.iter().map(|verb| judge::fate(booted, verb))).await;
        Tried { verdict: control, fates: chosen.into_iter().zip(fates).collect() }
    }

    async fn try_over_time(
        &self,
        booted: &mut Booted,
        mutation: Mutation,
        step: usize,
        events: &Events,
    ) -> Tried {
        match timed::fate(booted, &self.planned, step, mutation, events).await {
            Err(e) => self.untried(&e),
            Ok((control, _)) if control.outcome != Outcome::Passed => self.not_passed(control),
            Ok((verdict, fate)) => {
                Tried { verdict, fates: fate.into_iter().map(|fate| (step, fate)).collect() }
            }
        }
    }

    fn not_passed(&self, control: Verdict) -> Tried {
        let reason = control.reason.unwrap_or_default();
        let reason = Some(format!("not everything passes before the mutation: {reason}"));
        self.untried_by(Verdict { outcome: Outcome::Inconclusive, reason, ..control })
    }

    /// The steps of the phase whose expectation the mutation ought to break in this lab.
    fn chosen(&self, booted: &Booted, mutation: Mutation) -> Result<Vec<usize>, RunError> {
        if mutation == Mutation::DropExtras && !booted.cluster.has_extras() {
            return Ok(Vec::new());
        }
        let mut chosen = Vec::new();
        for step in &self.phase.expects {
            let verb = &self.planned.steps[*step].verb;
            let Some((expect, _)) = mutate::expectation(verb) else { continue };
            let node = expect::node(booted, expect.node())?;
            if node.monitor.with_state(|kernel| applies(mutation, verb, kernel)) {
                chosen.push(*step);
            }
        }
        Ok(chosen)
    }
}
