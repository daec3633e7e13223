//! The schemas of a release's CRDs: the defaults that the API server writes into an object, and what it refuses. MetalLB's CRDs use few
//! words of JSON Schema, so these are checked here: the crate jsonschema would bring second versions of three crates into the workspace.

mod broken;
mod check;
mod rules;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use serde_json::Value;
use thiserror::Error;

pub use broken::Broken;

/// Reading the CRDs failed.
#[derive(Debug, Error)]
pub enum SchemaError {
    #[error("reading the CRDs in {}", .0.display())]
    Read(PathBuf, #[source] std::io::Error),
    #[error("reading the CRD {}", .0.display())]
    Parse(PathBuf, #[source] serde_yaml::Error),
    /// A rule or a word that this program does not know would let through what the API server refuses.
    #[error("the CRD {} has what is not checked here: {what}", .path.display())]
    Unknown { path: PathBuf, what: String },
}

/// (apiVersion, kind) -> schema
#[derive(Debug, Default)]
pub struct Schemas(Table);

impl Schemas {
    /// Adds every CRD of a folder.
    ///
    /// # Errors
    /// A file cannot be read or is no CRD.
    pub fn load(&mut self, folder: &Path) -> Result<(), SchemaError> {
        let read = |e| SchemaError::Read(folder.to_owned(), e);
        for entry in std::fs::read_dir(folder).map_err(read)? {
            let path = entry.map_err(read)?.path();
            let text = std::fs::read_to_string(&path).map_err(|e| SchemaError::Read(path.clone(), e))?;
            for document in serde_yaml::Deserializer::from_str(&text) {
                let crd = Value::deserialize(document).map_err(|e| SchemaError::Parse(path.clone(), e))?;
                for schema in add(&mut self.0, &crd) {
                    let unknown = |what| SchemaError::Unknown { path: path.clone(), what };
                    check::is_known(schema).map_err(unknown)?;
                }
            }
        }
        Ok(())
    }

    /// Fills in defaults. Errors: why the API server would refuse the object.
    pub fn admit(&self, object: &mut Value) -> Result<(), String> {
        let text = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
        let Some(schema) = self.0.get(&(text("apiVersion"), text("kind"))) else { return Ok(()) };
        fill(schema, object);
        check::check(schema, object, "")
    }

    /// An object without what its schema does not know.
    pub fn pruned(&self, object: &Value) -> Value {
        let text = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
        let Some(schema) = self.0.get(&(text("apiVersion"), text("kind"))) else { return object.clone() };
        let mut pruned = object.clone();
        prune(&schema["properties"]["spec"], &mut pruned["spec"]);
        pruned
    }

    /// Objects that are `sample` with one thing changed that its schema speaks of: values at and beyond each bound, of other types,
    /// missing.
    pub fn broken(&self, sample: &Value) -> Vec<Broken> {
        let text = |field: &str| sample[field].as_str().unwrap_or_default().to_owned();
        let schema = self.0.get(&(text("apiVersion"), text("kind")));
        schema.map_or_else(Vec::new, |schema| broken::all(&schema["properties"]["spec"], sample))
    }
}

type Table = BTreeMap<(String, String), Value>;

/// Adds a CRD. Gives the schemas of its versions as far as users write objects of them.
fn add<'a>(all: &mut Table, crd: &'a Value) -> Vec<&'a Value> {
    let mut added = Vec::new();
    let (spec, kind) = (&crd["spec"], crd["spec"]["names"]["kind"].as_str().unwrap_or_default());
    for version in spec["versions"].as_array().into_iter().flatten() {
        let group = spec["group"].as_str().unwrap_or_default();
        let api = format!("{group}/{}", version["name"].as_str().unwrap_or_default());
        let schema = &version["schema"]["openAPIV3Schema"];
        all.insert((api, kind.to_owned()), schema.clone());
        added.push(&schema["properties"]["spec"]);
    }
    added
}

fn prune(schema: &Value, value: &mut Value) {
    if let (Some(properties), Some(object)) = (schema["properties"].as_object(), value.as_object_mut()) {
        object.retain(|name, _| properties.contains_key(name));
        object.iter_mut().for_each(|(name, child)| prune(&properties[name], child));
    }
    value.as_array_mut().into_iter().flatten().for_each(|item| prune(&schema["items"], item));
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
