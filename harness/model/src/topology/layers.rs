//! How a node inherits: defaults < kind < group < node, as containerlab does it.
//! A single value comes from the most specific place; mappings merge by key; lists add up, each entry once.

use std::collections::BTreeMap;

use super::file::{NodeFile, TopologyFile};
use crate::diag::Seg;
use crate::path;

/// A written text, and where it is written.
pub(super) type Placed<'f> = (&'f str, Vec<Seg>);

/// One place that gives a node its fields, and the way to it in the file.
#[derive(Clone, Debug)]
pub(super) struct Layer<'f> {
    pub(super) fields: &'f NodeFile,
    pub(super) at: Vec<Seg>,
}

impl Layer<'_> {
    pub(super) fn path(&self, key: &str) -> Vec<Seg> {
        let mut path = self.at.clone();
        path.push(Seg::from(key));
        path
    }
}

/// Everything that a node is made of, from the general to the specific.
#[derive(Clone, Debug)]
pub(super) struct Layers<'f> {
    pub(super) kind: Option<Placed<'f>>,
    pub(super) group: Option<Placed<'f>>,
    layers: Vec<Layer<'f>>,
}

impl<'f> Layers<'f> {
    pub(super) fn of(file: &'f TopologyFile, name: &str) -> Self {
        let section = &file.topology;
        let defaults =
            section.defaults.as_ref().map(|fields| Layer { fields, at: path!["topology", "defaults"] });
        let node = section.nodes.get(name).and_then(Option::as_ref);
        let node = node.map(|fields| Layer { fields, at: path!["topology", "nodes", name] });
        let kind_layer = |kind: &str| {
            let fields = section.kinds.get(kind)?.as_ref()?;
            Some(Layer { fields, at: path!["topology", "kinds", kind] })
        };
        let group_layer = |group: &str| {
            let fields = section.groups.get(group)?.as_ref()?;
            Some(Layer { fields, at: path!["topology", "groups", group] })
        };
        // The kind may come from the group that the node names, the group from the kind that the node has.
        let own_group = text(node.as_ref(), "group", |n| &n.group);
        let default_group = text(defaults.as_ref(), "group", |n| &n.group);
        let kind = text(node.as_ref(), "kind", |n| &n.kind)
            .or_else(|| text(group_layer(own_group.as_ref()?.0).as_ref(), "kind", |n| &n.kind))
            .or_else(|| text(group_layer(default_group.as_ref()?.0).as_ref(), "kind", |n| &n.kind))
            .or_else(|| text(defaults.as_ref(), "kind", |n| &n.kind));
        let by_kind = kind.as_ref().and_then(|(kind, _)| kind_layer(kind));
        let group = own_group.or_else(|| text(by_kind.as_ref(), "group", |n| &n.group)).or(default_group);
        let by_group = group.as_ref().and_then(|(group, _)| group_layer(group));
        let layers = [defaults, by_kind, by_group, node].into_iter().flatten().collect();
        Self { kind, group, layers }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Layer<'f>> {
        self.layers.iter()
    }

    /// The most specific non-empty value, and where it is written.
    pub(super) fn one(&self, key: &str, get: fn(&NodeFile) -> &Option<String>) -> Option<Placed<'f>> {
        self.layers.iter().rev().find_map(|layer| text(Some(layer), key, get))
    }

    /// All entries from the general to the specific; an entry that repeats an earlier one is dropped.
    pub(super) fn list(&self, key: &str, get: fn(&NodeFile) -> &Option<Vec<String>>) -> Vec<Placed<'f>> {
        let mut entries: Vec<Placed<'_>> = Vec::new();
        for layer in &self.layers {
            for (i, entry) in get(layer.fields).iter().flatten().enumerate() {
                if entries.iter().all(|(earlier, _)| *earlier != entry) {
                    let mut path = layer.path(key);
                    path.push(Seg::Index(i));
                    entries.push((entry.as_str(), path));
                }
            }
        }
        entries
    }

    /// All keys; a more specific value replaces a more general one.
    pub(super) fn map(
        &self,
        key: &str,
        get: fn(&NodeFile) -> &Option<BTreeMap<String, String>>,
    ) -> BTreeMap<&'f str, Placed<'f>> {
        let mut merged = BTreeMap::new();
        for layer in &self.layers {
            for (k, v) in get(layer.fields).iter().flatten() {
                let mut path = layer.path(key);
                path.push(Seg::from(k.as_str()));
                merged.insert(k.as_str(), (v.as_str(), path));
            }
        }
        merged
    }
}

fn text<'f>(
    layer: Option<&Layer<'f>>,
    key: &str,
    get: fn(&NodeFile) -> &Option<String>,
) -> Option<Placed<'f>> {
    let layer = layer?;
    let value = get(layer.fields).as_deref().filter(|v| !v.is_empty())?;
    Some((value, layer.path(key)))
}
