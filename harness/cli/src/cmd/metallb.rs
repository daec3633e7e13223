//! `routeproof render`: MetalLB's frr.conf for a node.

use std::path::PathBuf;

use clap::Args;
use routeproof_engine::run::{RunError, read_source};
use routeproof_model::diag::Severity;
use routeproof_model::metallb::lint::{FrrVersion, Lint};
use routeproof_model::metallb::{self, NodeInfo, Objects, Release, RenderError};

use crate::fail::{self, Failure};
use crate::out;

#[derive(Debug, Args)]
pub struct RenderArgs {
    /// Manifests, as given to `kubectl apply -f`
    #[arg(required = true, value_name = "MANIFEST")]
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
}

/// The release of `--metallb`.
pub fn release(version: &str) -> Result<&'static Release, Failure> {
    Release::find(version).map_err(Failure::input)
}

pub fn render(args: &RenderArgs) -> Result<u8, Failure> {
    let release = release(&args.metallb)?;
    let mut objects = Objects::new();
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
    let rendered = metallb::render(release, &objects, &node).map_err(|e| match e {
        RenderError::Refused(d) | RenderError::Pending(d) => Failure::from(RunError::Input(d)),
        other => Failure::input(other),
    })?;
    for finding in lint.findings() {
        out::note(finding.render_as(Severity::Warning, fail::color()));
    }
    for warning in &rendered.warnings {
        out::note(format_args!("warning: {warning}"));
    }
    out::text(&rendered.conf)?;
    Ok(0)
}
