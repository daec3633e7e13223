//! From the written scenario to runs: axes expanded, steps chosen, names checked against the topology.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::axes::{AxisValues, combinations, fits, substitute};
use super::file::{ExpectFile, FaultFile, LinkState, MetallbFile, OneOrMany, ScenarioFile, StepFile, When};
use super::name::name_of;
use super::step::{Diagnosis, Expect, Fault, Step, Verb};
use crate::diag::{Diagnostic, Seg, Source, nearest};
use crate::topology::{Role, Topology};

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
        let of_steps = self.steps.iter().filter_map(|step| match &step.verb {
            Verb::Apply { manifests } | Verb::Delete { manifests } => Some(manifests),
            _ => None,
        });
        self.initial.iter().chain(of_steps.flatten())
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

/// Expands a scenario over its axes.
pub fn expand(file: &ScenarioFile, source: &Source, topology: &Topology) -> Result<Scenario, Diagnostic> {
    let dir = source.file.parent().map(Path::to_path_buf).unwrap_or_default();
    let resolver = Resolver { source, topology, dir, file };
    resolver.check_axes()?;
    let runs =
        combinations(&file.axes).into_iter().map(|axes| resolver.run(axes)).collect::<Result<_, _>>()?;
    Ok(Scenario {
        name: file.name.clone(),
        about: file.about.clone(),
        requirements: file.requirements.clone(),
        metallb: file.metallb.clone(),
        runs,
    })
}

