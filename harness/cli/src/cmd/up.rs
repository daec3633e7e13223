//! `routeproof up`: boots a topology and keeps it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use routeproof_engine::keep::{self, Report, Request, Starting};
use routeproof_engine::observe::now;
use routeproof_engine::run::{self, Reached, Until, plan_topology};
use routeproof_engine::rundir::RunDir;
use routeproof_model::fact::Mono;
use routeproof_model::metallb::Mode;
use routeproof_model::plan::PlannedRun;
use routeproof_model::profile::{Beyond, Stand, beyond};
use routeproof_model::topology::Role;
use serde::Serialize;

use super::invocation::interrupted;
use super::run::{chain, store};
use super::{images, metallb};
use crate::args::{GuestArgs, ProfileArgs, SourceArgs};
use crate::fail::{Failure, INTERRUPTED};
use crate::out;

#[derive(Debug, Args)]
pub struct UpArgs {
    /// The topology: a containerlab file
    #[arg(value_name = "TOPOLOGY.clab.yml")]
    topology: PathBuf,
    /// Apply these Kubernetes objects before the speakers start; may be given several times
    #[arg(short, long, value_name = "FILE")]
    manifest: Vec<PathBuf>,
    /// The FRR of the cluster nodes [default: that of the MetalLB release, or the nearest that Debian has]
    #[arg(long, value_name = "VERSION")]
    frr: Option<String>,
    /// The MetalLB release whose frr.conf the cluster nodes get
    #[arg(long, default_value = "v0.13.10", value_name = "VERSION")]
    metallb: String,
    /// How MetalLB runs FRR
    #[arg(long, default_value = Mode::Frr.name(), value_name = "MODE", value_parser = metallb::mode())]
    mode: Mode,
    /// What to call the lab [default: the topology's name]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Return when the kernel of every cluster node has a route to this prefix; may be given several times
    #[arg(long, value_name = "PREFIX")]
    until_route: Vec<String>,
    /// Return when all BGP sessions of all cluster nodes are Established
    #[arg(long)]
    until_sessions: bool,
    /// How long to wait for these, once the lab stands
    #[arg(long, default_value = "30s", value_name = "TIME", value_parser = time)]
    timeout: Duration,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Folder for run directories
    #[arg(long, value_name = "DIR", default_value = "routeproof-runs")]
    run_dir: PathBuf,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    guest: GuestArgs,
    #[command(flatten)]
    profiles: ProfileArgs,
}

/// What `--json` prints. Times are milliseconds since the command's start.
#[derive(Debug, Serialize)]
struct Output {
    schema: &'static str,
    name: String,
    directory: PathBuf,
    nodes: Vec<NodeOutput>,
    phases: Vec<Phase>,
    ready_ms: f64,
    /// The first of the prefixes in the first of the nodes, and the last in the last.
    first_route_ms: Option<f64>,
    last_route_ms: Option<f64>,
    /// Prefix -> node -> when.
    routes: BTreeMap<String, BTreeMap<String, f64>>,
    /// When all sessions of all nodes were seen Established.
    sessions_ms: Option<f64>,
    /// What was waited for in vain.
    unmet: Option<String>,
}

#[derive(Debug, Serialize)]
struct NodeOutput {
    name: String,
    role: Role,
    image: Option<String>,
}

#[derive(Debug, Serialize)]
struct Phase {
    name: String,
    duration_us: u64,
}

