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
pub fn apply(release: &Release, objects: &[Value]) -> Result<Objects, String> {
    let mut cluster = Objects::of(release);
    apply_to(&mut cluster, objects).map(|()| cluster)
}

/// The same for a cluster that has objects already.
///
/// # Errors
/// What routeproof says against them.
pub fn apply_to(cluster: &mut Objects, objects: &[Value]) -> Result<(), String> {
    let documents: Vec<String> = objects.iter().map(ToString::to_string).collect();
    let applied = cluster.apply(&Source::new("case.yaml", documents.join("\n---\n")));
    applied.map(|_| ()).map_err(|diagnostic| diagnostic.to_string())
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
pub fn verdict(release: &Release, mode: Mode, cluster: &Result<Objects, String>) -> Verdict {
    let cluster = match cluster {
        Ok(cluster) => cluster,
        Err(reason) => return Verdict::Refused(reason.clone()),
    };
    let node = NodeInfo { name: NODE.to_owned(), labels: Labels::new() };
    match render(release, mode, cluster, &node) {
        Ok(rendered) => Verdict::Conf {
            generated: rendered.generated.map(|object| plain(&json!(object.spec))),
            conf: rendered.conf,
        },
        Err(error) => Verdict::Refused(error.to_string()),
    }
}

/// An object without what means the same as nothing: Go leaves out some of it and routeproof all.
pub fn plain(value: &Value) -> Value {
    let is_nothing = |v: &Value| {
        *v == Value::Null || *v == json!(false) || *v == json!("") || *v == json!({}) || *v == json!([])
    };
    match value {
        Value::Object(fields) => {
            let fields = fields.iter().map(|(name, v)| (name.clone(), plain(v)));
            Value::Object(fields.filter(|(_, v)| !is_nothing(v)).collect())
        }
        Value::Array(items) => Value::Array(items.iter().map(plain).collect()),
        other => other.clone(),
    }
}
