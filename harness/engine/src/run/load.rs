//! From files to a plan: the only place that reads scenarios, topologies and manifests.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use routeproof_model::diag::{Diagnostic, Seg, Source};
use routeproof_model::metallb::lint::{Finding, FrrVersion, Lint, Rule};
use routeproof_model::metallb::{self, NodeInfo, Objects, Release, RenderError};
use routeproof_model::plan::{self, Plan, PlannedRun};
use routeproof_model::pods::with_pods;
use routeproof_model::profile::Profiles;
use routeproof_model::scenario::{self, AxisValues, MetallbFile, Mode, ScenarioFile};
use routeproof_model::topology::{self, Lab, Role, StartupConfig, Topology};
use routeproof_model::{needs, yaml};

use super::error::RunError;
use super::rehearse::{pods_of, rehearse, unmade_vrfs};
use super::topologies::Topologies;
use super::{digest, places, routers};

/// A scenario that was read, with its runs and its matrix.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub name: String,
    pub about: String,
    pub file: PathBuf,
    /// Axis name and values, in the file's order.
    pub axes: Vec<(String, Vec<String>)>,
    pub runs: Vec<PlannedRun>,
    /// It is run only when it is named.
    pub on_request: bool,
    pub warnings: Vec<String>,
    /// What is wrong with the extras, each once, without what the scenario allows; with the runs that it is about.
    pub findings: Vec<(Finding, Vec<AxisValues>)>,
}

impl Loaded {
    /// Everything that a user should know before the runs that are left, one line each.
    pub fn remarks(&self) -> impl Iterator<Item = String> {
        let is_left = |axes: &AxisValues| self.runs.iter().any(|run| run.axes == *axes);
        let concerns = move |(_, runs): &&(Finding, Vec<AxisValues>)| runs.iter().any(is_left);
        self.warnings.iter().cloned().chain(self.findings.iter().filter(concerns).map(|(f, _)| f.line()))
    }

    /// The plan of several scenarios.
    pub fn plan(loaded: &[Loaded]) -> Plan {
        Plan { runs: loaded.iter().flat_map(|l| l.runs.iter().cloned()).collect() }
    }
}

/// Reads a user's file.
pub fn read(path: &Path) -> Result<Source, RunError> {
    let bytes = fs::read(path).map_err(|source| RunError::Read { path: path.to_path_buf(), source })?;
    Ok(Source::from_bytes(path, bytes)?)
}

/// Reads a containerlab file with the variables of our environment in it; with a warning for each that is not set.
fn read_topology(path: &Path) -> Result<(Source, Vec<Diagnostic>), RunError> {
    Ok(topology::substitute(&read(path)?, |name| std::env::var(name).ok())?)
}

/// What containerlab sees in a file, whether or not the embedded lab can boot it.
/// Errors: what is no file of containerlab's.
pub fn lab(path: &Path) -> Result<Lab, RunError> {
    let (source, unset) = read_topology(path)?;
    let mut lab = topology::lab(&topology::parse(&source)?, &source)?;
    lab.warnings.splice(0..0, unset);
    Ok(lab)
}

/// Reads and resolves a containerlab file; binds must exist and stay in its folder, symbolic links included.
pub fn topology(path: &Path) -> Result<Topology, RunError> {
    let (source, unset) = read_topology(path)?;
    let mut topology = topology::load(&source)?;
    topology.warnings.splice(0..0, unset);
    // A file that is named without a folder lies in this one.
    let dir = if topology.dir.as_os_str().is_empty() { Path::new(".") } else { &topology.dir };
    let folder = dir.canonicalize().map_err(|e| RunError::Read { path: topology.dir.clone(), source: e })?;
    for node in &topology.nodes {
        let config = node.startup_config.as_ref().and_then(StartupConfig::file);
        for file in node.binds.iter().map(|b| &b.host).chain(config).chain(&node.intent) {
            let place = places::file_of_topology(&source, &topology.dir, file);
            let wrong = |what: String| {
                Diagnostic::new(&source, place, format!("node `{}`: {} {what}", node.name, file.display()))
            };
            let real = file.canonicalize().map_err(|e| wrong(format!("cannot be read: {e}")))?;
            if !real.starts_with(&folder) {
                let error = wrong("leads out of the topology's folder".to_string());
                let error = error.hint("a topology may only read files of its own folder");
                return Err(error.unsupported().into());
            }
        }
    }
    Ok(topology)
}

/// Reads a scenario (its file, or the folder that holds `scenario.yaml`), its topology and its manifests, which are
/// applied to a cluster without nodes.
pub fn load(path: &Path) -> Result<Loaded, RunError> {
    load_for(path, &LoadOptions::default())
}

/// What a scenario is loaded with beyond its files.
#[derive(Clone, Copy, Debug)]
pub struct LoadOptions<'a> {
    /// Other MetalLB releases than the scenario's; they become its last axis, `metallb`.
    pub releases: &'a [&'static Release],
    pub profiles: &'a Profiles,
    /// The only router that its gateways are to be.
    pub gateway: Option<&'a str>,
}

