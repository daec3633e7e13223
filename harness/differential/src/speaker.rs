//! MetalLB's side: a real speaker of a release against the stand-in API, until its frr.conf has settled.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use thiserror::Error;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::api::Api;
use crate::ours::NODE;
use crate::verdict::Verdict;

/// A speaker gives no answer to a case in this time: the case is inconclusive.
const PATIENCE: Duration = Duration::from_secs(60);
/// Longest debounce of MetalLB's FRR mode (3 s), and what a busy machine adds.
const DEBOUNCE: Duration = Duration::from_millis(4500);
/// No reconciler has said anything for so long: what is written is the last of it.
const QUIET: Duration = Duration::from_millis(400);

/// The case could not be judged.
#[derive(Debug, Error)]
pub enum Trouble {
    #[error("generating objects: {0}")]
    Generator(String),
    #[error("{what}")]
    Io {
        what: String,
        #[source]
        source: std::io::Error,
    },
    #[error("the controller's webhooks: {0}")]
    Webhooks(String),
    #[error("the speaker ended: {0}")]
    Ended(String),
    #[error("the speaker gave no answer within {n} s; its last words: {0}", n = PATIENCE.as_secs())]
    Slow(String),
}

/// Names what was tried.
pub fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Trouble {
    |source| Trouble::Io { what: what.into(), source }
}

/// How to run the speaker of a release.
#[derive(Clone, Debug)]
pub struct Speaker {
    pub binary: PathBuf,
    /// Changes whenever a speaker sends SIGHUP to its "reloader", which is this process.
    pub reloads: watch::Receiver<u64>,
    /// Print what the speaker says.
    pub log: bool,
}

impl Speaker {
    /// What the speaker makes of the objects.
    ///
    /// # Errors
    /// [`Trouble`]: nothing can be said of this case.
    pub async fn verdict(&self, objects: &[Value]) -> Result<Verdict, Trouble> {
        let folder = tempfile::tempdir().map_err(io("making a folder for frr.conf"))?;
        let mut all = objects.to_vec();
        all.push(json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "speaker", "namespace": "metallb-system"}, "spec": {"nodeName": NODE}}));
        // By it v0.13 sees that the cluster has EndpointSlices.
        all.push(json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": "kubernetes", "namespace": "default",
                         "labels": {"kubernetes.io/service-name": "kubernetes"}}, "endpoints": []}));
        let api = Api::serve(&all).await.map_err(io("opening the API's port"))?;
        let mut child = self.start(folder.path(), &api)?;
        let log = child.stdout.take().ok_or_else(|| Trouble::Ended("it has no output".to_owned()))?;
        let mut run = Run {
            conf: folder.path().join("frr.conf"),
            log: BufReader::new(log).lines(),
            reloads: self.reloads.clone(),
            print: self.log,
            loaded: false,
            last_activity: Instant::now(),
            last_words: String::new(),
        };
        let verdict = timeout(PATIENCE, run.settle()).await;
        // It has nothing to put in order. It may be gone already.
        let _ = child.kill().await;
        match verdict {
            Ok(Err(Trouble::Ended(log))) => {
                let stderr = std::fs::read_to_string(folder.path().join("stderr")).unwrap_or_default();
                Err(Trouble::Ended(format!("{log}\n{stderr}")))
            }
            Ok(answer) => answer,
            Err(_) => Err(Trouble::Slow(run.last_words.clone())),
        }
    }

    fn start(&self, folder: &Path, api: &Api) -> Result<Child, Trouble> {
        let write = |name: &str, text: String| {
            let path = folder.join(name);
            std::fs::write(&path, text).map_err(io(format!("writing {}", path.display()))).map(|()| path)
        };
        let config = write("kubeconfig", kubeconfig(api))?;
        let pid = write("reloader.pid", std::process::id().to_string())?;
        static PORT: AtomicU16 = AtomicU16::new(20000);
        let port = PORT.fetch_add(2, Ordering::Relaxed);
        let errors = folder.join("stderr");
        let errors = std::fs::File::create(&errors).map_err(io(format!("writing {}", errors.display())))?;
        let mut command = Command::new(&self.binary);
        command
            .arg(format!("--port={port}"))
            .args(self.log.then_some("--log-level=debug"))
            .env_clear()
            .env("KUBECONFIG", config)
            .env("METALLB_NODE_NAME", NODE)
            .env("METALLB_POD_NAME", "speaker")
            .env("METALLB_NAMESPACE", "metallb-system")
            .env("METALLB_HOST", "127.0.0.1")
            .env("METALLB_BGP_TYPE", "frr")
            .env("METALLB_BGP_DEBOUNCE_TIMEOUT", "1000")
            .env("FRR_CONFIG_FILE", folder.join("frr.conf"))
            .env("FRR_RELOADER_PID_FILE", pid)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(if self.log { Stdio::inherit() } else { errors.into() })
            .kill_on_drop(true);
        if self.binary.to_string_lossy().contains("v0.16") {
            command.arg(format!("--health-probe-port={}", port + 1));
        }
        #[allow(
            clippy::disallowed_methods,
            reason = "a test tool of its own: the engine's exec knows labs only"
        )]
        command.spawn().map_err(io(format!("starting {}", self.binary.display())))
    }
}

