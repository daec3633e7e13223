//! Makes a bundle.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use routeproof_model::bundle::{Entry, LARGEST_MANIFEST, MANIFEST, Manifest};

use super::error::{BundleError, WRITE_BUNDLE, tried};
use super::seal::{Hashing, seal};

/// Smaller by a tenth than zstd's default, and still faster than labs leave files.
const COMPRESSION: i32 = 9;

/// Where a file of the bundle comes from.
#[derive(Clone, Debug)]
pub enum Content {
    Text(String),
    File(PathBuf),
}

/// The files of a bundle by their paths in it: in the order in which they are packed.
#[derive(Clone, Debug, Default)]
pub struct Members(BTreeMap<String, Content>);

impl Members {
    pub fn add(&mut self, path: impl Into<String>, content: Content) {
        self.0.insert(path.into(), content);
    }

    /// Adds what a run directory has, below `name`. The summary is left out, which `report` makes again.
    ///
    /// # Errors
    /// When it cannot be read, or a name is no text.
    pub fn add_run_directory(&mut self, name: &str, directory: &Path) -> Result<(), BundleError> {
        for entry in fs::read_dir(directory).map_err(tried("read", directory))? {
            let entry = entry.map_err(tried("read", directory))?;
            let path = entry.path();
            let own = entry.file_name().into_string().map_err(|_| BundleError::Unfit {
                path: path.clone(),
                why: "its name is not UTF-8".to_string(),
            })?;
            let kind = entry.file_type().map_err(tried("read", &path))?;
            let inside = format!("{name}/{own}");
            if kind.is_dir() {
                self.add_run_directory(&inside, &path)?;
            } else if kind.is_file() && !own.starts_with('.') && own != "summary.md" {
                self.add(inside, Content::File(path));
            }
        }
        Ok(())
    }
}

/// Whether a bundle could be written there: nobody should learn it after the runs. Makes missing folders.
///
/// # Errors
/// Why not.
pub fn check(target: &Path) -> Result<(), BundleError> {
    if target.is_dir() {
        return Err(tried(WRITE_BUNDLE, target)(io::ErrorKind::IsADirectory.into()));
    }
    let folder = folder_of(target);
    fs::create_dir_all(folder).map_err(tried(WRITE_BUNDLE, target))?;
    temporary(target).map(drop)
}

/// Writes the bundle, all of it or nothing; its manifest is `head` with the list of files. Gives the SHA-256 of the file.
///
/// # Errors
/// A member cannot be read or changes meanwhile, or the bundle cannot be written.
pub fn pack(target: &Path, head: Manifest, members: &Members) -> Result<String, BundleError> {
    let list = |(path, content): (&String, &Content)| list(path, content);
    let files = members.0.iter().map(list).collect::<Result<Vec<_>, _>>()?;
    let manifest = Manifest { files, ..head };
    let unfit = |why| BundleError::Unfit { path: target.to_path_buf(), why };
    let mut text = serde_json::to_vec_pretty(&manifest).map_err(|e| unfit(e.to_string()))?;
    text.push(b'\n');
    if let Some(why) = manifest.mistakes().into_iter().next() {
        return Err(unfit(why));
    }
    if text.len() as u64 > LARGEST_MANIFEST {
        return Err(unfit(format!("{} files are too many", manifest.files.len())));
    }
    let mut file = temporary(target)?;
    let out = Hashing::new(BufWriter::new(file.as_file_mut()));
    let packed = archive(out, &text, &manifest, members)?;
    let sha256 = seal(packed).map_err(tried(WRITE_BUNDLE, target))?;
    file.as_file().sync_all().map_err(tried(WRITE_BUNDLE, target))?;
    file.persist(target).map_err(|e| tried(WRITE_BUNDLE, target)(e.error))?;
    Ok(sha256)
}

fn folder_of(target: &Path) -> &Path {
    target.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn temporary(target: &Path) -> Result<tempfile::NamedTempFile, BundleError> {
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix(".routeproof-").permissions(Permissions::from_mode(0o644));
    builder.tempfile_in(folder_of(target)).map_err(tried(WRITE_BUNDLE, target))
}

fn open(path: &str, content: &Content) -> Result<Box<dyn Read>, BundleError> {
    Ok(match content {
        Content::Text(text) => Box::new(io::Cursor::new(text.clone())),
        Content::File(file) => Box::new(File::open(file).map_err(tried("read", Path::new(path)))?),
    })
}

fn list(path: &str, content: &Content) -> Result<Entry, BundleError> {
    let mut read = Hashing::new(open(path, content)?);
    io::copy(&mut read, &mut io::sink()).map_err(tried("read", Path::new(path)))?;
    Ok(Entry {
        path: path.to_string(),
        size: read.bytes,
        sha256: hex::encode(sha2::Digest::finalize(read.hash)),
    })
}

fn archive<W: Write>(out: W, manifest: &[u8], list: &Manifest, members: &Members) -> Result<W, BundleError> {
    let failed = |path: &str| tried("pack", Path::new(path));
    let mut encoder = zstd::Encoder::new(out, COMPRESSION).map_err(failed(MANIFEST))?;
    encoder.include_checksum(true).map_err(failed(MANIFEST))?;
    let mut tar = tar::Builder::new(encoder);
    add(&mut tar, MANIFEST, manifest.len() as u64, manifest).map_err(failed(MANIFEST))?;
    for (entry, (path, content)) in list.files.iter().zip(&members.0) {
        let mut read = Hashing::new(open(path, content)?.take(entry.size));
        add(&mut tar, path, entry.size, &mut read).map_err(failed(path))?;
        if hex::encode(sha2::Digest::finalize(read.hash)) != entry.sha256 {
            let why = "it changed while it was packed".to_string();
            return Err(BundleError::Unfit { path: path.into(), why });
        }
    }
    tar.into_inner().and_then(zstd::Encoder::finish).map_err(failed("the end"))
}

/// The same header whoever packs it and when: the archive tells of contents alone.
fn add<W: Write>(tar: &mut tar::Builder<W>, path: &str, size: u64, content: impl Read) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_size(size);
    header.set_mode(0o644);
    header.set_mtime(0);
    tar.append_data(&mut header, path, content)
}