pub async fn run(args: UpArgs) -> Result<u8, Failure> {
    let start = now();
    let guest = args.guest.parse()?;
    let until = until(&args)?;
    let release = metallb::release(&args.metallb, args.mode)?;
    let profiles = args.profiles.load()?;
    let store = store(&args.source, &profiles)?;
    let (frr, note) = match &args.frr {
        Some(version) => (version.clone(), None),
        None => run::default_frr(&store, release, args.mode)?,
    };
    let (planned, warnings) =
        plan_topology(&args.topology, &args.manifest, (release, args.mode), &frr, &profiles)?;
    if let Some(Beyond { capability, detail }) = beyond(&planned, Stand::Namespaces) {
        return Err(Failure::missing(format!("{capability} is missing: {detail}")));
    }
    check_until(&until, &planned)?;
    let name = args.name.as_deref().unwrap_or(&planned.topology.name);
    keep::check_free(name)?;
    for warning in note.iter().chain(&warnings) {
        out::note(format_args!("warning: {warning}"));
    }
    let progress = images::progress();
    // Held until the supervisor holds them, so that no prune comes between.
    let _trees = run::trees(planned.images.values(), &store, progress.as_ref()).await?;
    let directory = RunDir::create_in(&args.run_dir).map_err(|e| Failure::broken(chain(&e)))?;
    let (kernel, why) = tokio::select! {
        chosen = keep::choose_kernel(&planned, directory.path(), &guest, &store, progress.as_ref()) => chosen?,
        _ = interrupted() => return Ok(INTERRUPTED),
    };
    drop(progress);
    if let Some(why) = why {
        out::note(format_args!("warning: {why}"));
    }
    let request = Request {
        name,
        topology: &args.topology,
        run: &planned,
        kernel: kernel.as_ref(),
        cache: store.cache_dir(),
        directory: &directory,
        until: &until,
    };
    let starting = keep::start(&request, SUPERVISE).await?;
    let mut output = Output::new(&request);
    match follow(&starting, &mut output, start).await? {
        Followed::Ready => {}
        Followed::Cancelled => return Ok(INTERRUPTED),
    }
    match args.json {
        true => out::json(&output)?,
        false => out::text(output.text())?,
    }
    let Some(unmet) = &output.unmet else { return Ok(0) };
    Ok(Failure::failed(unmet)
        .hint(format!("the lab stays up: `routeproof inspect`, `routeproof down {name}`"))
        .report())
}

/// The hidden subcommand of the supervisor.
const SUPERVISE: &str = "supervise";

#[derive(Debug, Args)]
pub struct SuperviseArgs {
    fd: i32,
}

/// Becomes a kept lab's supervisor.
pub async fn supervise(args: &SuperviseArgs) -> u8 {
    keep::supervise(args.fd).await
}

/// `90s`, `2m`, or a number of seconds.
fn time(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(seconds) => Ok(Duration::from_secs(seconds)),
        Err(_) => humantime::parse_duration(text).map_err(|e| e.to_string()),
    }
}

fn until(args: &UpArgs) -> Result<Until, Failure> {
    let prefix = |text: &String| {
        text.parse().map_err(|_| {
            Failure::input(format!("--until-route {text}: not a prefix"))
                .hint("for instance 172.16.1.0/24 or fc00::/64")
        })
    };
    let routes = args.until_route.iter().map(prefix).collect::<Result<_, _>>()?;
    Ok(Until { routes, sessions: args.until_sessions, limit: args.timeout })
}

fn check_until(until: &Until, run: &PlannedRun) -> Result<(), Failure> {
    let members = run.topology.nodes.iter().any(|n| n.role == Role::ClusterNode);
    if until.is_nothing() || members {
        return Ok(());
    }
    Err(Failure::input(
        "--until-route and --until-sessions are about cluster nodes, and this topology has none",
    ))
}

enum Followed {
    Ready,
    Cancelled,
}

/// Shows what the supervisor reports, until the lab is ready. Ctrl-C ends the lab.
async fn follow(starting: &Starting, output: &mut Output, start: Mono) -> Result<Followed, Failure> {
    let mut cancelled = false;
    let stop = interrupted();
    tokio::pin!(stop);
    loop {
        let report = tokio::select! {
            report = starting.report() => report?,
            _ = &mut stop, if !cancelled => {
                cancelled = true;
                out::note(format_args!("interrupted: ending the lab"));
                starting.cancel();
                continue;
            }
        };
        match report {
            Some(Report::Phase { name, duration_us }) => {
                out::note(format_args!("{name} {:.0} ms", duration_us as f64 / 1000.0));
                output.phases.push(Phase { name, duration_us });
            }
            Some(Report::Warning(warning)) => out::note(format_args!("warning: {warning}")),
            Some(Report::Ready { at }) => output.ready_ms = since(start, at),
            Some(Report::Done { reached, unmet }) => {
                output.reached(&reached, start);
                output.unmet = unmet;
                return Ok(Followed::Ready);
            }
            Some(Report::Failed(refusal)) => return Err(refusal.into()),
            None if cancelled => return Ok(Followed::Cancelled),
            None => {
                let failure = Failure::broken("the lab was ended before it was ready");
                return Err(failure.hint(format!("see {}", starting.log().display())));
            }
        }
    }
}

fn since(start: Mono, at: Mono) -> f64 {
    at.0.saturating_sub(start.0) as f64 / 1e6
}

