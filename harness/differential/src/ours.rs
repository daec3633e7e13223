//! routeproof's side: the same objects through its admission, its controller and its renderer.

use routeproof_model::diag::Source;
use routeproof_model::metallb::{Labels, Mode, NodeInfo, Objects, Release, render};
use serde_json::{Value, json};

use crate::verdict::Verdict;

/// The node whose frr.conf is compared.
pub const NODE: &str = "worker";

/// Applies the objects as `kubectl apply -f` would, all in one file.
///
/// # Errors
/// What routeproof says against them.
pub fn apply(objects: &[Value]) -> Result<Objects, String> {
    let documents: Vec<String> = objects.iter().map(ToString::to_string).collect();
    let mut cluster = Objects::new();
    match cluster.apply(&Source::new("case.yaml", documents.join("\n---\n"))) {
        Ok(_) => Ok(cluster),
        Err(diagnostic) => Err(diagnostic.to_string()),
    }
}

/// Writes the addresses that routeproof's controller gave to the Services into their statuses.
pub fn with_addresses(objects: &[Value], cluster: &Objects) -> Vec<Value> {
    let mut all = objects.to_vec();
    for (id, addresses) in cluster.addresses() {
        let ingress: Vec<Value> = addresses.iter().map(|ip| json!({"ip": ip.to_string()})).collect();
        let place = |o: &&mut Value| {
            o["kind"] == "Service"
                && o["metadata"]["name"] == *id.name
                && o["metadata"]["namespace"] == *id.namespace
        };
        if let Some(service) = all.iter_mut().find(place) {
            service["status"] = json!({"loadBalancer": {"ingress": ingress}});
        }
    }
    all
}

/// Renders for [`NODE`].
pub fn verdict(release: &Release, cluster: &Result<Objects, String>) -> Verdict {
    let cluster = match cluster {
        Ok(cluster) => cluster,
        Err(reason) => return Verdict::Refused(reason.clone()),
    };
    let node = NodeInfo { name: NODE.to_owned(), labels: Labels::new() };
    match render(release, Mode::Frr, cluster, &node) {
        Ok(rendered) => Verdict::Conf(rendered.conf),
        Err(error) => Verdict::Refused(error.to_string()),
    }
}
