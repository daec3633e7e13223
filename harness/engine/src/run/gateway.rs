//! Routers of the topology: which daemons they run, and their configuration.

use routeproof_model::plan::PlannedRun;
use routeproof_model::profile::{Driver, Router};

use super::error::RunError;
use super::node::Node;
use crate::frr::{DaemonSpec, Frr, load_conf};
use crate::router::{RouterError, RunningRouter};

/// Started on every FRR router, as FRR's own init does; mgmtd exists from FRR 9 on.
const ALWAYS: [&str; 3] = ["mgmtd", "zebra", "staticd"];
const CHOICE: [&str; 12] = [
    "bgpd", "bfdd", "ospfd", "ospf6d", "isisd", "ripd", "ripngd", "pimd", "ldpd", "vrrpd", "pathd", "fabricd",
];

/// Starts the gateway's router: by its profile, or as FRR with the configuration that the topology or the profile has.
pub async fn start(node: &mut Node, run: &PlannedRun) -> Result<(), RunError> {
    match run.routers.get(&node.name) {
        Some(router) if router.is_of_containerlab() => {
            node.router = Some(RunningRouter::attach(&node.handle, router, &node.folder).await?);
            return Ok(());
        }
        Some(router) if router.driver == Driver::Commands => {
            node.router = Some(RunningRouter::start(&node.handle, router, &node.folder).await?);
            return Ok(());
        }
        Some(router) => write_files(node, router).await?,
        None => {}
    }
    start_frr(node, run).await
}

async fn write_files(node: &Node, router: &Router) -> Result<(), RunError> {
    let template = |source| RouterError::Template { node: node.name.clone(), source };
    for file in router.files().map_err(template)? {
        node.handle.write(&file.path, file.mode, file.text.as_bytes()).await?;
    }
    Ok(())
}

/// Starts FRR's daemons and loads `/etc/frr/frr.conf`.
async fn start_frr(node: &mut Node, run: &PlannedRun) -> Result<(), RunError> {
    let available = node.handle.list("/usr/lib/frr").await?;
    let daemons_file = node.handle.read("/etc/frr/daemons").await.unwrap_or_default();
    let conf = node.handle.read("/etc/frr/frr.conf").await.unwrap_or_default();
    let conf = String::from_utf8_lossy(&conf).into_owned();
    let has_bind = run
        .topology
        .node(&node.name)
        .is_some_and(|n| n.binds.iter().any(|b| b.node.ends_with("etc/frr/daemons")));
    let specs = daemons(&String::from_utf8_lossy(&daemons_file), has_bind, &conf, &available);
    let frr = Frr::start(&node.handle, &specs, &node.folder).await?;
    node.frr = Some(frr);
    let _ = std::fs::write(node.folder.join("frr.conf"), &conf);
    load(node, &conf).await
}

/// Stops the router's daemons, starts them again, and loads its configuration.
pub async fn restart(node: &mut Node) -> Result<(), RunError> {
    if let Some(router) = &mut node.router {
        return Ok(router.restart().await?);
    }
    node.vtys.lock().await.clear();
    if let Some(frr) = &mut node.frr {
        frr.restart().await?;
    }
    let conf = node.handle.read("/etc/frr/frr.conf").await.unwrap_or_default();
    load(node, &String::from_utf8_lossy(&conf)).await
}

async fn load(node: &Node, conf: &str) -> Result<(), RunError> {
    let Some(frr) = node.frr.as_ref().filter(|_| !conf.trim().is_empty()) else { return Ok(()) };
    let refused = load_conf(&node.handle, frr, conf).await?;
    super::gate::gate(node, conf, &refused, false).await.map(|_| ())
}

/// The daemons to start: those of the `daemons` file if the user gave one, else what the configuration needs.
fn daemons(file: &str, given: bool, conf: &str, available: &[String]) -> Vec<DaemonSpec> {
    let setting = |key: &str| {
        let line =
            file.lines().map(str::trim).find_map(|line| line.strip_prefix(key)?.trim().strip_prefix('='));
        line.map(|value| value.trim().trim_matches('"').to_string())
    };
    let wanted = |name: &str| {
        if ALWAYS.contains(&name) {
            return true;
        }
        match given {
            true => setting(name).as_deref() == Some("yes"),
            false => name == "bgpd" || (name == "bfdd" && conf.contains("bfd")),
        }
    };
    let spec = |name: &str| DaemonSpec {
        name: name.to_string(),
        args: setting(&format!("{name}_options"))
            .filter(|_| given)
            .unwrap_or_else(|| "-A 127.0.0.1".to_string())
            .split_whitespace()
            .map(str::to_string)
            .collect(),
    };
    let names = ALWAYS.into_iter().chain(CHOICE).filter(|name| available.iter().any(|a| a == name));
    names.filter(|name| wanted(name)).map(spec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(specs: &[DaemonSpec]) -> Vec<&str> {
        specs.iter().map(|s| s.name.as_str()).collect()
    }

    #[test]
    fn the_users_daemons_file_decides() {
        let available: Vec<String> = ["zebra", "bgpd", "bfdd", "staticd", "ospfd"].map(String::from).to_vec();
        let file = "bgpd=yes\nospfd=no\n# bfdd=yes\nbgpd_options=\"  -A 127.0.0.1 -M rpki\"\n";
        let specs = daemons(file, true, "", &available);
        assert_eq!(names(&specs), ["zebra", "staticd", "bgpd"]);
        assert_eq!(specs[2].args, ["-A", "127.0.0.1", "-M", "rpki"]);
    }

    #[test]
    fn without_one_the_configuration_decides() {
        let available: Vec<String> = ["zebra", "bgpd", "bfdd", "staticd", "mgmtd"].map(String::from).to_vec();
        assert_eq!(
            names(&daemons("", false, "router bgp 1\n", &available)),
            ["mgmtd", "zebra", "staticd", "bgpd"]
        );
        let bfd = daemons("", false, "router bgp 1\n neighbor 10.0.0.1 bfd\n", &available);
        assert_eq!(names(&bfd), ["mgmtd", "zebra", "staticd", "bgpd", "bfdd"]);
    }
}
