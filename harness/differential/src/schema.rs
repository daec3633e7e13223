//! The schemas of a release's CRDs: the defaults that the API server writes into an object, and what it refuses. Rules in CEL
//! (`x-kubernetes-validations`) are not evaluated. MetalLB's CRDs use few words of JSON Schema, so these are checked here: the crate
//! jsonschema would bring second versions of three crates into the workspace.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use serde_json::Value;
use thiserror::Error;

/// Reading the CRDs failed.
#[derive(Debug, Error)]
pub enum SchemaError {
    #[error("reading the CRDs in {}", .0.display())]
    Read(PathBuf, #[source] std::io::Error),
    #[error("reading the CRD {}", .0.display())]
    Parse(PathBuf, #[source] serde_yaml::Error),
}

/// (apiVersion, kind) -> schema
#[derive(Debug)]
pub struct Schemas(Table);

impl Schemas {
    /// Reads every CRD of a folder.
    ///
    /// # Errors
    /// A file cannot be read or is no CRD.
    pub fn load(folder: &Path) -> Result<Self, SchemaError> {
        let mut all = BTreeMap::new();
        let read = |e| SchemaError::Read(folder.to_owned(), e);
        for entry in std::fs::read_dir(folder).map_err(read)? {
            let path = entry.map_err(read)?.path();
            let text = std::fs::read_to_string(&path).map_err(|e| SchemaError::Read(path.clone(), e))?;
            for document in serde_yaml::Deserializer::from_str(&text) {
                let crd = Value::deserialize(document).map_err(|e| SchemaError::Parse(path.clone(), e))?;
                add(&mut all, &crd);
            }
        }
        Ok(Self(all))
    }

    /// Fills in defaults. Errors: why the API server would refuse the object.
    pub fn admit(&self, object: &mut Value) -> Result<(), String> {
        let text = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
        let Some(schema) = self.0.get(&(text("apiVersion"), text("kind"))) else { return Ok(()) };
        fill(schema, object);
        check(schema, object, "")
    }
}

type Table = BTreeMap<(String, String), Value>;

fn add(all: &mut Table, crd: &Value) {
    let (spec, kind) = (&crd["spec"], crd["spec"]["names"]["kind"].as_str().unwrap_or_default());
    for version in spec["versions"].as_array().into_iter().flatten() {
        let group = spec["group"].as_str().unwrap_or_default();
        let api = format!("{group}/{}", version["name"].as_str().unwrap_or_default());
        all.insert((api, kind.to_owned()), version["schema"]["openAPIV3Schema"].clone());
    }
}

/// The first thing that a schema forbids, with its place.
fn check(schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let fits = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("boolean") => value.is_boolean(),
        _ => true,
    };
    if !fits {
        return Err(format!("{at}: {value} is no {}", schema["type"]));
    }
    if let (Some(allowed), false) = (schema["enum"].as_array(), value.is_null())
        && !allowed.contains(value)
    {
        return Err(format!("{at}: {value} is none of {}", schema["enum"]));
    }
    if let Some(n) = value.as_i64() {
        let (least, most) = (schema["minimum"].as_i64(), schema["maximum"].as_i64());
        if least.is_some_and(|least| n < least) || most.is_some_and(|most| n > most) {
            return Err(format!("{at}: {n} is not between {} and {}", schema["minimum"], schema["maximum"]));
        }
    }
    let required = schema["required"].as_array().into_iter().flatten();
    if let Some(missing) = required.filter_map(Value::as_str).find(|name| value.get(name).is_none()) {
        return Err(format!("{at}: `{missing}` is missing"));
    }
    for (name, sub) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(child) = value.get(name) {
            check(sub, child, &format!("{at}/{name}"))?;
        }
    }
    let mut items = value.as_array().into_iter().flatten().enumerate();
    items.try_for_each(|(i, item)| check(&schema["items"], item, &format!("{at}/{i}")))
}

fn fill(schema: &Value, value: &mut Value) {
    if let (Some(properties), Some(object)) = (schema["properties"].as_object(), value.as_object_mut()) {
        for (name, sub) in properties {
            if let (None, Some(default)) = (object.get(name), sub.get("default")) {
                object.insert(name.clone(), default.clone());
            }
            if let Some(child) = object.get_mut(name) {
                fill(sub, child);
            }
        }
    }
    for item in value.as_array_mut().into_iter().flatten() {
        fill(&schema["items"], item);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fills_defaults_and_refuses() {
        let crd = json!({"spec": {"group": "g", "names": {"kind": "K"}, "versions": [{"name": "v1", "schema":
            {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object", "properties":
                {"port": {"type": "integer", "default": 179, "maximum": 16384}}}}}}}]}});
        let mut all = Table::new();
        add(&mut all, &crd);
        let schemas = Schemas(all);
        let mut object = json!({"apiVersion": "g/v1", "kind": "K", "spec": {}});
        schemas.admit(&mut object).unwrap();
        assert_eq!(object["spec"]["port"], 179);
        object["spec"]["port"] = json!(20000);
        assert!(schemas.admit(&mut object).unwrap_err().starts_with("/spec/port: 20000"));
        object["spec"] = json!({"port": "ssh"});
        assert!(schemas.admit(&mut object).unwrap_err().contains("is no \"integer\""));
    }
}
