//! What stands behind a lab: namespaces or containers, and who makes FRR's configurations.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use routeproof_model::plan::PlannedRun;
use routeproof_model::profile::{Router, Stand};
use routeproof_model::topology::{self, Role};

use super::error::RunError;
use super::lab_spec::sysctls;
use super::node::must_run;
use crate::cluster::Programs;
use crate::containers::{Containers, Settings};
use crate::event::Events;
use crate::lab::{Command, Lab, LabSpec, NodeHandle};

/// The name is that of the UTS namespace of whoever writes the file (proc_sys_kernel(5)): so it is written by a process of the node.
const RENAME: &str = "printf %s \"$1\" >/proc/sys/kernel/hostname";

/// What FRR's own start scripts would do in a router's container before daemons start; an image of another router has no such user.
const PREPARE: &str =
    "mkdir -p /run/frr /var/tmp/frr && { chown frr:frr /run/frr /var/tmp/frr 2>/dev/null || :; }";

/// How a run's cluster and routers are made.
#[derive(Clone, Debug, Default)]
pub enum Backing {
    /// Namespaces; routeproof renders what MetalLB would.
    #[default]
    Rendered,
    /// Namespaces; MetalLB's real speakers with a real control plane, by the programs of a folder.
    Speakers(Programs),
    /// Containers of a Docker engine, and a kind cluster with MetalLB.
    Containers(Settings),
}

impl Backing {
    pub fn programs(&self) -> Option<&Programs> {
        match self {
            Backing::Speakers(programs) => Some(programs),
            Backing::Rendered | Backing::Containers(_) => None,
        }
    }

    pub fn is_containers(&self) -> bool {
        matches!(self, Backing::Containers(_))
    }

    pub fn stand(&self) -> Stand {
        if self.is_containers() { Stand::Containers } else { Stand::Namespaces }
    }
}

/// What a lab stands on and does not take along when it ends.
#[derive(Debug)]
pub(super) struct Ground {
    containers: Option<Arc<Containers>>,
    events: Events,
}

impl Ground {
    pub fn of(backing: &Backing, events: &Events) -> Result<Ground, RunError> {
        let containers = match backing {
            Backing::Containers(_) if !nix::unistd::geteuid().is_root() => {
                let detail =
                    "labs in containers enter the namespaces of containers, which only root may".to_string();
                return Err(RunError::Missing { capability: "root".to_string(), detail });
            }
            Backing::Containers(settings) => Some(Arc::new(Containers::new(settings)?)),
            Backing::Rendered | Backing::Speakers(_) => None,
        };
        Ok(Ground { containers, events: events.clone() })
    }

    pub fn containers(&self) -> Option<&Arc<Containers>> {
        self.containers.as_ref()
    }

    /// Builds the lab.
    pub async fn lab(&mut self, spec: LabSpec, run: &PlannedRun, folder: &Path) -> Result<Lab, RunError> {
        let log = folder.join("lab.log");
        let Some(containers) = self.containers.as_mut().and_then(Arc::get_mut) else {
            return Ok(Lab::boot(spec, &log).await?);
        };
        super::kind::check(run)?;
        let started = containers.start(run, |node: &topology::Node| sysctls(node), folder).await?;
        for (node, attached) in spec.nodes.iter().zip(&started.nodes) {
            // Its own programs are in charge there.
            if run.routers.get(&node.name).is_some_and(Router::is_of_containerlab) {
                continue;
            }
            let prepare = match run.topology.node(&node.name).map(|node| node.role) {
                // FRR's configuration has the name in it, and kind calls the container otherwise.
                Some(Role::ClusterNode) => Command::new(["sh", "-c", RENAME, "sh", &node.name]),
                _ => Command::new(["sh", "-c", PREPARE]),
            };
            must_run(&attached.handle, &Command { confined: false, ..prepare }).await?;
            for (from, to) in &node.files {
                copy_in(&attached.handle, from, to).await?;
            }
        }
        Ok(Lab::join(spec, started.nodes, started.patch, &log).await?)
    }

    /// Removes it. What cannot be removed now, `routeproof sweep` finds by its name.
    pub async fn remove(&self) {
        if let Some(containers) = &self.containers
            && let Err(e) = containers.remove().await
        {
            let line = RunError::from(e).line();
            self.events.warn(format!(
                "the lab's containers are not all gone: {line}; `routeproof sweep` removes them"
            ));
        }
    }

    /// Keeps what the routers' containers have printed.
    pub async fn keep_outputs(&self) {
        if let Some(containers) = &self.containers {
            containers.keep_outputs().await;
        }
    }

    /// Keeps what may say why it did not come up.
    pub async fn keep_logs(&self, folder: &Path) {
        if let Some(containers) = &self.containers {
            containers.export_logs(folder).await;
        }
    }
}

/// A host file, or a folder with all that is in it, as a node's own. As in embedded labs, a link in a folder is what it points to if that
/// is a plain file, and nothing else is followed.
async fn copy_in(node: &NodeHandle, from: &Path, to: &Path) -> Result<(), RunError> {
    let mut left = vec![(from.to_path_buf(), to.to_path_buf())];
    while let Some((from, to)) = left.pop() {
        let unreadable = |source| RunError::Read { path: from.clone(), source };
        if std::fs::symlink_metadata(&from).map_err(unreadable)?.is_dir() {
            for entry in std::fs::read_dir(&from).map_err(unreadable)? {
                let entry = entry.map_err(unreadable)?;
                left.push((entry.path(), to.join(entry.file_name())));
            }
            continue;
        }
        let meta = std::fs::metadata(&from).map_err(unreadable)?;
        if !meta.is_file() {
            let kind = std::io::Error::new(std::io::ErrorKind::InvalidInput, "not a file or a folder");
            return Err(unreadable(kind));
        }
        let content = std::fs::read(&from).map_err(unreadable)?;
        node.write(&to.to_string_lossy(), meta.permissions().mode() & 0o777 | 0o600, &content).await?;
    }
    Ok(())
}
