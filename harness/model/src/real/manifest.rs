//! MetalLB's own manifest of a release, with images from elsewhere, and when what it installs is ready.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// The container beside FRR in which MetalLB's reloader runs.
pub const RELOADER: &str = "reloader";

const DAEMON_SET: &str = "DaemonSet";

/// A node label that no node has: a DaemonSet that selects it waits.
const NOWHERE: &str = "routeproof.dev/not-yet";

/// The manifest's objects. `image` says what to take instead of an image; with `wait`, what runs on every node starts nowhere until the manifest
/// is applied again without it.
pub fn metallb(documents: Vec<Value>, image: &dyn Fn(&str) -> String, wait: bool) -> Vec<Value> {
    let documents = documents.into_iter().filter(|document| document["kind"].is_string());
    let changed = documents.map(|mut document| {
        for container in containers(&mut document) {
            if let Some(written) = container["image"].as_str() {
                container["image"] = json!(image(written));
                // What was loaded into a node is not asked for again.
                container["imagePullPolicy"] = json!("IfNotPresent");
            }
        }
        if wait && document["kind"] == DAEMON_SET {
            document["spec"]["template"]["spec"]["nodeSelector"][NOWHERE] = json!("true");
        }
        // controller-gen writes an empty one, which is the API server's to say.
        if let Some(object) = document.as_object_mut() {
            object.remove("status");
        }
        document
    });
    changed.collect()
}

/// The images that a manifest's pods are made of.
pub fn images_of(documents: &[Value]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for document in documents {
        let mut document = document.clone();
        found.extend(containers(&mut document).filter_map(|c| c["image"].as_str().map(str::to_owned)));
    }
    found
}

fn containers(document: &mut Value) -> impl Iterator<Item = &mut Value> {
    let lists = match document.pointer_mut("/spec/template/spec") {
        Some(Value::Object(spec)) => {
            let lists = spec.iter_mut().filter(|(key, _)| *key == "containers" || *key == "initContainers");
            lists.map(|(_, list)| list).collect()
        }
        _ => Vec::new(),
    };
    lists.into_iter().filter_map(Value::as_array_mut).flatten()
}

/// The pods that a manifest has one of on every node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodePods {
    /// The labels of these pods, as a selector.
    pub labels: String,
    pub containers: Vec<String>,
}

impl NodePods {
    /// Of each DaemonSet: the speakers and, in mode frr-k8s, frr-k8s's own pods.
    pub fn of(documents: &[Value]) -> Vec<NodePods> {
        let sets = documents.iter().filter(|document| document["kind"] == DAEMON_SET);
        let made = sets.map(|set| {
            let labels = set["spec"]["selector"]["matchLabels"].as_object().into_iter().flatten();
            let labels = labels.filter_map(|(key, value)| Some(format!("{key}={}", value.as_str()?)));
            let containers = set["spec"]["template"]["spec"]["containers"].as_array().into_iter().flatten();
            let names = containers.filter_map(|container| Some(container["name"].as_str()?.to_string()));
            NodePods { labels: labels.collect::<Vec<_>>().join(","), containers: names.collect() }
        });
        made.collect()
    }

    /// Whether FRR is in them.
    pub fn have_frr(&self) -> bool {
        self.containers.iter().any(|name| name == RELOADER)
    }
}

/// Something that is rolled out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rollout {
    Done,
    /// How many pods are ready, of how many.
    Ready(u64, u64),
}

/// How far a Deployment or a DaemonSet is, as `kubectl rollout status` says it.
pub fn readiness(object: &Value) -> Rollout {
    let (spec, status) = (&object["spec"], &object["status"]);
    let number = |value: &Value| value.as_u64().unwrap_or(0);
    let current = number(&status["observedGeneration"]) >= number(&object["metadata"]["generation"]);
    let (wanted, updated, ready) = match object["kind"].as_str() {
        Some("DaemonSet") => (
            number(&status["desiredNumberScheduled"]),
            number(&status["updatedNumberScheduled"]),
            number(&status["numberAvailable"]),
        ),
        _ => (
            spec["replicas"].as_u64().unwrap_or(1),
            number(&status["updatedReplicas"]),
            number(&status["availableReplicas"]),
        ),
    };
    match current && updated == wanted && ready == wanted {
        true => Rollout::Done,
        false => Rollout::Ready(ready.min(updated), wanted),
    }
}

