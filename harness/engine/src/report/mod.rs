//! What people and tools read: the live view while runs go on, and reports made from the result.
//!
//! To add a report: a file beside this one with a type that is a [`Report`], and a line in [`FORMATS`].

mod again;
mod evidence;
mod failure;
mod html;
mod isolation;
mod json;
mod junit;
mod live;
mod markdown;
mod plain;
mod progress;
mod races;
#[cfg(test)]
mod sample;
mod spec;
mod terminal;
mod text;
mod tracker;

use std::path::Path;

use routeproof_model::event::Event;
use routeproof_model::result::ResultFile;

pub use html::acceptance_page;
pub use live::{LiveOptions, live_sink, terminal_width};
pub use spec::{
    ReportError, ReportSpec, SpecError, check_all, check_file, write_all, write_file, write_run_files,
};
pub use terminal::styled as render_terminal;

/// What a report is made of.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub result: &'a ResultFile,
    /// The log that the result was made from; empty where nobody has it.
    pub events: &'a [Event],
    /// The run directory, to which the paths in the result are relative.
    pub directory: Option<&'a Path>,
    /// Columns, for reports that are laid out for a terminal.
    pub width: usize,
}

/// A form of the result. The set is open.
pub trait Report: Sync {
    /// The whole report, ending in a newline, without escape sequences.
    fn render(&self, view: &View<'_>) -> String;
}

/// The formats of `--report FORMAT=FILE`.
pub const FORMATS: &[(&str, &dyn Report)] = &[
    ("html", &html::Html),
    ("json", &json::Json),
    ("junit", &junit::JUnit),
    ("markdown", &markdown::Markdown),
    ("terminal", &terminal::Terminal),
];
