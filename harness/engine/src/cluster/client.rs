//! What users do with a cluster, real or of single programs: objects come and go, Services get addresses.

use std::collections::BTreeSet;
use std::net::IpAddr;

use routeproof_model::cluster::{self, allocated, namespace, with_defaults};
use routeproof_model::metallb::METALLB_NAMESPACE;
use serde_json::Value;

use super::api::Api;
use super::error::ClusterError;

/// Who applies what the cluster itself has, and who what manifests say.
const CLUSTER: &str = "routeproof-cluster";
const USER: &str = "routeproof";

#[derive(Clone, Debug)]
pub struct Client {
    pub api: Api,
    /// Whether Services get Endpoints, too, which something in the cluster reads.
    pub endpoints: bool,
}

impl Client {
    /// Applies what is not of a user's manifest.
    pub async fn apply_own(&self, object: &Value) -> Result<(), ClusterError> {
        self.api.apply(object, CLUSTER).await
    }

    /// Applies the objects of a manifest's documents, one after the other; a namespace that is not there is made.
    pub async fn apply(&self, documents: Vec<Value>) -> Result<(), ClusterError> {
        let mut made = BTreeSet::from(["default".to_string(), METALLB_NAMESPACE.to_string()]);
        for object in documents.into_iter().flat_map(with_defaults) {
            if let Some(name) = object["metadata"]["namespace"].as_str()
                && made.insert(name.to_string())
            {
                self.apply_own(&namespace(name)).await?;
            }
            self.api.apply(&object, USER).await?;
            self.mirror(&object).await?;
        }
        Ok(())
    }

    /// Makes the Endpoints of the Service of an EndpointSlice that was applied or deleted: there is no controller that would.
    async fn mirror(&self, slice: &Value) -> Result<(), ClusterError> {
        let metadata = &slice["metadata"];
        let (Some(namespace), Some(service)) =
            (metadata["namespace"].as_str(), metadata["labels"][cluster::OF_SERVICE].as_str())
        else {
            return Ok(());
        };
        if !self.endpoints || slice["kind"] != "EndpointSlice" {
            return Ok(());
        }
        let slices = self.api.list(slice, &format!("{}={service}", cluster::OF_SERVICE)).await?;
        self.apply_own(&cluster::endpoints(namespace, service, &slices)).await
    }

    /// Deletes the objects of a manifest's documents.
    pub async fn delete(&self, documents: Vec<Value>) -> Result<(), ClusterError> {
        for object in documents.into_iter().flat_map(with_defaults) {
            self.api.delete(&object).await?;
            self.mirror(&object).await?;
        }
        Ok(())
    }

    /// Whether the server serves what a resource definition defines, or how it is instead.
    pub async fn established(&self, definition: &Value) -> Result<(), String> {
        let found = self.api.get(definition).await.map_err(|e| e.to_string())?;
        match condition(&found, "Established") {
            Some("True") => Ok(()),
            _ => Err(format!("{} is not established", definition["metadata"]["name"])),
        }
    }

    /// Gives a Service a pod on each node, as far as speakers can see.
    pub async fn populate<'a>(
        &self,
        namespace: &str,
        service: &str,
        nodes: impl Iterator<Item = &'a String>,
    ) -> Result<(), ClusterError> {
        let slice = cluster::pods_everywhere(namespace, service, nodes);
        self.apply_own(&slice).await?;
        self.mirror(&slice).await
    }

    /// Takes these pods away.
    pub async fn depopulate(&self, namespace: &str, service: &str) -> Result<(), ClusterError> {
        let slice = cluster::pods_everywhere(namespace, service, std::iter::empty());
        self.api.delete(&slice).await?;
        self.mirror(&slice).await
    }

    /// The addresses that the controller has given to a Service.
    pub async fn addresses_of(&self, namespace: &str, name: &str) -> Result<Vec<IpAddr>, ClusterError> {
        Ok(allocated(&self.api.get(&cluster::service(namespace, name)).await?))
    }
}

/// A condition of an object's status.
pub(super) fn condition<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    let conditions = object["status"]["conditions"].as_array()?;
    conditions.iter().find(|c| c["type"] == name)?["status"].as_str()
}
