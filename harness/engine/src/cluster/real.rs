//! MetalLB on a cluster with kubelets: its own manifest is applied, and its pods are waited for.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use routeproof_model::metallb::METALLB_NAMESPACE;
use routeproof_model::real::{NodePods, RELOADER, Rollout, readiness, trouble};
use serde_json::{Value, json};

use super::api::Api;
use super::client::{Client, condition};
use super::error::ClusterError;
use crate::lab::{Attached, NodeHandle};
use crate::wait::{self, Probe};

/// Images may have to be pulled, on a slow line and a busy machine.
const PODS: Duration = Duration::from_secs(300);
/// What Kubernetes does by itself: nodes get their pods' addresses, and become ready.
const NODES: Duration = Duration::from_secs(180);
/// A webhook answers a little after its pod is ready.
const WEBHOOK: Duration = Duration::from_secs(90);
const LOOK: Duration = Duration::from_millis(500);

/// A cluster's API server, and what was installed.
#[derive(Debug)]
pub struct RealCluster {
    pub client: Client,
    /// What runs on every node, as it is to be once it may start.
    daemon_sets: Vec<Value>,
    node_pods: Vec<NodePods>,
    /// The node on which the API server is reached.
    _node: Attached,
}

impl RealCluster {
    /// Of a cluster that kubeadm has made; `node` is one with an API server.
    pub async fn connect(node: Attached) -> Result<RealCluster, ClusterError> {
        let handle: NodeHandle = node.handle.clone();
        let client = Client { api: Api::of_kubeadm(&handle).await?, endpoints: false };
        let real = RealCluster { client, daemon_sets: Vec::new(), node_pods: Vec::new(), _node: node };
        let ready = || async { real.client.api.ready().await };
        until("the API server's /readyz", NODES, ready).await?;
        Ok(real)
    }

    /// The addresses of each node's pods, and the node's own.
    pub async fn pod_ranges(
        &self,
        nodes: impl Iterator<Item = &str>,
    ) -> Result<BTreeMap<String, (Vec<IpNet>, Vec<IpAddr>)>, ClusterError> {
        let mut found = BTreeMap::new();
        for name in nodes {
            let look = || async {
                let node = self.get(&node(name)).await?;
                let ranges: Vec<IpNet> =
                    texts(&node["spec"]["podCIDRs"]).filter_map(|t| t.parse().ok()).collect();
                let addresses = node["status"]["addresses"].as_array().into_iter().flatten();
                let internal = addresses.filter(|a| a["type"] == "InternalIP");
                let own: Vec<IpAddr> = internal.filter_map(|a| a["address"].as_str()?.parse().ok()).collect();
                match ranges.is_empty() || own.is_empty() {
                    true => Err(format!("node {name} has no addresses for pods yet")),
                    false => Ok((ranges, own)),
                }
            };
            found.insert(name.to_string(), until("addresses for pods", NODES, look).await?);
        }
        Ok(found)
    }

    /// Waits until Kubernetes calls the nodes ready.
    pub async fn nodes_ready(&self, nodes: impl Iterator<Item = &str>) -> Result<(), ClusterError> {
        for name in nodes {
            let look = || async {
                let found = self.get(&node(name)).await?;
                match condition(&found, "Ready") {
                    Some("True") => Ok(()),
                    other => Err(format!("node {name}: Ready is {}", other.unwrap_or("not known"))),
                }
            };
            until("ready nodes", NODES, look).await?;
        }
        Ok(())
    }

    /// Applies a manifest's objects, whose DaemonSets wait, and waits for its definitions and its Deployments. `running` are the same objects, in
    /// which nothing waits.
    pub async fn install(&mut self, waiting: &[Value], running: &[Value]) -> Result<(), ClusterError> {
        self.node_pods = NodePods::of(running);
        if !self.node_pods.iter().any(NodePods::have_frr) {
            return Err(ClusterError::Manifest(format!("it has no DaemonSet with a container `{RELOADER}`")));
        }
        let of_kind = |objects: &[Value], kind: &str| -> Vec<Value> {
            objects.iter().filter(|object| object["kind"] == kind).cloned().collect()
        };
        self.daemon_sets = of_kind(running, "DaemonSet");
        for object in waiting {
            self.client.apply_own(object).await?;
        }
        for definition in of_kind(waiting, "CustomResourceDefinition") {
            until("MetalLB's resource definitions", NODES, || self.client.established(&definition)).await?;
        }
        // The controller and, in mode frr-k8s, what answers for its webhook.
        for deployment in of_kind(waiting, "Deployment") {
            self.rolled_out(&deployment).await?;
        }
        Ok(())
    }

    /// Lets speakers and FRR start, and waits until all are ready.
    pub async fn start_speakers(&self) -> Result<(), ClusterError> {
        for set in &self.daemon_sets {
            self.client.apply_own(set).await?;
        }
        for set in &self.daemon_sets {
            self.rolled_out(set).await?;
        }
        Ok(())
    }

