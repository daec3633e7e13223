//! The resources that a speaker asks the API server for, and how the API server describes them.

use serde_json::{Value, json};

/// One resource of one API version.
#[derive(Clone, Copy, Debug)]
pub struct Resource {
    /// Empty for the core group.
    pub group: &'static str,
    pub version: &'static str,
    pub plural: &'static str,
    pub kind: &'static str,
    pub namespaced: bool,
}

const fn core(plural: &'static str, kind: &'static str, namespaced: bool) -> Resource {
    Resource { group: "", version: "v1", plural, kind, namespaced }
}

const fn metallb(version: &'static str, plural: &'static str, kind: &'static str) -> Resource {
    Resource { group: "metallb.io", version, plural, kind, namespaced: true }
}

const fn frr_k8s(plural: &'static str, kind: &'static str) -> Resource {
    Resource { group: "frrk8s.metallb.io", version: "v1beta1", plural, kind, namespaced: true }
}

const fn slices(version: &'static str) -> Resource {
    Resource {
        group: "discovery.k8s.io",
        version,
        plural: "endpointslices",
        kind: "EndpointSlice",
        namespaced: true,
    }
}

pub const RESOURCES: &[Resource] = &[
    core("pods", "Pod", true),
    core("services", "Service", true),
    core("nodes", "Node", false),
    core("namespaces", "Namespace", false),
    core("configmaps", "ConfigMap", true),
    core("secrets", "Secret", true),
    core("events", "Event", true),
    slices("v1"),
    // What v0.12 reads.
    slices("v1beta1"),
    metallb("v1beta1", "bfdprofiles", "BFDProfile"),
    metallb("v1beta1", "bgpadvertisements", "BGPAdvertisement"),
    metallb("v1beta1", "communities", "Community"),
    metallb("v1beta1", "ipaddresspools", "IPAddressPool"),
    metallb("v1beta1", "addresspools", "AddressPool"),
    metallb("v1beta1", "l2advertisements", "L2Advertisement"),
    metallb("v1beta1", "servicel2statuses", "ServiceL2Status"),
    metallb("v1beta1", "servicebgpstatuses", "ServiceBGPStatus"),
    metallb("v1beta1", "configurationstates", "ConfigurationState"),
    // The informers look it up; none reads it.
    metallb("v1beta1", "bgppeers", "BGPPeer"),
    metallb("v1beta2", "bgppeers", "BGPPeer"),
    frr_k8s("frrconfigurations", "FRRConfiguration"),
    frr_k8s("frrnodestates", "FRRNodeState"),
    frr_k8s("bgpsessionstates", "BGPSessionState"),
    frr_k8s("frrk8sconfigurations", "FRRK8sConfiguration"),
];

impl Resource {
    pub fn api_version(&self) -> String {
        match self.group {
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        }
    }

    /// The resource of an object, by its `apiVersion` and `kind`.
    pub fn of(object: &Value) -> Option<&'static Self> {
        let (api, kind) = (object["apiVersion"].as_str()?, object["kind"].as_str()?);
        RESOURCES.iter().find(|r| r.kind == kind && r.api_version() == api)
    }
}

/// The discovery document at a path (`/api`, `/apis`, `/api/v1`, `/apis/GROUP/VERSION`), if it is one of these.
pub fn discovery(path: &str) -> Option<Value> {
    match path.trim_end_matches('/') {
        "/api" => Some(json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})),
        "/apis" => {
            let groups = ["discovery.k8s.io", "metallb.io", "frrk8s.metallb.io"].map(group);
            Some(json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}))
        }
        "/version" => Some(json!({"major": "1", "minor": "32", "gitVersion": "v1.32.0"})),
        other => {
            let wanted = other.strip_prefix("/apis/").or_else(|| other.strip_prefix("/api/"))?;
            let list: Vec<Value> =
                RESOURCES.iter().filter(|r| r.api_version() == wanted).map(entry).collect();
            (!list.is_empty()).then(|| {
                json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": wanted, "resources": list})
            })
        }
    }
}

fn group(name: &str) -> Value {
    let mut versions: Vec<&str> = RESOURCES.iter().filter(|r| r.group == name).map(|r| r.version).collect();
    versions.sort_unstable();
    versions.dedup();
    let describe = |v: &str| json!({"groupVersion": format!("{name}/{v}"), "version": v});
    let all: Vec<Value> = versions.iter().map(|v| describe(v)).collect();
    json!({"name": name, "preferredVersion": all[0], "versions": all})
}

fn entry(r: &Resource) -> Value {
    json!({"name": r.plural, "singularName": "", "namespaced": r.namespaced, "kind": r.kind,
           "verbs": ["create", "get", "list", "patch", "update", "watch"]})
}
