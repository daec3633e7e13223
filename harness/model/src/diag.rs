//! Mistakes in a user's file: what is wrong, where, and what to do.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// One step from a YAML document's root towards a value.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Seg {
    Key(String),
    Index(usize),
}

impl From<&str> for Seg {
    fn from(key: &str) -> Self {
        Seg::Key(key.to_owned())
    }
}

impl From<usize> for Seg {
    fn from(index: usize) -> Self {
        Seg::Index(index)
    }
}

/// A path of keys and indices: `path!["topology", "links", 0]`.
#[macro_export]
macro_rules! path {
    ($($seg:expr),* $(,)?) => { ::std::vec::Vec::from([$($crate::diag::Seg::from($seg)),*]) };
}

/// A file that a user handed us, with its text, so that an error can point into it.
#[derive(Clone, Debug)]
pub struct Source {
    pub file: PathBuf,
    pub text: Arc<str>,
}

impl Source {
    pub fn new(file: impl Into<PathBuf>, text: impl Into<Arc<str>>) -> Self {
        Self { file: file.into(), text: text.into() }
    }

    /// A source from a file's bytes. Errors: the bytes are not UTF-8 (a binary file), with the offset of the first bad byte.
    pub fn from_bytes(file: impl Into<PathBuf>, bytes: Vec<u8>) -> Result<Self, Diagnostic> {
        match String::from_utf8(bytes) {
            Ok(text) => Ok(Self::new(file, text)),
            Err(e) => {
                let at = e.utf8_error().valid_up_to();
                Err(Diagnostic::new(
                    &Self::new(file, ""),
                    None,
                    format!("not a text file: byte {at} is not UTF-8"),
                ))
            }
        }
    }

    /// An error about the file as a whole.
    pub fn error(&self, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self, None, message)
    }

    /// An error at the value that `path` leads to in the first document; where the value is missing, at the nearest
    /// enclosing value that exists.
    pub fn error_at(&self, path: &[Seg], message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self, crate::yaml::locate(self, 0, path, false), message)
    }

    /// Like [`Source::error_at`], but points at the last step's key instead of its value.
    pub fn error_at_key(&self, path: &[Seg], message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self, crate::yaml::locate(self, 0, path, true), message)
    }

    /// The text from `mark` to the end of its line; what a position means to a reader.
    fn rest_of_line(&self, mark: Mark) -> Option<(usize, &str)> {
        let start: usize = self.text.split_inclusive('\n').take(mark.line - 1).map(str::len).sum();
        let line = self.text.get(start..)?.split('\n').next()?;
        let column = line.char_indices().nth(mark.column - 1).map_or(line.len(), |(i, _)| i);
        Some((start + column, &line[column..]))
    }
}

/// A position in a file; both count from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mark {
    pub line: usize,
    pub column: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

/// A user-caused error (or warning). `Display` gives `file:line:column: message`; [`Diagnostic::render`] adds the
/// snippet and hints.
#[derive(Clone, Debug)]
pub struct Diagnostic {
    pub severity: Severity,
    pub source: Source,
    pub mark: Option<Mark>,
    pub message: String,
    pub hints: Vec<String>,
    /// The file is right, but the embedded lab cannot do what it says.
    pub unsupported: bool,
}

impl Diagnostic {
    pub fn new(source: &Source, mark: Option<Mark>, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            source: source.clone(),
            mark,
            message: message.into(),
            hints: Vec::new(),
            unsupported: false,
        }
    }

    /// Marks what is no mistake, but beyond the embedded lab.
    pub fn unsupported(mut self) -> Self {
        self.unsupported = true;
        self
    }

    /// Adds a line that tells the user what to do.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds `did you mean` when one of `candidates` is near to `word`.
    pub fn suggest<'a>(self, word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Self {
        match nearest(word, candidates) {
            Some(near) => self.hint(format!("did you mean `{near}`?")),
            None => self,
        }
    }

    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// The error for a terminal or a log: message, file:line:column, the line with a marker, and hints.
    /// Text from the file is shown with its control characters made visible.
    pub fn render(&self, color: bool) -> String {
        self.render_with(color, None, None)
    }

    /// Like [`Diagnostic::render`], with the id of the lint that found it beside the severity (`error[shared-sequence]`), and
    /// the reason below the snippet.
    pub fn render_lint(&self, color: bool, id: &str, reason: &str) -> String {
        self.render_with(color, Some(id), Some(reason))
    }

    fn render_with(&self, color: bool, id: Option<&str>, reason: Option<&str>) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let level = match self.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let file = self.source.file.display().to_string();
        let title = level.primary_title(&self.message);
        let title = match id {
            Some(id) => title.id(id),
            None => title,
        };
        let mut report = vec![match self.mark.and_then(|m| Some((m, self.source.rest_of_line(m)?))) {
            Some((mark, (offset, rest))) => title.element(self.snippet(&file, mark, offset, rest)),
            None => title.element(annotate_snippets::Origin::path(&file)),
        }];
        report.extend(reason.iter().map(|n| Group::with_title(Level::NOTE.secondary_title(wrap(n)))));
        report.extend(self.hints.iter().map(|h| Group::with_title(Level::HELP.secondary_title(wrap(h)))));
        renderer.render(&report)
    }

    /// One line of the source: whole files would make the renderer's work grow with the file.
    fn snippet<'a>(
        &'a self,
        file: &'a str,
        mark: Mark,
        offset: usize,
        rest: &'a str,
    ) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
        let text = &self.source.text;
        let start = text[..offset].rfind('\n').map_or(0, |i| i + 1);
        let line = &text[start..offset + rest.len()];
        let at = offset - start;
        let span = at..at + token_len(rest);
        Snippet::source(line).path(file).line_start(mark.line).annotation(AnnotationKind::Primary.span(span))
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.source.file.display())?;
        if let Some(m) = self.mark {
            write!(f, ":{}:{}", m.line, m.column)?;
        }
        write!(f, ": {}", self.message)
    }
}

impl std::error::Error for Diagnostic {}

/// The length in bytes of the YAML token that `rest` starts with, so that the marker underlines a word, not a character.
fn token_len(rest: &str) -> usize {
    let first = rest.chars().next();
    if let Some(quote @ ('"' | '\'')) = first {
        return rest[1..].find(quote).map_or(rest.len(), |i| i + 2);
    }
    let ends = |c, next| {
        matches!(c, ',' | '[' | ']' | '{' | '}' | '\r')
            || (c == ':' && next == ' ')
            || (c == ' ' && next == '#')
    };
    let following = rest.chars().skip(1).chain([' ']);
    let end = rest.char_indices().zip(following).find(|&((_, c), next)| ends(c, next));
    let end = end.map_or(rest.len(), |((i, _), _)| i);
    rest[..end].trim_end().len().max(first.map_or(0, char::len_utf8))
}

/// Breaks a long hint between words; lists of known fields are long.
fn wrap(text: &str) -> String {
    const WIDTH: usize = 96;
    let mut out = String::new();
    let mut column = 0;
    for word in text.split(' ') {
        if column > 0 && column + 1 + word.len() > WIDTH {
            out.push('\n');
            column = 0;
        } else if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += word.len();
    }
    out
}

/// The candidate that `word` was most likely meant to be; `None` when none is near.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// As clap has it: below this, suggestions confuse more than they help.
    const NEAR: f64 = 0.7;
    candidates
        .into_iter()
        .map(|c| (strsim::jaro_winkler(&word.to_lowercase(), &c.to_lowercase()), c))
        .filter(|(score, c)| *score > NEAR && *c != word)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, c)| c)
}
