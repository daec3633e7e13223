//! `routeproof record`: a lab's state as expectations.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use clap::Args;
use routeproof_engine::recorded::{self, is_run};
use routeproof_model::baseline::{self, Baseline, ScenarioText, baseline};
use routeproof_model::diag::nearest;
use routeproof_model::plan::PlannedRun;
use routeproof_model::recording::Recording;
use routeproof_model::scenario::Verb;
use routeproof_model::topology::Role;

use super::lab::LabArgs;
use super::run::chain;
use crate::fail::Failure;
use crate::out;

/// How long a lab may take to become what it was: the connect timer and the first keepalive of a default FRR fit twice.
const WITHIN: Duration = Duration::from_secs(30);

#[derive(Debug, Args)]
pub struct RecordArgs {
    /// Cluster nodes [default: all]. A run directory as the first one stands for a recorded run instead of a lab that is up
    #[arg(value_name = "RUNDIR|NODE")]
    nodes: Vec<String>,
    /// Write a whole scenario: the topology, the manifests, and the expectations
    #[arg(long)]
    scenario: bool,
    /// Write to this file instead of stdout; the paths in it are relative to its folder
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    lab: LabArgs,
}

/// What is to be written down.
struct Subject {
    name: String,
    topology: Option<PathBuf>,
    run: PlannedRun,
    recording: Recording,
    missing: Vec<String>,
}

pub async fn run(args: &RecordArgs) -> Result<u8, Failure> {
    let (subject, nodes) = match args.nodes.split_first() {
        Some((first, nodes)) if is_run(Path::new(first)) => (recorded(Path::new(first))?, nodes),
        _ => (kept(args).await?, args.nodes.as_slice()),
    };
    let nodes = chosen(&subject.run, nodes)?;
    let mut all = Baseline::default();
    for node in &nodes {
        let Baseline { expects, left_out } = baseline(&subject.recording, node);
        all.expects.extend(expects);
        all.left_out.extend(left_out);
    }
    for line in subject.missing.iter().chain(&all.left_out) {
        out::note(format_args!("left out: {line}"));
    }
    if all.expects.is_empty() {
        return Err(Failure::broken("there is nothing to expect: no session is up and no route was learnt"));
    }
    let folder = args.output.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    let text = match args.scenario {
        true => scenario(&subject, all, folder)?.to_yaml(),
        false => baseline::steps(&all.expects, WITHIN),
    };
    match &args.output {
        None => out::text(text)?,
        Some(file) => write(file, &text)?,
    }
    Ok(0)
}

/// Makes the folders that the file is to be in.
fn write(file: &Path, text: &str) -> Result<(), Failure> {
    if file.is_dir() {
        let hint = format!("for instance {}", file.join("scenario.yaml").display());
        return Err(Failure::input(format!("cannot write {}: it is a folder", file.display())).hint(hint));
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let written = folder.map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(file, text));
    written.map_err(|e| Failure::input(format!("cannot write {}: {e}", file.display())))
}

async fn kept(args: &RecordArgs) -> Result<Subject, Failure> {
    let lab = args.lab.select()?;
    let snapshot = lab.snapshot().await?;
    Ok(Subject {
        name: lab.name().to_string(),
        topology: Some(snapshot.topology),
        run: snapshot.run,
        recording: Recording::of(snapshot.lines),
        missing: snapshot.missing,
    })
}

fn recorded(path: &Path) -> Result<Subject, Failure> {
    let runs = recorded::read(path).map_err(|e| Failure::input(chain(&e)))?;
    let folders: Vec<String> = runs.iter().map(|run| run.folder.display().to_string()).collect();
    let [run] = <[_; 1]>::try_from(runs).map_err(|runs| {
        Failure::input(format!("{} has {} runs: name the folder of one", path.display(), runs.len()))
            .hint(folders.join(", "))
    })?;
    let recording = run
        .recording
        .ok_or_else(|| Failure::input(format!("nothing was recorded in {}", run.folder.display())))?;
    let name = run.planned.scenario.clone();
    let file = &run.planned.topology.file;
    let topology = (!file.as_os_str().is_empty()).then(|| file.clone());
    Ok(Subject { name, topology, run: run.planned, recording, missing: Vec::new() })
}

