//! frr-k8s's side: the real frr-k8s of a node against the stand-in API, until its frr.conf has settled.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::sync::watch;

use crate::api::Api;
use crate::ours::NODE;
use crate::process::{Home, Trouble, io, spawn};
use crate::settle::{Follow, Heard, Settled};

/// How to run a release's frr-k8s.
#[derive(Clone, Debug)]
pub struct FrrK8s {
    pub binary: PathBuf,
    /// Its usage: which options it has differs.
    pub usage: String,
    pub reloads: watch::Receiver<u64>,
    pub log: bool,
}

impl FrrK8s {
    /// The frr.conf that it writes for the FRRConfigurations among the objects.
    ///
    /// # Errors
    /// [`Trouble`]: nothing can be said of this case.
    pub async fn answer(&self, objects: &[Value]) -> Result<Settled, Trouble> {
        let api = Api::serve(objects).await.map_err(io("opening the API's port"))?;
        let home = Home::new(&api)?;
        let mut command = home.command(&self.binary, self.log)?;
        command.arg("--namespace=metallb-system").arg(format!("--node-name={NODE}"));
        let wanted = [
            ("metrics-bind-address", "0"),
            ("health-probe-bind-address", "0"),
            ("bgp-debounce-timeout", "1000"),
        ];
        for (option, value) in wanted.iter().filter(|(option, _)| self.usage.contains(option)) {
            command.arg(format!("--{option}={value}"));
        }
        let child = spawn(&mut command)?;
        let read = || std::fs::read_to_string(home.path("frr.conf")).ok();
        let follow = Follow {
            program: "frr-k8s",
            read: &read,
            news: self.reloads.clone(),
            heard,
            may_be_silent: false,
            print: self.log,
        };
        follow.run(child, &home).await
    }
}

/// What a program says to `--help`.
///
/// # Errors
/// It does not start.
pub fn usage(binary: &Path) -> std::io::Result<String> {
    let mut command = std::process::Command::new(binary);
    #[allow(clippy::disallowed_methods, reason = "a test tool of its own: the engine's exec knows labs only")]
    let said = command.arg("--help").output()?;
    Ok(String::from_utf8_lossy(&said.stderr).into_owned())
}

fn heard(entry: &Value) -> Heard {
    if entry["controller"] != "FRRConfigurationReconciler" {
        return Heard::Nothing;
    }
    let refused = ["failed to convert the config, error", "failed to apply the config, error"];
    let reason = refused.iter().find_map(|key| entry.get(*key)).or(entry.get("error"));
    match reason {
        Some(reason) => Heard::Refused(reason.as_str().map_or_else(|| reason.to_string(), str::to_owned)),
        None if entry.get("end reconcile").is_some() => Heard::Loaded,
        None => Heard::Activity,
    }
}
