//! What serde complains about, in a user's words and with near names.

use std::fmt::{self, Display};

use serde::de::{self, Expected, Unexpected};

use crate::diag::{Diagnostic, Mark, Source, nearest};

/// A deserialization error before it knows its file.
#[derive(Debug)]
pub(super) struct Error {
    mark: Option<Mark>,
    message: String,
    hints: Vec<String>,
}

impl Error {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self { mark: None, message: message.into(), hints: Vec::new() }
    }

    /// Sets the position unless an inner value already did.
    pub(super) fn at(mut self, mark: Mark) -> Self {
        self.mark.get_or_insert(mark);
        self
    }

    fn unknown(what: &str, word: &str, known: &'static [&'static str]) -> Self {
        let mut error = Self::new(format!("unknown {what} `{word}`"));
        error
            .hints
            .extend(nearest(word, known.iter().copied()).map(|near| format!("did you mean `{near}`?")));
        if !known.is_empty() {
            error.hints.push(format!("known here: {}", known.join(", ")));
        }
        error
    }

    pub(super) fn located(self, source: &Source) -> Diagnostic {
        let mut d = Diagnostic::new(source, self.mark, self.message);
        d.hints = self.hints;
        d
    }
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: Display>(message: T) -> Self {
        Self::new(message.to_string())
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("expected {}, found {}", plain_words(expected), describe(&found)))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(format!("{} is not allowed here: expected {}", describe(&found), plain_words(expected)))
    }

    fn unknown_field(field: &str, known: &'static [&'static str]) -> Self {
        Self::unknown("field", field, known)
    }

    fn unknown_variant(variant: &str, known: &'static [&'static str]) -> Self {
        Self::unknown("value", variant, known)
    }

    fn missing_field(field: &'static str) -> Self {
        Self::new(format!("the field `{field}` is missing"))
    }
}

/// What serde's derive expects, in a user's words.
fn plain_words(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "a map" => "a mapping (`key: value` lines)".into(),
        "a sequence" => "a list".into(),
        "a string" | "string" => "text".into(),
        "a boolean" => "`true` or `false`".into(),
        "u8" => "a whole number from 0 to 255".into(),
        "u16" => "a whole number from 0 to 65535".into(),
        "u32" => "a whole number from 0 to 4294967295".into(),
        "u64" | "usize" => "a whole number, 0 or more".into(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".into(),
        "f32" | "f64" => "a number".into(),
        t if t.starts_with("struct ") => "a mapping (`key: value` lines)".into(),
        t if t.starts_with("enum ") => "one of the known words".into(),
        _ => text,
    }
}

pub(super) fn describe(found: &Unexpected<'_>) -> String {
    match found {
        Unexpected::Str(s) => format!("the text `{s}`"),
        Unexpected::Bool(b) => format!("`{b}`"),
        Unexpected::Unsigned(n) => format!("the number {n}"),
        Unexpected::Signed(n) => format!("the number {n}"),
        Unexpected::Float(n) => format!("the number {n}"),
        Unexpected::Seq => "a list".into(),
        Unexpected::Map => "a mapping".into(),
        Unexpected::Unit | Unexpected::Option => "nothing".into(),
        other => other.to_string(),
    }
}
