//! Kubernetes objects: from a document of a manifest to a typed object with its identity.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::IgnoredAny;

use super::endpoints::{self, EndpointSlice, EndpointSliceFile};
use super::frrk8s::FrrConfigurationSpec;
use super::meta::{Meta, MetaFile};
use super::nodes::{NodeSpec, NodeState, NodeStatus};
use super::specs::{
    BfdProfileSpec, BgpAdvertisementSpec, BgpPeerSpec, CommunitySpec, IpAddressPoolSpec, ServiceSpec,
};
use crate::diag::Diagnostic;
use crate::path;
use crate::yaml::Document;

/// The kinds that are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    BgpPeer,
    IpAddressPool,
    BgpAdvertisement,
    Community,
    BfdProfile,
    FrrConfiguration,
    Service,
    EndpointSlice,
    ConfigMap,
    Secret,
    Node,
    Namespace,
}

/// (kind, its name in manifests, apiVersions, kubectl's name)
const KINDS: &[(Kind, &str, &[&str], &str)] = &[
    (Kind::BgpPeer, "BGPPeer", &["metallb.io/v1beta2", "metallb.io/v1beta1"], "bgppeer.metallb.io"),
    (Kind::IpAddressPool, "IPAddressPool", &["metallb.io/v1beta1"], "ipaddresspool.metallb.io"),
    (Kind::BgpAdvertisement, "BGPAdvertisement", &["metallb.io/v1beta1"], "bgpadvertisement.metallb.io"),
    (Kind::Community, "Community", &["metallb.io/v1beta1"], "community.metallb.io"),
    (Kind::BfdProfile, "BFDProfile", &["metallb.io/v1beta1"], "bfdprofile.metallb.io"),
    (
        Kind::FrrConfiguration,
        "FRRConfiguration",
        &["frrk8s.metallb.io/v1beta1"],
        "frrconfiguration.frrk8s.metallb.io",
    ),
    (Kind::Service, "Service", &["v1"], "service"),
    (Kind::EndpointSlice, "EndpointSlice", &["discovery.k8s.io/v1"], "endpointslice.discovery.k8s.io"),
    (Kind::ConfigMap, "ConfigMap", &["v1"], "configmap"),
    (Kind::Secret, "Secret", &["v1"], "secret"),
    (Kind::Node, "Node", &["v1"], "node"),
    (Kind::Namespace, "Namespace", &["v1"], "namespace"),
];

impl Kind {
    fn row(self) -> &'static (Kind, &'static str, &'static [&'static str], &'static str) {
        // The table has every kind; the fallback only keeps this total.
        KINDS.iter().find(|row| row.0 == self).unwrap_or(&KINDS[0])
    }

    /// The name in a manifest's `kind`.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// Who reads it, if it is one of MetalLB's or frr-k8s's own resources.
    pub(super) fn reader(self) -> Option<&'static str> {
        match self.row().3.split_once('.')?.1 {
            "metallb.io" => Some("MetalLB"),
            "frrk8s.metallb.io" => Some("frr-k8s"),
            _ => None,
        }
    }

    fn is_cluster_scoped(self) -> bool {
        matches!(self, Self::Node | Self::Namespace)
    }
}

/// What identifies an object. The order (kind, namespace, name) is that of the API server's lists.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    pub kind: Kind,
    /// Empty for Nodes and Namespaces.
    pub namespace: String,
    pub name: String,
}

impl ObjectId {
    /// `namespace/name`, or just the name.
    pub fn key(&self) -> String {
        match self.namespace.as_str() {
            "" => self.name.clone(),
            ns => format!("{ns}/{}", self.name),
        }
    }

    /// Namespace and name.
    pub(super) fn place(&self) -> (&str, &str) {
        (&self.namespace, &self.name)
    }
}

impl fmt::Display for ObjectId {
    /// As kubectl prints it: `bgppeer.metallb.io/gw1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.row().3, self.name)
    }
}

/// Metadata and spec.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource<S> {
    pub meta: Meta,
    pub spec: S,
}

/// `data` of a ConfigMap.
pub type ConfigData = BTreeMap<String, String>;

/// Type and decoded data of a Secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretData {
    pub kind: String,
    pub data: BTreeMap<String, Vec<u8>>,
}

