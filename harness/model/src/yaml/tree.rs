//! A YAML stream as a flat arena of values with their positions, built from saphyr-parser's events without recursion,
//! so that neither deep nesting nor aliases can exhaust the stack or memory here.

use std::collections::{HashMap, HashSet};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, Tag};

use super::block::Placement;
use crate::diag::{Diagnostic, Mark, Seg, Source};

/// Files beyond this are refused: no topology, scenario or manifest comes near, and parsing time stays bounded.
const MAX_BYTES: usize = 2 << 20;
/// Nesting beyond this is refused, so that recursion over a tree is safe on any thread's stack.
pub(super) const MAX_DEPTH: usize = 100;

pub(super) type Id = usize;

#[derive(Debug)]
pub(super) struct Item {
    pub(super) mark: Mark,
    pub(super) kind: Kind,
}

#[derive(Debug)]
pub(super) enum Kind {
    /// `plain` scalars have a type by their look (`12`, `true`); quoted and block scalars are text.
    Scalar {
        text: String,
        plain: bool,
    },
    Seq(Vec<Id>),
    Map(Vec<(Id, Id)>),
    /// An alias and what it stands for.
    Alias(Id),
}

#[derive(Debug, Default)]
pub(super) struct Tree {
    items: Vec<Item>,
    /// The root value of each document.
    pub(super) roots: Vec<Id>,
}

impl Tree {
    pub(super) fn build(source: &Source) -> Result<Self, Diagnostic> {
        refuse_non_text(source)?;
        Self::of_text(source, &source.text, None)
    }

    /// The tree of a text that stands inside the file `source`; its marks are places of the file.
    pub(super) fn inside(source: &Source, text: &str, mark: Mark) -> Result<Self, Diagnostic> {
        Self::of_text(source, text, Some(Placement::new(&source.text, mark, text)))
    }

    fn of_text(source: &Source, text: &str, place: Option<Placement>) -> Result<Self, Diagnostic> {
        let mut builder =
            Builder { source, place, tree: Tree::default(), anchors: HashMap::new(), open: Vec::new() };
        let mut parser = Parser::new_from_str(text);
        while let Some(event) = parser.next_event() {
            let (event, span) = event.map_err(|e| builder.syntax_error(&e))?;
            builder.event(event, span)?;
        }
        Ok(builder.tree)
    }

    pub(super) fn item(&self, id: Id) -> &Item {
        &self.items[id]
    }

    /// The value that `id` stands for, through aliases. An alias' target is complete or an ancestor, never an alias.
    pub(super) fn target(&self, id: Id) -> Id {
        match self.items[id].kind {
            Kind::Alias(target) => target,
            _ => id,
        }
    }

