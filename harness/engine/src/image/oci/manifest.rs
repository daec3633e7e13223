//! Which layers make an image: `manifest.json` of `docker save`, or `index.json` of an OCI layout.

use std::io;

use serde::Deserialize;

use super::blobs::Blobs;

/// What a manifest says.
pub(super) struct Found {
    /// Names of the layers' blobs, lowest first.
    pub layers: Vec<String>,
    pub architecture: Option<String>,
}

pub(super) enum Error {
    /// There is no manifest at all.
    None,
    /// The archive is sound and is not what was asked for.
    Refused(String),
    Damaged(String),
}

impl From<io::Error> for Error {
    fn from(e: io::Error) -> Error {
        Error::Damaged(e.to_string())
    }
}

impl From<serde_json::Error> for Error {
    fn from(e: serde_json::Error) -> Error {
        Error::Damaged(format!("a manifest cannot be read: {e}"))
    }
}

/// Third-party formats: unknown fields are theirs to add.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DockerImage {
    config: String,
    repo_tags: Option<Vec<String>>,
    layers: Vec<String>,
}

#[derive(Deserialize)]
struct Config {
    architecture: Option<String>,
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
    platform: Option<Platform>,
    #[serde(default)]
    annotations: std::collections::BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Platform {
    architecture: String,
}

/// A manifest or, nested, another index.
#[derive(Deserialize)]
struct Manifest {
    config: Option<Descriptor>,
    layers: Option<Vec<Descriptor>>,
    manifests: Option<Vec<Descriptor>>,
}

/// The image in the archive; of several, the one whose tag is `version`.
pub(super) fn find(blobs: &Blobs, version: Option<&str>, host: &str) -> Result<Found, Error> {
    if blobs.has("manifest.json") {
        return docker(blobs, version);
    }
    if !blobs.has("index.json") {
        return Err(Error::None);
    }
    let index: Index = serde_json::from_slice(&blobs.read("index.json")?)?;
    oci(blobs, index.manifests, version, host, 0)
}

fn docker(blobs: &Blobs, version: Option<&str>) -> Result<Found, Error> {
    let images: Vec<DockerImage> = serde_json::from_slice(&blobs.read("manifest.json")?)?;
    let tags = |i: &DockerImage| i.repo_tags.clone().unwrap_or_default();
    let image = pick(images, version, |i| tags(i), |i| tags(i).join(" "))?;
    let config: Config = serde_json::from_slice(&blobs.read(&image.config)?)?;
    Ok(Found { layers: image.layers, architecture: config.architecture })
}

fn oci(
    blobs: &Blobs,
    manifests: Vec<Descriptor>,
    version: Option<&str>,
    host: &str,
    depth: u32,
) -> Result<Found, Error> {
    let arch_of = |d: &Descriptor| d.platform.as_ref().map(|p| p.architecture.clone());
    // Build attestations say "unknown"; an index for several machines lists one manifest each.
    let all: Vec<Descriptor> =
        manifests.into_iter().filter(|d| arch_of(d).as_deref() != Some("unknown")).collect();
    let others: Vec<String> = all.iter().filter_map(arch_of).collect();
    let fitting: Vec<Descriptor> = all.into_iter().filter(|d| arch_of(d).is_none_or(|a| a == host)).collect();
    if fitting.is_empty() {
        return Ok(Found {
            layers: Vec::new(),
            architecture: Some(others.join(", ")).filter(|o| !o.is_empty()),
        })
        .and_then(|f| if f.architecture.is_some() { Ok(f) } else { Err(Error::None) });
    }
    let tag = |d: &Descriptor| d.annotations.get("org.opencontainers.image.ref.name").cloned();
    let chosen =
        pick(fitting, version, |d| tag(d).into_iter().collect(), |d| tag(d).unwrap_or(d.digest.clone()))?;
    let manifest: Manifest = serde_json::from_slice(&blobs.read(&blob(&chosen.digest)?)?)?;
    if let Some(nested) = manifest.manifests {
        if depth > 3 {
            return Err(Error::Damaged("its indexes are nested without end".into()));
        }
        return oci(blobs, nested, version, host, depth + 1);
    }
    let (Some(config), Some(layers)) = (manifest.config, manifest.layers) else {
        return Err(Error::Damaged("its manifest names no layers".into()));
    };
    let config: Config = serde_json::from_slice(&blobs.read(&blob(&config.digest)?)?)?;
    let layers = layers.iter().map(|l| blob(&l.digest)).collect::<Result<_, _>>()?;
    Ok(Found { layers, architecture: config.architecture })
}

/// The only one, or the one that is tagged with the version (`:9.1.0`, or `9.1.0` alone).
fn pick<T>(
    mut all: Vec<T>,
    version: Option<&str>,
    tags: impl Fn(&T) -> Vec<String>,
    shown: impl Fn(&T) -> String,
) -> Result<T, Error> {
    let tagged = |t: &T| {
        let is = |tag: &str| {
            version.is_some_and(|v| tag.rsplit(':').next() == Some(v) || tag.ends_with(&format!(":v{v}")))
        };
        tags(t).iter().any(|tag| is(tag))
    };
    let at = match all.len() {
        0 => return Err(Error::Refused("it holds no image".into())),
        1 => 0,
        _ => all.iter().position(tagged).ok_or_else(|| {
            let names: Vec<String> = all.iter().map(shown).collect();
            Error::Refused(format!("it holds several images and none has that tag: {}", names.join(", ")))
        })?,
    };
    Ok(all.swap_remove(at))
}

/// `sha256:HEX` as the name of its blob.
fn blob(digest: &str) -> Result<String, Error> {
    let hex = digest.strip_prefix("sha256:").and_then(|h| crate::image::release::checked_sha256(h).ok());
    hex.map(|h| format!("blobs/sha256/{h}"))
        .ok_or_else(|| Error::Damaged(format!("`{digest}` is no SHA-256 digest")))
}
