//! The state of the cluster, as far as routing depends on it.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::net::IpAddr;

use thiserror::Error;

use super::admit;
use super::allocate;
use super::endpoints::{Endpoint, EndpointSlice, SERVICE_NAME};
use super::frrk8s::FrrConfigurationSpec;
use super::meta::Labels;
use super::nodes::NodeState;
use super::objects::{self, Kind, Object, ObjectId, Resource, SecretData};
use super::refusal::{refusal, refusal_by, refusal_text};
use super::reject::Reject;
use super::release::{Generation, Release};
use super::specs::{
    BfdProfileSpec, BgpAdvertisementSpec, BgpPeerSpec, CommunitySpec, IpAddressPoolSpec, ServiceSpec,
};
use crate::diag::{Diagnostic, Source};
use crate::yaml::{self, Document};

/// The namespace in which MetalLB runs and reads its resources.
pub const METALLB_NAMESPACE: &str = "metallb-system";

/// What applying did to one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Created,
    Configured,
    Unchanged,
    Deleted,
}

/// One object of an applied file; prints like kubectl (`bgppeer.metallb.io/gw1 created`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    pub id: ObjectId,
    pub change: Change,
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.change {
            Change::Created => "created",
            Change::Configured => "configured",
            Change::Unchanged => "unchanged",
            Change::Deleted => "deleted",
        };
        write!(f, "{} {word}", self.id)
    }
}

/// Deleting an object by its identity failed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DeleteError {
    #[error("cannot delete {0}: not found in namespace `{ns}`", ns = .0.namespace)]
    NotFound(ObjectId),
    /// MetalLB's webhook refuses.
    #[error("cannot delete {id}: {reason}")]
    Refused { id: ObjectId, reason: String },
}

#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub object: Object,
    /// Where it was written.
    pub origin: Document,
    /// Counts up; the order in which Services get their addresses.
    pub created: u64,
}

/// The cluster's objects, and the addresses that MetalLB's controller gave to Services.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    items: BTreeMap<ObjectId, Stored>,
    next: u64,
    /// What the controller in the cluster does; `None`: as the newest.
    pub(super) generation: Option<Generation>,
    pub(super) addresses: BTreeMap<ObjectId, Vec<IpAddr>>,
    pub(super) pending: BTreeMap<ObjectId, String>,
}

impl Objects {
    /// A cluster with the newest MetalLB that is known.
    pub fn new() -> Self {
        Self::default()
    }

    /// A cluster with a release of MetalLB: its controller gives Services their addresses.
    pub fn of(release: &Release) -> Self {
        Self { generation: Some(release.generation), ..Self::default() }
    }

    /// Applies a manifest like `kubectl apply -f`: an object replaces the one of the same kind, namespace and name. All or nothing.
    ///
    /// # Errors
    /// A located diagnostic for what is no valid object, or what MetalLB's webhooks refuse.
    pub fn apply(&mut self, source: &Source) -> Result<Vec<Applied>, Diagnostic> {
        let mut next = self.clone();
        let mut report = Vec::new();
        for (origin, id, object) in read(source)? {
            admit::check_placement(&id, &object).map_err(|r| refusal(&origin, &r))?;
            if let Some(old) = next.items.get(&id) {
                admit::check_change(&id, &old.object, &object).map_err(|r| refusal(&origin, &r))?;
            }
            let change = next.put(&origin, &id, object);
            // The webhooks judge the whole configuration, so the fault may be another object's; report the one that brought it in.
            if admit::is_configuration(id.kind) {
                admit::check_objects(&next).map_err(|r| match r.id == id {
                    true => refusal(&origin, &r),
                    false => refusal_by(&origin, &id, &r),
                })?;
            }
            report.push(Applied { id, change });
        }
        allocate::converge(&mut next);
        *self = next;
        Ok(report)
    }

    /// Deletes the objects of a manifest like `kubectl delete -f`. All or nothing.
    ///
    /// # Errors
    /// A located diagnostic for an object that is not there, or whose deletion MetalLB refuses.
    pub fn delete(&mut self, source: &Source) -> Result<Vec<Applied>, Diagnostic> {
        let mut next = self.clone();
        let mut report = Vec::new();
        for (origin, id, _) in read(source)? {
            next.remove(&id).map_err(|e| origin.error_at(&[], e.to_string()))?;
            report.push(Applied { id, change: Change::Deleted });
        }
        *self = next;
        Ok(report)
    }

