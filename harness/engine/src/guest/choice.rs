//! On which kernel a run is done.

use std::collections::BTreeSet;
use std::path::Path;
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
    /// The host's, and no guest would do: containers have it.
    HostOnly,
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
    let runs: Vec<&PlannedRun> = plan.runs.iter().collect();
    let decided = places(&runs, directory.path(), guest, store, progress).await?;
    let mut said = BTreeSet::new();
    let place = |(run, (place, lacks)): (&PlannedRun, (Place, Option<String>))| {
        if let Place::Guest(kernel) = &place {
            let why = match lacks {
                None => {
                    format!("on the guest kernel {}: limits of `within` are times {PATIENCE}", kernel.name)
                }
                Some(names) => format!(
                    "{} runs on the guest kernel {}, limits of `within` times {PATIENCE}: this one lacks {names}",
                    run.scenario, kernel.name
                ),
            };
            if said.insert(why.clone()) {
                events.warn(why);
            }
        }
        place
    };
    Ok(plan.runs.iter().zip(decided).map(place).collect())
}

/// Decides for one lab, which is to be kept. Gives the reason, too, if the user has not asked for a guest. `folder` is one in
/// which the host's kernel can be tried.
///
/// # Errors
/// A guest was asked for, and its kernel cannot be had.
pub(crate) async fn place(
    run: &PlannedRun,
    folder: &Path,
    guest: &Guest,
    store: &Store,
    progress: &dyn Progress,
) -> Result<(Place, Option<String>), RunError> {
    let decided = places(&[run], folder, guest, store, progress).await?.into_iter().next();
    let (place, lacks) = decided.unwrap_or((Place::Host, None));
    let why = match (&place, lacks) {
        (Place::Guest(kernel), Some(names)) => {
            Some(format!("the lab is on the guest kernel {}: this one lacks {names}", kernel.name))
        }
        _ => None,
    };
    Ok((place, why))
}

/// A place for each run, and what the host's kernel lacks if that is why it is in a guest.
async fn places(
    runs: &[&PlannedRun],
    folder: &Path,
    guest: &Guest,
    store: &Store,
    progress: &dyn Progress,
) -> Result<Vec<(Place, Option<String>)>, RunError> {
    if guest.choice == Choice::Uml {
        let kernel = Arc::new(guest.kernel.obtain(store, progress).await?);
        return Ok(runs.iter().map(|_| (Place::Guest(kernel.clone()), None)).collect());
    }
    let host_only = matches!(guest.choice, Choice::Host | Choice::HostOnly);
    if host_only && runs.iter().all(|run| run.needs.is_empty()) {
        return Ok(runs.iter().map(|_| (Place::Host, None)).collect());
    }
    let host = preflight::kernel_in(folder).await;
    let missing: Vec<Vec<&Capability>> = match preflight::missing(&[NAMESPACES.to_string()].into(), &host) {
        // No lab at all: what else is missing nobody could ask. Booting one says what to do about it.
        all if !all.is_empty() && host_only => runs.iter().map(|_| Vec::new()).collect(),
        all if !all.is_empty() => runs.iter().map(|_| all.clone()).collect(),
        _ => runs.iter().map(|run| preflight::missing(&run.needs, &host)).collect(),
    };
    let guest_choice = guest.choice;
    let mut kernel = Err(None);
    if guest.choice == Choice::Auto && missing.iter().any(|missing| !missing.is_empty()) {
        kernel = guest.kernel.obtain(store, progress).await.map(Arc::new).map_err(Some);
    }
    let place = |missing: Vec<&Capability>| {
        let Some(first) = missing.first() else { return (Place::Host, None) };
        let names = missing.iter().map(|c| c.name.as_str()).collect::<Vec<_>>().join(", ");
        match &kernel {
            Ok(kernel) => (Place::Guest(kernel.clone()), Some(names)),
            Err(_) if first.name == NAMESPACES => (Place::Host, None),
            Err(why) => {
                let guest = match why {
                    Some(why) => format!("and there is no guest kernel: {}", why.line()),
                    None if guest_choice == Choice::HostOnly => "containers have this kernel".to_string(),
                    None => "`--kernel auto` would take a guest kernel".to_string(),
                };
                (Place::Nowhere { capability: names, detail: format!("{}; {guest}", first.detail) }, None)
            }
        }
    };
    Ok(missing.into_iter().map(place).collect())
}