/// What keeps a pod from becoming ready, if it says so: the first container that waits for more than its turn, and whether waiting longer is of
/// no use.
pub fn trouble(pod: &Value) -> Option<(String, bool)> {
    let lists = ["initContainerStatuses", "containerStatuses"];
    let mut statuses = lists.iter().flat_map(|list| pod["status"][list].as_array()).flatten();
    statuses.find_map(|status| {
        let waiting = &status["state"]["waiting"];
        let reason =
            waiting["reason"].as_str().filter(|r| *r != "PodInitializing" && *r != "ContainerCreating")?;
        let container = status["name"].as_str().unwrap_or_default();
        let message = waiting["message"].as_str().unwrap_or_default();
        let hopeless =
            ["ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError"].contains(&reason);
        Some((format!("container {container} of {}: {reason}: {message}", pod["metadata"]["name"]), hopeless))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn daemon_set() -> Value {
        json!({"kind": "DaemonSet", "metadata": {"name": "speaker"}, "status": {}, "spec": {"template": {"spec": {
            "initContainers": [{"image": "quay.io/frrouting/frr:7.5.1"}],
            "containers": [{"image": "quay.io/metallb/speaker:v0.13.10"}],
            "nodeSelector": {"kubernetes.io/os": "linux"}}}}})
    }

    #[test]
    fn frr_is_where_its_reloader_is() {
        let set = |labels: Value, names: &[&str]| {
            let containers: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
            json!({"kind": "DaemonSet", "spec": {"selector": {"matchLabels": labels}, "template": {"spec": {"containers": containers}}}})
        };
        let speakers = set(json!({"app": "metallb", "component": "speaker"}), &["speaker"]);
        let other = set(json!({"control-plane": "frr-k8s"}), &["frr-k8s", "frr", "reloader"]);
        let found = NodePods::of(&[json!({"kind": "Deployment"}), speakers, other]);
        assert_eq!(found[0].labels, "app=metallb,component=speaker");
        assert_eq!(found.iter().map(NodePods::have_frr).collect::<Vec<_>>(), [false, true]);
        assert_eq!(found[1].containers, ["frr-k8s", "frr", "reloader"]);
    }

    #[test]
    fn images_come_from_elsewhere_and_speakers_wait() {
        let other = |written: &str| written.replace("quay.io", "local");
        let documents = vec![Value::Null, daemon_set()];
        let found = metallb(documents.clone(), &other, true);
        let spec = &found[0]["spec"]["template"]["spec"];
        assert_eq!(spec["initContainers"][0]["image"], "local/frrouting/frr:7.5.1");
        assert_eq!(
            spec["nodeSelector"],
            json!({"kubernetes.io/os": "linux", "routeproof.dev/not-yet": "true"})
        );
        assert_eq!(images_of(&found).len(), 2);
        let found = metallb(documents, &other, false);
        assert_eq!(
            found[0]["spec"]["template"]["spec"]["nodeSelector"],
            json!({"kubernetes.io/os": "linux"})
        );
        assert!(found[0].get("status").is_none());
    }

    #[test]
    fn a_pod_says_why_it_is_not_ready() {
        let pod = |reason: &str| {
            json!({"metadata": {"name": "speaker-x"}, "status": {
                "initContainerStatuses": [{"name": "a", "state": {"terminated": {}}}, {"name": "b", "state": {"waiting": {"reason": reason, "message": "m"}}}],
                "containerStatuses": [{"name": "c", "state": {"waiting": {"reason": "PodInitializing"}}}]}})
        };
        assert_eq!(trouble(&pod("PodInitializing")), None);
        let said = "container b of \"speaker-x\": ImagePullBackOff: m".to_string();
        assert_eq!(trouble(&pod("ImagePullBackOff")), Some((said, true)));
        assert!(!trouble(&pod("ErrImagePull")).unwrap().1);
    }

    #[test]
    fn a_rollout_is_done_when_all_pods_are_of_now_and_ready() {
        let at = |observed: u64, updated: u64, available: u64| {
            readiness(
                &json!({"kind": "DaemonSet", "metadata": {"generation": 2}, "status": {"observedGeneration": observed,
                "desiredNumberScheduled": 3, "updatedNumberScheduled": updated, "numberAvailable": available}}),
            )
        };
        assert_eq!(at(2, 3, 3), Rollout::Done);
        assert_eq!(at(1, 3, 3), Rollout::Ready(3, 3));
        assert_eq!(at(2, 1, 3), Rollout::Ready(1, 3));
        assert_eq!(at(2, 3, 2), Rollout::Ready(2, 3));
        let deployment = json!({"kind": "Deployment", "metadata": {"generation": 1},
            "status": {"observedGeneration": 1, "updatedReplicas": 1, "availableReplicas": 1}});
        assert_eq!(readiness(&deployment), Rollout::Done);
    }
}
