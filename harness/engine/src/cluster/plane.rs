//! The control plane: etcd, kube-apiserver and MetalLB's controller, in a namespace that has a loopback interface only, and in frr-k8s
//! mode the webhooks of frr-k8s.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;
use routeproof_model::cluster::{self, API_PORT, Install, Program, WEBHOOK_PORT, Webhooks, namespace};
use routeproof_model::metallb::{Generation, METALLB_NAMESPACE, Mode, NodeInfo, encode_base64};
use serde_json::Value;

use super::api::Api;
use super::client::Client;
use super::credentials::Secrets;
use super::error::ClusterError;
use super::frr_k8s::{self, FrrK8sWebhooks, WEBHOOKS};
use super::programs::ProgramSet;
use super::relay::Relay;
use crate::daemons::Daemons;
use crate::lab::{Command, Lab, NodeHandle};
use crate::probe::socket::tcp_connect;
use crate::wait::{self, Probe};

/// The lab's node that it runs in. No topology can have one of this name.
pub const PLANE: &str = ".cluster";

/// The API server needs some 5 s of a processor before it answers.
const START_LIMIT: Duration = Duration::from_secs(120);
const LOOK: Duration = Duration::from_millis(100);

/// A control plane that is up; its programs end with the lab.
#[derive(Debug)]
pub struct Plane {
    node: NodeHandle,
    running: Daemons,
    frr_k8s: Option<FrrK8sWebhooks>,
    /// For what users do.
    pub client: Client,
    secrets: Secrets,
    programs: ProgramSet,
}

impl Plane {
    /// Starts the programs, one after the other as they need each other, and installs MetalLB. Their logs go to `folder`.
    pub async fn start(
        lab: &Lab,
        programs: ProgramSet,
        members: impl IntoIterator<Item = &NodeInfo>,
        folder: &Path,
    ) -> Result<Plane, ClusterError> {
        let node = place(lab, PLANE)?;
        let secrets = Secrets::new()?;
        secrets.write(node).await?;
        let running = Daemons::new(node, folder);
        let client =
            Client { api: Api::new(node, &secrets), endpoints: programs.generation == Generation::V0_12 };
        let mut plane = Plane { node: node.clone(), running, frr_k8s: None, client, secrets, programs };
        let (etcd, server) = (plane.programs.etcd.clone(), plane.programs.api_server.clone());
        start(&mut plane.running, cluster::etcd(), etcd).await?;
        start(&mut plane.running, cluster::api_server(), server).await?;
        plane.until("the API server's /readyz", || async { plane.client.api.ready().await }).await?;
        plane.install(lab, members, folder).await?;
        Ok(plane)
    }

    /// Waits until `look` finds nothing amiss, or a program has ended.
    async fn until<F>(&self, what: &str, look: impl Fn() -> F) -> Result<(), ClusterError>
    where
        F: Future<Output = Result<(), String>>,
    {
        let probe = || async {
            if let Some(dead) = self.running().find_map(|running| running.check_started().err()) {
                return Probe::Done(Err(dead));
            }
            match look().await {
                Ok(()) => Probe::Done(Ok(())),
                Err(status) => Probe::NotYet(status),
            }
        };
        let done = wait::until(what, START_LIMIT, LOOK, probe, wait::no_events).await;
        Ok(done.map_err(ClusterError::NotReady)??)
    }

    fn running(&self) -> impl Iterator<Item = &Daemons> {
        std::iter::once(&self.running).chain(self.frr_k8s.as_ref().map(|webhooks| &webhooks.running))
    }

