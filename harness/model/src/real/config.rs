//! kind's configuration of a lab's cluster: the topology's file, with nodes that are called in Kubernetes what the topology calls them,
//! whatever their containers are called.

use serde_json::{Map, Value, json};

/// What a topology says of its cluster, and what the lab adds.
#[derive(Clone, Debug)]
pub struct PlannedCluster<'a> {
    /// As the topology calls it: its nodes are `NAME-worker`, `NAME-worker2`, ...
    pub name: &'a str,
    /// What kind is to call it: its containers are `CLUSTER-worker`, ...
    pub container: &'a str,
    /// kind's own file, if the topology names one.
    pub written: Option<Value>,
    /// Merged over it: maps by key, lists one after the other.
    pub patch: Option<Value>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemberRole {
    ControlPlane,
    Worker,
}

/// A node of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// In the topology and in Kubernetes.
    pub name: String,
    pub container: String,
    pub role: MemberRole,
}

/// kind's configuration (JSON is YAML), the nodes that it makes, and whether somebody else is to lay the pods' network.
pub fn config(cluster: &PlannedCluster<'_>) -> (Value, Vec<Member>, bool) {
    let default = || json!({"kind": "Cluster", "apiVersion": "kind.x-k8s.io/v1alpha4"});
    let mut config = cluster.written.clone().unwrap_or_else(default);
    if let Some(patch) = &cluster.patch {
        merge(&mut config, patch.clone());
    }
    if config["nodes"].as_array().is_none_or(Vec::is_empty) {
        config["nodes"] = json!([{"role": "control-plane"}]);
    }
    let (mut control_planes, mut workers) = (0, 0);
    let mut members = Vec::new();
    for node in config["nodes"].as_array_mut().into_iter().flatten() {
        let role = match node["role"].as_str() {
            Some("worker") => MemberRole::Worker,
            _ => MemberRole::ControlPlane,
        };
        let (what, count) = match role {
            MemberRole::Worker => ("worker", &mut workers),
            MemberRole::ControlPlane => ("control-plane", &mut control_planes),
        };
        *count += 1;
        // As kind numbers them.
        let suffix = if *count == 1 { what.to_owned() } else { format!("{what}{count}") };
        let name = format!("{}-{suffix}", cluster.name);
        let container = format!("{}-{suffix}", cluster.container);
        let patches = node.as_object_mut().map(|node| node.entry("kubeadmConfigPatches").or_insert(json!([])));
        if let Some(Value::Array(patches)) = patches {
            patches.extend(["InitConfiguration", "JoinConfiguration"].map(|kind| called(kind, &name)));
        }
        members.push(Member { name, container, role });
    }
    let own_network = config["networking"]["disableDefaultCNI"] == true;
    (config, members, own_network)
}

/// kubeadm's word for the name of a node, which is its host's otherwise.
fn called(kind: &str, name: &str) -> Value {
    json!(format!("kind: {kind}\nnodeRegistration:\n  name: {name}\n"))
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (Value::Array(into), Value::Array(from)) => into.extend(from),
        (into @ Value::Null, Value::Object(from)) => {
            *into = Value::Object(Map::new());
            merge(into, Value::Object(from));
        }
        (into, from) => *into = from,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_keep_the_topologys_names() {
        let written = json!({"kind": "Cluster", "nodes": [{"role": "control-plane"}, {"role": "worker"}, {"role": "worker"}],
            "kubeadmConfigPatches": ["a"]});
        let patch = json!({"networking": {"disableDefaultCNI": true}, "kubeadmConfigPatches": ["b"]});
        let cluster =
            PlannedCluster { name: "k8s", container: "rp-1-2-3", written: Some(written), patch: Some(patch) };
        let (config, members, own_network) = config(&cluster);
        assert!(own_network);
        assert_eq!(config["kubeadmConfigPatches"], json!(["a", "b"]));
        let names: Vec<_> = members.iter().map(|m| (m.name.as_str(), m.container.as_str())).collect();
        assert_eq!(
            names,
            [
                ("k8s-control-plane", "rp-1-2-3-control-plane"),
                ("k8s-worker", "rp-1-2-3-worker"),
                ("k8s-worker2", "rp-1-2-3-worker2")
            ]
        );
        assert_eq!(
            config["nodes"][2]["kubeadmConfigPatches"][1],
            "kind: JoinConfiguration\nnodeRegistration:\n  name: k8s-worker2\n"
        );
    }

    #[test]
    fn without_a_file_there_is_one_node() {
        let (config, members, own_network) =
            config(&PlannedCluster { name: "k8s", container: "x", written: None, patch: None });
        assert_eq!((config["kind"].as_str(), own_network), (Some("Cluster"), false));
        assert_eq!(members.len(), 1);
        assert_eq!(members[0].role, MemberRole::ControlPlane);
    }
}
