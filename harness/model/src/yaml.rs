//! YAML with positions: typed values out of a user's file, and errors that point at the line and column of the mistake.
//!
//! One parse by saphyr-parser's events yields a flat tree with marks ([`tree`]); serde reads it ([`de`]) and every error
//! keeps the position of its value or key. Anchors, aliases and merge keys (`<<`) work; files that abuse them end in an
//! error, as do duplicate keys, custom tags, binary and oversized files.

mod block;
mod de;
mod error;
mod tree;

use std::cell::Cell;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::diag::{Diagnostic, Mark, Seg, Source};
use tree::{Id, Tree};

/// One document of a YAML stream (`---`). Its marks count from the start of the whole file.
#[derive(Clone, Debug)]
pub struct Document {
    source: Source,
    tree: Arc<Tree>,
    root: Id,
    /// Counts from 0 in the stream.
    pub index: usize,
}

impl Document {
    /// Reads the document as a `T`. Errors: the first value that does not fit, at its place.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Diagnostic> {
        self.read(false)
    }

    /// Like [`Document::parse`], but as Kubernetes reads manifests: an unquoted number or `true` is not text.
    pub fn parse_strict<T: DeserializeOwned>(&self) -> Result<T, Diagnostic> {
        self.read(true)
    }

    fn read<T: DeserializeOwned>(&self, strict: bool) -> Result<T, Diagnostic> {
        let spent = Cell::new(0);
        let root = de::De::new(&self.tree, self.root, &spent, strict);
        T::deserialize(root).map_err(|e| e.located(&self.source))
    }

    /// The items of the list that `path` leads to, each as a document of its own.
    pub fn items(&self, path: &[Seg]) -> Option<Vec<Document>> {
        match self.tree.kind(self.tree.get(self.root, path)?) {
            tree::Kind::Seq(ids) => {
                Some(ids.iter().map(|id| Document { root: *id, ..self.clone() }).collect())
            }
            _ => None,
        }
    }

    /// The text of the scalar that `path` leads to: a manifest's `kind`, before its type is known.
    pub fn text(&self, path: &[Seg]) -> Option<&str> {
        self.tree.text(self.tree.get(self.root, path)?)
    }

    /// Where the value (or, with `key`, the last step's key) is; for a path that does not exist, the nearest place on the way.
    pub fn locate(&self, path: &[Seg], key: bool) -> Mark {
        self.tree.item(self.tree.find(self.root, path, key)).mark
    }

    /// The file that the document is in.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Whether both are the same value of the same file.
    pub fn is_same_place(&self, other: &Self) -> bool {
        self.source.file == other.source.file && self.locate(&[], false) == other.locate(&[], false)
    }

    /// Where the lines of the text that `path` leads to begin in the file. `None` for lines that do not stand there as they are:
    /// all but those of a literal block scalar (`|`).
    pub fn line_marks(&self, path: &[Seg]) -> Vec<Option<Mark>> {
        let Some(id) = self.tree.get(self.root, path) else { return Vec::new() };
        let text = self.tree.text(id).unwrap_or_default();
        block::line_marks(&self.source.text, self.tree.item(self.tree.target(id)).mark, text)
    }

    /// The YAML document that the text at `path` is: MetalLB's configuration in a ConfigMap. Its places are those of the file.
    /// `None` where there is no text, or nothing in it.
    ///
    /// # Errors
    /// The text is no YAML.
    pub fn inside(&self, path: &[Seg]) -> Result<Option<Document>, Diagnostic> {
        let Some(id) = self.tree.get(self.root, path) else { return Ok(None) };
        let Some(text) = self.tree.text(id) else { return Ok(None) };
        let tree = Arc::new(Tree::inside(&self.source, text, self.tree.item(self.tree.target(id)).mark)?);
        let first = tree.roots.first().copied();
        Ok(first
            .map(|root| Document { source: self.source.clone(), tree, root, index: 0 })
            .filter(|d| !d.is_blank()))
    }

    fn is_blank(&self) -> bool {
        matches!(&self.tree.item(self.root).kind, tree::Kind::Scalar { text, plain: true } if text.is_empty())
    }

    pub fn error_at(&self, path: &[Seg], message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(&self.source, Some(self.locate(path, false)), message)
    }

    pub fn error_at_key(&self, path: &[Seg], message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(&self.source, Some(self.locate(path, true)), message)
    }

    /// An error where a reader looks for `path`: at a scalar itself; for a list or a mapping, at its key; for what is
    /// missing, at the key of the nearest enclosing value.
    pub fn error_near(&self, path: &[Seg], message: impl Into<String>) -> Diagnostic {
        let there = (0..=path.len()).rev().find(|n| self.tree.get(self.root, &path[..*n]).is_some());
        let path = &path[..there.unwrap_or(0)];
        match self.text(path) {
            Some(_) => self.error_at(path, message),
            None => self.error_at_key(path, message),
        }
    }
}

/// Every document of a stream, in order; empty ones (as after a trailing `---`) are left out.
pub fn documents(source: &Source) -> Result<Vec<Document>, Diagnostic> {
    let tree = Arc::new(Tree::build(source)?);
    let document = |(index, root): (usize, &Id)| Document {
        source: source.clone(),
        tree: Arc::clone(&tree),
        root: *root,
        index,
    };
    Ok(tree.roots.iter().enumerate().map(document).filter(|d| !d.is_blank()).collect())
}

/// A file that is exactly one document. Errors as [`Document::parse`], and an empty file or a second document.
pub fn parse<T: DeserializeOwned>(source: &Source) -> Result<T, Diagnostic> {
    match documents(source)?.as_slice() {
        [] => Err(source.error("the file is empty")),
        [only] => only.parse(),
        [_, second, ..] => Err(second
            .error_at(&[], "a second document starts here; this file must hold one")
            .hint("remove the `---`")),
    }
}

/// One document of a stream, by its [`Document::index`].
pub fn parse_at<T: DeserializeOwned>(source: &Source, index: usize) -> Result<T, Diagnostic> {
    match documents(source)?.iter().find(|d| d.index == index) {
        Some(document) => document.parse(),
        None => Err(source.error(format!("the file has no document number {}", index + 1))),
    }
}

/// Where a value is in a document; see [`Document::locate`]. `None`: the text is not YAML or lacks that document.
pub fn locate(source: &Source, document: usize, path: &[Seg], key: bool) -> Option<Mark> {
    documents(source).ok()?.iter().find(|d| d.index == document).map(|d| d.locate(path, key))
}

/// Every scalar (keys too) as written, with its place: to find what must not occur anywhere.
pub fn scalars(source: &Source) -> Result<Vec<(String, Mark)>, Diagnostic> {
    Ok(Tree::build(source)?.scalars().map(|(text, mark)| (text.to_owned(), mark)).collect())
}

#[cfg(test)]
mod tests;
