//! kind's command line: clusters come and go by it, so that they are what kind's users have.

use std::path::Path;

use routeproof_model::real::{Image, LabName};

use super::error::ContainerError;
use super::tool;

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
        tool::run("kind", arguments, &[(NETWORK, &self.lab.to_string())], self.folder).await
    }
}
