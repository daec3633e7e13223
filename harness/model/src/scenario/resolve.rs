//! From the written scenario to runs: axes expanded, steps chosen, names checked against the topology.

mod ecmp;
mod expect;
mod fault;
mod isolation;
mod names;
mod route;
mod routes;
mod stream;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::axes::{AxisValues, combinations, fits, substitute};
use super::expect::Expect;
use super::file::{MetallbFile, OneOrMany, ScenarioFile, StepFile, When};
use super::name::name_of;
use super::step::{Diagnosis, Step, Verb};
use crate::diag::{Diagnostic, Seg, Source};
use crate::metallb::lint::Rule;
use crate::topology::Topology;
use crate::yaml;

/// How long a session or a route may take unless the step says otherwise: the connect timer and the first keepalive of
/// a default FRR fit twice.
const WITHIN: Duration = Duration::from_secs(30);

/// A scenario with its runs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Scenario {
    pub name: String,
    pub about: String,
    pub requirements: Vec<String>,
    pub metallb: MetallbFile,
    /// Lints that are not to be told of.
    #[serde(skip)]
    pub allow: Vec<Rule>,
    pub tightest_timer: Option<Duration>,
    pub runs: Vec<ScenarioRun>,
}

/// One combination of axis values.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ScenarioRun {
    pub axes: AxisValues,
    pub expected: BTreeMap<String, String>,
    pub initial: Vec<PathBuf>,
    pub steps: Vec<Step>,
}

impl ScenarioRun {
    /// Every manifest that the run applies or deletes.
    pub fn manifests(&self) -> impl Iterator<Item = &PathBuf> {
        self.initial.iter().chain(self.steps.iter().flat_map(|step| step.verb.manifests()))
    }
}

struct Resolver<'a> {
    source: &'a Source,
    topology: &'a Topology,
    dir: PathBuf,
    file: &'a ScenarioFile,
}

fn key(name: &str) -> Seg {
    Seg::Key(name.to_string())
}

fn without_values(source: &Source, axis: &str) -> Diagnostic {
    source.error_at(&[key("axes"), key(axis)], format!("axis `{axis}` has no values"))
}

/// The runs' axis values, and the topology's path of each: `${NAME}` in it stands for the axis's value.
///
/// # Errors
/// The name of an unknown axis, at the path; an axis without values.
pub fn topologies(file: &ScenarioFile, source: &Source) -> Result<Vec<(AxisValues, String)>, Diagnostic> {
    if let Some((name, _)) = file.axes.0.iter().find(|(_, values)| values.is_empty()) {
        return Err(without_values(source, name));
    }
    let path = |axes: AxisValues| match substitute(&file.topology, &axes) {
        Ok(path) => Ok((axes, path)),
        Err(axis) => {
            let error = source.error_at(&[key("topology")], format!("unknown axis `{axis}`"));
            Err(error.suggest(&axis, file.axes.0.iter().map(|(name, _)| name.as_str())))
        }
    };
    combinations(&file.axes).into_iter().map(path).collect()
}

/// Expands a scenario over its axes.
pub fn expand(file: &ScenarioFile, source: &Source, topology: &Topology) -> Result<Scenario, Diagnostic> {
    expand_over(file, source, &|_| topology)
}

/// [`expand`] where axes choose the topology: `topology` gives that of a run, and one of no values where there are no runs.
pub fn expand_over<'t>(
    file: &ScenarioFile,
    source: &Source,
    topology: &dyn Fn(&AxisValues) -> &'t Topology,
) -> Result<Scenario, Diagnostic> {
    let dir = source.file.parent().map(Path::to_path_buf).unwrap_or_default();
    let combinations = combinations(&file.axes);
    let resolver = |axes: &AxisValues| Resolver { source, topology: topology(axes), dir: dir.clone(), file };
    let first = resolver(combinations.first().unwrap_or(&AxisValues::new()));
    first.check_axes()?;
    let allow = first.allowed()?;
    let runs = combinations.into_iter().map(|axes| resolver(&axes).run(axes)).collect::<Result<_, _>>()?;
    Ok(Scenario {
        name: file.name.clone(),
        about: file.about.clone(),
        requirements: file.requirements.clone(),
        metallb: file.metallb.clone(),
        allow,
        tightest_timer: file.tightest_timer,
        runs,
    })
}

