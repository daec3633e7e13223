//! containerlab's command line: routers of its own kinds come and go by it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use routeproof_model::real::Deployment;

use super::error::ContainerError;
use super::tool;

/// How long the engine may take for one thing; a router's image is pulled by that, too.
const TIMEOUT: &str = "30m";

/// The part of a lab that containerlab makes.
#[derive(Debug)]
pub struct Clab<'a> {
    /// Its files, and `containerlab.log`.
    pub folder: &'a Path,
}

impl Clab<'_> {
    /// Starts the routers, each with its configuration, and lays their cables. containerlab comes back when those are up whose
    /// kinds it knows how to wait for.
    pub async fn deploy(&self, deployment: &Deployment) -> Result<(), ContainerError> {
        let folder = self.files();
        std::fs::create_dir_all(&folder).map_err(|source| ContainerError::write(&folder, source))?;
        for file in &deployment.mounted {
            let path = folder.join(&file.path);
            let mode = std::fs::Permissions::from_mode(file.mode);
            let written =
                std::fs::write(&path, &file.text).and_then(|()| std::fs::set_permissions(&path, mode));
            written.map_err(|source| ContainerError::write(&path, source))?;
        }
        let path = self.file();
        std::fs::write(&path, format!("{:#}\n", deployment.file))
            .map_err(|source| ContainerError::write(&path, source))?;
        run(&["deploy", "--timeout", TIMEOUT], &path, self.folder).await
    }

    /// Takes everything away again that `deploy` did, on the host, too: containerlab writes the routers' names into /etc/hosts and rules
    /// for their network into iptables.
    pub async fn destroy(&self) -> Result<(), ContainerError> {
        destroy(&self.file(), self.folder).await
    }

    fn files(&self) -> PathBuf {
        self.folder.join("containerlab")
    }

    fn file(&self) -> PathBuf {
        self.files().join("lab.clab.yml")
    }
}

/// The same by the topology's file, which containers of the lab name. What containerlab prints goes to a log in `folder`.
pub async fn destroy(file: &Path, folder: &Path) -> Result<(), ContainerError> {
    run(&["destroy"], file, folder).await
}

async fn run(arguments: &[&str], file: &Path, folder: &Path) -> Result<(), ContainerError> {
    let file = std::path::absolute(file).map_err(|source| ContainerError::read(file, source))?;
    let beside = file.parent().unwrap_or(&file).display().to_string();
    let environment = [
        // Its own files would be where we were started.
        ("CLAB_LABDIR_BASE", beside.as_str()),
        // It would ask the Internet whether there is a newer one.
        ("CLAB_VERSION_CHECK", "disable"),
    ];
    let file = file.display().to_string();
    let arguments = [arguments, &["--topo", &file]].concat();
    tool::run("containerlab", &arguments, &environment, folder).await
}
