//! Kubernetes objects: from a document of a manifest to a typed object with its identity.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;

use super::meta::{Meta, MetaFile};
use super::parse_shim::{Origin, typed};
use super::specs::{
    BfdProfileSpec, BgpAdvertisementSpec, BgpPeerSpec, CommunitySpec, IpAddressPoolSpec, ServiceSpec,
};
use crate::diag::{Diagnostic, Seg};

/// The kinds that are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    BgpPeer,
    IpAddressPool,
    BgpAdvertisement,
    Community,
    BfdProfile,
    Service,
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
    (Kind::Service, "Service", &["v1"], "service"),
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

    /// Whether it is one of MetalLB's own resources.
    pub fn is_metallb(self) -> bool {
        self.row().3.ends_with(".metallb.io")
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
    Service(Box<Resource<ServiceSpec>>),
    ConfigMap(Resource<ConfigData>),
    Secret(Resource<SecretData>),
    Node(Resource<()>),
    Namespace(Resource<()>),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SpecFile<S> {
    #[serde(rename = "apiVersion")]
    _api_version: IgnoredAny,
    #[serde(rename = "kind")]
    _kind: IgnoredAny,
    #[serde(default)]
    metadata: MetaFile,
    spec: Option<S>,
    #[serde(rename = "status")]
    _status: Option<IgnoredAny>,
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

pub(super) fn key(name: &str) -> Seg {
    Seg::Key(name.to_owned())
}

/// Reads one document; a `List` gives several objects.
pub(super) fn parse(origin: &Origin, value: Value) -> Result<Vec<(Origin, ObjectId, Object)>, Diagnostic> {
    let word = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    let (Some(api), Some(kind)) = (word("apiVersion"), word("kind")) else {
        let missing = if word("kind").is_none() { "kind" } else { "apiVersion" };
        return Err(origin.error(
            &[],
            format!("this is no Kubernetes object: it has no `{missing}`"),
            Vec::new(),
        ));
    };
    if kind == "List" && api == "v1" {
        return parse_list(origin, value);
    }
    let kind = known_kind(origin, &api, &kind)?;
    let (id, object) = parse_one(origin, kind, value)?;
    if let Object::BgpPeer(peer) = &object {
        refuse_newer_fields(origin, &api, &peer.spec)?;
    }
    Ok(vec![(origin.clone(), id, object)])
}

fn parse_list(origin: &Origin, value: Value) -> Result<Vec<(Origin, ObjectId, Object)>, Diagnostic> {
    let Value::Object(mut map) = value else { return Ok(Vec::new()) };
    let items = match map.remove("items") {
        Some(Value::Array(items)) => items,
        _ => return Err(origin.error(&[key("items")], "a List needs a sequence `items`".into(), Vec::new())),
    };
    let mut all = Vec::new();
    for (i, item) in items.into_iter().enumerate() {
        all.extend(parse(&origin.join(&[key("items"), Seg::Index(i)]), item)?);
    }
    Ok(all)
}

fn known_kind(origin: &Origin, api: &str, kind: &str) -> Result<Kind, Diagnostic> {
    let at =
        |field: &str, message: String, hint: String| Err(origin.error(&[key(field)], message, vec![hint]));
    match KINDS.iter().find(|row| row.1 == kind) {
        Some((found, _, versions, _)) if versions.contains(&api) => Ok(*found),
        Some((_, name, versions, _)) => at(
            "apiVersion",
            format!("{name} of `{api}` is not understood"),
            format!("{name} is understood as {}", versions.join(" and ")),
        ),
        None => {
            let names: Vec<&str> = KINDS.iter().map(|row| row.1).collect();
            let hint = match nearest(kind, names.iter().copied()) {
                Some(n) => format!("did you mean `{n}`?"),
                None => format!("understood are {} and List", names.join(", ")),
            };
            at("kind", format!("objects of kind `{kind}` are not understood"), hint)
        }
    }
}

/// The candidate most like `word`, if any is alike.
pub(super) fn nearest<'a>(word: &str, candidates: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let score = |c: &str| strsim::jaro_winkler(&c.to_lowercase(), &word.to_lowercase());
    candidates.max_by(|a, b| score(a).total_cmp(&score(b))).filter(|c| score(c) > 0.85)
}

fn parse_one(origin: &Origin, kind: Kind, value: Value) -> Result<(ObjectId, Object), Diagnostic> {
    let v = value;
    Ok(match kind {
        Kind::BgpPeer => {
            let (id, r) = with_spec(origin, kind, v)?;
            (id, Object::BgpPeer(Box::new(r)))
        }
        Kind::IpAddressPool => map(with_spec(origin, kind, v)?, Object::IpAddressPool),
        Kind::BgpAdvertisement => map(with_spec(origin, kind, v)?, Object::BgpAdvertisement),
        Kind::Community => map(with_spec(origin, kind, v)?, Object::Community),
        Kind::BfdProfile => map(with_spec(origin, kind, v)?, Object::BfdProfile),
        Kind::Service => {
            let (id, r) = with_spec(origin, kind, v)?;
            (id, Object::Service(Box::new(r)))
        }
        Kind::ConfigMap => {
            let (id, meta, file) = with_data(origin, kind, v)?;
            (id, Object::ConfigMap(Resource { meta, spec: file.data.unwrap_or_default() }))
        }
        Kind::Secret => parse_secret(origin, v)?,
        Kind::Node | Kind::Namespace => {
            let file: SpecFile<IgnoredAny> = typed(origin, v)?;
            let (id, meta) = identity(origin, kind, file.metadata)?;
            let resource = Resource { meta, spec: () };
            (id, if kind == Kind::Node { Object::Node(resource) } else { Object::Namespace(resource) })
        }
    })
}

fn map<S>((id, r): (ObjectId, Resource<S>), wrap: fn(Resource<S>) -> Object) -> (ObjectId, Object) {
    (id, wrap(r))
}

fn with_spec<S>(origin: &Origin, kind: Kind, value: Value) -> Result<(ObjectId, Resource<S>), Diagnostic>
where
    S: serde::de::DeserializeOwned + Default,
{
    let file: SpecFile<S> = typed(origin, value)?;
    let (id, meta) = identity(origin, kind, file.metadata)?;
    Ok((id, Resource { meta, spec: file.spec.unwrap_or_default() }))
}

fn with_data(origin: &Origin, kind: Kind, value: Value) -> Result<(ObjectId, Meta, DataFile), Diagnostic> {
    let mut file: DataFile = typed(origin, value)?;
    let stray = match kind {
        Kind::ConfigMap if file.secret_type.is_some() => Some("type"),
        Kind::ConfigMap if file.string_data.is_some() => Some("stringData"),
        _ => None,
    };
    if let Some(field) = stray {
        return Err(origin.error(&[key(field)], format!("a ConfigMap has no field `{field}`"), Vec::new()));
    }
    let (id, meta) = identity(origin, kind, std::mem::take(&mut file.metadata))?;
    Ok((id, meta, file))
}

fn parse_secret(origin: &Origin, value: Value) -> Result<(ObjectId, Object), Diagnostic> {
    let (id, meta, file) = with_data(origin, Kind::Secret, value)?;
    let mut data = BTreeMap::new();
    for (name, text) in file.data.unwrap_or_default() {
        let Some(bytes) = super::base64::decode(&text) else {
            return Err(origin.error(
                &[key("data"), key(&name)],
                format!("`data.{name}` is not base64"),
                vec!["plain text goes under `stringData`".to_owned()],
            ));
        };
        data.insert(name, bytes);
    }
    // As in the API server, stringData wins.
    data.extend(file.string_data.unwrap_or_default().into_iter().map(|(k, v)| (k, v.into_bytes())));
    let kind = file.secret_type.unwrap_or_else(|| "Opaque".to_owned());
    Ok((id, Object::Secret(Resource { meta, spec: SecretData { kind, data } })))
}

fn identity(origin: &Origin, kind: Kind, file: MetaFile) -> Result<(ObjectId, Meta), Diagnostic> {
    let Some(name) = file.name.filter(|n| !n.is_empty()) else {
        let hints = file.generate_name.map(|_| "generateName is not supported: give a name".to_owned());
        return Err(origin.error(
            &[key("metadata")],
            format!("this {} has no `metadata.name`", kind.name()),
            hints.into_iter().collect(),
        ));
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
fn refuse_newer_fields(origin: &Origin, api: &str, spec: &BgpPeerSpec) -> Result<(), Diagnostic> {
    if api != "metallb.io/v1beta1" {
        return Ok(());
    }
    let vrf = (!spec.vrf.is_empty()).then_some("vrf");
    let secret = (!spec.password_secret.name.is_empty()).then_some("passwordSecret");
    let newer = super::admit::newer_fields(spec).into_iter().next().map(|(field, _)| field);
    match vrf.or(secret).or(newer) {
        None => Ok(()),
        Some(field) => Err(origin.error(
            &[key("spec"), key(field)],
            format!("BGPPeer of metallb.io/v1beta1 has no field `{field}`"),
            vec!["use `apiVersion: metallb.io/v1beta2`".to_owned()],
        )),
    }
}
