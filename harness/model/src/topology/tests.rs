#![allow(clippy::unwrap_used)]

mod inheritance;
mod link_mistakes;
mod mistakes;
mod node_mistakes;
mod whole;

use super::{Topology, load};
use crate::diag::Source;

fn source(text: &str) -> Source {
    Source::new("/lab/one.clab.yml", text)
}

fn read(text: &str) -> Topology {
    load(&source(text)).unwrap_or_else(|e| panic!("{}", e.render(false)))
}

fn error(text: &str) -> String {
    load(&source(text)).expect_err("must be refused").render(false)
}

/// A file whose `topology:` holds `body`.
fn lab(body: &str) -> String {
    let indented: String = body.lines().map(|l| format!("  {l}\n")).collect();
    format!("name: t\ntopology:\n{indented}")
}

/// A file with two clients and `links`.
fn linked(links: &str) -> String {
    lab(&format!("defaults: {{kind: linux, image: alpine}}\nnodes: {{a: , b: , gw1: }}\nlinks:\n{links}"))
}