    pub(super) fn kind(&self, id: Id) -> &Kind {
        &self.items[self.target(id)].kind
    }

    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match self.kind(id) {
            Kind::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    pub(super) fn is_merge_key(&self, id: Id) -> bool {
        matches!(&self.items[id].kind, Kind::Scalar { text, plain: true } if text == "<<")
    }

    /// One step towards a value: its key (or itself, in a list) and the value.
    fn step(&self, at: Id, seg: &Seg) -> Option<(Id, Id)> {
        match (self.kind(at), seg) {
            (Kind::Seq(ids), Seg::Index(n)) => ids.get(*n).map(|id| (*id, *id)),
            (Kind::Map(_), Seg::Key(key)) => self.lookup(at, key),
            _ => None,
        }
    }

    /// The value that `path` leads to.
    pub(super) fn get(&self, root: Id, path: &[Seg]) -> Option<Id> {
        path.iter().try_fold(root, |at, seg| self.step(at, seg).map(|(_, value)| value))
    }

    /// The value that `path` leads to, or the nearest one on the way there when the rest does not exist.
    /// `key`: the last step's key rather than its value.
    pub(super) fn find(&self, root: Id, path: &[Seg], key: bool) -> Id {
        let mut at = root;
        for (i, seg) in path.iter().enumerate() {
            let Some((key_id, value_id)) = self.step(at, seg) else { break };
            at = if key && i + 1 == path.len() { key_id } else { value_id };
        }
        at
    }

    /// A mapping's entry by key, its own before merged ones.
    pub(super) fn lookup(&self, map: Id, key: &str) -> Option<(Id, Id)> {
        let Kind::Map(own) = self.kind(map) else { return None };
        let has_merges = || own.iter().any(|(k, _)| self.is_merge_key(*k));
        let is_it = |(k, _): &&(Id, Id)| self.text(*k) == Some(key);
        let found = own.iter().find(is_it).copied();
        found.or_else(|| if has_merges() { self.entries(map).iter().find(is_it).copied() } else { None })
    }

    /// A mapping's entries with its merge keys (`<<`) applied: its own come first, and win.
    /// Each merged mapping is visited once, so that mappings which merge each other end.
    pub(super) fn entries(&self, map: Id) -> Vec<(Id, Id)> {
        let mut entries: Vec<(Id, Id)> = Vec::new();
        let mut keys = HashSet::new();
        let mut visited = HashSet::new();
        let mut queue = vec![map];
        while let Some(id) = queue.pop() {
            match self.kind(id) {
                Kind::Map(pairs) if visited.insert(self.target(id)) => {
                    let (merges, own): (Vec<_>, Vec<_>) =
                        pairs.iter().partition(|(k, _)| self.is_merge_key(*k));
                    entries.extend(
                        own.into_iter().filter(|(k, _)| self.text(*k).is_none_or(|t| keys.insert(t))),
                    );
                    queue.extend(merges.into_iter().rev().map(|(_, v)| v));
                }
                Kind::Seq(ids) if id != map && visited.insert(self.target(id)) => {
                    queue.extend(ids.iter().rev())
                }
                _ => {}
            }
        }
        entries
    }

    /// Every scalar of the stream as written once (aliases not followed), with its position.
    pub(super) fn scalars(&self) -> impl Iterator<Item = (&str, Mark)> {
        self.items.iter().filter_map(|i| match &i.kind {
            Kind::Scalar { text, .. } => Some((text.as_str(), i.mark)),
            _ => None,
        })
    }
}

struct Builder<'s> {
    source: &'s Source,
    /// For a text inside the file.
    place: Option<Placement>,
    tree: Tree,
    anchors: HashMap<usize, Id>,
    /// The collections that are not closed yet, each with a key that waits for its value.
    open: Vec<(Id, Option<Id>)>,
}

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Diagnostic> {
        let mark = self.mark_of(span.start.line(), span.start.col());
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let text_tag = self.tag(tag.as_deref(), mark)?;
                let plain = style == ScalarStyle::Plain && !text_tag;
                let id = self.add(mark, Kind::Scalar { text: text.into_owned(), plain }, anchor);
                self.attach(id)?;
            }
            Event::Alias(anchor) => {
                let Some(target) = self.anchors.get(&anchor).copied() else {
                    return Err(self.error(mark, "this alias has no anchor"));
                };
                let id = self.add(mark, Kind::Alias(target), 0);
                self.attach(id)?;
            }
            Event::SequenceStart(anchor, tag) => {
                self.tag(tag.as_deref(), mark)?;
                self.enter(mark, Kind::Seq(Vec::new()), anchor)?;
            }
            Event::MappingStart(anchor, tag) => {
                self.tag(tag.as_deref(), mark)?;
                self.enter(mark, Kind::Map(Vec::new()), anchor)?;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some((id, _)) = self.open.pop() {
                    self.refuse_duplicates(id)?;
                    self.attach(id)?;
                }
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn add(&mut self, mark: Mark, kind: Kind, anchor: usize) -> Id {
        let id = self.tree.items.len();
        self.tree.items.push(Item { mark, kind });
        if anchor > 0 {
            self.anchors.insert(anchor, id);
        }
        id
    }

    fn enter(&mut self, mark: Mark, kind: Kind, anchor: usize) -> Result<(), Diagnostic> {
        if self.open.len() >= MAX_DEPTH {
            return Err(self.error(mark, format!("nested more than {MAX_DEPTH} levels deep")));
        }
        let id = self.add(mark, kind, anchor);
        self.open.push((id, None));
        Ok(())
    }

    /// Hands a complete value to the collection around it.
    fn attach(&mut self, id: Id) -> Result<(), Diagnostic> {
        let Some((parent, waiting)) = self.open.last_mut() else {
            self.tree.roots.push(id);
            return Ok(());
        };
        match (&mut self.tree.items[*parent].kind, waiting.take()) {
            (Kind::Seq(ids), _) => ids.push(id),
            (Kind::Map(pairs), Some(key)) => pairs.push((key, id)),
            (Kind::Map(_), None) => {
                *waiting = Some(id);
                if self.tree.text(id).is_none() {
                    let mark = self.tree.items[id].mark;
                    return Err(self
                        .error(mark, "a key must be text, not a list or a mapping")
                        .hint("a value that starts with `{` or `[` needs quotes")
                        .hint_template());
                }
            }
            (Kind::Scalar { .. } | Kind::Alias(_), _) => {}
        }
        Ok(())
    }

    fn refuse_duplicates(&self, map: Id) -> Result<(), Diagnostic> {
        let Kind::Map(pairs) = &self.tree.items[map].kind else { return Ok(()) };
        let mut seen = HashMap::new();
        for (key, value) in pairs {
            let Some(text) = self.tree.text(*key) else { continue };
            if text == "<<" && self.tree.is_merge_key(*key) && self.tree.text(*value).is_some() {
                return Err(
                    self.error(self.tree.items[*value].mark, "`<<` merges mappings, and this is not one")
                );
            }
            if let Some(first) = seen.insert(text, *key) {
                let line = self.tree.items[first].mark.line;
                return Err(self
                    .error(
                        self.tree.items[*key].mark,
                        format!("`{text}` is here twice; the first is on line {line}"),
                    )
                    .hint("keep one of them: a later one would silently replace the earlier"));
            }
        }
        Ok(())
    }

    /// Whether the tag makes a scalar text. Tags outside YAML's core schema are refused: nobody would read them.
    fn tag(&self, tag: Option<&Tag>, mark: Mark) -> Result<bool, Diagnostic> {
        let Some(tag) = tag else { return Ok(false) };
        let known = matches!(tag.suffix.as_str(), "str" | "int" | "float" | "bool" | "null" | "map" | "seq");
        match (tag.is_yaml_core_schema() && known) || (tag.handle.is_empty() && tag.suffix == "!") {
            true => Ok(matches!(tag.suffix.as_str(), "str" | "!")),
            false => {
                let handle = if tag.is_yaml_core_schema() { "!!" } else { &tag.handle };
                let message = format!("the tag `{handle}{}` has no meaning here", tag.suffix);
                Err(self.error(mark, message).hint("remove the tag"))
            }
        }
    }

    fn error(&self, mark: Mark, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.source, Some(mark), message)
    }

    /// saphyr counts columns from 0.
    fn mark_of(&self, line: usize, column: usize) -> Mark {
        let mark = Mark { line: line.max(1), column: column + 1 };
        self.place.as_ref().map_or(mark, |place| place.at(mark))
    }

    fn syntax_error(&self, e: &ScanError) -> Diagnostic {
        let mark = self.mark_of(e.marker().line(), e.marker().col());
        let d = self.error(mark, format!("not valid YAML: {}", e.info()));
        match e.info() {
            info if info.contains("tab") => d.hint("YAML indents with spaces, never with tabs"),
            _ => d.hint_template(),
        }
    }
}

impl Diagnostic {
    fn hint_template(self) -> Self {
        match self.source.text.contains("{{") {
            true => self.hint("this looks like a template; render it to a plain file first"),
            false => self,
        }
    }
}

/// Refuses what cannot be YAML before the parser sees it, with one clear error.
fn refuse_non_text(source: &Source) -> Result<(), Diagnostic> {
    let text = &source.text;
    if text.len() > MAX_BYTES {
        let size = text.len() >> 20;
        return Err(
            source.error(format!("the file is too large: {size} MiB; the limit is {} MiB", MAX_BYTES >> 20))
        );
    }
    let bad = |c: char| (c.is_control() && !matches!(c, '\n' | '\r' | '\t' | '\u{85}')) || c == '\u{fffe}';
    match text.char_indices().find(|(_, c)| bad(*c)) {
        None => Ok(()),
        Some((at, c)) => {
            let before = &text[..at];
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or(before).chars().count() + 1;
            let message = format!("not a YAML file: it holds the control character U+{:04X}", u32::from(c));
            Err(Diagnostic::new(source, Some(Mark { line, column }), message)
                .hint("is this the right file? Topologies, scenarios and manifests are plain text"))
        }
    }
}
