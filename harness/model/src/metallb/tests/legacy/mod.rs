//! MetalLB v0.12: the ConfigMap `config` in, frr.conf or a refusal out.

mod refusals;
mod rendering;

use super::*;
use crate::metallb::RELEASES;

fn release() -> &'static Release {
    RELEASES.iter().find(|r| r.version == "v0.12.1").unwrap()
}

/// A cluster that runs v0.12.1.
fn cluster(manifests: &[&str]) -> Objects {
    let mut objects = Objects::of(release());
    for text in manifests {
        objects.apply(&source(text)).unwrap();
    }
    objects
}

/// The ConfigMap with this configuration.
fn config(yaml: &str) -> String {
    let indented: String = yaml.lines().map(|l| format!("    {l}\n")).collect();
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: config, namespace: metallb-system}}\ndata:\n  config: |\n{indented}"
    )
}