impl Resolver<'_> {
    fn check_axes(&self) -> Result<(), Diagnostic> {
        let axes = &self.file.axes.0;
        for (i, (name, values)) in axes.iter().enumerate() {
            let at = [key("axes"), key(name)];
            if values.is_empty() {
                return Err(self.source.error_at(&at, format!("axis `{name}` has no values")));
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

    fn unknown(&self, at: &[Seg], what: &str, name: &str, known: Vec<&str>) -> Diagnostic {
        let error = self.source.error_at(at, format!("unknown {what} `{name}`"));
        let error = match nearest(name, known.iter().copied()) {
            Some(near) => error.hint(format!("did you mean `{near}`?")),
            None => error,
        };
        if known.is_empty() { error } else { error.hint(format!("known: {}", known.join(", "))) }
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
                let verb = self.verb(step, &axes, &at)?;
                steps.push(Step { name: name_of(&verb, &self.dir), verb });
            }
        }
        let expected = self.file.expected.iter().find(|e| fits(&e.when, &axes)).map(|e| e.observed.clone());
        Ok(ScenarioRun { axes, expected: expected.unwrap_or_default(), initial, steps })
    }

    fn path(&self, text: &str, axes: &AxisValues, at: &[Seg]) -> Result<PathBuf, Diagnostic> {
        let names = || axes.iter().map(|(name, _)| name.as_str()).collect();
        let text = substitute(text, axes).map_err(|axis| self.unknown(at, "axis", &axis, names()))?;
        Ok(self.dir.join(text))
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
            verbs.push(Verb::Fault(self.fault(fault, &inner("fault"))?));
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
        let known = "apply, delete, restart-speaker, settle, fault, expect, observe or diagnose";
        match (verbs.pop(), verbs.is_empty()) {
            (Some(verb), true) => self.check_timing(step, verb, at),
            (None, _) => Err(self.source.error_at(at, format!("a step needs one of {known}"))),
            (Some(_), false) => {
                Err(self.source.error_at(at, format!("a step does one thing: one of {known}")))
            }
        }
    }

    fn fault(&self, fault: &FaultFile, at: &[Seg]) -> Result<Fault, Diagnostic> {
        let mut faults = Vec::new();
        if let Some(f) = &fault.kill_daemon {
            faults.push(Fault::KillDaemon { node: f.node.clone(), daemon: f.daemon.clone() });
        }
        if let Some(f) = &fault.restart_router {
            faults.push(Fault::RestartRouter { node: f.node.clone() });
        }
        if let Some(f) = &fault.link {
            let up = f.state == LinkState::Up;
            faults.push(Fault::Link { node: f.node.clone(), interface: f.interface.clone(), up });
        }
        if let Some(f) = &fault.reset_session {
            self.peer(&f.peer, &[at, &[key("reset-session"), key("peer")]].concat())?;
            faults.push(Fault::ResetSession { node: f.node.clone(), peer: f.peer.clone() });
        }
        let known = "kill-daemon, restart-router, link or reset-session";
        let (Some(fault), true) = (faults.pop(), faults.is_empty()) else {
            return Err(self.source.error_at(at, format!("`fault` needs exactly one of {known}")));
        };
        self.any_node(fault.node(), at)?;
        let role = self.topology.find(fault.node()).map(|n| n.role);
        match &fault {
            Fault::RestartRouter { node } if role != Some(Role::Gateway) => {
                let error = self.source.error_at(at, format!("`{node}` is not a router of the topology"));
                Err(error.hint("`restart-speaker` restarts the FRR of a cluster node"))
            }
            Fault::Link { node, interface, .. } if !self.has_interface(node, interface) => {
                Err(self.source.error_at(at, format!("no link of the topology ends at `{node}:{interface}`")))
            }
            _ => Ok(fault),
        }
    }

    fn has_interface(&self, node: &str, interface: &str) -> bool {
        let name = self.topology.find(node).map(|n| n.name.as_str());
        let ends = self.topology.links.iter().flat_map(|link| &link.endpoints);
        ends.into_iter().any(|end| {
            Some(self.topology.nodes[end.node].name.as_str()) == name && end.interface == interface
        })
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

    fn expect(
        &self,
        step: &StepFile,
        expect: &ExpectFile,
        axes: &AxisValues,
        at: &[Seg],
    ) -> Result<Verb, Diagnostic> {
        let here = [at, &[key("expect")]].concat();
        let inner = |verb: &str, field: &str| [&here[..], &[key(verb), key(field)]].concat();
        let expect = match (&expect.session, &expect.route, &expect.no_route, &expect.rib_fib) {
            (Some(s), None, None, None) => {
                self.cluster_node(&s.node, &inner("session", "node"))?;
                self.peer(&s.peer, &inner("session", "peer"))?;
                let states = ["idle", "connect", "active", "opensent", "openconfirm", "established"];
                if !states.contains(&s.state.to_lowercase().as_str()) {
                    return Err(self.unknown(
                        &inner("session", "state"),
                        "session state",
                        &s.state,
                        states.to_vec(),
                    ));
                }
                Expect::Session(s.clone())
            }
            (None, Some(r), None, None) => {
                self.any_node(&r.node, &inner("route", "node"))?;
                for (i, via) in r.via.iter().enumerate() {
                    self.peer(via, &[inner("route", "via"), vec![Seg::Index(i)]].concat())?;
                }
                for (i, hop) in r.nexthops.iter().enumerate() {
                    let at = [inner("route", "nexthops"), vec![Seg::Index(i), key("via")]].concat();
                    hop.via.as_ref().map_or(Ok(()), |via| self.peer(via, &at))?;
                }
                if !r.via.is_empty() && !r.nexthops.is_empty() {
                    return Err(self
                        .source
                        .error_at(&inner("route", "via"), "`via` and `nexthops` say the same: one of them"));
                }
                Expect::Route(r.clone())
            }
            (None, None, Some(n), None) => {
                self.any_node(&n.node, &inner("no-route", "node"))?;
                if let Some(peer) = &n.peer {
                    self.peer(peer, &inner("no-route", "peer"))?;
                }
                if n.prefix.is_none() && n.proto.is_none() {
                    return Err(self
                        .source
                        .error_at(&here, "`no-route` needs a prefix, a protocol, or both"));
                }
                Expect::NoRoute(n.clone())
            }
            (None, None, None, Some(r)) => {
                self.any_node(&r.node, &inner("rib-fib", "node"))?;
                Expect::RibFib(r.clone())
            }
            _ => {
                return Err(self
                    .source
                    .error_at(&here, "`expect` needs exactly one of session, route, no-route or rib-fib"));
            }
        };
        match (step.within, step.holds) {
            (Some(_), Some(_)) => Err(self.source.error_at(at, "`within` and `holds` are two steps")),
            (_, None) if matches!(expect, Expect::NoRoute(_)) => {
                let error = self.source.error_at(
                    at,
                    "`no-route` needs `holds`: a route that is absent now may come a moment later",
                );
                Err(error.hint("for instance `holds: 6s`: bgpd re-evaluates route maps after 5 s"))
            }
            (within, None) => Ok(Verb::Eventually { expect, within: within.unwrap_or(WITHIN) }),
            (None, Some(window)) => {
                let witness = step
                    .witness
                    .as_ref()
                    .map(|w| self.prefix(w, axes, &[at, &[key("witness")]].concat()))
                    .transpose()?;
                let witnessed =
                    witness.is_some() || !matches!(&expect, Expect::NoRoute(n) if n.peer.is_none());
                if !witnessed {
                    let error = self.source.error_at(at, "absence proves nothing without a positive witness");
                    return Err(error
                        .hint("`witness: PREFIX` names a prefix that must be in the node's kernel during the same window")
                        .hint("`no-route: { peer: GATEWAY }` demands an Established session over which the gateway advertises"));
                }
                Ok(Verb::Holds { expect, window, witness })
            }
        }
    }

    fn prefix(&self, text: &str, axes: &AxisValues, at: &[Seg]) -> Result<IpNet, Diagnostic> {
        let names = || axes.iter().map(|(name, _)| name.as_str()).collect();
        let text = substitute(text, axes).map_err(|axis| self.unknown(at, "axis", &axis, names()))?;
        text.parse().map_err(|_| {
            let error = self.source.error_at(at, format!("`{text}` is not a prefix"));
            error.hint("an address with a length, for instance 172.16.1.0/24 or fc00:1::/64")
        })
    }

    fn any_node(&self, name: &str, at: &[Seg]) -> Result<(), Diagnostic> {
        if self.topology.find(name).is_some() {
            return Ok(());
        }
        let known = self.topology.nodes.iter().map(|n| n.alias.as_deref().unwrap_or(&n.name)).collect();
        Err(self.unknown(at, "node", name, known))
    }

    fn cluster_node(&self, name: &str, at: &[Seg]) -> Result<(), Diagnostic> {
        self.any_node(name, at)?;
        match self.topology.find(name) {
            Some(node) if node.role == Role::ClusterNode => Ok(()),
            _ => Err(self
                .source
                .error_at(at, format!("`{name}` is not a cluster node: MetalLB does not run there"))),
        }
    }

    fn peer(&self, name: &str, at: &[Seg]) -> Result<(), Diagnostic> {
        if name.parse::<std::net::IpAddr>().is_ok() { Ok(()) } else { self.any_node(name, at) }
    }
}