impl Output {
    fn new(request: &Request<'_>) -> Output {
        let run = request.run;
        let node = |n: &routeproof_model::topology::Node| NodeOutput {
            name: n.name.clone(),
            role: n.role,
            image: run.images.get(&n.name).cloned(),
        };
        Output {
            schema: "routeproof/up/v1",
            name: request.name.to_string(),
            directory: request.directory.path().to_path_buf(),
            nodes: run.topology.nodes.iter().map(node).collect(),
            phases: Vec::new(),
            ready_ms: 0.0,
            first_route_ms: None,
            last_route_ms: None,
            routes: BTreeMap::new(),
            sessions_ms: None,
            unmet: None,
        }
    }

    fn reached(&mut self, reached: &Reached, start: Mono) {
        for (prefix, nodes) in &reached.routes {
            let nodes = nodes.iter().map(|(node, at)| (node.clone(), since(start, *at))).collect();
            self.routes.insert(prefix.to_string(), nodes);
        }
        let times: Vec<f64> = self.routes.values().flat_map(BTreeMap::values).copied().collect();
        self.first_route_ms = times.iter().copied().reduce(f64::min);
        self.last_route_ms = times.iter().copied().reduce(f64::max);
        self.sessions_ms = reached.sessions.values().map(|at| since(start, *at)).reduce(f64::max);
    }

    fn text(&self) -> String {
        let mut text = format!("lab {} is up after {:.0} ms\n", self.name, self.ready_ms);
        if let (Some(first), Some(last)) = (self.first_route_ms, self.last_route_ms) {
            text.push_str(&format!("first learnt route after {first:.0} ms, last after {last:.0} ms\n"));
        }
        if let Some(sessions) = self.sessions_ms {
            text.push_str(&format!("all sessions Established after {sessions:.0} ms\n"));
        }
        let nodes = self.nodes.iter().filter(|n| n.role != Role::Bridge);
        let names: Vec<&str> = nodes.clone().map(|n| n.name.as_str()).collect();
        text.push_str(&format!("\nnodes: {}\n", wrap(&names)));
        let of = |role| nodes.clone().find(|n| n.role == role).map(|n| n.name.as_str());
        let first = names.first().copied();
        if let Some(node) = of(Role::ClusterNode).or(first) {
            text.push_str(&format!("  routeproof inspect {node}\n"));
        }
        if let Some(node) = of(Role::Gateway).or(first) {
            text.push_str(&format!("  routeproof shell {node}\n"));
            text.push_str(&format!("  routeproof exec {node} -- vtysh -c 'show bgp summary'\n"));
        }
        text.push_str(&format!("  routeproof down {}\nfiles: {}\n", self.name, self.directory.display()));
        text
    }
}

/// A star of a hundred nodes need not fill the screen.
fn wrap(names: &[&str]) -> String {
    match names {
        [shown @ .., last] if shown.len() >= 8 => {
            format!("{}, ... {last} ({} in all)", shown[..6].join(", "), names.len())
        }
        names => names.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units_or_are_seconds() {
        assert_eq!(time("2"), Ok(Duration::from_secs(2)));
        assert_eq!(time("1m 500ms"), Ok(Duration::from_millis(60_500)));
        assert!(time("soon").is_err());
    }

    #[test]
    fn times_count_from_the_start_of_the_command() {
        let prefix = |text: &str| text.parse().unwrap();
        let ms = |time: u64| Mono(1_000_000_000 + time * 1_000_000);
        let nodes =
            |times: &[(&str, u64)]| times.iter().map(|(node, at)| (node.to_string(), ms(*at))).collect();
        let reached = Reached {
            routes: [
                (prefix("172.16.1.0/24"), nodes(&[("a", 412), ("b", 500)])),
                (prefix("172.16.2.0/24"), nodes(&[("a", 420), ("b", 430)])),
            ]
            .into(),
            sessions: nodes(&[("a", 400), ("b", 450)]),
        };
        let mut output = Output {
            schema: "routeproof/up/v1",
            name: "lab".to_string(),
            directory: "runs/1".into(),
            nodes: vec![NodeOutput { name: "a".to_string(), role: Role::ClusterNode, image: None }],
            phases: Vec::new(),
            ready_ms: 200.0,
            first_route_ms: None,
            last_route_ms: None,
            routes: BTreeMap::new(),
            sessions_ms: None,
            unmet: None,
        };
        output.reached(&reached, ms(0));
        insta::assert_snapshot!(output.text(), @r"
        lab lab is up after 200 ms
        first learnt route after 412 ms, last after 500 ms
        all sessions Established after 450 ms

        nodes: a
          routeproof inspect a
          routeproof shell a
          routeproof exec a -- vtysh -c 'show bgp summary'
          routeproof down lab
        files: runs/1
        ");
    }
}