/// The full names of the cluster nodes that are meant.
fn chosen(run: &PlannedRun, names: &[String]) -> Result<Vec<String>, Failure> {
    let members: Vec<_> = run.topology.nodes.iter().filter(|n| n.role == Role::ClusterNode).collect();
    if names.is_empty() {
        return Ok(members.iter().map(|n| n.name.clone()).collect());
    }
    let find = |name: &String| {
        let found = run.topology.find(name).filter(|n| n.role == Role::ClusterNode);
        found.map(|n| n.name.clone()).ok_or_else(|| {
            let failure = Failure::input(format!("`{name}` is not a cluster node, nor a run directory"));
            let known: Vec<&str> = members.iter().map(|n| n.alias.as_deref().unwrap_or(&n.name)).collect();
            match nearest(name, known.iter().copied()) {
                Some(near) => failure.hint(format!("did you mean `{near}`?")),
                None => failure.hint(format!("cluster nodes: {}", known.join(", "))),
            }
        })
    };
    names.iter().map(find).collect()
}

fn scenario(subject: &Subject, all: Baseline, folder: &Path) -> Result<ScenarioText, Failure> {
    let run = &subject.run;
    let topology = subject.topology.as_ref().ok_or_else(|| {
        Failure::input("the recording does not tell where its topology file is")
            .hint("without --scenario the expectations alone are written")
    })?;
    let place = |path: &PathBuf| relative(path, folder);
    let moved = |verb: &Verb| match verb {
        Verb::Apply { manifests } => Verb::Apply { manifests: manifests.iter().map(place).collect() },
        Verb::Delete { manifests } => Verb::Delete { manifests: manifests.iter().map(place).collect() },
        other => other.clone(),
    };
    let members = run.topology.nodes.iter().filter(|n| n.role == Role::ClusterNode);
    let frr = members.filter_map(|n| run.images.get(&n.name)?.strip_prefix("frr:")).next();
    Ok(ScenarioText {
        name: format!("baseline-{}", subject.name),
        about: format!("What {} was when it was recorded.", subject.name),
        topology: place(topology),
        metallb: run.metallb.clone(),
        axes: frr.map(|version| ("frr".to_string(), version.to_string())).into_iter().collect(),
        initial: run.initial.iter().map(place).collect(),
        steps: run.steps.iter().map(|step| moved(&step.verb)).collect(),
        expects: all.expects,
        within: WITHIN,
    })
}

/// `path` as seen from `folder`, both taken from the current folder.
fn relative(path: &Path, folder: &Path) -> PathBuf {
    let here = std::env::current_dir().unwrap_or_default();
    let plain = |path: &Path| {
        let mut plain = PathBuf::new();
        for part in here.join(path).components() {
            match part {
                Component::ParentDir => drop(plain.pop()),
                Component::CurDir => {}
                part => plain.push(part),
            }
        }
        plain.canonicalize().unwrap_or(plain)
    };
    let (path, folder) = (plain(path), plain(folder));
    let shared = path.components().zip(folder.components()).take_while(|(a, b)| a == b).count();
    let up = folder.components().skip(shared).map(|_| Component::ParentDir);
    up.chain(path.components().skip(shared)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_relative_to_the_files_folder() {
        let see = |path, folder| relative(Path::new(path), Path::new(folder)).display().to_string();
        assert_eq!(see("/t/topologies/a.yml", "/t/scenarios/x"), "../../topologies/a.yml");
        assert_eq!(see("/t/a.yml", "/t"), "a.yml");
        assert_eq!(see("m/./a.yml", "n/../m"), "a.yml");
    }
}
