//! The catalogue as it is written.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::diag::{Diagnostic, Seg, Source};
use crate::yaml;

/// The entries in the file's order.
pub type Catalogue = Vec<Requirement>;

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    /// `AREA-n.m` or `AREA-n.m.k`, for instance `LEARN-1.1`. It never changes its meaning.
    pub id: String,
    /// What holds when it is met.
    pub text: String,
    /// What goes wrong for the users of a cluster when it is not.
    pub rationale: String,
    pub severity: Severity,
    /// When it counts as met, with the tolerances.
    pub pass: String,
    /// Who says so: an RFC's section, a document or commit, or `measured`.
    pub source: String,
}

/// As in RFC 2119.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    Must,
    Should,
    May,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Must => "must",
            Severity::Should => "should",
            Severity::May => "may",
        })
    }
}

impl Requirement {
    /// `LEARN` of `LEARN-1.1`.
    pub fn area(&self) -> &str {
        self.id.split_once('-').map_or(&self.id, |(area, _)| area)
    }
}

/// Reads a catalogue.
///
/// # Errors
/// What is no catalogue: unknown or missing fields, an id of another form or one that is there twice, an empty text.
pub fn parse(source: &Source) -> Result<Catalogue, Diagnostic> {
    let catalogue: Catalogue = yaml::parse(source)?;
    for (index, entry) in catalogue.iter().enumerate() {
        let at = |field: &str, message: String| {
            source.error_at(&[Seg::Index(index), Seg::Key(field.to_string())], message)
        };
        if !is_id(&entry.id) {
            return Err(at("id", format!("`{}` is not of the form AREA-n.m", entry.id))
                .hint("an area in capitals and two or three numbers, for instance LEARN-1.1"));
        }
        if catalogue[..index].iter().any(|earlier| earlier.id == entry.id) {
            return Err(at("id", format!("{} is there twice", entry.id)));
        }
        let texts = [
            ("text", &entry.text),
            ("rationale", &entry.rationale),
            ("pass", &entry.pass),
            ("source", &entry.source),
        ];
        if let Some((field, _)) = texts.iter().find(|(_, text)| text.trim().is_empty()) {
            return Err(at(field, format!("{} has an empty `{field}`", entry.id)));
        }
    }
    Ok(catalogue)
}

fn is_id(id: &str) -> bool {
    let Some((area, numbers)) = id.split_once('-') else { return false };
    let numbers: Vec<&str> = numbers.split('.').collect();
    !area.is_empty()
        && area.starts_with(|c: char| c.is_ascii_uppercase())
        && area.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
        && (2..=3).contains(&numbers.len())
        && numbers.iter().all(|n| n.parse::<u8>().is_ok())
}
