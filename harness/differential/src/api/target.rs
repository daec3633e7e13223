//! What a request names.

use std::collections::HashMap;

use serde_json::Value;

use crate::resources::{RESOURCES, Resource};

/// What a path names.
#[derive(Clone, Debug)]
pub struct Target {
    pub resource: &'static Resource,
    pub namespace: Option<String>,
    pub name: Option<String>,
    /// Its subresource `status`.
    pub of_status: bool,
}

impl Target {
    /// `/api/v1/...` or `/apis/GROUP/VERSION/...`, then `[namespaces/NS/]PLURAL[/NAME[/status]]`.
    pub fn read(path: &str) -> Option<Self> {
        let mut segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let api = match segments.first()? {
            &"api" => segments.drain(..2.min(segments.len())).nth(1)?.to_owned(),
            _ if segments.len() > 2 => segments.drain(..3).skip(1).collect::<Vec<_>>().join("/"),
            _ => return None,
        };
        let namespace = (segments.len() > 2 && segments[0] == "namespaces").then(|| segments[1].to_owned());
        if namespace.is_some() {
            segments.drain(..2);
        }
        let plural = segments.first()?;
        let resource = RESOURCES.iter().find(|r| r.plural == *plural && r.api_version() == api)?;
        let name = segments.get(1).map(|s| (*s).to_owned());
        Some(Self { resource, namespace, name, of_status: segments.get(2) == Some(&"status") })
    }

    pub fn matches(&self, object: &Value) -> bool {
        let meta = &object["metadata"];
        Resource::of(object).is_some_and(|r| r.plural == self.resource.plural)
            && self.namespace.as_deref().is_none_or(|ns| meta["namespace"] == ns)
            && self.name.as_deref().is_none_or(|name| meta["name"] == name)
    }

    /// An object in the version that was asked for. Those that have two have the same fields in both, as far as they are used here.
    pub fn shown(&self, mut object: Value) -> Value {
        object["apiVersion"] = Value::from(self.resource.api_version());
        object
    }
}

/// By `fieldSelector` (`metadata.name=X,metadata.namespace=Y`).
pub fn selected(object: &Value, query: &HashMap<String, String>) -> bool {
    let selector = query.get("fieldSelector").map(String::as_str).unwrap_or_default();
    selector.split(',').filter_map(|term| term.split_once('=')).all(|(field, value)| {
        let field = field.strip_prefix("metadata.").unwrap_or(field);
        object["metadata"][field] == value.trim_start_matches('=')
    })
}

pub fn query(text: &str) -> HashMap<String, String> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(k, v)| (k.to_owned(), v.replace("%3D", "=").replace("%2C", ","))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_paths() {
        let read = |path| Target::read(path).map(|t| (t.resource.kind, t.namespace, t.name, t.of_status));
        let some = |s: &str| Some(s.to_owned());
        assert_eq!(read("/api/v1/nodes"), Some(("Node", None, None, false)));
        assert_eq!(read("/api/v1/namespaces"), Some(("Namespace", None, None, false)));
        assert_eq!(
            read("/api/v1/namespaces/shop/services/web/status"),
            Some(("Service", some("shop"), some("web"), true))
        );
        assert_eq!(read("/apis/metallb.io/v1beta2/bgppeers"), Some(("BGPPeer", None, None, false)));
        assert_eq!(read("/apis/metallb.io/v1beta9/bgppeers").map(|t| t.0), None);
    }
}
