//! The one place where this module touches YAML, until `crate::yaml` offers the same with exact positions:
//! then [`parse_documents`] and [`Origin::error`] become calls into it and nothing else changes.

use serde::Deserialize;
use serde_json::Value;

use crate::diag::{Diagnostic, Mark, Seg, Source};

/// Where an object came from: a document of a file, and the path to it when it was an item of a `List`.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    source: Source,
    /// Line on which the document starts, from 1.
    line: usize,
    base: Vec<Seg>,
}

impl Origin {
    /// For an object that is in no file.
    pub fn unknown() -> Self {
        Self { source: Source { file: "(cluster)".into(), text: "".into() }, line: 1, base: Vec::new() }
    }

    /// The origin of the value at `path` below this one.
    pub fn join(&self, path: &[Seg]) -> Self {
        let mut base = self.base.clone();
        base.extend_from_slice(path);
        Self { source: self.source.clone(), line: self.line, base }
    }

    /// A diagnostic at `path` below this object.
    pub fn error(&self, path: &[Seg], message: String, hints: Vec<String>) -> Diagnostic {
        let mark = mark_of(&self.source.text, self.line, self.base.iter().chain(path));
        Diagnostic {
            source: self.source.clone(),
            mark: Some(mark),
            severity: crate::diag::Severity::Error,
            message,
            hints,
        }
    }
}

/// Splits a file into its non-empty documents.
pub(super) fn parse_documents(source: &Source) -> Result<Vec<(Origin, Value)>, Diagnostic> {
    let mut starts = vec![1];
    starts.extend(
        source
            .text
            .lines()
            .enumerate()
            .filter(|(_, l)| *l == "---" || l.starts_with("--- "))
            .map(|(i, _)| i + 2),
    );
    // A file that opens with `---` has no document before it.
    if let Some(first) = source.text.lines().position(|l| !l.trim().is_empty() && !l.starts_with('#'))
        && starts.get(1) == Some(&(first + 2))
    {
        starts.remove(0);
    }
    let mut out = Vec::new();
    for (i, document) in serde_yaml::Deserializer::from_str(&source.text).enumerate() {
        let line = starts.get(i).or(starts.last()).copied().unwrap_or(1);
        let value = Value::deserialize(document).map_err(|e| {
            let mark = e.location().map(|l| Mark { line: l.line(), column: l.column() });
            Diagnostic {
                source: source.clone(),
                mark,
                message: format!("not YAML: {e}"),
                severity: crate::diag::Severity::Error,
                hints: Vec::new(),
            }
        })?;
        if !value.is_null() {
            out.push((Origin { source: source.clone(), line, base: Vec::new() }, value));
        }
    }
    Ok(out)
}

/// Reads `value` as a `T`; what does not fit is reported at its place.
pub(super) fn typed<T: serde::de::DeserializeOwned>(origin: &Origin, value: Value) -> Result<T, Diagnostic> {
    serde_path_to_error::deserialize(value).map_err(|e| {
        let path: Vec<Seg> = e
            .path()
            .iter()
            .filter_map(|s| match s {
                serde_path_to_error::Segment::Seq { index } => Some(Seg::Index(*index)),
                serde_path_to_error::Segment::Map { key } => Some(Seg::Key(key.clone())),
                _ => None,
            })
            .collect();
        let text = e.inner().to_string();
        let hints = nearest_field(&text).map(|n| vec![format!("did you mean `{n}`?")]).unwrap_or_default();
        origin.error(&path, text, hints)
    })
}

/// From serde's "unknown field `x`, expected one of `y`, `z`": the expected name nearest to x.
fn nearest_field(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("unknown field `")?;
    let mut names = rest.split('`').step_by(2);
    let unknown = names.next()?;
    super::objects::nearest(unknown, names)
}

/// The line of the deepest key of `path` that can be found by indentation-blind search downwards; good enough until positions are exact.
fn mark_of<'a>(text: &str, start: usize, path: impl Iterator<Item = &'a Seg>) -> Mark {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Mark { line: start, column: 1 };
    let mut from = start.saturating_sub(1);
    for seg in path {
        let Seg::Key(key) = seg else { continue };
        let hit =
            lines.iter().enumerate().skip(from).take_while(|(i, l)| *i == from || **l != "---").find_map(
                |(i, l)| {
                    let trimmed = l.trim_start_matches([' ', '-']);
                    (trimmed.strip_prefix(key.as_str()).is_some_and(|r| r.starts_with(':')))
                        .then(|| Mark { line: i + 1, column: l.len() - trimmed.len() + 1 })
                },
            );
        let Some(mark) = hit else { break };
        from = mark.line - 1;
        found = mark;
    }
    found
}
