//! frr-k8s's webhooks. They have a node of their own: up to v0.0.16 they listen on the port of those of MetalLB's controller, and cannot
//! be told another.

use std::path::Path;

use routeproof_model::cluster::{API_PORT, Program};

use super::credentials::Secrets;
use super::error::ClusterError;
use super::plane::{connects, start};
use super::programs::FrrK8sSet;
use super::relay::Relay;
use crate::daemons::Daemons;
use crate::lab::NodeHandle;

/// The lab's node that they run in, in frr-k8s mode. No topology can have one of this name.
pub const WEBHOOKS: &str = ".webhooks";

/// Where the API server reaches them, on the control plane's loopback interface.
pub(super) const PORT: u16 = 19443;

#[derive(Debug)]
pub(super) struct FrrK8sWebhooks {
    node: NodeHandle,
    pub running: Daemons,
    port: u16,
    _relays: [Relay; 2],
}

impl FrrK8sWebhooks {
    /// Starts them on a node, for the API server on `plane`.
    pub async fn start(
        node: &NodeHandle,
        plane: &NodeHandle,
        (set, secrets): (&FrrK8sSet, &Secrets),
        folder: &Path,
    ) -> Result<FrrK8sWebhooks, ClusterError> {
        secrets.write(node).await?;
        let port = set.manifest.webhook_port;
        let to_api = Relay::start((node, API_PORT), (plane, API_PORT)).await?;
        let from_api = Relay::start((plane, PORT), (node, port)).await?;
        let mut running = Daemons::new(node, folder);
        let program: Program = set.manifest.webhooks();
        start(&mut running, program, set.webhooks.clone()).await?;
        Ok(FrrK8sWebhooks { node: node.clone(), running, port, _relays: [to_api, from_api] })
    }

    /// Whether they answer, or how they are instead.
    pub async fn listen(&self) -> Result<(), String> {
        connects(&self.node, self.port).await
    }
}
