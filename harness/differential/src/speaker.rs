//! MetalLB's side: a real speaker of a release against the stand-in API, until what it writes has settled.

use std::path::PathBuf;

use routeproof_model::metallb::{Generation, Mode, Release};
use serde_json::{Value, json};
use tokio::process::Child;
use tokio::sync::watch;

use crate::api::Api;
use crate::ours::NODE;
use crate::process::{Home, Trouble, io, port, spawn};
use crate::settle::{Follow, Heard, Settled};

/// Where a speaker in frr-k8s mode writes to.
const GENERATED: &str =
    "/apis/frrk8s.metallb.io/v1beta1/namespaces/metallb-system/frrconfigurations/metallb-worker";

/// How to run the speaker of a release.
#[derive(Clone, Debug)]
pub struct Speaker {
    pub binary: PathBuf,
    pub release: &'static Release,
    pub mode: Mode,
    /// Changes whenever a speaker sends SIGHUP to its "reloader", which is this process.
    pub reloads: watch::Receiver<u64>,
    /// Print what the speaker says.
    pub log: bool,
}

impl Speaker {
    /// What the speaker makes of the objects: frr.conf or, in frr-k8s mode, its FRRConfiguration as JSON.
    ///
    /// # Errors
    /// [`Trouble`]: nothing can be said of this case.
    pub async fn answer(&self, objects: &[Value]) -> Result<Settled, Trouble> {
        let api = Api::serve(&self.served(objects)).await.map_err(io("opening the API's port"))?;
        let home = Home::new(&api)?;
        let child = self.start(&home)?;
        let in_file = || std::fs::read_to_string(home.path("frr.conf")).ok();
        let in_api = || api.get(GENERATED).map(|o| o["spec"].to_string());
        let (read, news): (&(dyn Fn() -> _ + Sync), _) = match self.mode {
            Mode::Frr => (&in_file, self.reloads.clone()),
            Mode::FrrK8s => (&in_api, api.news()),
        };
        let follow = Follow {
            program: "the speaker",
            read,
            news,
            heard: if self.is_legacy() { heard_legacy } else { heard },
            may_be_silent: self.is_legacy() || self.mode == Mode::FrrK8s,
            print: self.log,
        };
        follow.run(child, &home).await
    }

    /// Configured by a ConfigMap.
    fn is_legacy(&self) -> bool {
        self.release.generation == Generation::V0_12
    }

    fn served(&self, objects: &[Value]) -> Vec<Value> {
        let mut all = objects.to_vec();
        all.push(json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "speaker", "namespace": "metallb-system"}, "spec": {"nodeName": NODE}}));
        // By it v0.13 sees that the cluster has EndpointSlices.
        all.push(json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": "kubernetes", "namespace": "default",
                         "labels": {"kubernetes.io/service-name": "kubernetes"}}, "endpoints": []}));
        if self.is_legacy() {
            all.iter_mut().for_each(with_topology);
        }
        all
    }

    fn start(&self, home: &Home) -> Result<Child, Trouble> {
        let mut command = home.command(&self.binary, self.log)?;
        command
            .arg(format!("--port={}", port()))
            .args(self.log.then_some("--log-level=debug"))
            .env("METALLB_NODE_NAME", NODE)
            .env("METALLB_POD_NAME", "speaker")
            .env("METALLB_HOST", "127.0.0.1")
            .env("METALLB_BGP_TYPE", self.mode.name())
            .env("METALLB_BGP_DEBOUNCE_TIMEOUT", "1000")
            .env("FRRK8S_NAMESPACE", "metallb-system");
        if self.is_legacy() {
            command.arg("--config=config").arg(format!("--kubeconfig={}", home.kubeconfig.display()));
        }
        if self.release.generation >= Generation::V0_16_0 {
            command.arg(format!("--health-probe-port={}", port()));
        }
        spawn(&mut command)
    }
}

/// In v1beta1 of EndpointSlice, which v0.12 reads, an endpoint's node is in its topology.
fn with_topology(object: &mut Value) {
    for endpoint in object["endpoints"].as_array_mut().into_iter().flatten() {
        if let Some(node) = endpoint.get("nodeName").cloned() {
            endpoint["topology"] = json!({"kubernetes.io/hostname": node});
        }
    }
}

fn is_activity(entry: &Value) -> bool {
    let activity = ["peerAdded", "updatedAdvertisements", "serviceAnnounced", "serviceWithdrawn"];
    activity.iter().any(|a| entry["event"] == *a)
}

fn heard(entry: &Value) -> Heard {
    let of_config = entry["controller"] == "ConfigReconciler";
    // Other messages are of trouble that passes.
    let is_final = entry["message"].as_str().is_none_or(|message| message.starts_with("failed to filter"));
    let error = entry["level"] == "error" && is_final;
    let text = entry["error"].as_str().or(entry["event"].as_str()).unwrap_or_default();
    match () {
        () if of_config && entry["event"] == "config reloaded" => Heard::Loaded,
        () if of_config && error => Heard::Refused(text.to_owned()),
        () if entry["event"] == "config reloaded" || is_activity(entry) => Heard::Activity,
        () => Heard::Nothing,
    }
}

/// v0.12.
fn heard_legacy(entry: &Value) -> Heard {
    match entry["event"].as_str() {
        Some("configLoaded") => Heard::Loaded,
        Some("configStale") => Heard::Refused(entry["error"].as_str().unwrap_or_default().to_owned()),
        _ if entry["error"] == "no MetalLB configuration in cluster" => Heard::Loaded,
        _ if is_activity(entry) => Heard::Activity,
        _ => Heard::Nothing,
    }
}
