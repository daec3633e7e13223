//! An error as the user shall see it, wherever it arose: it may have to travel first.

use serde::{Deserialize, Serialize};

use crate::guest::GuestError;
use crate::run::RunError;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// DESIGN, section 5.
    pub code: u8,
    pub text: String,
    pub hints: Vec<String>,
    /// The text is a whole diagnostic with its own `error:`.
    pub rendered: bool,
}

const BAD_INPUT: u8 = 2;
const BROKEN: u8 = 3;
const MISSING: u8 = 5;

impl Refusal {
    pub fn new(error: RunError, color: bool) -> Refusal {
        let (text, hints) = (error.line(), error.hints());
        let plain = |code| Refusal { code, text, hints, rendered: false };
        match error {
            RunError::Input(diagnostic) => {
                Refusal { code: BAD_INPUT, text: diagnostic.render(color), hints: Vec::new(), rendered: true }
            }
            RunError::Read { .. } => plain(BAD_INPUT),
            RunError::Image(e) => plain(e.exit_code()),
            // `--uml-kernel` names something else.
            RunError::Guest(GuestError::NotStarted { .. }) => plain(BAD_INPUT),
            RunError::Missing { .. } => plain(MISSING),
            _ => plain(BROKEN),
        }
    }
}
