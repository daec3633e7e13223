//! frr-k8s as a release's manifest starts it. Its options, its programs and the port of its webhooks differ from release to release, and
//! the manifest has them all.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use thiserror::Error;

use super::programs::{Credentials, Program, TMPDIR};
use crate::metallb::METALLB_NAMESPACE;

/// A pod of frr-k8s's, with the container of its that is started.
#[derive(Clone, Debug, PartialEq)]
struct Pod {
    container: Value,
    labels: Value,
}

/// What a manifest says of frr-k8s.
#[derive(Clone, Debug, PartialEq)]
pub struct FrrK8s {
    daemon: Pod,
    webhooks: Pod,
    /// The Service that leads to its webhooks, and their port.
    pub service: String,
    pub webhook_port: u16,
}

/// A manifest that does not start frr-k8s in a way that is known.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("it has no {0}")]
pub struct NoFrrK8s(&'static str);

impl FrrK8s {
    /// Of the documents of a manifest.
    ///
    /// # Errors
    /// [`NoFrrK8s`]: what the manifest lacks.
    pub fn of(documents: &[Value]) -> Result<FrrK8s, NoFrrK8s> {
        let daemon = pod(documents, "DaemonSet").ok_or(NoFrrK8s("DaemonSet that runs frr-k8s"))?;
        let webhooks =
            pod(documents, "Deployment").ok_or(NoFrrK8s("Deployment that runs frr-k8s's webhooks"))?;
        let leads = |service: &&Value| service["kind"] == "Service" && selects(service, &webhooks.labels);
        let mut services = documents.iter().filter(leads);
        let (service, webhook_port) = services
            .find_map(|service| Some((service["metadata"]["name"].as_str()?, port(service, &webhooks)?)))
            .ok_or(NoFrrK8s("Service that leads to frr-k8s's webhooks"))?;
        Ok(FrrK8s { service: service.to_owned(), webhook_port, daemon, webhooks })
    }

    /// The file of a node's program.
    pub fn daemon_file(&self) -> &str {
        self.daemon.file()
    }

    /// The file of the program that answers as webhooks.
    pub fn webhooks_file(&self) -> &str {
        self.webhooks.file()
    }

    /// A node's program.
    pub fn daemon(&self, node: &str) -> Program {
        self.daemon.program("frr-k8s", &name(node), node)
    }

    /// The webhooks, with a certificate that is there.
    pub fn webhooks(&self) -> Program {
        let mut program = self.webhooks.program(WEBHOOKS, WEBHOOKS, "");
        program.arguments.push("--disable-cert-rotation".to_owned());
        program
    }

    /// The Pod of a node's program: frr-k8s deletes the FRRNodeStates of nodes that have none.
    pub fn pod(&self, node: &str) -> Value {
        json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name(node), "namespace": METALLB_NAMESPACE, "labels": self.daemon.labels},
            "spec": {"automountServiceAccountToken": false, "nodeName": node, "hostNetwork": true,
                     "containers": [{"name": "frr-k8s", "image": "routeproof.invalid/frr-k8s"}]}})
    }
}

const WEBHOOKS: &str = "frr-k8s-webhooks";

fn name(node: &str) -> String {
    format!("frr-k8s-{node}")
}

/// The pod that a workload of a kind makes, of which a container is a program of frr-k8s's image. MetalLB's own name no program.
fn pod(documents: &[Value], kind: &str) -> Option<Pod> {
    let templates = documents.iter().filter(|d| d["kind"] == kind).map(|d| &d["spec"]["template"]);
    templates.into_iter().find_map(|template| {
        let containers = template["spec"]["containers"].as_array()?;
        let container = containers.iter().find(|c| ["frr-k8s", "statuscleaner"].contains(&file(c)))?;
        Some(Pod { container: container.clone(), labels: template["metadata"]["labels"].clone() })
    })
}

/// The name of a container's program, in whatever folder of its image.
fn file(container: &Value) -> &str {
    container["command"][0].as_str().and_then(|path| path.rsplit('/').next()).unwrap_or_default()
}

fn selects(service: &Value, labels: &Value) -> bool {
    let selector = service["spec"]["selector"].as_object();
    selector.is_some_and(|s| !s.is_empty() && s.iter().all(|(key, value)| labels[key] == *value))
}

/// Where a Service of one port leads to: a number, or the name of a container's port.
fn port(service: &Value, pod: &Pod) -> Option<u16> {
    let target = &service["spec"]["ports"][0]["targetPort"];
    let number = match target.as_str() {
        None => target.as_u64(),
        Some(name) => {
            let ports = pod.container["ports"].as_array()?;
            ports.iter().find(|port| port["name"] == name)?["containerPort"].as_u64()
        }
    };
    number?.try_into().ok()
}

impl Pod {
    fn file(&self) -> &str {
        file(&self.container)
    }

