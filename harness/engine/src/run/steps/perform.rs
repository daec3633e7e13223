//! Doing one step.

use std::time::Duration;

use routeproof_model::check::evidence;
use routeproof_model::event::EventKind;
use routeproof_model::plan::PlannedRun;
use routeproof_model::recording::Line;
use routeproof_model::result::Outcome;
use routeproof_model::scenario::{Expect, Verb};

use super::verdict::Done;
use super::{Memory, settle};
use crate::event::Events;
use crate::run::boot::Booted;
use crate::run::error::RunError;
use crate::run::{convergence, diagnose, expect, many};

pub fn limit(verb: &Verb) -> Option<Duration> {
    match verb {
        Verb::Eventually { expect: Expect::Loss(_), .. } => None,
        Verb::Eventually { within, .. } => Some(*within),
        Verb::Holds { window, .. } => Some(*window),
        Verb::Diagnose(d) => Some(d.within),
        Verb::Settle(_) => Some(settle::USUAL),
        _ => None,
    }
}

/// Does what the step says.
pub async fn perform(
    booted: &mut Booted,
    run: &PlannedRun,
    index: usize,
    memory: &mut Memory,
    events: &Events,
    status: &(dyn Fn(&str) + Sync),
) -> Result<Done, RunError> {
    let warn = |notes: Vec<String>| {
        notes.into_iter().for_each(|message| events.send(EventKind::Warning { message }))
    };
    match &run.steps[index].verb {
        Verb::Apply { manifests } => {
            warn(booted.cluster.apply(&mut booted.nodes, manifests).await?);
            Ok(Done::passed())
        }
        Verb::Delete { manifests } => {
            warn(booted.cluster.delete(&mut booted.nodes, manifests).await?);
            Ok(Done::passed())
        }
        Verb::RestartSpeaker(restart) => {
            let name = expect::node(booted, &restart.node)?.name.clone();
            if let Some(node) = booted.nodes.get_mut(&name) {
                warn(booted.cluster.restart_speaker(node).await?);
            }
            Ok(Done::passed())
        }
        Verb::Settle(settle) => settle::settle(booted, settle, status).await,
        Verb::Fault(fault) => {
            let at = memory.faults.inject(booted, index, fault).await?;
            memory.marks.iter_mut().for_each(|mark| mark.at = at);
            memory.changed = Some(at);
            Ok(Done::passed())
        }
        Verb::Eventually { expect: Expect::Convergence(e), within } => {
            convergence::converges(booted, index, e, *within, &mut memory.marks, status).await
        }
        Verb::Stream(stream) => {
            memory.streams.start(booted, stream).await?;
            Ok(Done::passed())
        }
        Verb::Eventually { expect: Expect::Loss(e), .. } => {
            memory.streams.judge(booted, e, memory.changed).await
        }
        Verb::Eventually { expect, within } => match run.each(expect) {
            Some(each) => many::eventually(booted, &each, *within, status).await,
            None => expect::eventually(booted, expect, *within, status).await,
        },
        Verb::Holds { expect, window, witness } => {
            expect::holds(booted, index, expect, *window, *witness).await
        }
        Verb::Observe(observe) => {
            let sample = diagnose::sample(booted, observe).await?;
            let found = evidence("sample", &observe.node, &sample);
            booted.recorder.write(&Line::Sample { step: index, sample: sample.clone() });
            memory.samples.push(sample);
            Ok(Done { outcome: Outcome::Passed, message: None, evidence: vec![found] })
        }
        Verb::Diagnose(d) => {
            let (diagnosed, evidence) = diagnose::diagnose(booted, index, d, &memory.samples, status).await?;
            let diagnosed = run.as_expected(diagnosed);
            if let Some(bug) = diagnosed.bug {
                memory.observed.insert("bug".to_string(), bug.to_string());
            }
            Ok(Done { outcome: diagnosed.outcome, message: Some(diagnosed.message), evidence })
        }
    }
}