    /// Deletes one object.
    ///
    /// # Errors
    /// [`DeleteError`] if it is not there or MetalLB refuses.
    pub fn remove(&mut self, id: &ObjectId) -> Result<(), DeleteError> {
        if !self.items.contains_key(id) {
            return Err(DeleteError::NotFound(id.clone()));
        }
        if let Some(reason) = admit::forbids_deletion(self, id) {
            return Err(DeleteError::Refused { id: id.clone(), reason });
        }
        self.items.remove(id);
        allocate::converge(self);
        Ok(())
    }

    /// Deletes the ConfigMap `bgpextras`, if there is one.
    pub fn drop_extras(&mut self) {
        let extras = |id: &ObjectId| {
            id.kind == Kind::ConfigMap
                && id.namespace == METALLB_NAMESPACE
                && id.name == admit::EXTRAS_CONFIG_MAP
        };
        self.items.retain(|id, _| !extras(id));
    }

    /// The addresses of every Service that has some, by its namespace and name.
    pub fn addresses(&self) -> impl Iterator<Item = (&ObjectId, &[IpAddr])> {
        self.addresses.iter().map(|(id, ips)| (id, ips.as_slice()))
    }

    /// The identities of all objects, ordered by kind, namespace and name.
    pub fn ids(&self) -> impl Iterator<Item = &ObjectId> {
        self.items.keys()
    }

    fn put(&mut self, origin: &Document, id: &ObjectId, object: Object) -> Change {
        let origin = origin.clone();
        match self.items.get_mut(id) {
            Some(old) if old.object == object => {
                old.origin = origin;
                Change::Unchanged
            }
            Some(old) => {
                old.object = object;
                old.origin = origin;
                Change::Configured
            }
            None => {
                self.items.insert(id.clone(), Stored { object, origin, created: self.next });
                self.next += 1;
                Change::Created
            }
        }
    }

    /// The diagnostic for a refusal of an object that was applied earlier.
    pub(super) fn locate(&self, reject: &Reject) -> Diagnostic {
        match self.items.get(&reject.id) {
            Some(stored) => refusal(&stored.origin, reject),
            None => Source::new("(cluster)", "").error(refusal_text(reject)),
        }
    }

    /// Where an object was written; `None` for what is not in the cluster.
    pub(super) fn origin(&self, id: &ObjectId) -> Option<&Document> {
        self.items.get(id).map(|stored| &stored.origin)
    }

    pub(super) fn exists(&self, kind: Kind, namespace: &str, name: &str) -> bool {
        self.items.contains_key(&ObjectId { kind, namespace: namespace.to_owned(), name: name.to_owned() })
    }
}

/// What the file says, without looking at the cluster.
fn read(source: &Source) -> Result<Vec<(Document, ObjectId, Object)>, Diagnostic> {
    let mut all = Vec::new();
    for document in yaml::documents(source)? {
        all.extend(objects::parse(&document)?);
    }
    Ok(all)
}

