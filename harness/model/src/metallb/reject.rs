//! Why MetalLB does not take an object.

use super::objects::ObjectId;
use crate::diag::Seg;
use crate::path;

/// Where something was written: an object, and the way into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub id: ObjectId,
    /// Below the object's root.
    pub path: Vec<Seg>,
}

impl Place {
    /// A place further down.
    pub fn at(&self, way: impl IntoIterator<Item = Seg>) -> Self {
        Self { id: self.id.clone(), path: self.path.iter().cloned().chain(way).collect() }
    }

    /// As the API server writes it: `spec.bgp.routers[0].asn`.
    pub fn dotted(&self) -> String {
        self.path.iter().fold(String::new(), |text, seg| match seg {
            Seg::Key(key) if text.is_empty() => key.clone(),
            Seg::Key(key) => format!("{text}.{key}"),
            Seg::Index(i) => format!("{text}[{i}]"),
        })
    }

    pub fn reject(self, reason: impl Into<String>) -> Box<Reject> {
        Reject::at(&self.id, self.path, reason)
    }
}

/// A refusal (boxed, since errors travel far), with MetalLB's own reason and the place in the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Reject {
    pub id: ObjectId,
    /// Below the object's root.
    pub path: Vec<Seg>,
    pub reason: String,
    pub hint: Option<String>,
    /// Admission lets it pass (the missing piece may still come), but until then the speakers keep their old configuration.
    pub transient: bool,
}

impl Reject {
    /// A refusal of `spec.<field>`.
    pub fn spec(id: &ObjectId, field: &str, reason: impl Into<String>) -> Box<Self> {
        Self::at(id, path!["spec", field], reason)
    }

    pub fn at(id: &ObjectId, path: Vec<Seg>, reason: impl Into<String>) -> Box<Self> {
        Box::new(Self { id: id.clone(), path, reason: reason.into(), hint: None, transient: false })
    }

    /// One item of a list in the spec.
    pub fn item(id: &ObjectId, field: &str, index: usize, reason: impl Into<String>) -> Box<Self> {
        Self::at(id, path!["spec", field, index], reason)
    }

    pub fn hint(mut self: Box<Self>, hint: impl Into<String>) -> Box<Self> {
        self.hint = Some(hint.into());
        self
    }

    pub fn transient(mut self: Box<Self>) -> Box<Self> {
        self.transient = true;
        self
    }
}
