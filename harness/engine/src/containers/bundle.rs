//! All images of some runs in one file, for machines that reach no registry: an archive as `docker save` writes it.

use std::collections::BTreeSet;
use std::path::Path;

use futures::{StreamExt as _, TryStreamExt as _};
use routeproof_model::real::Image;
use testcontainers::bollard;
use testcontainers::bollard::query_parameters::{CreateImageOptionsBuilder, ImportImageOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::docker::Docker;
use super::error::ContainerError;

/// What is read of a file at once.
const PIECE: usize = 1 << 20;

/// Writes the images to a file; those that the engine does not have are pulled first. `say` is told what is being done. Gives the file's
/// length in bytes.
///
/// # Errors
/// An image that no registry gives; a file that cannot be written, which is not left behind.
pub async fn bundle(
    images: &BTreeSet<Image>,
    to: &Path,
    say: &dyn Fn(String),
) -> Result<u64, ContainerError> {
    let docker = Docker::connect()?;
    for image in images {
        if !docker.has(image).await? {
            say(format!("pulling {image}"));
            docker.pull(image).await?;
        }
    }
    let names: Vec<String> = images.iter().map(Image::to_string).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let written = |source| ContainerError::write(to, source);
    // Whole or not at all.
    let mut name = to.as_os_str().to_owned();
    name.push(".partial");
    let partial = Path::new(&name);
    let writing = async {
        let mut file = tokio::fs::File::create(partial).await.map_err(written)?;
        let mut length = 0;
        let mut parts = docker.client().export_images(&names);
        while let Some(part) = parts.next().await {
            let part =
                part.map_err(|e| ContainerError::Ask { what: "export images".into(), source: Box::new(e) })?;
            length += part.len() as u64;
            file.write_all(&part).await.map_err(written)?;
        }
        file.sync_all().await.map_err(written)?;
        tokio::fs::rename(partial, to).await.map_err(written)?;
        Ok(length)
    };
    let done = writing.await;
    if done.is_err() {
        let _ = std::fs::remove_file(partial);
    }
    done
}

/// Gives the engine the images of such a file. Gives what the engine says of them.
pub async fn load(from: &Path) -> Result<Vec<String>, ContainerError> {
    let docker = Docker::connect()?;
    let path = from.display().to_string();
    let file = tokio::fs::File::open(from).await;
    let file = file.map_err(|source| ContainerError::read(from, source))?;
    let pieces = futures::stream::try_unfold(file, |mut file| async {
        let mut piece = Vec::with_capacity(PIECE);
        (&mut file).take(PIECE as u64).read_to_end(&mut piece).await?;
        Ok::<_, std::io::Error>((!piece.is_empty()).then(|| (piece.into(), file)))
    });
    let said = docker.client().import_image_stream(ImportImageOptions::default(), pieces, None);
    let failed = |source| ContainerError::Ask { what: format!("load {path}"), source: Box::new(source) };
    let said: Vec<_> = said.try_collect().await.map_err(failed)?;
    let lines = said.into_iter().filter_map(|info| info.stream);
    Ok(lines.map(|line| line.trim().to_string()).filter(|line| !line.is_empty()).collect())
}

impl Docker {
    async fn pull(&self, image: &Image) -> Result<(), ContainerError> {
        let what = CreateImageOptionsBuilder::new().from_image(&image.name).tag(&image.tag).build();
        let pulled = self.client().create_image(Some(what), None, None).try_collect::<Vec<_>>().await;
        let failed = |e: bollard::errors::Error| ContainerError::Ask {
            what: format!("pull {image}"),
            source: Box::new(e),
        };
        pulled.map(drop).map_err(failed)
    }
}