impl Default for LoadOptions<'_> {
    fn default() -> Self {
        LoadOptions { releases: &[], profiles: Profiles::embedded(), gateway: None }
    }
}

/// [`load`] with options.
pub fn load_for(path: &Path, options: &LoadOptions<'_>) -> Result<Loaded, RunError> {
    let LoadOptions { releases, profiles, gateway } = *options;
    let file = if path.is_dir() { path.join("scenario.yaml") } else { path.to_path_buf() };
    let source = read(&file)?;
    let mut written: ScenarioFile = yaml::parse(&source)?;
    let at = |name: &str| [Seg::Key(name.to_string())];
    let dir = file.parent().map(Path::to_path_buf).unwrap_or_default();
    let mut topologies = Topologies::load(&written, &source, &dir)?;
    if let Some(router) = gateway {
        let intents = routers::intents(topologies.of(&AxisValues::default()))?;
        routers::only(&mut written.axes, router, &intents)
            .map_err(|e| source.error_at(&at("topology"), e))?;
        topologies = Topologies::load(&written, &source, &dir)?;
    }
    let own = release(&source, &written)?;
    let mut loaded = Loaded {
        name: written.name.clone(),
        about: written.about.clone(),
        axes: written.axes.0.clone(),
        runs: Vec::new(),
        on_request: written.on_request,
        warnings: topologies.warnings(),
        findings: Vec::new(),
        file,
    };
    if releases.is_empty() {
        add_runs(&mut loaded, &written, &source, (&topologies, profiles), own, None)?;
    } else if loaded.axes.iter().any(|(name, _)| name == METALLB_AXIS) {
        let error = source.error_at(&at("axes"), "the scenario has an axis `metallb` of its own");
        return Err(error.hint("`--only metallb=VERSION` chooses of its values").into());
    } else {
        let versions = releases.iter().map(|r| r.version.to_string()).collect();
        loaded.axes.push((METALLB_AXIS.to_string(), versions));
    }
    for release in releases {
        release.check(written.metallb.mode).map_err(|e| source.error_at(&at("metallb"), e.to_string()))?;
        written.metallb.version = release.version.to_string();
        let value = (METALLB_AXIS.to_string(), release.version.to_string());
        add_runs(&mut loaded, &written, &source, (&topologies, profiles), release, Some(value))?;
    }
    let allowed = scenario::expand_over(&written, &source, &|axes| topologies.of(axes))?.allow;
    let idle = allow(&mut loaded.findings, &allowed, &loaded.file);
    loaded.warnings.extend(idle);
    digest::stamp(&mut loaded).map_err(|(path, source)| RunError::Read { path, source })?;
    Ok(loaded)
}

/// The axis that other releases than a scenario's make.
const METALLB_AXIS: &str = "metallb";

/// Adds the runs of one release, each with one more value of an axis if that is given.
fn add_runs(
    loaded: &mut Loaded,
    written: &ScenarioFile,
    source: &Source,
    (topologies, profiles): (&Topologies, &Profiles),
    release: &'static Release,
    value: Option<(String, String)>,
) -> Result<(), RunError> {
    let scenario = scenario::expand_over(written, source, &|axes| topologies.of(axes))?;
    let dir = loaded.file.parent().map(Path::to_path_buf).unwrap_or_default();
    for run in scenario.runs {
        for path in run.manifests() {
            if !path.is_file() {
                let at = places::manifest(written, &dir, &run.axes, path);
                return Err(source.error_at(&at, format!("there is no manifest {}", path.display())).into());
            }
        }
        let mut topology = topologies.of(&run.axes).clone();
        let intents = routers::intents(&topology)?;
        let frr = release.frr_in(written.metallb.mode);
        let frr = run.axes.iter().find(|(name, _)| name == "frr").map_or(frr, |(_, value)| value.as_str());
        let frr = frr.to_string();
        let at_axis =
            |value: &str, what: &str| source.error_at(&routers::axis_place(&loaded.axes, value), what);
        let routers = routers::assign(&mut topology, &intents, &run.axes, profiles, at_axis)?;
        let mut run = PlannedRun {
            scenario: scenario.name.clone(),
            about: scenario.about.clone(),
            requirements: scenario.requirements.clone(),
            images: plan::images(&topology, &frr),
            routers,
            axes: run.axes.into_iter().chain(value.clone()).collect(),
            expected: run.expected,
            metallb: scenario.metallb.clone(),
            topology,
            initial: run.initial,
            steps: run.steps,
            tightest_timer_ms: None,
            needs: BTreeSet::new(),
            scenario_file: PathBuf::new(),
            scenario_sha256: String::new(),
            repeat: 0,
            perturbation: None,
        };
        let found = rehearse(&run, release, FrrVersion::parse(&frr))?;
        let stated = scenario.tightest_timer.map(|timer| timer.as_millis() as u64);
        run.tightest_timer_ms = stated.into_iter().chain(found.bfd_detection_ms).min();
        let unmade = unmade_vrfs(&run, &found.vrfs);
        gather(&mut loaded.findings, found.findings, &run.axes);
        let more = unmade.into_iter().chain(found.warnings);
        let new: Vec<_> = more.filter(|w| !loaded.warnings.contains(w)).collect();
        loaded.warnings.extend(new);
        if !found.pods.is_empty() {
            run.topology = with_pods(&run.topology, found.pods).map_err(|e| source.error(e.to_string()))?;
            run.images = plan::images(&run.topology, &frr);
        }
        let vrfs = found.vrfs.into_iter().map(|(_, vrf)| vrf).collect();
        run.needs = needs::of(&run.topology, &run.steps, &vrfs);
        loaded.runs.push(run);
    }
    Ok(())
}