    /// What a kubelet would start, but for where the API server and certificates are.
    fn program(&self, name: &'static str, pod: &str, node: &str) -> Program {
        let written = self.container["env"].as_array().into_iter().flatten();
        let mut environment: BTreeMap<String, String> = written
            .filter_map(|variable| {
                let value = match variable["valueFrom"]["fieldRef"]["fieldPath"].as_str() {
                    None => variable["value"].as_str().unwrap_or_default(),
                    Some("spec.nodeName") => node,
                    Some("metadata.name") => pod,
                    Some("metadata.namespace") => METALLB_NAMESPACE,
                    Some(_) => "127.0.0.1",
                };
                Some((variable["name"].as_str()?.to_owned(), value.to_owned()))
            })
            .collect();
        let expanded = |argument: &str| {
            environment
                .iter()
                .fold(argument.to_owned(), |text, (name, value)| text.replace(&format!("$({name})"), value))
        };
        let arguments = self.container["args"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let arguments = arguments.map(expanded).collect();
        for (name, value) in [("KUBECONFIG", Credentials::PATHS.kubeconfig), ("TMPDIR", TMPDIR)] {
            environment.insert(name.to_owned(), value.to_owned());
        }
        Program { name, arguments, environment }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload(kind: &str, command: &str, args: &[&str], labels: &Value) -> Value {
        let env = json!([{"name": "FRR_CONFIG_FILE", "value": "/etc/frr_reloader/frr.conf"},
            {"name": "NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
            {"name": "NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}]);
        let container = json!({"name": "x", "command": [command], "args": args, "env": env,
            "ports": [{"name": "webhook", "containerPort": 19443}]});
        json!({"kind": kind, "spec": {"template": {"metadata": {"labels": labels},
            "spec": {"containers": [{"name": "other", "args": ["--port=1"]}, container]}}}})
    }

    fn manifest(target: &Value) -> Vec<Value> {
        let cleaner = json!({"control-plane": "statuscleaner", "app": "x"});
        let node = json!({"control-plane": "frr-k8s"});
        let service = |name: &str, selector: Value, target: &Value| {
            json!({"kind": "Service", "metadata": {"name": name},
                   "spec": {"selector": selector, "ports": [{"port": 443, "targetPort": target}]}})
        };
        vec![
            json!({"kind": "Deployment", "spec": {"template": {"spec": {"containers": [{"name": "controller"}]}}}}),
            service("metallb-webhook-service", json!({"component": "controller"}), &json!(9443)),
            service("frr-k8s-webhook-service", json!({"control-plane": "statuscleaner"}), target),
            workload("Deployment", "/statuscleaner", &["--namespace=$(NAMESPACE)"], &cleaner),
            workload(
                "DaemonSet",
                "/frr-k8s",
                &["--node-name=$(NODE_NAME)", "--namespace=$(NAMESPACE)"],
                &node,
            ),
        ]
    }

    #[test]
    fn it_is_started_as_the_manifest_says() {
        let found = FrrK8s::of(&manifest(&json!("webhook"))).unwrap();
        assert_eq!((found.daemon_file(), found.webhooks_file()), ("frr-k8s", "statuscleaner"));
        assert_eq!((found.service.as_str(), found.webhook_port), ("frr-k8s-webhook-service", 19443));
        let daemon = found.daemon("worker");
        assert_eq!(daemon.arguments, ["--node-name=worker", "--namespace=metallb-system"]);
        assert_eq!(daemon.environment["FRR_CONFIG_FILE"], "/etc/frr_reloader/frr.conf");
        assert_eq!(daemon.environment["KUBECONFIG"], "/etc/kubernetes/kubeconfig");
        let webhooks = found.webhooks();
        assert_eq!(webhooks.arguments, ["--namespace=metallb-system", "--disable-cert-rotation"]);
        let pod = found.pod("worker");
        assert_eq!(pod["metadata"]["labels"], json!({"control-plane": "frr-k8s"}));
        assert_eq!(pod["spec"]["nodeName"], "worker");
        assert_eq!(FrrK8s::of(&manifest(&json!(9443))).unwrap().webhook_port, 9443);
    }

    #[test]
    fn what_a_manifest_lacks_is_named() {
        let without = |kind: &str, name: &str| {
            let mut documents = manifest(&json!("webhook"));
            documents.retain(|d| d["kind"] != kind || d["metadata"]["name"] != name);
            FrrK8s::of(&documents).unwrap_err().to_string()
        };
        assert_eq!(FrrK8s::of(&[]).unwrap_err().to_string(), "it has no DaemonSet that runs frr-k8s");
        let service = "it has no Service that leads to frr-k8s's webhooks";
        assert_eq!(without("Service", "frr-k8s-webhook-service"), service);
        // A port of a name that no container has.
        assert_eq!(FrrK8s::of(&manifest(&json!("https"))).unwrap_err().to_string(), service);
    }
}
