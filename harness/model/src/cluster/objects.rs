//! Objects as the API server takes them: the cluster's own, and what manifests leave out.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Value, json};
use thiserror::Error;

use crate::metallb::METALLB_NAMESPACE;

/// A Node, as its kubelet would register it.
pub fn node(name: &str, labels: &BTreeMap<String, String>) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}})
}

pub fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

/// What a Service is asked for by.
pub fn service(namespace: &str, name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": namespace}})
}

/// The EndpointSlice of a Service with a pod on each of these nodes. Nobody sends anything to the pods' addresses (RFC 2544).
pub fn pods_everywhere<'a>(namespace: &str, service: &str, nodes: impl Iterator<Item = &'a String>) -> Value {
    let endpoint = |(i, node): (usize, &String)| {
        let address = format!("198.18.{}.{}", i / 250, i % 250 + 1);
        json!({"addresses": [address], "conditions": {"ready": true}, "nodeName": node})
    };
    json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4", "ports": [],
        "metadata": {"name": format!("{service}-everywhere"), "namespace": namespace,
                     "labels": {OF_SERVICE: service}},
        "endpoints": nodes.enumerate().map(endpoint).collect::<Vec<_>>()})
}

/// The Endpoints of a Service with these EndpointSlices, as the cluster's own controller would make them. MetalLB v0.12 reads them: the
/// version of EndpointSlice that it knows is not served since Kubernetes 1.25.
pub fn endpoints(namespace: &str, service: &str, slices: &[Value]) -> Value {
    let subset = |slice: &Value| {
        let (mut ready, mut others) = (Vec::new(), Vec::new());
        for endpoint in slice["endpoints"].as_array().into_iter().flatten() {
            // Nothing said is ready (EndpointConditions).
            let list = if endpoint["conditions"]["ready"] == false { &mut others } else { &mut ready };
            for address in endpoint["addresses"].as_array().into_iter().flatten() {
                let mut entry = json!({"ip": address});
                if let Some(node) = endpoint["nodeName"].as_str() {
                    entry["nodeName"] = json!(node);
                }
                list.push(entry);
            }
        }
        let ports = slice["ports"].as_array().cloned().unwrap_or_default();
        let any = !ready.is_empty() || !others.is_empty();
        any.then(|| json!({"addresses": ready, "notReadyAddresses": others, "ports": ports}))
    };
    json!({"apiVersion": "v1", "kind": "Endpoints", "metadata": {"name": service, "namespace": namespace},
           "subsets": slices.iter().filter_map(subset).collect::<Vec<_>>()})
}

/// The label by which an EndpointSlice says whose it is.
pub const OF_SERVICE: &str = "kubernetes.io/service-name";

/// The Pod that one of MetalLB's programs takes itself for: a node's speaker, or the controller, which is on none.
pub fn pod(name: &str, node: Option<&str>) -> Value {
    let component = if node.is_some() { "speaker" } else { "controller" };
    let mut pod = json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "namespace": METALLB_NAMESPACE,
                     "labels": {"app": "metallb", "component": component}},
        "spec": {"automountServiceAccountToken": false,
                 "containers": [{"name": component, "image": "routeproof.invalid/metallb"}]}});
    if let Some(node) = node {
        pod["spec"]["nodeName"] = json!(node);
        pod["spec"]["hostNetwork"] = json!(true);
    }
    pod
}

/// Where objects of a kind are, in the API server's paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// Empty for the core group.
    pub group: String,
    pub version: String,
    pub plural: &'static str,
    pub namespaced: bool,
}

impl Resource {
    /// Where the API server lists them.
    pub fn path(&self, namespace: Option<&str>) -> String {
        let Resource { group, version, plural, .. } = self;
        let root =
            if group.is_empty() { format!("/api/{version}") } else { format!("/apis/{group}/{version}") };
        match namespace.filter(|_| self.namespaced) {
            Some(namespace) => format!("{root}/namespaces/{namespace}/{plural}"),
            None => format!("{root}/{plural}"),
        }
    }
}

/// An object of a kind that nobody here applies.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("objects of kind `{0}` are not understood")]
pub struct Unknown(pub String);

/// (kind, its name in paths, whether it is in a namespace)
const KINDS: &[(&str, &str, bool)] = &[
    ("BGPPeer", "bgppeers", true),
    ("IPAddressPool", "ipaddresspools", true),
    ("BGPAdvertisement", "bgpadvertisements", true),
    ("Community", "communities", true),
    ("BFDProfile", "bfdprofiles", true),
    ("Service", "services", true),
    ("EndpointSlice", "endpointslices", true),
    ("Endpoints", "endpoints", true),
    ("ConfigMap", "configmaps", true),
    ("Secret", "secrets", true),
    ("Pod", "pods", true),
    ("ServiceAccount", "serviceaccounts", true),
    ("Role", "roles", true),
    ("RoleBinding", "rolebindings", true),
    ("Deployment", "deployments", true),
    ("DaemonSet", "daemonsets", true),
    ("FRRConfiguration", "frrconfigurations", true),
    ("ClusterRole", "clusterroles", false),
    ("ClusterRoleBinding", "clusterrolebindings", false),
    ("Node", "nodes", false),
    ("Namespace", "namespaces", false),
    ("CustomResourceDefinition", "customresourcedefinitions", false),
    ("ValidatingWebhookConfiguration", "validatingwebhookconfigurations", false),
];

