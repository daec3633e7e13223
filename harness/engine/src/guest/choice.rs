//! On which kernel a run is done.

use std::collections::BTreeSet;
use std::sync::Arc;

use routeproof_model::plan::{Plan, PlannedRun};

use super::kernel::{Kernel, KernelSource};
use crate::event::Events;
use crate::image::{Progress, Store};
use crate::preflight::{self, Capability};
use crate::run::RunError;
use crate::rundir::RunDir;

/// What the user wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Choice {
    /// The host's kernel where it has what the run needs, else a guest's.
    #[default]
    Auto,
    Host,
    Uml,
}

/// The user's choice, and the kernel that a guest gets.
#[derive(Clone, Debug, Default)]
pub struct Guest {
    pub choice: Choice,
    pub kernel: KernelSource,
}

/// Where a run is done.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    Host,
    Guest(Arc<Kernel>),
    /// Nowhere: what is missing, and why.
    Nowhere {
        capability: String,
        detail: String,
    },
}

/// What labs need, whatever is in them.
const NAMESPACES: &str = "namespaces";

/// By what `within` is multiplied on a guest kernel: starting programs, which a reload of FRR does a lot, takes several
/// times as long there, and FRR's timers, most of a wait, do not.
const PATIENCE: u32 = 2;

impl Place {
    /// The run as it is done here.
    pub(crate) fn adapt(&self, run: &PlannedRun) -> PlannedRun {
        match self {
            Place::Guest(_) => run.clone().with_patience(PATIENCE),
            Place::Host | Place::Nowhere { .. } => run.clone(),
        }
    }
}

/// Decides for each run of the plan, in its order. Says in a warning why a run is not on the host's kernel.
///
/// # Errors
/// A guest was asked for, and its kernel cannot be had.
pub(crate) async fn decide(
    plan: &Plan,
    directory: &RunDir,
    guest: &Guest,
    store: &Store,
    events: &Events,
    progress: &dyn Progress,
) -> Result<Vec<Place>, RunError> {
    if guest.choice == Choice::Uml {
        let kernel = Arc::new(guest.kernel.obtain(store, progress).await?);
        events.warn(format!("on the guest kernel {}: limits of `within` are times {PATIENCE}", kernel.name));
        return Ok(plan.runs.iter().map(|_| Place::Guest(kernel.clone())).collect());
    }
    if guest.choice == Choice::Host && plan.runs.iter().all(|run| run.needs.is_empty()) {
        return Ok(plan.runs.iter().map(|_| Place::Host).collect());
    }
    let host = preflight::kernel_in(directory.path()).await;
    let missing: Vec<Vec<&Capability>> = match preflight::missing(&[NAMESPACES.to_string()].into(), &host) {
        // No lab at all: what else is missing nobody could ask. Booting one says what to do about it.
        all if !all.is_empty() && guest.choice == Choice::Host => {
            plan.runs.iter().map(|_| Vec::new()).collect()
        }
        all if !all.is_empty() => plan.runs.iter().map(|_| all.clone()).collect(),
        _ => plan.runs.iter().map(|run| preflight::missing(&run.needs, &host)).collect(),
    };
    let mut kernel = Err(None);
    if guest.choice == Choice::Auto && missing.iter().any(|missing| !missing.is_empty()) {
        kernel = guest.kernel.obtain(store, progress).await.map(Arc::new).map_err(Some);
    }
    let mut said = BTreeSet::new();
    let place = |(run, missing): (&PlannedRun, Vec<&Capability>)| {
        let Some(first) = missing.first() else { return Place::Host };
        let names = missing.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
        match &kernel {
            Ok(kernel) => {
                let why = format!(
                    "{} runs on the guest kernel {}, limits of `within` times {PATIENCE}: this one lacks {names}",
                    run.scenario, kernel.name
                );
                if said.insert(why.clone()) {
                    events.warn(why);
                }
                Place::Guest(kernel.clone())
            }
            Err(_) if first.name == NAMESPACES => Place::Host,
            Err(why) => {
                let guest = match why {
                    Some(why) => format!("and there is no guest kernel: {}", why.line()),
                    None => "`--kernel auto` would take a guest kernel".to_string(),
                };
                Place::Nowhere { capability: names, detail: format!("{}; {guest}", first.detail) }
            }
        }
    };
    Ok(plan.runs.iter().zip(missing).map(place).collect())
}