/// How a client finds the API.
pub fn kubeconfig(api: &Api) -> String {
    json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": format!("http://{}", api.address)}}],
        "users": [{"name": "c", "user": {}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}]})
    .to_string()
}

/// A running speaker, followed by its log and its reload signals.
struct Run {
    conf: PathBuf,
    log: Lines<BufReader<ChildStdout>>,
    reloads: watch::Receiver<u64>,
    print: bool,
    loaded: bool,
    last_activity: Instant,
    last_words: String,
}

impl Run {
    async fn settle(&mut self) -> Result<Verdict, Trouble> {
        let mut written: Option<String> = None;
        let mut written_at: Option<Instant> = None;
        loop {
            // What came after the last writing is written a debounce later, unless it changes nothing.
            let fresh = written_at.is_some_and(|at| at > self.last_activity);
            let until = self.last_activity + if fresh { QUIET } else { DEBOUNCE };
            tokio::select! {
                line = self.log.next_line() => match line.map_err(io("reading the speaker's log"))? {
                    Some(line) => if let Some(reason) = self.heard(&line) {
                        return Ok(Verdict::Refused(reason));
                    },
                    None => return Err(Trouble::Ended(self.last_words.clone())),
                },
                _ = self.reloads.changed() => {
                    let now = std::fs::read_to_string(&self.conf).ok();
                    if now.as_ref().is_some_and(|text| !text.is_empty()) && now != written {
                        written = now;
                        written_at = Some(Instant::now());
                    }
                }
                () = tokio::time::sleep_until(until), if self.loaded && written_at.is_some() => {
                    // Another speaker's signal may have come in the middle of writing: read once more.
                    return std::fs::read_to_string(&self.conf).map(Verdict::Conf).map_err(io("reading frr.conf"));
                }
            }
        }
    }

    /// Takes note of a line of the log; the reason, if the configuration is refused.
    fn heard(&mut self, line: &str) -> Option<String> {
        self.last_words = line.to_owned();
        if self.print {
            eprintln!("{line}");
        }
        let entry: Value = serde_json::from_str(line).ok()?;
        let controller = entry["controller"].as_str().unwrap_or_default();
        let activity = ["peerAdded", "updatedAdvertisements", "serviceAnnounced", "serviceWithdrawn"];
        if activity.iter().any(|a| entry["event"] == *a) || entry["event"] == "config reloaded" {
            self.last_activity = Instant::now();
        }
        if controller != "ConfigReconciler" {
            return None;
        }
        if entry["event"] == "config reloaded" {
            self.loaded = true;
        }
        let error = entry["level"] == "error" && entry.get("message").is_none();
        let text = entry["error"].as_str().or(entry["event"].as_str()).unwrap_or_default();
        error.then(|| text.to_owned())
    }
}
