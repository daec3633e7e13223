//! Container images without Docker: `docker save` archives and OCI layouts (image-spec), as a file or a folder.

mod blobs;
mod manifest;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::deb::decompressed;
use super::rooted::{Rooted, member_path, remove};
use super::unpack::{is_whiteout, unpack_tar};
use super::{ImageError, ImageRef, detect};
use blobs::Blobs;

/// An image found in an archive: its layers, lowest first.
pub(super) struct OciImage {
    from: PathBuf,
    blobs: Blobs,
    layers: Vec<Layer>,
}

struct Layer {
    blob: String,
    sha256: String,
}

/// Whether a folder is an OCI layout or an unpacked `docker save`, and not a root filesystem.
pub(super) fn is_layout(dir: &Path) -> bool {
    dir.join("index.json").is_file() || dir.join("manifest.json").is_file()
}

/// Finds the image in an archive and hashes its layers. `work` takes the archive inflated, if it is compressed.
pub(super) fn open(from: &Path, image: &ImageRef, work: &Path) -> Result<OciImage, ImageError> {
    let damaged = |e: io::Error| damaged(from, &e);
    let blobs = if from.is_dir() {
        Blobs::folder(from)
    } else {
        Blobs::archive(&inflated(from, work)?).map_err(damaged)?
    };
    let host = detect::host_arch()?;
    let refused = |reason| ImageError::NotFrr { path: from.to_owned(), reason };
    let names = match manifest::find(&blobs, image.version(), host) {
        Ok(found) => {
            if let Some(found) = found.architecture.filter(|a| a != host) {
                let what = format!("the image in {}", from.display());
                return Err(ImageError::Architecture { what, found, host: host.to_owned() });
            }
            found.layers
        }
        // `docker export` and tarballs of a root have no manifest: one layer, the archive itself.
        Err(manifest::Error::None) if blobs.has("usr/lib/frr/bgpd") => vec![blobs::WHOLE.to_owned()],
        Err(manifest::Error::None) => {
            return Err(refused(
                "it has neither a manifest.json (docker save), an index.json (OCI) nor usr/lib/frr".into(),
            ));
        }
        Err(manifest::Error::Refused(reason)) => return Err(refused(reason)),
        Err(manifest::Error::Damaged(reason)) => {
            return Err(ImageError::Damaged { what: from.display().to_string(), reason });
        }
    };
    let layers =
        names.into_iter().map(|blob| hashed(&blobs, blob)).collect::<Result<_, _>>().map_err(damaged)?;
    Ok(OciImage { from: from.to_owned(), blobs, layers })
}

impl OciImage {
    pub fn layer_hashes(&self) -> Vec<String> {
        self.layers.iter().map(|l| l.sha256.clone()).collect()
    }

    /// Lays the layers over each other.
    pub fn unpack(&self, tree: &Rooted) -> Result<(), ImageError> {
        for layer in &self.layers {
            self.unpack_layer(tree, layer).map_err(|e| damaged(&self.from, &e))?;
        }
        Ok(())
    }

    /// A layer's whiteouts speak of the layers below it only, wherever in the layer they stand: they go first.
    fn unpack_layer(&self, tree: &Rooted, layer: &Layer) -> io::Result<()> {
        let mut archive = tar::Archive::new(plain(self.blobs.open(&layer.blob)?)?);
        for entry in archive.entries()? {
            let path = entry?.path()?.into_owned();
            if is_whiteout(&path) {
                apply_whiteout(tree, &member_path(&path)?)?;
            }
        }
        unpack_tar(tree, plain(self.blobs.open(&layer.blob)?)?)
    }
}

/// `.wh.NAME` removes NAME, `.wh..wh..opq` empties its folder (image-spec, layer.md, "Whiteouts").
fn apply_whiteout(tree: &Rooted, whiteout: &Path) -> io::Result<()> {
    let folder = whiteout.parent().unwrap_or(Path::new(""));
    let name = whiteout.file_name().unwrap_or_default().to_string_lossy();
    let name = name.trim_start_matches(".wh.");
    if whiteout.file_name().is_some_and(|n| n == ".wh..wh..opq") {
        let folder = tree.locate(&folder.join("x"))?;
        let folder = folder.parent().unwrap_or(&folder);
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            remove(&entry?.path())?;
        }
        return Ok(());
    }
    let gone = member_path(&folder.join(name))?;
    if name.is_empty() || gone == folder {
        return Ok(()); // aufs' own bookkeeping.
    }
    remove(&tree.locate(&gone)?)
}

fn hashed(blobs: &Blobs, blob: String) -> io::Result<Layer> {
    let mut hash = Sha256::new();
    io::copy(&mut blobs.open(&blob)?, &mut hash)?;
    let sha256 = hex::encode(hash.finalize());
    match blob.strip_prefix("blobs/sha256/") {
        Some(named) if named != sha256 => {
            Err(io::Error::other(format!("the content of {blob} does not match its name")))
        }
        _ => Ok(Layer { blob, sha256 }),
    }
}

/// A stream without its compression, which its first bytes tell.
fn plain<'a>(stream: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    let mut stream = BufReader::with_capacity(1 << 16, stream);
    let ending = ending(stream.fill_buf()?);
    decompressed(ending, stream)
}

fn ending(head: &[u8]) -> &'static str {
    match head {
        [0x1f, 0x8b, ..] => "gz",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "zst",
        [0xfd, b'7', b'z', b'X', b'Z', ..] => "xz",
        _ => "",
    }
}

/// The archive as a file that can be read at any place.
fn inflated(from: &Path, work: &Path) -> Result<PathBuf, ImageError> {
    let mut file = File::open(from).map_err(ImageError::io("open", from))?;
    let mut head = Vec::new();
    Read::by_ref(&mut file).take(6).read_to_end(&mut head).map_err(ImageError::io("read", from))?;
    if ending(&head).is_empty() {
        return Ok(from.to_owned());
    }
    let to = work.join("archive.tar");
    let mut out = File::create(&to).map_err(ImageError::io("write", &to))?;
    let file = File::open(from).map_err(ImageError::io("open", from))?;
    plain(file).and_then(|mut r| io::copy(&mut r, &mut out)).map_err(|e| damaged(from, &e))?;
    Ok(to)
}

fn damaged(from: &Path, error: &io::Error) -> ImageError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            ImageError::Full { path: from.to_owned() }
        }
        _ => ImageError::Damaged { what: from.display().to_string(), reason: error.to_string() },
    }
}

#[cfg(test)]
mod tests;
