//! Errors as people see them, and the exit codes that other tools depend on.

use std::fmt::Display;
use std::io::IsTerminal;

use routeproof_engine::bundle::BundleError;
use routeproof_engine::image::ImageError;
use routeproof_engine::keep::{Blame, KeepError, Refusal};
use routeproof_engine::run::RunError;

use crate::out;

/// DESIGN, section 5.
pub const FAILED: u8 = 1;
pub const BAD_INPUT: u8 = 2;
pub const BROKEN: u8 = 3;
pub const MISSING: u8 = 5;
pub const INTERRUPTED: u8 = 130;

/// An error that ends the command, with its exit code.
#[derive(Debug)]
pub struct Failure {
    pub code: u8,
    /// Rendered, without the leading `error: `, unless it is a diagnostic that brings its own.
    text: String,
    hints: Vec<String>,
    rendered: bool,
}

impl Failure {
    pub fn input(text: impl Display) -> Failure {
        Failure { code: BAD_INPUT, text: text.to_string(), hints: Vec::new(), rendered: false }
    }

    pub fn broken(text: impl Display) -> Failure {
        Failure { code: BROKEN, ..Failure::input(text) }
    }

    /// What was expected did not come true.
    pub fn failed(text: impl Display) -> Failure {
        Failure { code: FAILED, ..Failure::input(text) }
    }

    /// Ctrl-C came first.
    pub fn interrupted(text: impl Display) -> Failure {
        Failure { code: INTERRUPTED, ..Failure::input(text) }
    }

    /// A capability that the user requires is not there.
    pub fn missing(text: impl Display) -> Failure {
        Failure { code: MISSING, ..Failure::input(text) }
    }

    pub fn hint(mut self, hint: impl Display) -> Failure {
        self.hints.push(hint.to_string());
        self
    }

    /// With this hint instead of those that it has.
    pub fn only_hint(mut self, hint: impl Display) -> Failure {
        self.hints = vec![hint.to_string()];
        self
    }

    /// The error as text without color.
    pub fn plain(&self) -> String {
        anstream::adapter::strip_str(&self.text).to_string()
    }

    /// Prints the error and gives its exit code.
    pub fn report(&self) -> u8 {
        if self.rendered {
            out::note(&self.text);
        } else {
            let style = anstyle::AnsiColor::Red.on_default().bold();
            out::note(format_args!("{style}error{style:#}: {}", self.text));
        }
        for hint in &self.hints {
            let style = anstyle::AnsiColor::Cyan.on_default().bold();
            out::note(format_args!("{style}hint{style:#}: {hint}"));
        }
        self.code
    }
}

/// Whether diagnostics on standard error are in color.
pub fn color() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Failure {
        Refusal::new(error, color()).into()
    }
}

impl From<KeepError> for Failure {
    fn from(error: KeepError) -> Failure {
        let error = match error {
            KeepError::Mistake(refusal) => return refusal.into(),
            other => other,
        };
        let code = match error.blame() {
            Blame::User => BAD_INPUT,
            Blame::Lab => BROKEN,
        };
        Failure { code, hints: error.hints(), text: crate::cmd::run::chain(&error), rendered: false }
    }
}

/// What a supervisor could not do; it rendered the error as we would have.
impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        let Refusal { code, text, hints, rendered } = refusal;
        Failure { code, text, hints, rendered }
    }
}

impl From<BundleError> for Failure {
    fn from(error: BundleError) -> Failure {
        let text = crate::cmd::run::chain(&error);
        match error.is_of_input() {
            true => Failure::input(text),
            false => Failure::broken(text),
        }
    }
}

impl From<ImageError> for Failure {
    fn from(error: ImageError) -> Failure {
        let (code, hints) = (error.exit_code(), error.hints());
        Failure { code, text: RunError::Image(error).line(), hints, rendered: false }
    }
}
