//! A reload the way MetalLB's reloader does it: `frr-reload.py --test`, then `--reload --overwrite`.

use crate::lab::{Command, NodeHandle, Output};

use super::error::FrrError;

/// Where the speaker writes the file for the reloader.
const FILE: &str = "/etc/frr_reloader/frr.conf";
const SCRIPT: &str = "/usr/lib/frr/frr-reload.py";

/// What the two passes said.
#[derive(Clone, Debug)]
pub struct Reload {
    pub test: Output,
    /// `None` when the test pass failed: MetalLB then leaves the running configuration alone.
    pub reload: Option<Output>,
}

impl Reload {
    pub fn success(&self) -> bool {
        self.test.exit.success() && self.reload.as_ref().is_some_and(|r| r.exit.success())
    }

    /// Everything that was printed, in order.
    pub fn text(&self) -> String {
        let show = |name: &str, o: &Output| {
            format!("$ {SCRIPT} {name} {FILE}\n{}{}[{}]\n", o.stdout, o.stderr, o.exit)
        };
        let reload = self.reload.as_ref().map(|o| show("--reload --overwrite --stdout", o));
        show("--test --stdout", &self.test) + &reload.unwrap_or_default()
    }
}

/// Writes `conf` and reloads FRR with it.
pub async fn reload(node: &NodeHandle, conf: &str) -> Result<Reload, FrrError> {
    node.write(FILE, 0o600, conf.as_bytes()).await?;
    let run = async |mode: &[&str]| {
        let argv = [SCRIPT].into_iter().chain(mode.iter().copied()).chain(["--stdout", FILE]);
        node.output(&Command::new(argv)).await
    };
    let test = run(&["--test"]).await?;
    if !test.exit.success() {
        return Ok(Reload { test, reload: None });
    }
    let reload = run(&["--reload", "--overwrite"]).await?;
    Ok(Reload { test, reload: Some(reload) })
}
