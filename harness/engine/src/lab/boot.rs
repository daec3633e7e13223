//! Booting a lab and letting go of it.

use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::Duration;

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::process::Child;
use tokio::sync::watch;

use super::attach::Attached;
use super::error::LabError;
use super::node::NodeHandle;
use super::spec::{InitReport, LabSpec};
use super::{entry, nftables, rtnl, wire, xtables};

/// Microseconds from the init's start until each phase was done.
#[derive(Clone, Copy, Debug, Default)]
pub struct BootTimes {
    pub namespaces_us: u64,
    pub roots_us: u64,
    pub links_us: u64,
}

/// How much later than its sockets a node's death may be heard of.
const LATE: Duration = Duration::from_millis(100);

/// The end of a lab, or of a part of it, that nobody asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Death {
    #[error("node {0} has died: somebody or something killed its first process")]
    Node(String),
    #[error("the lab has died: somebody or something killed its init, and every node ended with it")]
    Lab,
}

/// A running lab. Dropping it ends it; [`Lab::shutdown`] also waits until nothing is left.
#[derive(Debug)]
pub struct Lab {
    pub nodes: Vec<NodeHandle>,
    pub times: BootTimes,
    /// What died unasked, if something has.
    died: watch::Receiver<Option<Death>>,
    release: watch::Sender<bool>,
    child: Child,
    /// Of nodes that were there already.
    doors: Vec<Child>,
    spec: LabSpec,
    /// A netlink socket of the network namespace that the bridges are in.
    segments: OwnedFd,
    /// An Internet socket of the same.
    internet: OwnedFd,
    /// A netfilter socket of the same, if the kernel has netfilter.
    netfilter: Option<OwnedFd>,
}

impl Lab {
    /// Builds the lab; `log` gets what the init prints, which is nothing unless it panics.
    pub async fn boot(spec: LabSpec, log: &Path) -> Result<Lab, LabError> {
        Lab::build(spec, Vec::new(), log).await
    }

    /// Wires nodes that are there already, in the order of [`LabSpec::nodes`]. They do not end with the lab; its agents in them do. From
    /// `patch` come the links' ends that are there already, too.
    pub async fn join(
        spec: LabSpec,
        mut nodes: Vec<Attached>,
        patch: Option<Attached>,
        log: &Path,
    ) -> Result<Lab, LabError> {
        let spec = LabSpec { joined: true, patch: patch.is_some(), ..spec };
        nodes.extend(patch);
        Lab::build(spec, nodes, log).await
    }

    async fn build(spec: LabSpec, joined: Vec<Attached>, log: &Path) -> Result<Lab, LabError> {
        fs::create_dir_all(&spec.mount_point).map_err(LabError::Start)?;
        let (ours, theirs) = wire::pair().map_err(LabError::Start)?;
        let log = File::create(log).map_err(LabError::Start)?;
        let marker = if spec.joined { entry::MARKER_JOINED } else { entry::MARKER };
        let child =
            crate::exec::self_again("routeproof-lab", marker, theirs, log).map_err(LabError::Start)?;
        let description = serde_json::to_vec(&spec).map_err(|e| LabError::Start(e.into()))?;
        let description = wire::sealed("routeproof-lab", &description).map_err(LabError::Start)?;
        wire::send(ours.as_fd(), &(), &[description.as_fd()]).map_err(LabError::Start)?;
        for few in joined.chunks(wire::MAX_FDS / 2) {
            let fds: Vec<_> =
                few.iter().flat_map(|node| [node.wired.netns.as_fd(), node.wired.socket.as_fd()]).collect();
            wire::send(ours.as_fd(), &(), &fds).map_err(LabError::Start)?;
        }
        let control = wire::register(ours, Interest::READABLE).map_err(LabError::Start)?;

        let mut sockets = Vec::new();
        let (times, segments, internet, netfilter) = loop {
            match next_report(&control).await? {
                (InitReport::Agents { .. }, fds) => sockets.extend(fds),
                (InitReport::Ready { namespaces_us, roots_us, links_us }, fds) => {
                    let mut fds = fds.into_iter();
                    let (Some(segments), Some(internet)) = (fds.next(), fds.next()) else {
                        return Err(LabError::InitEnded { during: "it reported" });
                    };
                    break (BootTimes { namespaces_us, roots_us, links_us }, segments, internet, fds.next());
                }
                (InitReport::Failed { what, errno }, _) => {
                    let _ = fs::remove_dir(&spec.mount_point);
                    return Err(LabError::Build { what, source: errno.map(io::Error::from_raw_os_error) });
                }
                (InitReport::Forbidden { what, errno }, _) => {
                    let _ = fs::remove_dir(&spec.mount_point);
                    return Err(LabError::Forbidden { what, source: io::Error::from_raw_os_error(errno) });
                }
                (InitReport::NodeDied { node }, _) => {
                    return Err(LabError::NodeDied { node: spec.nodes[node].name.clone() });
                }
            }
        };
        let nodes =
            spec.nodes.iter().zip(sockets).map(|(node, socket)| NodeHandle::new(node.name.clone(), socket));
        let mut nodes = nodes.collect::<Result<Vec<_>, _>>().map_err(LabError::Start)?;
        let (release, released) = watch::channel(false);
        let (report_death, died) = watch::channel(None);
        let mut doors = Vec::new();
        for (index, node) in joined.into_iter().enumerate() {
            // The patch is no node.
            if index < spec.nodes.len() {
                tokio::spawn(mourn(node.handle.clone(), report_death.clone(), released.clone()));
                nodes.push(node.handle);
            }
            doors.push(node.door);
        }
        let names = spec.nodes.iter().map(|n| n.name.clone()).collect();
        tokio::spawn(hold(control, names, report_death, released));
        Ok(Lab { nodes, times, died, release, child, doors, spec, segments, internet, netfilter })
    }

