//! kind's command line: clusters come and go by it, so that they are what kind's users have.

use std::path::Path;

use routeproof_model::real::{Image, LabName};
use tokio::io::AsyncWriteExt as _;

use super::error::ContainerError;
use crate::daemons::last_words;
use crate::exec;

/// The Docker network of kind's nodes: one of the lab's own, so that it can go with it. kind never removes one.
const NETWORK: &str = "KIND_EXPERIMENTAL_DOCKER_NETWORK";

/// What kind prints goes to `kind.log` in there.
pub struct Kind<'a> {
    pub lab: LabName,
    pub folder: &'a Path,
}

impl Kind<'_> {
    /// Creates the cluster by a configuration. A failure leaves its nodes, of which [`Kind::export_logs`] tells more.
    pub async fn create(
        &self,
        config: &serde_json::Value,
        image: Option<&Image>,
    ) -> Result<(), ContainerError> {
        let path = self.folder.join("kind.yaml");
        let kubeconfig = self.folder.join("kubeconfig");
        std::fs::write(&path, format!("{config:#}\n"))
            .map_err(|source| ContainerError::write(&path, source))?;
        let (path, kubeconfig, name) =
            (path.display().to_string(), kubeconfig.display().to_string(), self.lab.to_string());
        let mut argv = vec!["create", "cluster", "--retain", "--name", &name, "--config", &path];
        argv.extend(["--kubeconfig", &kubeconfig]);
        let image = image.map(Image::to_string);
        argv.extend(image.iter().flat_map(|image| ["--image", image]));
        self.run(&argv).await
    }

    /// Copies images of the engine into every node.
    pub async fn load(&self, images: &[Image]) -> Result<(), ContainerError> {
        let (name, images): (_, Vec<String>) =
            (self.lab.to_string(), images.iter().map(Image::to_string).collect());
        let mut argv = vec!["load", "docker-image", "--name", &name];
        argv.extend(images.iter().map(String::as_str));
        self.run(&argv).await
    }

    /// What nodes have logged, for people. That there is none is no error.
    pub async fn export_logs(&self) {
        let (folder, name) = (self.folder.join("kind-logs").display().to_string(), self.lab.to_string());
        let _ = self.run(&["export", "logs", &folder, "--name", &name]).await;
    }

    async fn run(&self, arguments: &[&str]) -> Result<(), ContainerError> {
        let command = format!("kind {}", arguments.join(" "));
        let log = self.folder.join("kind.log");
        let lab = self.lab.to_string();
        let output = exec::program("kind", arguments, &[(NETWORK, &lab)]).await;
        let output = output.map_err(|source| ContainerError::Run { command: command.clone(), source })?;
        let said = [output.stdout, output.stderr].concat();
        let file = tokio::fs::OpenOptions::new().create(true).append(true).open(&log).await;
        if let Ok(mut file) = file {
            // A full disk shows in the report's own error.
            let _ = file.write_all(format!("$ {command}\n").as_bytes()).await;
            let _ = file.write_all(&said).await;
            let _ = file.flush().await;
        }
        match output.status.success() {
            true => Ok(()),
            false => Err(ContainerError::Failed {
                command,
                exit: output.status.to_string(),
                said: last_words(&String::from_utf8_lossy(&said)),
                log: log.display().to_string(),
            }),
        }
    }
}