    async fn rolled_out(&self, object: &Value) -> Result<(), ClusterError> {
        let look = || async {
            let found = self.get(object).await?;
            match readiness(&found) {
                Rollout::Done => Ok(Ok(())),
                Rollout::Ready(ready, all) => {
                    let status = format!("{ready} of {all} pods of {} are ready", object["metadata"]["name"]);
                    match self.trouble().await {
                        Some((why, true)) => Ok(Err(why)),
                        Some((why, false)) => Err(format!("{status}: {why}")),
                        None => Err(status),
                    }
                }
            }
        };
        until("MetalLB's pods", PODS, look).await?.map_err(ClusterError::Pod)
    }

    /// Why a pod of MetalLB's is not ready, and whether waiting is of no use.
    async fn trouble(&self) -> Option<(String, bool)> {
        let pods = self.client.api.list(&pods(), "").await.ok()?;
        pods.iter().find_map(trouble)
    }

    /// Of the pods that each node has one of, the one on this node.
    async fn pod_on(&self, node: &str, of: &NodePods) -> Result<Option<Value>, ClusterError> {
        let found = self.client.api.list(&pods(), &of.labels).await?;
        let on_node = |pod: &Value| {
            pod["spec"]["nodeName"] == node && pod["metadata"].get("deletionTimestamp").is_none()
        };
        Ok(found.into_iter().filter(on_node).map(|pod| with_kind(pod, &pods())).next_back())
    }

    /// The pod with a node's FRR.
    async fn frr_pod(&self, node: &str) -> Result<Option<Value>, ClusterError> {
        match self.node_pods.iter().find(|pods| pods.have_frr()) {
            Some(pods) => self.pod_on(node, pods).await,
            None => Ok(None),
        }
    }

    /// Deletes the pod with a node's FRR and waits for the next, as `kubectl delete pod` and `kubectl rollout status` do.
    pub async fn restart_frr(&self, node: &str) -> Result<(), ClusterError> {
        let Some(old) = self.frr_pod(node).await? else {
            return Err(ClusterError::Manifest(format!("node {node} has no pod with FRR")));
        };
        self.client.api.delete(&old).await?;
        let look = || async {
            let pod = self.frr_pod(node).await.map_err(|e| e.to_string())?;
            let pod = pod.filter(|pod| pod["metadata"]["uid"] != old["metadata"]["uid"]);
            match pod.as_ref().and_then(|pod| condition(pod, "Ready")) {
                Some("True") => Ok(()),
                Some(_) => Err("it is not ready".to_string()),
                None => Err("there is none yet".to_string()),
            }
        };
        until(&format!("a new pod with FRR on {node}"), PODS, look).await
    }

    /// What the last lines are that the reloader of a node's FRR has printed.
    pub async fn reloader_log(&self, node: &str, lines: i64) -> String {
        let Ok(Some(pod)) = self.frr_pod(node).await else { return String::new() };
        self.client.api.log(&pod, RELOADER, lines).await.unwrap_or_default()
    }

    /// The same of every container of MetalLB's on a node, by its name.
    pub async fn logs(&self, node: &str, lines: i64) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for pods in &self.node_pods {
            let Ok(Some(pod)) = self.pod_on(node, pods).await else { continue };
            for container in &pods.containers {
                let log = self.client.api.log(&pod, container, lines).await.unwrap_or_default();
                found.push((container.clone(), log));
            }
        }
        found
    }

    /// [`Client::apply`], again while a webhook cannot be reached. Gives how often it was tried in vain.
    pub async fn apply(&self, documents: Vec<Value>) -> Result<u32, ClusterError> {
        let end = tokio::time::Instant::now() + WEBHOOK;
        for tried in 0.. {
            match self.client.apply(documents.clone()).await {
                Err(ClusterError::Refused { reason, .. })
                    if reason.contains("failed calling webhook") && tokio::time::Instant::now() < end =>
                {
                    wait::elapse(LOOK).await;
                }
                done => return done.map(|()| tried),
            }
        }
        Ok(0)
    }

    async fn get(&self, object: &Value) -> Result<Value, String> {
        self.client.api.get(object).await.map_err(|e| e.to_string())
    }
}

/// Asks until there is an answer.
async fn until<T, F>(what: &str, limit: Duration, look: impl Fn() -> F) -> Result<T, ClusterError>
where
    F: Future<Output = Result<T, String>>,
{
    let probe = || async {
        match look().await {
            Ok(found) => Probe::Done(found),
            Err(status) => Probe::NotYet(status),
        }
    };
    wait::until(what, limit, LOOK, probe, wait::no_events).await.map_err(ClusterError::NotReady)
}

fn node(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}})
}

/// An example of MetalLB's pods.
fn pods() -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": METALLB_NAMESPACE}})
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// Lists leave out what all of their items are.
fn with_kind(mut object: Value, example: &Value) -> Value {
    for key in ["apiVersion", "kind"] {
        object[key] = example[key].clone();
    }
    object
}
