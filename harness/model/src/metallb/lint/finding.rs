//! Findings, and their way from a line of the extras to a place in the user's file.

use super::catalogue::Rule;
use crate::diag::{Diagnostic, Mark, Severity, Source};
use crate::yaml::Document;

/// One thing that is wrong with the extras.
#[derive(Clone, Debug)]
pub struct Finding {
    pub rule: Rule,
    pub source: Source,
    /// In the file: inside the block scalar where the extras are one, else at their value.
    pub mark: Mark,
    /// What is wrong, in one sentence.
    pub message: String,
    /// Why that is wrong.
    pub reason: String,
    /// What to write instead.
    pub fix: String,
}

impl Finding {
    pub fn severity(&self) -> Severity {
        self.rule.severity()
    }

    /// As people see it, with the line of the file, the reason, the fix and where there is more.
    pub fn render(&self, color: bool) -> String {
        self.render_as(self.severity(), color)
    }

    /// The same where it decides nothing.
    pub fn render_as(&self, severity: Severity, color: bool) -> String {
        let more = format!("see `routeproof check --explain {}`", self.rule);
        let mut diagnostic =
            Diagnostic::new(&self.source, Some(self.mark), &self.message).hint(&self.fix).hint(more);
        diagnostic.severity = severity;
        diagnostic.render_lint(color, self.rule.id(), &self.reason)
    }

    /// Whether both say the same of the same place, perhaps of two versions.
    pub fn is_again(&self, other: &Self) -> bool {
        self.rule == other.rule && self.mark == other.mark && self.source.file == other.source.file
    }

    /// One line: `FILE:LINE:COLUMN: MESSAGE; FIX [ID]`.
    pub fn line(&self) -> String {
        let Mark { line, column } = self.mark;
        let file = self.source.file.display();
        format!("{file}:{line}:{column}: {}; {} [{}]", self.message, self.fix, self.rule)
    }
}

/// A place in the extras' text; both count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub line: usize,
    /// In characters.
    pub column: usize,
}

/// A finding that does not know its file yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Draft {
    pub rule: Rule,
    pub place: Place,
    pub message: String,
    pub reason: String,
    pub fix: String,
}

impl Draft {
    pub fn new(rule: Rule, place: Place, message: impl Into<String>) -> Self {
        Self { rule, place, message: message.into(), reason: String::new(), fix: String::new() }
    }

    pub fn because(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }

    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = fix.into();
        self
    }

    /// `lines`: where each line of the extras begins in the file.
    pub fn placed(self, document: &Document, lines: &[Option<Mark>], value: Mark) -> Finding {
        let mark = match lines.get(self.place.line - 1).copied().flatten() {
            Some(start) => Mark { line: start.line, column: start.column + self.place.column - 1 },
            None => value,
        };
        let Self { rule, message, reason, fix, .. } = self;
        Finding { rule, source: document.source().clone(), mark, message, reason, fix }
    }
}