    pub fn node(&self, name: &str) -> Option<&NodeHandle> {
        self.nodes.iter().find(|n| n.name() == name)
    }

    /// The bridge and its port at the other end of the cable of a node's interface, if that is a bridge's.
    pub fn port_of(&self, node: &str, interface: &str) -> Option<(String, String)> {
        self.spec.port_of(node, interface).map(|(bridge, port)| (bridge.to_string(), port.to_string()))
    }

    /// Takes a port out of its bridge. The node at its other end keeps its carrier and hears nothing.
    ///
    /// # Errors
    /// What could not be done, and the kernel's reason.
    pub fn unplug(&self, bridge: &str, port: &str) -> Result<(), (String, io::Error)> {
        let (_, index) = self.port(bridge, port)?;
        rtnl::apply(&self.segments, &[rtnl::unplug(&format!("{bridge}:{port}"), index)])
    }

    /// Puts a port back into its bridge.
    ///
    /// # Errors
    /// What could not be done, and the kernel's reason.
    pub fn plug_in(&self, bridge: &str, port: &str) -> Result<(), (String, io::Error)> {
        let (bridge_index, index) = self.port(bridge, port)?;
        rtnl::apply(&self.segments, &[rtnl::plug_in(&format!("{bridge}:{port}"), index, bridge_index)])
    }

    /// Asks the kernel for a thing that it may lack, in the lab's own network namespace. Gives its answer.
    pub(crate) fn try_changes(&self, changes: &[rtnl::Change]) -> io::Result<()> {
        rtnl::apply(&self.segments, changes).map_err(|(_, error)| error)
    }

    /// Asks the kernel for a table of nf_tables, likewise.
    pub(crate) fn try_table(&self) -> io::Result<()> {
        let missing = || io::Error::from_raw_os_error(libc::EPROTONOSUPPORT);
        nftables::add_table(self.netfilter.as_ref().ok_or_else(missing)?)
    }

    /// Asks the kernel for ip_tables' way to translate addresses, likewise.
    pub(crate) fn try_translation(&self) -> io::Result<()> {
        xtables::rules(&self.internet, false, "nat").map(drop)
    }

    fn port(&self, bridge: &str, port: &str) -> Result<(u32, u32), (String, io::Error)> {
        let missing = || (format!("find port {port} of bridge {bridge}"), io::ErrorKind::NotFound.into());
        self.spec.port(bridge, port).ok_or_else(missing)
    }

    /// Resolves when the lab or a node of it has died; never if none does.
    pub fn died(&self) -> impl Future<Output = Death> + use<> {
        let mut died = self.died.clone();
        async move {
            if let Ok(death) = died.wait_for(Option::is_some).await
                && let Some(death) = death.clone()
            {
                return death;
            }
            std::future::pending().await
        }
    }

    /// Resolves when the lab as a whole has ended.
    pub async fn ended(&self) {
        // The task that holds the control socket lives until then, and the sender with it.
        let mut died = self.died.clone();
        while died.changed().await.is_ok() {}
    }

    /// Ends the lab and waits until its processes, namespaces and mounts are gone.
    pub async fn shutdown(mut self) {
        let _ = self.release.send(true);
        let _ = self.child.wait().await;
        for mut door in self.doors {
            let _ = door.kill().await;
        }
        let _ = fs::remove_dir(&self.spec.mount_point);
    }

    /// The pid of the process that waits for the lab's pid 1, in the host's numbering.
    pub fn outer_pid(&self) -> Option<u32> {
        self.child.id()
    }
}

/// Tells of the end of a node that was there before the lab.
async fn mourn(node: NodeHandle, death: watch::Sender<Option<Death>>, mut released: watch::Receiver<bool>) {
    tokio::select! {
        _ = released.changed() => {}
        () = node.closed() => { let _ = death.send(Some(Death::Node(node.name().to_string()))); }
    }
}

async fn next_report(control: &AsyncFd<OwnedFd>) -> Result<(InitReport, Vec<OwnedFd>), LabError> {
    let report = control.async_io(Interest::READABLE, |fd| wire::recv::<InitReport>(fd.as_fd())).await;
    report.map_err(LabError::Start)?.ok_or(LabError::InitEnded { during: "the lab was being built" })
}

/// Owns the control socket: as long as it is open, the lab lives.
async fn hold(
    control: AsyncFd<OwnedFd>,
    names: Vec<String>,
    death: watch::Sender<Option<Death>>,
    mut released: watch::Receiver<bool>,
) {
    loop {
        tokio::select! {
            // An error means that the Lab was dropped.
            _ = released.changed() => return,
            report = next_report(&control) => match report {
                Ok((InitReport::NodeDied { node }, _)) => { let _ = death.send(names.get(node).cloned().map(Death::Node)); }
                Ok(_) => {}
                Err(_) => {
                    let _ = death.send(Some(Death::Lab));
                    return;
                }
            },
        }
    }
}

/// Does `work` in a lab. Where the lab dies under it (see [`Lab::died`]), that is the error, whatever the work makes of
/// it: a wait would go on in a lab that is no more, and a question would only say that nobody answers.
pub async fn unless_dead<T, E>(
    died: impl Future<Output = Death>,
    work: impl Future<Output = Result<T, E>>,
) -> Result<Result<T, E>, Death> {
    tokio::pin!(died);
    let result = tokio::select! {
        result = work => result,
        death = &mut died => return Err(death),
    };
    if result.is_ok() {
        return Ok(result);
    }
    // A node's sockets may close before we hear that it has died.
    match tokio::time::timeout(LATE, died).await {
        Ok(death) => Err(death),
        Err(_) => Ok(result),
    }
}