/// The resource of an object.
///
/// # Errors
/// [`Unknown`]: a kind that neither manifests nor the installation have.
pub fn resource(object: &Value) -> Result<Resource, Unknown> {
    let kind = object["kind"].as_str().unwrap_or_default();
    let &(_, plural, namespaced) =
        KINDS.iter().find(|row| row.0 == kind).ok_or_else(|| Unknown(kind.to_owned()))?;
    let api = object["apiVersion"].as_str().unwrap_or_default();
    let (group, version) = api.split_once('/').unwrap_or(("", api));
    Ok(Resource { group: group.to_owned(), version: version.to_owned(), plural, namespaced })
}

/// A manifest's document as single objects, each with the namespace that kubectl would give it.
pub fn with_defaults(document: Value) -> Vec<Value> {
    if document["kind"] == "List" {
        let items = document["items"].as_array().cloned().unwrap_or_default();
        return items.into_iter().flat_map(with_defaults).collect();
    }
    let mut object = document;
    if resource(&object).is_ok_and(|r| r.namespaced) && object["metadata"].get("namespace").is_none() {
        object["metadata"]["namespace"] = json!("default");
    }
    vec![object]
}

/// The addresses that a Service's status has.
pub fn allocated(service: &Value) -> Vec<IpAddr> {
    let ingress = service["status"]["loadBalancer"]["ingress"].as_array();
    ingress.into_iter().flatten().filter_map(|i| i["ip"].as_str()?.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_taken_apart_and_namespaces_filled_in() {
        let peer = json!({"apiVersion": "metallb.io/v1beta2", "kind": "BGPPeer", "metadata": {"name": "gw1", "namespace": "m"}});
        let service = json!({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "s"}});
        let node = node("worker", &BTreeMap::new());
        let all = with_defaults(json!({"kind": "List", "items": [peer, service, node]}));
        let namespaces: Vec<_> = all.iter().map(|o| o["metadata"]["namespace"].as_str()).collect();
        assert_eq!(namespaces, [Some("m"), Some("default"), None]);
        let found = resource(&all[0]).unwrap();
        assert_eq!(found.path(Some("m")), "/apis/metallb.io/v1beta2/namespaces/m/bgppeers");
        assert_eq!(resource(&all[1]).unwrap().path(Some("default")), "/api/v1/namespaces/default/services");
        assert_eq!(resource(&all[2]).unwrap().path(None), "/api/v1/nodes");
        let unknown = resource(&json!({"kind": "Gateway"})).unwrap_err();
        assert_eq!(unknown.to_string(), "objects of kind `Gateway` are not understood");
    }

    #[test]
    fn a_pod_on_each_node() {
        let nodes: Vec<String> = (0..300).map(|n| format!("n{n}")).collect();
        let slice = pods_everywhere("shop", "web", nodes.iter());
        assert_eq!(slice["metadata"]["labels"]["kubernetes.io/service-name"], "web");
        let address = |n: usize| slice["endpoints"][n]["addresses"][0].as_str().unwrap();
        assert_eq!((address(0), address(249), address(250)), ("198.18.0.1", "198.18.0.250", "198.18.1.1"));
        assert_eq!(slice["endpoints"][299]["nodeName"], "n299");
    }

    #[test]
    fn endpoints_are_what_slices_say() {
        let slice = json!({"ports": [{"port": 8080}], "endpoints": [
            {"addresses": ["10.0.0.1"], "nodeName": "a"},
            {"addresses": ["10.0.0.2"], "nodeName": "b", "conditions": {"ready": false}}]});
        let found = endpoints("shop", "web", &[slice, json!({"endpoints": []})]);
        assert_eq!(found["metadata"], json!({"name": "web", "namespace": "shop"}));
        let subset = json!({"addresses": [{"ip": "10.0.0.1", "nodeName": "a"}],
            "notReadyAddresses": [{"ip": "10.0.0.2", "nodeName": "b"}], "ports": [{"port": 8080}]});
        assert_eq!(found["subsets"], json!([subset]));
    }

    #[test]
    fn a_service_has_the_addresses_of_its_status() {
        let status = json!({"status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}, {"hostname": "x"}, {"ip": "fd00::1"}]}}});
        assert_eq!(allocated(&status), ["10.0.0.1".parse::<IpAddr>().unwrap(), "fd00::1".parse().unwrap()]);
        assert!(allocated(&json!({})).is_empty());
    }
}
