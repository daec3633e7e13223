//! What killed processes left in a Docker engine: containers and networks whose names tell that their maker is gone.

use std::collections::BTreeSet;

use routeproof_model::real::LabName;

use super::clab;
use super::docker::Docker;
use super::error::ContainerError;
use super::processes::started;

/// Removes the containers and networks of labs whose process has ended; gives their names, containers first. With `dry_run` it only says
/// which.
///
/// # Errors
/// There is no engine, or it does not do what it is asked.
pub async fn sweep(dry_run: bool) -> Result<Vec<String>, ContainerError> {
    let docker = Docker::connect()?;
    let all = [docker.containers().await?, docker.networks().await?].concat();
    let dead: Vec<_> = all.into_iter().filter(|(lab, _)| !is_alive(lab)).collect();
    if !dry_run {
        let deployed = docker.deployments().await?;
        for file in deployed.iter().filter(|(lab, _)| !is_alive(lab)).map(|(_, file)| file) {
            // What it cannot take away, because its files are gone, is removed below.
            let _ = clab::destroy(file, file.parent().unwrap_or(file)).await;
        }
        for lab in dead.iter().map(|(lab, _)| lab).collect::<BTreeSet<_>>() {
            docker.remove(lab).await?;
        }
    }
    Ok(dead.into_iter().map(|(_, name)| name).collect())
}

fn is_alive(lab: &LabName) -> bool {
    started(lab.pid as i32) == Some(lab.started)
}