macro_rules! lists {
    ($($(#[$doc:meta])* $fn:ident: $variant:ident($spec:ty);)*) => {
        /// Typed views, ordered by namespace and name.
        impl Objects {
            $($(#[$doc])* pub(super) fn $fn(&self) -> impl Iterator<Item = (&ObjectId, &Resource<$spec>)> {
                self.of_kind(Kind::$variant).filter_map(|(id, stored)| match &stored.object {
                    Object::$variant(resource) => Some((id, resource.as_ref())),
                    _ => None,
                })
            })*
        }
    };
}

impl<S> AsRef<Resource<S>> for Resource<S> {
    fn as_ref(&self) -> &Resource<S> {
        self
    }
}

lists! {
    peers: BgpPeer(BgpPeerSpec);
    pools: IpAddressPool(IpAddressPoolSpec);
    advertisements: BgpAdvertisement(BgpAdvertisementSpec);
    communities: Community(CommunitySpec);
    bfd_profiles: BfdProfile(BfdProfileSpec);
    frr_configurations: FrrConfiguration(FrrConfigurationSpec);
    slices: EndpointSlice(EndpointSlice);
    secrets: Secret(SecretData);
}

/// The slices of each Service by its namespace and name; a Service without slices is not in it.
pub(super) type Slices<'a> = HashMap<(&'a str, &'a str), Vec<&'a EndpointSlice>>;

impl Objects {
    /// The objects of a kind: they stand together, because kinds come first in the order of identities.
    fn of_kind(&self, kind: Kind) -> impl Iterator<Item = (&ObjectId, &Stored)> {
        let first = ObjectId { kind, namespace: String::new(), name: String::new() };
        self.items.range(first..).take_while(move |(id, _)| id.kind == kind)
    }

    /// Services in the order of their creation.
    pub(super) fn services_by_age(&self) -> Vec<(&ObjectId, &Resource<ServiceSpec>)> {
        let services = self.of_kind(Kind::Service).filter_map(|(id, stored)| match &stored.object {
            Object::Service(service) => Some((stored.created, (id, service.as_ref()))),
            _ => None,
        });
        let mut all: Vec<_> = services.collect();
        all.sort_unstable_by_key(|(created, _)| *created);
        all.into_iter().map(|(_, service)| service).collect()
    }

    /// The labels of a Service; none if it is not there.
    pub(super) fn service_labels(&self, id: &ObjectId) -> &Labels {
        static NONE: Labels = Labels::new();
        match self.items.get(id).map(|s| &s.object) {
            Some(Object::Service(service)) => &service.meta.labels,
            _ => &NONE,
        }
    }

    pub(super) fn slices_by_service(&self) -> Slices<'_> {
        let mut all = Slices::new();
        for (id, slice) in self.slices() {
            if let Some(service) = slice.meta.labels.get(SERVICE_NAME) {
                all.entry((&id.namespace, service)).or_default().push(&slice.spec);
            }
        }
        all
    }

    /// Services of which no slice tells where their pods are: they count as having some on every node.
    pub fn services_without_slices(&self) -> impl Iterator<Item = &ObjectId> {
        let slices = self.slices_by_service();
        let services = self.of_kind(Kind::Service).map(|(id, _)| id);
        services.filter(move |id| !slices.contains_key(&(id.namespace.as_str(), id.name.as_str())))
    }

    /// Every endpoint of every slice.
    pub fn endpoints(&self) -> impl Iterator<Item = &Endpoint> {
        self.slices().flat_map(|(_, slice)| &slice.spec.endpoints)
    }

    /// The shortest detection time of the BFD profiles, in milliseconds.
    pub fn bfd_detection_ms(&self) -> Option<u64> {
        self.bfd_profiles().map(|(_, profile)| profile.spec.detection_ms()).min()
    }

    pub(super) fn secret(&self, namespace: &str, name: &str) -> Option<&Resource<SecretData>> {
        self.secrets().find(|(id, _)| id.namespace == namespace && id.name == name).map(|(_, r)| r)
    }

    /// (name, labels) of every Namespace object.
    pub(super) fn namespaces(&self) -> impl Iterator<Item = (&String, &Labels)> {
        self.of_kind(Kind::Namespace).filter_map(|(id, stored)| match &stored.object {
            Object::Namespace(r) => Some((&id.name, &r.meta.labels)),
            _ => None,
        })
    }

    /// (name, labels) of every Node object.
    pub(super) fn nodes(&self) -> impl Iterator<Item = (&String, &Labels)> {
        self.of_kind(Kind::Node).filter_map(|(id, stored)| match &stored.object {
            Object::Node(r) => Some((&id.name, &r.meta.labels)),
            _ => None,
        })
    }

    /// The labels of a Node object.
    pub(super) fn node_labels(&self, name: &str) -> Option<&Labels> {
        self.node(name).map(|r| &r.meta.labels)
    }

    /// Spec and status of a Node object.
    pub(super) fn node_state(&self, name: &str) -> Option<&NodeState> {
        self.node(name).map(|r| &r.spec)
    }

    fn node(&self, name: &str) -> Option<&Resource<NodeState>> {
        let id = ObjectId { kind: Kind::Node, namespace: String::new(), name: name.to_owned() };
        match &self.items.get(&id)?.object {
            Object::Node(r) => Some(r),
            _ => None,
        }
    }

    /// The raw FRR configuration of the ConfigMap `bgpextras`; empty counts as none.
    pub fn extras(&self) -> Option<&str> {
        let name = admit::EXTRAS_CONFIG_MAP.to_owned();
        let id = ObjectId { kind: Kind::ConfigMap, namespace: METALLB_NAMESPACE.to_owned(), name };
        let Object::ConfigMap(map) = &self.items.get(&id)?.object else { return None };
        map.spec.get(admit::EXTRAS_KEY).map(String::as_str).filter(|t| !t.is_empty())
    }

    /// The extras, empty ones too, with the document that they came in.
    pub(super) fn extras_origin(&self) -> Option<(&Document, &str)> {
        let id = ObjectId {
            kind: Kind::ConfigMap,
            namespace: METALLB_NAMESPACE.to_owned(),
            name: admit::EXTRAS_CONFIG_MAP.to_owned(),
        };
        let stored = self.items.get(&id)?;
        let Object::ConfigMap(map) = &stored.object else { return None };
        Some((&stored.origin, map.spec.get(admit::EXTRAS_KEY)?))
    }
}
