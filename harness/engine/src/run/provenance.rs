//! What a run is measured with, for the reports.

use std::fs;
use std::time::SystemTime;

use routeproof_model::graph::{Drawing, svg};
use routeproof_model::plan::{Plan, PlannedRun};
use routeproof_model::result::{Environment, Setting};
use routeproof_model::topology::Role;

use super::backing::Backing;
use super::load;
use super::matrix::cores;
use crate::guest::Place;
use crate::rundir::RunDir;

/// The other ways to have a cluster than to render what its speakers would.
const SPEAKER: &str = "speaker";
pub(crate) const KIND: &str = "kind";

/// What this process runs on.
pub(super) fn environment() -> Environment {
    // uname(2), as /proc has it.
    let of_kernel = |name: &str| {
        let text = fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default();
        text.trim().to_string()
    };
    let words = [of_kernel("ostype"), of_kernel("osrelease"), std::env::consts::ARCH.to_string()];
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    Environment {
        routeproof: env!("CARGO_PKG_VERSION").to_string(),
        kernel: words.join(" ").trim().to_string(),
        processors: u32::try_from(cores()).unwrap_or(u32::MAX),
        started_s: since.map_or(0, |since| since.as_secs()),
    }
}

pub(super) fn setting(run: &PlannedRun, place: &Place, backing: &Backing) -> Setting {
    let members = run.topology.nodes.iter().filter(|node| node.role == Role::ClusterNode);
    let images = members.filter_map(|node| run.images.get(&node.name));
    let mut frr: Vec<String> =
        images.map(|image| image.strip_prefix("frr:").unwrap_or(image).to_string()).collect();
    frr.sort();
    frr.dedup();
    Setting {
        about: run.about.clone(),
        scenario_file: run.scenario_file.display().to_string(),
        scenario_sha256: run.scenario_sha256.clone(),
        topology: run.topology.name.clone(),
        images: run.images.clone(),
        frr,
        metallb: run.metallb.version.clone(),
        metallb_mode: run.metallb.mode.name().to_string(),
        cluster: match backing {
            Backing::Rendered => None,
            Backing::Speakers(_) => Some(SPEAKER.to_string()),
            Backing::Containers(_) => Some(KIND.to_string()),
        },
        kernel: match place {
            Place::Guest(kernel) => kernel.name.clone(),
            Place::Host | Place::Nowhere { .. } => "host".to_string(),
        },
        seed: run.perturbation.as_ref().map(|perturbation| perturbation.seed),
    }
}

/// Leaves a drawing of each topology in the run directory. It proves nothing, so failures are not worth a word.
pub(super) fn draw(plan: &Plan, directory: &RunDir) {
    for run in &plan.runs {
        let file = directory.drawing(&run.topology.name);
        if file.exists() {
            continue;
        }
        if let Ok(lab) = load::lab(&run.topology.file) {
            let _ = fs::write(file, svg(&Drawing::of(&lab)));
        }
    }
}
