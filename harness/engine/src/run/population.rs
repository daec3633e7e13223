//! Services of clusters with a real API server: pods that no manifest tells of, and the addresses that MetalLB's controller gives.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use routeproof_model::metallb::ObjectId;

use super::error::RunError;
use crate::cluster::Client;
use crate::wait::{self, Probe};

/// How long the controller may take over a Service.
const ALLOCATION: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(50);

/// Services whose pods no manifest tells of.
#[derive(Debug, Default)]
pub(super) struct Population(BTreeSet<ObjectId>);

impl Population {
    /// Gives Services whose pods no manifest tells of pods on all nodes, as they count in rendered clusters.
    pub async fn populate(
        &mut self,
        client: &Client,
        services: BTreeSet<ObjectId>,
        nodes: impl Iterator<Item = &String> + Clone,
    ) -> Result<(), RunError> {
        for new in services.difference(&self.0) {
            client.populate(&new.namespace, &new.name, nodes.clone()).await?;
        }
        for old in self.0.difference(&services) {
            client.depopulate(&old.namespace, &old.name).await?;
        }
        self.0 = services;
        Ok(())
    }
}

/// Waits until the controller has given every Service the addresses that we gave it. Where it gives others, that is worth a note: what
/// is asked of Services, and of kube-proxy where we play it, is about ours.
pub(super) async fn allocate<'a>(
    client: &Client,
    ours: impl Iterator<Item = (&'a ObjectId, &'a [IpAddr])>,
) -> Result<Vec<String>, RunError> {
    let mut notes = Vec::new();
    for (id, ours) in ours {
        let look = || async {
            match client.addresses_of(&id.namespace, &id.name).await {
                Ok(theirs) if theirs == ours => Probe::Done(Ok(())),
                Ok(theirs) => Probe::NotYet(format!("the controller gave {theirs:?}, routeproof {ours:?}")),
                Err(e) => Probe::Done(Err(e)),
            }
        };
        match wait::until("the same addresses", ALLOCATION, LOOK, look, wait::no_events).await {
            Ok(done) => done?,
            Err(e) => notes.push(format!("Service {}: {}", id.key(), e.last)),
        }
    }
    Ok(notes)
}
