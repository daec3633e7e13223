//! Which container image stands behind a name of a topology or a scenario.

use std::fmt;

use thiserror::Error;

/// Where FRR's project publishes its images; MetalLB's manifests name it, too.
const FRR: &str = "quay.io/frrouting/frr";

/// `name:tag`, as container engines take it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Image {
    pub name: String,
    pub tag: String,
}

impl Image {
    /// By its name, whoever publishes it.
    pub fn is_frr(&self) -> bool {
        self.name.rsplit('/').next() == Some("frr")
    }
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.name, self.tag)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ImageNameError {
    #[error("`{0}` is a folder or an archive of root filesystems, which only embedded labs boot")]
    Path(String),
    #[error("`{0}` is Debian's package in embedded labs; no container image of that name is published")]
    Package(String),
}

/// The image to start: `frr:8.4.4` is FRR's own of that version; with a `registry`, the last part of the name in there.
///
/// # Errors
/// Names that embedded labs know and container engines do not.
pub fn container_image(written: &str, registry: Option<&str>) -> Result<Image, ImageNameError> {
    let is_path = written.starts_with(['/', '.', '~']) || written.contains("@sha256:") && !written.contains('/');
    if is_path || written.ends_with(".tar") {
        return Err(ImageNameError::Path(written.to_owned()));
    }
    // A colon before the last slash is a registry's port.
    let at = written.rfind('/').map_or(0, |slash| slash + 1);
    let (name, tag) = match written[at..].split_once(':') {
        Some((last, tag)) => (format!("{}{last}", &written[..at]), tag.to_owned()),
        None => (written.to_owned(), "latest".to_owned()),
    };
    let name = match name.as_str() {
        "frr" => FRR.to_owned(),
        short if !short.contains('/') && registry.is_none() && tag != "latest" && is_package(short) => {
            return Err(ImageNameError::Package(written.to_owned()));
        }
        _ => name,
    };
    let name = match registry {
        Some(registry) => {
            let last = name.rsplit('/').next().unwrap_or(&name);
            format!("{}/{last}", registry.trim_end_matches('/'))
        }
        None => name,
    };
    Ok(Image { name, tag })
}

/// The same of an image in MetalLB's manifest of a release. Some releases' manifests name a moving tag for one of their own images (`speaker:main` in
/// v0.13.10); the release's own is meant.
///
/// # Errors
/// As [`container_image`].
pub fn metallb_image(written: &str, release: &str, registry: Option<&str>) -> Result<Image, ImageNameError> {
    let image = container_image(written, registry)?;
    match written.contains("/metallb/") && image.tag == "main" {
        true => Ok(Image { tag: release.to_owned(), ..image }),
        false => Ok(image),
    }
}

/// What profiles of routers call their root filesystems.
fn is_package(name: &str) -> bool {
    ["bird", "gobgp", "openbgpd", "exabgp"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(written: &str, registry: Option<&str>) -> String {
        container_image(written, registry).map_or_else(|e| e.to_string(), |image| image.to_string())
    }

    #[test]
    fn names_are_what_an_engine_pulls() {
        assert_eq!(image("frr:8.4.4", None), "quay.io/frrouting/frr:8.4.4");
        assert_eq!(image("quay.io/frrouting/frr:10.3", None), "quay.io/frrouting/frr:10.3");
        assert_eq!(image("alpine", None), "alpine:latest");
        assert_eq!(image("localhost:5000/a/b:1", None), "localhost:5000/a/b:1");
        assert_eq!(image("localhost:5000/a/b", None), "localhost:5000/a/b:latest");
    }

    #[test]
    fn a_registry_replaces_where_it_comes_from() {
        assert_eq!(image("frr:8.4.4", Some("mirror.example/x/")), "mirror.example/x/frr:8.4.4");
        assert_eq!(image("quay.io/metallb/speaker:v0.15.3", Some("local")), "local/speaker:v0.15.3");
    }

    #[test]
    fn a_release_is_made_of_its_own_images() {
        let image = |written| metallb_image(written, "v0.13.10", None).unwrap().to_string();
        assert_eq!(image("quay.io/metallb/speaker:main"), "quay.io/metallb/speaker:v0.13.10");
        assert_eq!(image("quay.io/metallb/speaker:v0.13.9"), "quay.io/metallb/speaker:v0.13.9");
        assert_eq!(image("quay.io/other/speaker:main"), "quay.io/other/speaker:main");
    }

    #[test]
    fn what_only_embedded_labs_have_is_refused() {
        for name in ["./frr.tar", "/trees/frr", "bird:3.1.1"] {
            assert!(container_image(name, None).is_err(), "{name}");
        }
    }
}
