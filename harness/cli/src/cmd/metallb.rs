//! `routeproof render`: MetalLB's frr.conf for a node.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use routeproof_engine::run::{RunError, read_source};
use routeproof_model::diag::Severity;
use routeproof_model::metallb::lint::{FrrVersion, Lint};
use routeproof_model::metallb::{self, Mode, NodeInfo, Objects, Release, RenderError, Rendered};

use crate::args::ProfileArgs;
use crate::fail::{self, Failure};
use crate::out;

#[derive(Debug, Args)]
pub struct RenderArgs {
    /// Manifests, as given to `kubectl apply -f`; with --router, one intent
    #[arg(required = true, value_name = "MANIFEST|INTENT")]
    manifests: Vec<PathBuf>,
    /// The node whose file is wanted
    #[arg(long, default_value = "worker")]
    node: String,
    /// A label of the node, for instance `zone=a`
    #[arg(long, value_name = "KEY=VALUE")]
    label: Vec<String>,
    /// The MetalLB release
    #[arg(long, default_value = "v0.13.10", value_name = "VERSION")]
    metallb: String,
    /// How MetalLB runs FRR
    #[arg(long, default_value = Mode::Frr.name(), value_name = "MODE", value_parser = mode())]
    mode: Mode,
    /// Print the configuration of this router for an intent instead: bird, openbgpd-7.7, srlinux, ...
    #[arg(long, value_name = "ROUTER", conflicts_with_all = ["node", "label", "metallb", "mode", "frr_configuration"])]
    router: Option<String>,
    #[command(flatten)]
    profiles: ProfileArgs,
    /// Print the FRRConfiguration that MetalLB writes for the node in frr-k8s mode, instead of frr.conf
    #[arg(long)]
    frr_configuration: bool,
}

/// The values of `--mode`.
pub fn mode() -> impl TypedValueParser<Value = Mode> {
    let all = [Mode::Frr, Mode::FrrK8s];
    PossibleValuesParser::new(all.map(Mode::name))
        .map(move |name| all.into_iter().find(|mode| mode.name() == name).unwrap_or_default())
}

/// The release of `--metallb`, which must have the mode.
pub fn release(version: &str, mode: Mode) -> Result<&'static Release, Failure> {
    let release = Release::find(version).map_err(Failure::input)?;
    release.check(mode).map_err(Failure::input)?;
    Ok(release)
}

pub fn render(args: &RenderArgs) -> Result<u8, Failure> {
    if let Some(router) = &args.router {
        return super::gateway::render(router, &args.manifests, &args.profiles.load()?);
    }
    let release = release(&args.metallb, args.mode)?;
    if args.frr_configuration && args.mode == Mode::Frr {
        return Err(
            Failure::input("--frr-configuration: MetalLB writes none in frr mode").hint("add --mode frr-k8s")
        );
    }
    let mut objects = Objects::of(release);
    let mut applied = Vec::new();
    for manifest in &args.manifests {
        applied.extend(objects.apply(&read_source(manifest)?).map_err(RunError::from)?);
    }
    let mut lint = Lint::new(release, FrrVersion::parse(release.frr));
    lint.look(&objects, &applied);
    let mut labels = vec![("kubernetes.io/hostname".to_string(), args.node.clone())];
    for label in &args.label {
        let (key, value) = label
            .split_once('=')
            .ok_or_else(|| Failure::input(format!("--label {label}: expected KEY=VALUE")))?;
        labels.push((key.to_string(), value.to_string()));
    }
    let node = NodeInfo { name: args.node.clone(), labels: labels.into_iter().collect() };
    let rendered = metallb::render(release, args.mode, &objects, &node).map_err(|e| match e {
        RenderError::Refused(d) | RenderError::Pending(d) => Failure::from(RunError::Input(d)),
        other => Failure::input(other),
    })?;
    for finding in lint.findings() {
        out::note(finding.render_as(Severity::Warning, fail::color()));
    }
    for warning in &rendered.warnings {
        out::note(format_args!("warning: {warning}"));
    }
    match args.frr_configuration {
        true => frr_configuration(&rendered)?,
        false => out::text(&rendered.conf)?,
    }
    Ok(0)
}

fn frr_configuration(rendered: &Rendered) -> Result<(), Failure> {
    let Some(generated) = &rendered.generated else {
        out::note("no BGPPeer selects the node, so MetalLB writes no FRRConfiguration for it");
        return Ok(());
    };
    out::text(serde_yaml::to_string(generated).map_err(Failure::broken)?)
}
