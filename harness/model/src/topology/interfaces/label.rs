//! The label's text: YAML inside a YAML text, with places in the file that it stands in.

use crate::diag::{Diagnostic, Mark, Seg, Source};
use crate::topology::file::Named;
use crate::topology::layers::Layers;
use crate::yaml;

use super::file::InterfaceFile;

/// The label that holds a node's interfaces.
pub(in crate::topology) const LABEL: &str = "routeproof.interfaces";

/// Where something of a topology is written: found by its way through the file, or in a label's text.
#[derive(Clone, Debug)]
pub(in crate::topology) enum Place {
    Path(Vec<Seg>),
    Mark(Option<Mark>),
}

impl Place {
    pub(in crate::topology) fn error(&self, source: &Source, message: impl Into<String>) -> Diagnostic {
        match self {
            Place::Path(path) => source.error_at(path, message),
            Place::Mark(mark) => Diagnostic::new(source, *mark, message),
        }
    }

    pub(in crate::topology) fn line(&self, source: &Source) -> usize {
        let mark = match self {
            Place::Path(path) => yaml::locate(source, 0, path, false),
            Place::Mark(mark) => *mark,
        };
        mark.map_or(0, |mark| mark.line)
    }
}

/// One label of one layer.
#[derive(Debug)]
pub(super) struct Label<'s> {
    source: &'s Source,
    /// The label's text by itself.
    inner: Source,
    /// Where its lines begin in the file.
    lines: Vec<Option<Mark>>,
    /// Where the label's value is in the file.
    at: Option<Mark>,
}

impl<'s> Label<'s> {
    fn new(source: &'s Source, path: &[Seg], text: &str) -> Label<'s> {
        let documents = yaml::documents(source).unwrap_or_default();
        let document = documents.first();
        Label {
            source,
            inner: Source::new(source.file.clone(), text),
            lines: document.map(|d| d.line_marks(path)).unwrap_or_default(),
            at: document.map(|d| d.locate(path, true)),
        }
    }

    /// Where a mark of the label's text is in the file; the label itself for a text that does not stand there line by line.
    fn outer(&self, inner: Option<Mark>) -> Option<Mark> {
        let line = inner.and_then(|mark| Some((mark, (*self.lines.get(mark.line - 1)?)?)));
        line.map(|(mark, line)| Mark { line: line.line, column: line.column + mark.column - 1 }).or(self.at)
    }

    fn translated(&self, inner: Diagnostic) -> Diagnostic {
        Diagnostic { source: self.source.clone(), mark: self.outer(inner.mark), ..inner }
    }

    fn place(&self, path: &[Seg], key: bool) -> Option<Mark> {
        self.outer(yaml::locate(&self.inner, 0, path, key))
    }
}

/// An interface as written, and where.
#[derive(Debug)]
pub(super) struct Entry<'s> {
    pub(super) name: String,
    pub(super) fields: InterfaceFile,
    label: std::rc::Rc<Label<'s>>,
}

impl Entry<'_> {
    fn path(&self, key: &str, index: Option<usize>) -> Vec<Seg> {
        let keys = [self.name.as_str()].into_iter().chain(key.split('.').filter(|key| !key.is_empty()));
        keys.map(Seg::from).chain(index.map(Seg::from)).collect()
    }

    pub(super) fn source(&self) -> &Source {
        self.label.source
    }

    /// The place of a value (`netem.delay`), of an item of a list, or of the interface itself (an empty key).
    pub(super) fn place(&self, key: &str, index: Option<usize>) -> Place {
        Place::Mark(self.label.place(&self.path(key, index), key.is_empty()))
    }

    pub(super) fn error(&self, key: &str, message: impl Into<String>) -> Diagnostic {
        self.place(key, None).error(self.label.source, message)
    }

    pub(super) fn error_in(&self, key: &str, index: usize, message: impl Into<String>) -> Diagnostic {
        self.place(key, Some(index)).error(self.label.source, message)
    }

    pub(super) fn error_at_key(&self, key: &str, message: impl Into<String>) -> Diagnostic {
        let mark = self.label.place(&self.path(key, None), true);
        Diagnostic::new(self.label.source, mark, message)
    }
}

/// What a node's label says, with what it inherits: interface by interface, the most specific place counts.
/// Errors: what is no YAML, unknown fields, wrong types, at their place in the file.
/// A bridge does not inherit what `defaults` and groups have for nodes with a system.
pub(super) fn entries<'s>(
    source: &'s Source,
    layers: &Layers<'_>,
    is_bridge: bool,
) -> Result<Vec<Entry<'s>>, Diagnostic> {
    let mut entries: Vec<Entry<'s>> = Vec::new();
    let is_meant =
        |at: &[Seg]| !is_bridge || matches!(at, [_, Seg::Key(of), ..] if of == "nodes" || of == "kinds");
    for layer in layers.iter().filter(|layer| is_meant(&layer.at)) {
        let Some(text) = layer.fields.labels.as_ref().and_then(|labels| labels.get(LABEL)) else { continue };
        let path = [layer.path("labels"), vec![Seg::from(LABEL)]].concat();
        let label = std::rc::Rc::new(Label::new(source, &path, text));
        let written: Named<Option<InterfaceFile>> =
            yaml::parse(&label.inner).map_err(|error| label.translated(error))?;
        for (name, fields) in written.0 {
            let entry = Entry { name, fields: fields.unwrap_or_default(), label: std::rc::Rc::clone(&label) };
            match entries.iter_mut().find(|earlier| earlier.name == entry.name) {
                Some(earlier) => *earlier = entry,
                None => entries.push(entry),
            }
        }
    }
    Ok(entries)
}
