//! Starting MetalLB's and frr-k8s's programs against the stand-in API.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use serde_json::json;
use tempfile::TempDir;
use thiserror::Error;
use tokio::process::{Child, Command};

use crate::api::Api;

/// A program gives no answer to a case in this time: the case is inconclusive.
pub const PATIENCE: Duration = Duration::from_secs(60);

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
    #[error("{program} ended: {said}")]
    Ended { program: &'static str, said: String },
    #[error("{program} gave no answer within {n} s; its last words: {said}", n = PATIENCE.as_secs())]
    Slow { program: &'static str, said: String },
}

/// Names what was tried.
pub fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Trouble {
    |source| Trouble::Io { what: what.into(), source }
}

/// A program's folder, with what it reads there.
#[derive(Debug)]
pub struct Home {
    folder: TempDir,
    pub kubeconfig: PathBuf,
}

impl Home {
    pub fn new(api: &Api) -> Result<Self, Trouble> {
        let folder = tempfile::tempdir().map_err(io("making a folder for a program"))?;
        let home = Self { kubeconfig: folder.path().join("kubeconfig"), folder };
        home.write("kubeconfig", &kubeconfig(api))?;
        // FRR's reloader is this process.
        home.write("reloader.pid", &std::process::id().to_string())?;
        Ok(home)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), Trouble> {
        let path = self.path(name);
        std::fs::write(&path, text).map_err(io(format!("writing {}", path.display())))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What the program said on standard error.
    pub fn errors(&self) -> String {
        std::fs::read_to_string(self.path("stderr")).unwrap_or_default()
    }

    /// A command with the environment that all programs need. It writes to `frr.conf` here.
    pub fn command(&self, binary: &Path, log: bool) -> Result<Command, Trouble> {
        let errors = self.path("stderr");
        let errors = std::fs::File::create(&errors).map_err(io(format!("writing {}", errors.display())))?;
        let mut command = Command::new(binary);
        command
            .env_clear()
            .env("KUBECONFIG", &self.kubeconfig)
            .env("METALLB_NAMESPACE", "metallb-system")
            .env("FRR_CONFIG_FILE", self.path("frr.conf"))
            .env("FRR_RELOADER_PID_FILE", self.path("reloader.pid"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(if log { Stdio::inherit() } else { errors.into() })
            .kill_on_drop(true);
        Ok(command)
    }
}

pub fn spawn(command: &mut Command) -> Result<Child, Trouble> {
    let name = command.as_std().get_program().display().to_string();
    #[allow(clippy::disallowed_methods, reason = "a test tool of its own: the engine's exec knows labs only")]
    command.spawn().map_err(io(format!("starting {name}")))
}

/// A port that no other program here listens on.
pub fn port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(20000);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// How a client finds the API.
pub fn kubeconfig(api: &Api) -> String {
    json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": format!("http://{}", api.address)}}],
        "users": [{"name": "c", "user": {}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}]})
    .to_string()
}
