//! The control plane: etcd, kube-apiserver and MetalLB's controller, in a namespace that has a loopback interface only.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures::future::try_join_all;
use routeproof_model::cluster::{self, API_PORT, Install, Program, WEBHOOK_PORT, Webhooks, namespace};
use routeproof_model::diag::Source;
use routeproof_model::metallb::{METALLB_NAMESPACE, NodeInfo, encode_base64};
use routeproof_model::yaml;
use serde_json::Value;

use super::api::Api;
use super::client::Client;
use super::credentials::Secrets;
use super::error::ClusterError;
use super::programs::ProgramSet;
use super::relay::Relay;
use crate::daemons::Daemons;
use crate::lab::{Command, NodeHandle};
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
    /// For what users do.
    pub client: Client,
    secrets: Secrets,
    programs: ProgramSet,
}

impl Plane {
    /// Starts the programs, one after the other as they need each other, and installs MetalLB. Their logs go to `folder`.
    pub async fn start(
        node: &NodeHandle,
        programs: ProgramSet,
        members: impl IntoIterator<Item = &NodeInfo>,
        folder: &Path,
    ) -> Result<Plane, ClusterError> {
        let secrets = Secrets::new()?;
        secrets.write(node).await?;
        let running = Daemons::new(node, folder);
        let client = Client { api: Api::new(node, &secrets) };
        let mut plane = Plane { node: node.clone(), running, client, secrets, programs };
        let (etcd, server) = (plane.programs.etcd.clone(), plane.programs.api_server.clone());
        plane.launch(cluster::etcd(), etcd).await?;
        plane.launch(cluster::api_server(), server).await?;
        plane.until("the API server's /readyz", || async { plane.client.api.ready().await }).await?;
        plane.install(members).await?;
        Ok(plane)
    }

    async fn launch(&mut self, program: Program, file: Arc<OwnedFd>) -> Result<(), ClusterError> {
        let argv = std::iter::once(program.name.to_string()).chain(program.arguments);
        let command = Command { program: Some(file), ..Command::new(argv).envs(&program.environment) };
        Ok(self.running.start(program.name, &command).await?)
    }

    /// Waits until `look` finds nothing amiss, or a program has ended.
    async fn until<F>(&self, what: &str, look: impl Fn() -> F) -> Result<(), ClusterError>
    where
        F: Future<Output = Result<(), String>>,
    {
        let probe = || async {
            if let Err(dead) = self.running.check_started() {
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

    async fn install(&mut self, members: impl IntoIterator<Item = &NodeInfo>) -> Result<(), ClusterError> {
        let install = self.manifest()?;
        self.client.apply_own(&namespace(METALLB_NAMESPACE)).await?;
        let mut own = install.definitions.clone();
        own.push(cluster::pod("controller", None));
        for NodeInfo { name, labels } in members {
            own.push(cluster::node(name, labels));
            own.push(cluster::pod(&pod(name), Some(name)));
        }
        try_join_all(own.iter().map(|object| self.client.apply_own(object))).await?;
        self.until("MetalLB's resource definitions", || self.established(&install.definitions)).await?;
        let controller = self.programs.controller.clone();
        self.launch(cluster::controller(), controller).await?;
        self.until("MetalLB's webhooks", || self.listens(WEBHOOK_PORT)).await?;
        try_join_all(install.webhooks.iter().map(|hook| self.client.apply_own(hook))).await?;
        Ok(())
    }

    /// What the release's manifest has to install.
    fn manifest(&self) -> Result<Install, ClusterError> {
        let webhooks = Webhooks {
            url: format!("https://127.0.0.1:{WEBHOOK_PORT}"),
            ca_bundle: encode_base64(self.secrets.certificate.as_bytes()),
        };
        Ok(Install::of(read_manifest(&self.programs.manifest)?, &webhooks))
    }

    async fn established(&self, definitions: &[Value]) -> Result<(), String> {
        for definition in definitions {
            self.client.established(definition).await?;
        }
        Ok(())
    }

    async fn listens(&self, port: u16) -> Result<(), String> {
        let at = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
        tcp_connect(&self.node, None, at).await.map(drop).map_err(|e| e.to_string())
    }

    /// Lets a node's programs reach the API server at the node's own loopback interface.
    pub(super) async fn reachable_from(&self, node: &NodeHandle) -> Result<Relay, ClusterError> {
        self.secrets.write_kubeconfig(node).await?;
        Ok(Relay::start(node, &self.node, API_PORT).await?)
    }

    /// How a node's speaker is started.
    pub(super) fn speaker(&self, node: &str) -> (Program, Arc<OwnedFd>) {
        (cluster::speaker(node, &pod(node)), self.programs.speaker.clone())
    }

    /// An error if a program has ended.
    pub fn check_alive(&self) -> Result<(), ClusterError> {
        Ok(self.running.check_alive()?)
    }
}

fn pod(node: &str) -> String {
    format!("speaker-{node}")
}

/// The documents of a release's manifest.
pub fn read_manifest(path: &Path) -> Result<Vec<Value>, ClusterError> {
    let failed = |e: &dyn std::fmt::Display| ClusterError::Manifest(format!("{}: {e}", path.display()));
    let bytes = std::fs::read(path).map_err(|e| failed(&e))?;
    let source = Source::from_bytes(path, bytes).map_err(|e| failed(&e))?;
    let documents = yaml::documents(&source).map_err(|e| failed(&e))?;
    let documents = documents.iter().map(yaml::Document::parse::<Value>);
    documents.collect::<Result<Vec<_>, _>>().map_err(|e| failed(&e))
}
