//! One HTML page that needs nothing else: no network, no script, light or dark as the reader's system is.
//!
//! [`page`] lays out the whole, [`run`] one run, [`drawing`] its timeline; [`gather`] reads what the run directory has
//! beyond the events: recordings, and drawings of topologies.

mod drawing;
mod gather;
mod page;
mod run;
mod story;

use askama::Template;

use super::{Report, View};
use page::Page;

pub(super) struct Html;

impl Report for Html {
    fn render(&self, view: &View<'_>) -> String {
        match Page::of(view).render() {
            // What daemons write may hold escape sequences, which HTML cannot.
            Ok(page) => page.chars().filter(|c| !c.is_control() || *c == '\n').collect(),
            // Only a value that cannot be written does this, and ours are text and numbers.
            Err(error) => format!("<!doctype html><title>routeproof</title><p>{error}\n"),
        }
    }
}

#[cfg(test)]
mod tests;
