//! What of a MetalLB release's manifest is installed: its resource definitions and its webhooks. Its pods are processes that we start.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// Where programs answer as webhooks, instead of behind Services of the cluster.
#[derive(Clone, Debug)]
pub struct Webhooks {
    /// The controller: scheme, address and port.
    pub url: String,
    /// The same of Services that lead to another program.
    pub others: BTreeMap<String, String>,
    /// The certificate authority's certificate, PEM in base64.
    pub ca_bundle: String,
}

/// The objects to install, in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Install {
    /// Before anything runs.
    pub definitions: Vec<Value>,
    /// Once the programs listen: the API server asks it about objects from then on.
    pub webhooks: Vec<Value>,
}

impl Install {
    /// Of the documents of a manifest.
    pub fn of(documents: Vec<Value>, webhooks: &Webhooks) -> Install {
        let mut install = Install::default();
        for mut document in documents {
            let list = match document["kind"].as_str() {
                Some("CustomResourceDefinition") => &mut install.definitions,
                Some("ValidatingWebhookConfiguration") => &mut install.webhooks,
                _ => continue,
            };
            redirect(&mut document, webhooks);
            // The API server's to say; a manifest that controller-gen wrote has it empty.
            if let Some(object) = document.as_object_mut() {
                object.remove("status");
            }
            list.push(document);
        }
        install
    }
}

/// Lets every `clientConfig` in an object name the URL of the webhook, where it names a Service.
fn redirect(value: &mut Value, webhooks: &Webhooks) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match field["service"]["path"].as_str() {
                    Some(path) if name == "clientConfig" => {
                        let service = field["service"]["name"].as_str().unwrap_or_default();
                        let url = format!("{}{path}", webhooks.others.get(service).unwrap_or(&webhooks.url));
                        *field = json!({"url": url, "caBundle": webhooks.ca_bundle});
                    }
                    _ => redirect(field, webhooks),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| redirect(item, webhooks)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_stay_away_and_webhooks_are_called_by_url() {
        let service = json!({"name": "webhook-service", "namespace": "metallb-system", "path": "/convert"});
        let crd = json!({"kind": "CustomResourceDefinition", "metadata": {"name": "bgppeers.metallb.io"},
            "spec": {"conversion": {"strategy": "Webhook", "webhook":
                {"clientConfig": {"service": service, "caBundle": "Cg=="}, "conversionReviewVersions": ["v1"]}}},
            "status": {"conditions": []}});
        let hook = json!({"kind": "ValidatingWebhookConfiguration", "webhooks": [
            {"name": "a", "clientConfig": {"service": {"name": "webhook-service", "path": "/validate-a"}}},
            {"name": "b", "clientConfig": {"url": "https://elsewhere"}},
            {"name": "c", "clientConfig": {"service": {"name": "frr-k8s", "path": "/validate-c"}}}]});
        let pods = json!({"kind": "DaemonSet", "spec": {}});
        let at = Webhooks {
            url: "https://127.0.0.1:9443".into(),
            others: BTreeMap::from([("frr-k8s".into(), "https://127.0.0.1:19443".into())]),
            ca_bundle: "Y2E=".into(),
        };
        let Install { definitions, webhooks } = Install::of(vec![pods, hook, crd], &at);
        let ours = |path: &str| json!({"url": format!("https://127.0.0.1:9443{path}"), "caBundle": "Y2E="});
        assert_eq!(definitions.len(), 1);
        assert_eq!(definitions[0]["spec"]["conversion"]["webhook"]["clientConfig"], ours("/convert"));
        assert_eq!(definitions[0].get("status"), None);
        assert_eq!(webhooks[0]["webhooks"][0]["clientConfig"], ours("/validate-a"));
        assert_eq!(webhooks[0]["webhooks"][1]["clientConfig"], json!({"url": "https://elsewhere"}));
        assert_eq!(webhooks[0]["webhooks"][2]["clientConfig"]["url"], "https://127.0.0.1:19443/validate-c");
    }
}