    async fn install(
        &mut self,
        lab: &Lab,
        members: impl IntoIterator<Item = &NodeInfo>,
        folder: &Path,
    ) -> Result<(), ClusterError> {
        let install = Install::of(self.programs.manifest.clone(), &self.webhooks());
        self.client.apply_own(&namespace(METALLB_NAMESPACE)).await?;
        let mut own = install.definitions.clone();
        own.push(cluster::pod("controller", None));
        for NodeInfo { name, labels } in members {
            own.push(cluster::node(name, labels));
            own.push(cluster::pod(&pod(name), Some(name)));
            own.extend(self.programs.frr_k8s.as_ref().map(|set| set.manifest.pod(name)));
        }
        try_join_all(own.iter().map(|object| self.client.apply_own(object))).await?;
        self.until("the resource definitions", || self.established(&install.definitions)).await?;
        let controller = self.programs.controller.clone();
        start(
            &mut self.running,
            cluster::controller(self.programs.generation, self.programs.mode),
            controller,
        )
        .await?;
        if let Some(set) = &self.programs.frr_k8s {
            let (node, with) = (place(lab, WEBHOOKS)?, (set, &self.secrets));
            self.frr_k8s = Some(FrrK8sWebhooks::start(node, &self.node, with, folder).await?);
        }
        // v0.12 has none.
        if !install.webhooks.is_empty() {
            self.until("MetalLB's webhooks", || connects(&self.node, WEBHOOK_PORT)).await?;
        }
        if let Some(webhooks) = &self.frr_k8s {
            self.until("frr-k8s's webhooks", || webhooks.listen()).await?;
        }
        try_join_all(install.webhooks.iter().map(|hook| self.client.apply_own(hook))).await?;
        Ok(())
    }

    /// Where the API server reaches webhooks.
    fn webhooks(&self) -> Webhooks {
        let url = |port: u16| format!("https://127.0.0.1:{port}");
        let others =
            self.programs.frr_k8s.iter().map(|set| (set.manifest.service.clone(), url(frr_k8s::PORT)));
        Webhooks {
            url: url(WEBHOOK_PORT),
            others: BTreeMap::from_iter(others),
            ca_bundle: encode_base64(self.secrets.certificate.as_bytes()),
        }
    }

    async fn established(&self, definitions: &[Value]) -> Result<(), String> {
        for definition in definitions {
            self.client.established(definition).await?;
        }
        Ok(())
    }

    /// Lets a node's programs reach the API server at the node's own loopback interface.
    pub(super) async fn reachable_from(&self, node: &NodeHandle) -> Result<Relay, ClusterError> {
        self.secrets.write_kubeconfig(node).await?;
        Ok(Relay::start((node, API_PORT), (&self.node, API_PORT)).await?)
    }

    pub(super) fn generation(&self) -> Generation {
        self.programs.generation
    }

    pub(super) fn mode(&self) -> Mode {
        self.programs.mode
    }

    /// How a node's speaker is started.
    pub(super) fn speaker(&self, node: &str) -> (Program, Arc<OwnedFd>) {
        (
            cluster::speaker(node, &pod(node), self.programs.generation, self.programs.mode),
            self.programs.speaker.clone(),
        )
    }

    /// How a node's frr-k8s is started, in the mode that has one.
    pub(super) fn frr_k8s(&self, node: &str) -> Option<(Program, Arc<OwnedFd>)> {
        let set = self.programs.frr_k8s.as_ref()?;
        Some((set.manifest.daemon(node), set.daemon.clone()))
    }

    /// An error if a program has ended.
    pub fn check_alive(&self) -> Result<(), ClusterError> {
        Ok(self.running().try_for_each(Daemons::check_alive)?)
    }
}

fn pod(node: &str) -> String {
    format!("speaker-{node}")
}

fn place<'a>(lab: &'a Lab, name: &'static str) -> Result<&'a NodeHandle, ClusterError> {
    lab.node(name).ok_or(ClusterError::NoPlace(name))
}

/// Starts a program of an open file.
pub(super) async fn start(
    running: &mut Daemons,
    program: Program,
    file: Arc<OwnedFd>,
) -> Result<(), ClusterError> {
    let argv = std::iter::once(program.name.to_string()).chain(program.arguments);
    let command = Command { program: Some(file), ..Command::new(argv).envs(&program.environment) };
    Ok(running.start(program.name, &command).await?)
}

/// Whether somebody listens on a port of a node's loopback interface.
pub(super) async fn connects(node: &NodeHandle, port: u16) -> Result<(), String> {
    let at = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
    tcp_connect(node, None, at).await.map(drop).map_err(|e| e.to_string())
}