/// One step in the words of a scenario file, outside of one: paths are relative to `source`'s folder, and there are no axes.
/// `before` are the steps that were done already.
///
/// # Errors
/// What is wrong with it, at its line.
pub fn step(source: &Source, topology: &Topology, before: &[Step]) -> Result<Step, Diagnostic> {
    let written: StepFile = yaml::parse(source)?;
    let file = ScenarioFile::of_one_step();
    let dir = source.file.parent().map(Path::to_path_buf).unwrap_or_default();
    let resolver = Resolver { source, topology, dir, file: &file };
    resolver.check_when(&written.when, &[key("when")])?;
    let verb = resolver.verb(&written, &AxisValues::default(), &[])?;
    let verb = resolver.of_a_stream(verb, before, &[])?;
    Ok(Step { name: name_of(&verb, &resolver.dir), verb })
}

impl Resolver<'_> {
    fn check_axes(&self) -> Result<(), Diagnostic> {
        let axes = &self.file.axes.0;
        for (i, (name, values)) in axes.iter().enumerate() {
            let at = [key("axes"), key(name)];
            if values.is_empty() {
                return Err(without_values(self.source, name));
            }
            if axes[..i].iter().any(|(other, _)| other == name) {
                return Err(self.source.error_at(&at, format!("axis `{name}` is given twice")));
            }
            if let Some(twice) = values.iter().enumerate().find(|(i, v)| values[..*i].contains(v)) {
                let at = [key("axes"), key(name), Seg::Index(twice.0)];
                return Err(self
                    .source
                    .error_at(&at, format!("axis `{name}` has the value `{}` twice", twice.1)));
            }
        }
        for (i, expected) in self.file.expected.iter().enumerate() {
            self.check_when(&expected.when, &[key("expected"), Seg::Index(i), key("when")])?;
        }
        if self.file.steps.is_empty() {
            return Err(self.source.error_at(&[key("steps")], "a scenario needs at least one step"));
        }
        Ok(())
    }

    fn allowed(&self) -> Result<Vec<Rule>, Diagnostic> {
        let find = |(i, id): (usize, &String)| {
            Rule::find(id).map_err(|unknown| {
                let error = self.source.error_at(&[key("allow"), Seg::Index(i)], unknown.to_string());
                match unknown.nearest {
                    Some(near) => error.hint(format!("did you mean `{near}`?")),
                    None => error.hint("`docs/lints` has them all"),
                }
            })
        };
        self.file.allow.iter().enumerate().map(find).collect()
    }

    fn check_when(&self, when: &When, at: &[Seg]) -> Result<(), Diagnostic> {
        let axes = &self.file.axes.0;
        for (axis, allowed) in when {
            let at = [at, &[key(axis)]].concat();
            let Some((_, values)) = axes.iter().find(|(name, _)| name == axis) else {
                let names = axes.iter().map(|(name, _)| name.as_str());
                return Err(self.unknown(&at, "axis", axis, names.collect()));
            };
            if let Some(wrong) = allowed.0.iter().find(|v| !values.contains(v)) {
                let error = self.unknown(
                    &at,
                    &format!("value of axis `{axis}`:"),
                    wrong,
                    values.iter().map(String::as_str).collect(),
                );
                return Err(error);
            }
        }
        Ok(())
    }

    fn run(&self, axes: AxisValues) -> Result<ScenarioRun, Diagnostic> {
        let initial = self.file.initial.iter().enumerate();
        let initial = initial
            .map(|(i, path)| self.path(path, &axes, &[key("initial"), Seg::Index(i)]))
            .collect::<Result<_, _>>()?;
        let mut steps = Vec::new();
        for (i, step) in self.file.steps.iter().enumerate() {
            let at = [key("steps"), Seg::Index(i)];
            self.check_when(&step.when, &[&at[..], &[key("when")]].concat())?;
            if fits(&step.when, &axes) {
                let verb = self.of_a_stream(self.verb(step, &axes, &at)?, &steps, &at)?;
                self.measured_from_something(&verb, &steps, &at)?;
                steps.push(Step { name: name_of(&verb, &self.dir), verb });
            }
        }
        let expected = self.file.expected.iter().find(|e| fits(&e.when, &axes)).map(|e| e.observed.clone());
        Ok(ScenarioRun { axes, expected: expected.unwrap_or_default(), initial, steps })
    }

    fn measured_from_something(&self, verb: &Verb, before: &[Step], at: &[Seg]) -> Result<(), Diagnostic> {
        let measures = matches!(verb, Verb::Eventually { expect: Expect::Convergence(_), .. });
        if !measures || before.iter().any(|step| step.verb.changes_something()) {
            return Ok(());
        }
        let error = self.source.error_at(
            at,
            "`convergence` measures from the last step that changes something: there is none before",
        );
        Err(error.hint("`fault`, `apply`, `delete` and `restart-speaker` change something"))
    }

    fn verb(&self, step: &StepFile, axes: &AxisValues, at: &[Seg]) -> Result<Verb, Diagnostic> {
        let inner = |name: &str| [at, &[key(name)]].concat();
        let mut verbs = Vec::new();
        let paths = |paths: &OneOrMany, verb: &str| {
            paths.0.iter().map(|path| self.path(path, axes, &inner(verb))).collect::<Result<Vec<_>, _>>()
        };
        if let Some(written) = &step.apply {
            verbs.push(Verb::Apply { manifests: paths(written, "apply")? });
        }
        if let Some(written) = &step.delete {
            verbs.push(Verb::Delete { manifests: paths(written, "delete")? });
        }
        if let Some(restart) = &step.restart_speaker {
            self.cluster_node(&restart.node, &[&inner("restart-speaker")[..], &[key("node")]].concat())?;
            verbs.push(Verb::RestartSpeaker(restart.clone()));
        }
        if let Some(settle) = &step.settle {
            self.cluster_node(&settle.node, &[&inner("settle")[..], &[key("node")]].concat())?;
            verbs.push(Verb::Settle(settle.clone()));
        }
        if let Some(observe) = &step.observe {
            self.cluster_node(&observe.node, &[&inner("observe")[..], &[key("node")]].concat())?;
            self.peer(&observe.peer, &[&inner("observe")[..], &[key("peer")]].concat())?;
            verbs.push(Verb::Observe(observe.clone()));
        }
        if let Some(fault) = &step.fault {
            self.fault(fault, &inner("fault"))?;
            verbs.push(Verb::Fault(fault.clone()));
        }
        if let Some(stream) = &step.stream {
            self.stream(stream, &inner("stream"))?;
            verbs.push(Verb::Stream(stream.clone()));
        }
        if let Some(expect) = &step.expect {
            verbs.push(self.expect(step, expect, axes, at)?);
        }
        if let Some(diagnose) = &step.diagnose {
            let at = inner("diagnose");
            self.cluster_node(&diagnose.node, &[&at[..], &[key("node")]].concat())?;
            self.peer(&diagnose.peer, &[&at[..], &[key("peer")]].concat())?;
            verbs.push(Verb::Diagnose(Diagnosis {
                signature: diagnose.signature,
                node: diagnose.node.clone(),
                peer: diagnose.peer.clone(),
                prefix: self.prefix(&diagnose.prefix, axes, &[&at[..], &[key("prefix")]].concat())?,
                within: step.within.unwrap_or(WITHIN),
            }));
        }
        let known = "apply, delete, restart-speaker, settle, fault, stream, expect, observe or diagnose";
        match (verbs.pop(), verbs.is_empty()) {
            (Some(verb), true) => self.check_timing(step, verb, at),
            (None, _) => Err(self.source.error_at(at, format!("a step needs one of {known}"))),
            (Some(_), false) => {
                Err(self.source.error_at(at, format!("a step does one thing: one of {known}")))
            }
        }
    }

    /// A timing word on a step that does not wait would be ignored: that is an error.
    fn check_timing(&self, step: &StepFile, verb: Verb, at: &[Seg]) -> Result<Verb, Diagnostic> {
        let refuse = |name: &str, why: &str| {
            Err(self.source.error_at(&[at, &[key(name)]].concat(), format!("`{name}` {why}")))
        };
        match &verb {
            Verb::Eventually { .. } if step.witness.is_some() => refuse("witness", "goes with `holds`"),
            Verb::Eventually { .. } | Verb::Holds { .. } => Ok(verb),
            Verb::Diagnose(_) if step.holds.is_some() => refuse("holds", "has no meaning for `diagnose`"),
            Verb::Diagnose(_) => Ok(verb),
            _ if step.within.is_some() => refuse("within", "goes with `expect` or `diagnose`"),
            _ if step.holds.is_some() => refuse("holds", "goes with `expect`"),
            _ => Ok(verb),
        }
    }
}
