//! The lint as its users see it: manifests in, findings out.

mod any;
mod pages;
mod positions;
mod quiet;
mod speed;
mod wrong;

use super::{Finding, FrrVersion, Lint, Rule};
use crate::diag::Source;
use crate::metallb::{Applied, Objects, Release};

/// What the pages' examples and the tests are about.
const PEERS: &str = "\
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: gw1, namespace: metallb-system}
spec: {myASN: 64513, peerASN: 64512, peerAddress: 192.168.1.5}
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: gw1-v6, namespace: metallb-system}
spec: {myASN: 64513, peerASN: 64512, peerAddress: 'fd00:192:168:1::5'}
---
apiVersion: metallb.io/v1beta2
kind: BGPPeer
metadata: {name: gw2, namespace: metallb-system}
spec: {myASN: 64513, peerASN: 64512, peerAddress: 192.168.2.5, vrf: red}
";

/// A release and an FRR.
#[derive(Clone, Copy, Debug)]
struct With<'a> {
    metallb: &'a str,
    frr: &'a str,
}

const USUAL: With<'static> = With { metallb: "v0.13.10", frr: "8.4.4" };

fn config_map(extras: &str) -> String {
    let indented: String = extras.lines().map(|l| format!("    {l}\n")).collect();
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: bgpextras, namespace: metallb-system}}\ndata:\n  extras: |\n{indented}"
    )
}

/// Manifests that are applied together.
fn lint(with: With<'_>, manifests: &[&str]) -> Vec<Finding> {
    let mut objects = Objects::new();
    let mut applied: Vec<Applied> = Vec::new();
    for text in manifests {
        applied.extend(objects.apply(&Source::new("extras.yaml", *text)).unwrap_or_else(|e| panic!("{e}")));
    }
    let mut lint = Lint::new(Release::find(with.metallb).unwrap(), FrrVersion::parse(with.frr));
    lint.look(&objects, &applied);
    lint.findings()
}

/// Extras beside [`PEERS`].
fn extras(text: &str) -> Vec<Finding> {
    lint(USUAL, &[PEERS, &config_map(text)])
}

fn ids(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().map(|f| f.rule.id()).collect()
}

/// `LINE ID: MESSAGE | FIX`, lines counted in the extras.
fn told(text: &str) -> String {
    let line = |f: &Finding| format!("{} {}: {} | {}", f.mark.line - 5, f.rule, f.message, f.fix);
    extras(text).iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn ids_are_unique_and_found() {
    for rule in Rule::ALL {
        assert_eq!(Rule::find(rule.id()), Ok(*rule));
    }
    let near = Rule::find("shared-sequense").unwrap_err();
    assert_eq!(near.nearest, Some("shared-sequence"));
}
