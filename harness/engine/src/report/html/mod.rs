//! One HTML page that needs nothing else: no network, no script, light or dark as the reader's system is.
//!
//! [`page`] lays out the whole, [`facts`] its head, [`run`] one run, [`drawing`] its timeline; [`gather`] reads what the run
//! directory has beyond the events: the plan, recordings, and drawings of topologies.

mod acceptance;
mod drawing;
mod facts;
mod gather;
mod page;
mod run;
mod story;

use askama::Template;

use super::{Report, View};

pub use acceptance::page as acceptance_page;
use page::Page;

pub(super) struct Html;

impl Report for Html {
    fn render(&self, view: &View<'_>) -> String {
        match Page::of(view).render() {
            Ok(page) => without_control(&page),
            // Only a value that cannot be written does this, and ours are text and numbers.
            Err(error) => format!("<!doctype html><title>routeproof</title><p>{error}\n"),
        }
    }
}

/// What daemons write may hold escape sequences, which HTML cannot.
fn without_control(page: &str) -> String {
    page.chars().filter(|c| !c.is_control() || *c == '\n').collect()
}

#[cfg(test)]
mod tests;