/// Adds a run's findings: what another run has, too, is told once.
fn gather(all: &mut Vec<(Finding, Vec<AxisValues>)>, found: Vec<Finding>, axes: &AxisValues) {
    for finding in found {
        match all.iter_mut().find(|(known, _)| known.is_again(&finding)) {
            Some((_, runs)) => runs.push(axes.clone()),
            None => all.push((finding, vec![axes.clone()])),
        }
    }
}

/// Leaves out what is allowed, and gives a word about what is allowed for nothing.
fn allow(findings: &mut Vec<(Finding, Vec<AxisValues>)>, allowed: &[Rule], file: &Path) -> Vec<String> {
    let idle = allowed.iter().filter(|rule| !findings.iter().any(|(f, _)| f.rule == **rule));
    let idle = idle.map(|rule| format!("{}: `allow: [{rule}]` allows nothing that is there", file.display()));
    let idle = idle.collect();
    findings.retain(|(f, _)| !allowed.contains(&f.rule));
    idle
}

/// A run without steps, for a lab that is to be kept: the topology, with these manifests applied before the speakers
/// start. Manifests that MetalLB would refuse are errors here already. Gives what is worth knowing, too.
pub fn plan_topology(
    path: &Path,
    manifests: &[PathBuf],
    (release, mode): (&'static Release, Mode),
    frr: &str,
    profiles: &Profiles,
) -> Result<(PlannedRun, Vec<String>), RunError> {
    let mut topology = topology(path)?;
    let no_axis = |_: &str, what: &str| Source::new(path, "").error(what);
    let intents = routers::intents(&topology)?;
    let routers = routers::assign(&mut topology, &intents, &Default::default(), profiles, no_axis)?;
    let mut warnings: Vec<String> = topology.warnings.iter().map(ToString::to_string).collect();
    let mut objects = Objects::of(release);
    let mut applied = Vec::new();
    for manifest in manifests {
        applied.extend(objects.apply(&read(manifest)?)?);
    }
    let mut lint = Lint::new(release, FrrVersion::parse(frr));
    lint.look(&objects, &applied);
    warnings.extend(lint.findings().iter().map(Finding::line));
    for node in topology.nodes.iter().filter(|n| n.role == Role::ClusterNode) {
        let info = NodeInfo { name: node.name.clone(), ..NodeInfo::default() };
        match metallb::render(release, mode, &objects, &info) {
            Ok(rendered) => warnings.extend(rendered.warnings),
            Err(RenderError::Refused(refusal) | RenderError::Pending(refusal)) => {
                return Err((*refusal).into());
            }
            Err(other) => {
                return Err(RunError::Config {
                    node: node.name.clone(),
                    what: other.to_string(),
                    hints: Vec::new(),
                });
            }
        }
    }
    let topology = match pods_of(&objects).collect::<Vec<_>>() {
        pods if pods.is_empty() => topology,
        pods => with_pods(&topology, pods).map_err(|e| RunError::Config {
            node: topology.name.clone(),
            what: e.to_string(),
            hints: Vec::new(),
        })?,
    };
    let mut seen = std::collections::HashSet::new();
    warnings.retain(|warning| seen.insert(warning.clone()));
    let run = PlannedRun {
        scenario: topology.name.clone(),
        about: "A lab that `up` keeps.".to_string(),
        requirements: Vec::new(),
        axes: Default::default(),
        expected: Default::default(),
        metallb: MetallbFile { version: release.version.to_string(), mode },
        images: plan::images(&topology, frr),
        routers,
        needs: needs::of(&topology, &[], &BTreeSet::new()),
        topology,
        initial: manifests.to_vec(),
        steps: Vec::new(),
        tightest_timer_ms: objects.bfd_detection_ms(),
        scenario_file: PathBuf::new(),
        scenario_sha256: String::new(),
        repeat: 0,
        perturbation: None,
    };
    Ok((run, warnings))
}

fn release(source: &Source, written: &ScenarioFile) -> Result<&'static Release, Diagnostic> {
    let at = |name: &str| [Seg::Key("metallb".into()), Seg::Key(name.to_string())];
    let release = Release::find(&written.metallb.version).map_err(|unknown| {
        let error =
            source.error_at(&at("version"), format!("there is no MetalLB release `{}`", unknown.version));
        match unknown.nearest {
            Some(near) => error.hint(format!("did you mean {near}?")),
            None => error,
        }
    })?;
    let mode = written.metallb.mode;
    release.check(mode).map_err(|e| {
        let error = source.error_at(&at("mode"), e.to_string());
        error.hint("`mode: frr` runs MetalLB's own FRR container")
    })?;
    Ok(release)
}