/// A typed object.
#[derive(Clone, Debug, PartialEq)]
pub enum Object {
    BgpPeer(Box<Resource<BgpPeerSpec>>),
    IpAddressPool(Resource<IpAddressPoolSpec>),
    BgpAdvertisement(Resource<BgpAdvertisementSpec>),
    Community(Resource<CommunitySpec>),
    BfdProfile(Resource<BfdProfileSpec>),
    FrrConfiguration(Box<Resource<FrrConfigurationSpec>>),
    Service(Box<Resource<ServiceSpec>>),
    EndpointSlice(Resource<EndpointSlice>),
    ConfigMap(Resource<ConfigData>),
    Secret(Resource<SecretData>),
    Node(Resource<NodeState>),
    Namespace(Resource<()>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SpecFile<S, T = IgnoredAny> {
    #[serde(rename = "apiVersion")]
    _api_version: IgnoredAny,
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    #[serde(default)]
    metadata: MetaFile,
    spec: Option<S>,
    status: Option<T>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DataFile {
    #[serde(rename = "apiVersion")]
    _api_version: IgnoredAny,
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    #[serde(default)]
    metadata: MetaFile,
    #[serde(rename = "type")]
    secret_type: Option<String>,
    data: Option<BTreeMap<String, String>>,
    string_data: Option<BTreeMap<String, String>>,
    #[serde(rename = "binaryData")]
    _binary_data: Option<IgnoredAny>,
    #[serde(rename = "immutable")]
    _immutable: Option<IgnoredAny>,
}

/// Reads one document; a `List` gives several objects, each with its place in the file.
pub(super) fn parse(document: &Document) -> Result<Vec<(Document, ObjectId, Object)>, Diagnostic> {
    let (Some(api), Some(kind)) = (document.text(&path!["apiVersion"]), document.text(&path!["kind"])) else {
        let missing = if document.text(&path!["kind"]).is_none() { "kind" } else { "apiVersion" };
        return Err(document.error_at(&[], format!("this is no Kubernetes object: it has no `{missing}`")));
    };
    if (api, kind) == ("v1", "List") {
        return parse_list(document);
    }
    let kind = known_kind(document, api, kind)?;
    let (id, mut object) = parse_one(document, kind)?;
    if let Object::BgpPeer(peer) = &mut object {
        refuse_newer_fields(document, api, &peer.spec)?;
        if api == "metallb.io/v1beta1" {
            // Its conversion to v1beta2 writes 0 for a timer that is not set, which releases since v0.14.9 take at its word.
            peer.spec.hold_time.get_or_insert_default();
            peer.spec.keepalive_time.get_or_insert_default();
        }
    }
    Ok(vec![(document.clone(), id, object)])
}

fn parse_list(document: &Document) -> Result<Vec<(Document, ObjectId, Object)>, Diagnostic> {
    // Aliases that multiply, or lead back to themselves, end here: the items together cost no more than this.
    document.parse::<serde_json::Value>()?;
    let Some(items) = document.items(&path!["items"]) else {
        return Err(document.error_near(&path!["items"], "a List needs a list `items`"));
    };
    let mut all = Vec::new();
    for item in items {
        all.extend(parse(&item)?);
    }
    Ok(all)
}

fn known_kind(document: &Document, api: &str, kind: &str) -> Result<Kind, Diagnostic> {
    match KINDS.iter().find(|row| row.1 == kind) {
        Some((found, _, versions, _)) if versions.contains(&api) => Ok(*found),
        Some((_, name, versions, _)) => Err(document
            .error_at(&path!["apiVersion"], format!("{name} of `{api}` is not understood"))
            .hint(format!("{name} is understood as {}", versions.join(" and ")))),
        None => {
            let names: Vec<&str> = KINDS.iter().map(|row| row.1).collect();
            let message = format!("objects of kind `{kind}` are not understood");
            let error = document.error_at(&path!["kind"], message).suggest(kind, names.iter().copied());
            Err(error.hint(format!("understood are {} and List", names.join(", "))))
        }
    }
}

fn parse_one(document: &Document, kind: Kind) -> Result<(ObjectId, Object), Diagnostic> {
    Ok(match kind {
        Kind::BgpPeer => {
            let (id, r) = with_spec(document, kind)?;
            (id, Object::BgpPeer(Box::new(r)))
        }
        Kind::IpAddressPool => map(with_spec(document, kind)?, Object::IpAddressPool),
        Kind::BgpAdvertisement => map(with_spec(document, kind)?, Object::BgpAdvertisement),
        Kind::Community => map(with_spec(document, kind)?, Object::Community),
        Kind::BfdProfile => map(with_spec(document, kind)?, Object::BfdProfile),
        Kind::FrrConfiguration => {
            let (id, r) = with_spec(document, kind)?;
            (id, Object::FrrConfiguration(Box::new(r)))
        }
        Kind::Service => {
            let (id, r) = with_spec(document, kind)?;
            (id, Object::Service(Box::new(r)))
        }
        Kind::EndpointSlice => parse_slice(document)?,
        Kind::ConfigMap => {
            let (id, meta, file) = with_data(document, kind)?;
            (id, Object::ConfigMap(Resource { meta, spec: file.data.unwrap_or_default() }))
        }
        Kind::Secret => parse_secret(document)?,
        Kind::Node => {
            let file: SpecFile<NodeSpec, NodeStatus> = document.parse_strict()?;
            let (id, meta) = identity(document, kind, file.metadata)?;
            let state =
                NodeState { spec: file.spec.unwrap_or_default(), status: file.status.unwrap_or_default() };
            (id, Object::Node(Resource { meta, spec: state }))
        }
        Kind::Namespace => {
            let file: SpecFile<IgnoredAny> = document.parse_strict()?;
            let (id, meta) = identity(document, kind, file.metadata)?;
            (id, Object::Namespace(Resource { meta, spec: () }))
        }
    })
}

fn map<S>((id, r): (ObjectId, Resource<S>), wrap: fn(Resource<S>) -> Object) -> (ObjectId, Object) {
    (id, wrap(r))
}

fn with_spec<S>(document: &Document, kind: Kind) -> Result<(ObjectId, Resource<S>), Diagnostic>
where
    S: serde::de::DeserializeOwned + Default,
{
    let file: SpecFile<S> = document.parse_strict()?;
    let (id, meta) = identity(document, kind, file.metadata)?;
    Ok((id, Resource { meta, spec: file.spec.unwrap_or_default() }))
}

fn with_data(document: &Document, kind: Kind) -> Result<(ObjectId, Meta, DataFile), Diagnostic> {
    let mut file: DataFile = document.parse_strict()?;
    let stray = match kind {
        Kind::ConfigMap if file.secret_type.is_some() => Some("type"),
        Kind::ConfigMap if file.string_data.is_some() => Some("stringData"),
        _ => None,
    };
    if let Some(field) = stray {
        return Err(document.error_at_key(&path![field], format!("a ConfigMap has no field `{field}`")));
    }
    let (id, meta) = identity(document, kind, std::mem::take(&mut file.metadata))?;
    Ok((id, meta, file))
}

fn parse_slice(document: &Document) -> Result<(ObjectId, Object), Diagnostic> {
    let mut file: EndpointSliceFile = document.parse_strict()?;
    let (id, meta) = identity(document, Kind::EndpointSlice, std::mem::take(&mut file.metadata))?;
    if !meta.labels.contains_key(endpoints::SERVICE_NAME) {
        let message = format!("this EndpointSlice has no label `{}`", endpoints::SERVICE_NAME);
        let error = document.error_near(&path!["metadata", "labels"], message);
        return Err(error.hint("its value is the name of the Service"));
    }
    if let Some(misfit) = file.misfit() {
        let message =
            format!("an endpoint needs addresses of the slice's addressType, {:?}", file.address_type);
        return Err(document.error_at(&path!["endpoints", misfit], message));
    }
    let spec = EndpointSlice { endpoints: file.endpoints, ports: file.ports };
    Ok((id, Object::EndpointSlice(Resource { meta, spec })))
}

fn parse_secret(document: &Document) -> Result<(ObjectId, Object), Diagnostic> {
    let (id, meta, file) = with_data(document, Kind::Secret)?;
    let mut data = BTreeMap::new();
    for (name, text) in file.data.unwrap_or_default() {
        let Some(bytes) = super::base64::decode(&text) else {
            return Err(document
                .error_at(&path!["data", name.as_str()], format!("`data.{name}` is not base64"))
                .hint("plain text goes under `stringData`"));
        };
        data.insert(name, bytes);
    }
    // As in the API server, stringData wins.
    data.extend(file.string_data.unwrap_or_default().into_iter().map(|(k, v)| (k, v.into_bytes())));
    let kind = file.secret_type.unwrap_or_else(|| "Opaque".to_owned());
    Ok((id, Object::Secret(Resource { meta, spec: SecretData { kind, data } })))
}

fn identity(document: &Document, kind: Kind, file: MetaFile) -> Result<(ObjectId, Meta), Diagnostic> {
    let Some(name) = file.name.filter(|n| !n.is_empty()) else {
        let message = format!("this {} has no `metadata.name`", kind.name());
        let error = document.error_near(&path!["metadata"], message);
        return Err(match file.generate_name {
            Some(_) => error.hint("generateName is not supported: give a name"),
            None => error,
        });
    };
    let namespace = if kind.is_cluster_scoped() {
        String::new()
    } else {
        file.namespace.clone().unwrap_or_else(|| "default".to_owned())
    };
    let meta = Meta {
        name: name.clone(),
        namespace: file.namespace,
        labels: file.labels.unwrap_or_default(),
        annotations: file.annotations.unwrap_or_default(),
    };
    Ok((ObjectId { kind, namespace, name }, meta))
}

/// v1beta1 of BGPPeer has no `vrf`, `passwordSecret` or anything later.
fn refuse_newer_fields(document: &Document, api: &str, spec: &BgpPeerSpec) -> Result<(), Diagnostic> {
    if api != "metallb.io/v1beta1" {
        return Ok(());
    }
    let vrf = (!spec.vrf.is_empty()).then_some("vrf");
    let secret = (!spec.password_secret.name.is_empty()).then_some("passwordSecret");
    let newer = super::admit::newer_fields(spec).into_iter().next().map(|(field, _)| field);
    match vrf.or(secret).or(newer) {
        None => Ok(()),
        Some(field) => Err(document
            .error_at_key(
                &path!["spec", field],
                format!("BGPPeer of metallb.io/v1beta1 has no field `{field}`"),
            )
            .hint("use `apiVersion: metallb.io/v1beta2`")),
    }
}
