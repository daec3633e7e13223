//! The module as its users see it: manifests in, frr.conf or a refusal out.

mod allocation;
mod announcing;
mod applying;
mod extras;
mod frr_k8s;
mod later;
mod legacy;
mod refusals;
mod release_rules;
mod rendering;
mod sessions;

use std::path::PathBuf;

use super::{Labels, Mode, NodeInfo, Objects, Release, RenderError, Rendered, render};
use crate::diag::Source;

pub(super) fn source(text: &str) -> Source {
    Source { file: PathBuf::from("test.yaml"), text: text.into() }
}

pub(super) fn objects(manifests: &[&str]) -> Objects {
    let mut objects = Objects::new();
    for text in manifests {
        objects.apply(&source(text)).unwrap();
    }
    objects
}

pub(super) fn node(name: &str, labels: &[(&str, &str)]) -> NodeInfo {
    let labels: Labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    NodeInfo { name: name.to_owned(), labels }
}

pub(super) fn try_render(version: &str, objects: &Objects) -> Result<Rendered, RenderError> {
    render(Release::find(version).unwrap(), Mode::Frr, objects, &node("worker", &[]))
}

/// The frr.conf of a node, as [`visible`] shows it.
pub(super) fn conf(version: &str, manifests: &[&str]) -> String {
    visible(&try_render(version, &objects(manifests)).unwrap().conf)
}

/// Lines of spaces only are part of the format but invisible: show them.
pub(super) fn visible(conf: &str) -> String {
    conf.lines()
        .map(|l| if l.ends_with(' ') { format!("{l}$") } else { l.replace('\t', "<TAB>") })
        .collect::<Vec<_>>()
        .join("\n")
}

/// A BGPPeer with more lines of spec.
pub(super) fn peer(name: &str, address: &str, more: &str) -> String {
    format!(
        "apiVersion: metallb.io/v1beta2\nkind: BGPPeer\nmetadata: {{name: {name}, namespace: metallb-system}}\n\
         spec:\n  myASN: 64513\n  peerASN: 64512\n  peerAddress: {address}\n{more}"
    )
}

/// An object of another MetalLB kind, its spec in flow style.
pub(super) fn metallb(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "apiVersion: metallb.io/v1beta1\nkind: {kind}\nmetadata: {{name: {name}, namespace: metallb-system}}\nspec: {spec}\n"
    )
}

pub(super) fn service(name: &str, metadata: &str, spec: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, {metadata}}}\nspec: {{type: LoadBalancer, {spec}}}\n"
    )
}

pub(super) fn extras(text: &str) -> String {
    let indented: String = text.lines().map(|l| format!("    {l}\n")).collect();
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: bgpextras, namespace: metallb-system}}\ndata:\n  extras: |\n{indented}"
    )
}
