//! The label's text: YAML inside a YAML text, with places in the file that it stands in.

use std::rc::Rc;

use crate::diag::{Diagnostic, Mark, Seg, Source};
use crate::topology::file::Named;
use crate::topology::layers::Layers;
use crate::yaml;

use super::file::InterfaceFile;

/// The label that holds a node's interfaces.
pub(in crate::topology) const LABEL: &str = "routeproof.interfaces";

/// Where something of a topology is written: found by its way through the file, or through a label's text. It is looked up only
/// for an error: that reads the whole file again.
#[derive(Clone, Debug)]
pub(in crate::topology) enum Place {
    Path(Vec<Seg>),
    Label { label: Rc<Label>, path: Vec<Seg>, key: bool },
}

impl Place {
    fn mark(&self, source: &Source) -> Option<Mark> {
        match self {
            Place::Path(path) => yaml::locate(source, 0, path, false),
            Place::Label { label, path, key } => {
                label.outer(source, yaml::locate(&label.inner, 0, path, *key))
            }
        }
    }

    pub(in crate::topology) fn error(&self, source: &Source, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(source, self.mark(source), message)
    }

    pub(in crate::topology) fn line(&self, source: &Source) -> usize {
        self.mark(source).map_or(0, |mark| mark.line)
    }
}

/// One label of one layer.
#[derive(Debug)]
pub(in crate::topology) struct Label {
    /// The way to it in the file.
    at: Vec<Seg>,
    /// Its text by itself.
    inner: Source,
}

impl Label {
    /// Where a mark of the label's text is in the file; the label itself for a text that does not stand there line by line.
    fn outer(&self, source: &Source, inner: Option<Mark>) -> Option<Mark> {
        let documents = yaml::documents(source).ok()?;
        let document = documents.first()?;
        let line = inner.and_then(|mark| Some((mark, (*document.line_marks(&self.at).get(mark.line - 1)?)?)));
        let column = |(mark, line): (Mark, Mark)| line.column + mark.column - 1;
        let there = line.map(|(mark, line)| Mark { line: line.line, column: column((mark, line)) });
        there.or_else(|| Some(document.locate(&self.at, true)))
    }
}

/// An interface as written, and where.
#[derive(Debug)]
pub(super) struct Entry<'s> {
    pub(super) name: String,
    pub(super) fields: InterfaceFile,
    source: &'s Source,
    label: Rc<Label>,
}

impl Entry<'_> {
    fn at(&self, key: &str, index: Option<usize>, of_key: bool) -> Place {
        let keys = [self.name.as_str()].into_iter().chain(key.split('.').filter(|key| !key.is_empty()));
        let path = keys.map(Seg::from).chain(index.map(Seg::from)).collect();
        Place::Label { label: Rc::clone(&self.label), path, key: of_key }
    }

    pub(super) fn source(&self) -> &Source {
        self.source
    }

    /// The place of a value (`netem.delay`), of an item of a list, or of the interface itself (an empty key).
    pub(super) fn place(&self, key: &str, index: Option<usize>) -> Place {
        self.at(key, index, key.is_empty())
    }

    pub(super) fn error(&self, key: &str, message: impl Into<String>) -> Diagnostic {
        self.place(key, None).error(self.source, message)
    }

    pub(super) fn error_in(&self, key: &str, index: usize, message: impl Into<String>) -> Diagnostic {
        self.place(key, Some(index)).error(self.source, message)
    }

    pub(super) fn error_at_key(&self, key: &str, message: impl Into<String>) -> Diagnostic {
        self.at(key, None, true).error(self.source, message)
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
        let at = [layer.path("labels"), vec![Seg::from(LABEL)]].concat();
        let label = Rc::new(Label { at, inner: Source::new(source.file.clone(), text.as_str()) });
        let written: Named<Option<InterfaceFile>> = yaml::parse(&label.inner).map_err(|error| {
            Diagnostic { source: source.clone(), mark: label.outer(source, error.mark), ..error }
        })?;
        for (name, fields) in written.0 {
            let fields = fields.unwrap_or_default();
            let entry = Entry { name, fields, source, label: Rc::clone(&label) };
            match entries.iter_mut().find(|earlier| earlier.name == entry.name) {
                Some(earlier) => *earlier = entry,
                None => entries.push(entry),
            }
        }
    }
    Ok(entries)
}
