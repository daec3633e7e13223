//! Reading a daemon's JSON answer, with errors that name what was asked and which key was missing.

use std::io::{BufReader, Read};

use serde::de::DeserializeOwned;
use thiserror::Error;

/// Why a daemon's answer could not be used. None of these means "there is no such route or session".
#[derive(Debug, Error)]
pub enum FrrViewError {
    #[error("the answer to `{what}` is not JSON: {text:?}")]
    NotJson {
        what: &'static str,
        /// The beginning of what the daemon said.
        text: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("FRR refused `{what}`: {message}")]
    Refused { what: &'static str, message: String },
    #[error("the answer to `{what}` lacks the key `{path}`")]
    Missing { what: &'static str, path: String },
    #[error("the answer to `{what}` has an unexpected value at `{path}`")]
    Unexpected {
        what: &'static str,
        path: String,
        #[source]
        source: serde_json::Error,
    },
}

/// A refusal is not longer, in bytes.
const SHORT: usize = 512;
/// The longest beginning of an answer that an error quotes, in characters.
const QUOTED: usize = 160;

/// [`parse`] for an answer that may be several documents behind each other, as FRR before 9 answers to `vrf all`.
pub(super) fn parse_all<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<Vec<T>, FrrViewError> {
    refused(what, text)?;
    documents(what, text, serde_json::Deserializer::from_str(text))
}

fn documents<'de, T: DeserializeOwned, R: serde_json::de::Read<'de>>(
    what: &'static str,
    text: &str,
    mut reader: serde_json::Deserializer<R>,
) -> Result<Vec<T>, FrrViewError> {
    let mut found = Vec::new();
    loop {
        let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let path = error.path().to_string();
            classify(what, text, path, error.into_inner())
        })?;
        found.push(value);
        match reader.end() {
            Ok(()) => return Ok(found),
            Err(error) if error.is_io() => return Err(not_json(what, text, error)),
            // There is more: another document, or what is none.
            Err(_) => {}
        }
    }
}

/// Parses an answer into `T`, telling a missing key from other mistakes.
pub(super) fn parse<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, FrrViewError> {
    refused(what, text)?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        classify(what, text, path, error.into_inner())
    })?;
    reader.end().map_err(|source| not_json(what, text, source))?;
    Ok(value)
}

/// [`parse_all`] for an answer that is longer than a text should be.
pub(super) fn parse_long<T: DeserializeOwned>(
    what: &'static str,
    mut answer: impl Read,
) -> Result<Vec<T>, FrrViewError> {
    let unread =
        |source| FrrViewError::NotJson { what, text: String::new(), source: serde_json::Error::io(source) };
    // Refusals are short, and so are the answers that nobody needs to save memory for.
    let mut start = Vec::new();
    (&mut answer).take(SHORT as u64 + 1).read_to_end(&mut start).map_err(unread)?;
    let text = String::from_utf8_lossy(&start).into_owned();
    if start.len() <= SHORT {
        return parse_all(what, &text);
    }
    let answer = BufReader::with_capacity(64 * 1024, start.chain(answer));
    documents(what, &text, serde_json::Deserializer::from_reader(answer))
}

fn classify(what: &'static str, text: &str, path: String, source: serde_json::Error) -> FrrViewError {
    if !source.is_data() {
        return not_json(what, text, source);
    }
    let message = source.to_string();
    match message.strip_prefix("missing field `").and_then(|rest| rest.split('`').next()) {
        Some(field) if path == "." => FrrViewError::Missing { what, path: field.to_owned() },
        Some(field) => FrrViewError::Missing { what, path: format!("{path}.{field}") },
        None => FrrViewError::Unexpected { what, path, source },
    }
}

fn not_json(what: &'static str, text: &str, source: serde_json::Error) -> FrrViewError {
    FrrViewError::NotJson { what, text: text.trim().chars().take(QUOTED).collect(), source }
}

/// A refusal is short and has a `warning` or a `bgpNoSuchNeighbor`. FRR 10.3 wraps one in a second pair of braces,
/// which is no JSON, so this looks at the text.
fn refused(what: &'static str, text: &str) -> Result<(), FrrViewError> {
    let text = text.trim();
    if text.len() > SHORT {
        return Ok(());
    }
    if text.starts_with('%') {
        return Err(FrrViewError::Refused { what, message: text.trim_start_matches('%').trim().to_owned() });
    }
    if text.contains("\"bgpNoSuchNeighbor\"") {
        return Err(FrrViewError::Refused { what, message: "no such neighbor".to_owned() });
    }
    let Some((_, rest)) = text.split_once("\"warning\"") else {
        return Ok(());
    };
    let message = rest.split('"').nth(1).unwrap_or("a warning without text");
    Err(FrrViewError::Refused { what, message: message.replace("\\/", "/") })
}

#[cfg(test)]
pub(super) mod fixtures {
    /// A recording of one FRR version: `fixture!("8.4.4/neighbors.json")`.
    macro_rules! fixture {
        ($path:literal) => {
            include_str!(concat!("fixtures/", $path))
        };
    }
    /// The same recording of the three measured versions, as `(version, text)`.
    macro_rules! versions {
        ($name:literal) => {
            [
                ("7.5.1", include_str!(concat!("fixtures/7.5.1/", $name))),
                ("8.4.4", include_str!(concat!("fixtures/8.4.4/", $name))),
                ("10.3", include_str!(concat!("fixtures/10.3/", $name))),
            ]
        };
    }
    pub(in crate::frr) use fixture;
    pub(in crate::frr) use versions;
}
