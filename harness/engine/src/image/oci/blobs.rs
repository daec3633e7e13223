//! The files inside an image archive, by name: members of a tar file or files of a folder.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use crate::image::rooted::{Rooted, member_path};

/// The name of the archive itself, for archives that are a root filesystem.
pub(super) const WHOLE: &str = "";

pub(in crate::image) enum Blobs {
    Folder(PathBuf),
    Archive { file: PathBuf, members: HashMap<String, Member> },
}

pub(in crate::image) enum Member {
    At {
        offset: u64,
        size: u64,
    },
    /// Older `docker save` links a layer that it has already written.
    Link(String),
}

impl Blobs {
    pub fn folder(dir: &Path) -> Blobs {
        Blobs::Folder(dir.to_owned())
    }

    /// Notes where each member of a tar file is.
    pub fn archive(file: &Path) -> io::Result<Blobs> {
        let mut members = HashMap::new();
        let mut archive = tar::Archive::new(io::BufReader::new(File::open(file)?));
        for entry in archive.entries_with_seek()? {
            let entry = entry?;
            let name = key(&entry.path()?);
            let member = match entry.header().entry_type() {
                tar::EntryType::Symlink | tar::EntryType::Link => {
                    let Some(target) = entry.link_name()? else { continue };
                    let base = match entry.header().entry_type() {
                        tar::EntryType::Symlink => {
                            Path::new(&name).parent().unwrap_or(Path::new("")).to_owned()
                        }
                        _ => PathBuf::new(),
                    };
                    Member::Link(key(&base.join(target)))
                }
                _ => Member::At { offset: entry.raw_file_position(), size: entry.size() },
            };
            members.insert(name, member);
        }
        Ok(Blobs::Archive { file: file.to_owned(), members })
    }

    pub fn has(&self, name: &str) -> bool {
        match self {
            Blobs::Folder(dir) => dir.join(name).is_file(),
            Blobs::Archive { members, .. } => members.contains_key(name),
        }
    }

    pub fn open(&self, name: &str) -> io::Result<Box<dyn Read>> {
        let missing = || io::Error::other(format!("it has no `{name}`"));
        match self {
            // The name comes from the archive's manifest: it stays inside the folder.
            Blobs::Folder(dir) => {
                let path = Rooted::new(dir).resolve(&member_path(Path::new(name))?.to_string_lossy())?;
                Ok(Box::new(File::open(path).map_err(|_| missing())?))
            }
            Blobs::Archive { file, .. } if name == WHOLE => Ok(Box::new(File::open(file)?)),
            Blobs::Archive { file, members } => {
                let mut member = members.get(name).ok_or_else(missing)?;
                if let Member::Link(target) = member {
                    member = members.get(target).ok_or_else(missing)?;
                }
                let Member::At { offset, size } = member else { return Err(missing()) };
                let mut file = File::open(file)?;
                file.seek(SeekFrom::Start(*offset))?;
                Ok(Box::new(file.take(*size)))
            }
        }
    }

    /// A small file's content.
    pub fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        const MAX_MANIFEST: u64 = 16 << 20;
        let mut bytes = Vec::new();
        self.open(name)?.take(MAX_MANIFEST).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}

/// A member's name without `./` and with its `..` worked out, for look-ups only.
fn key(path: &Path) -> String {
    let mut parts: Vec<String> = Vec::new();
    for part in path.components() {
        match part {
            std::path::Component::Normal(p) => parts.push(p.to_string_lossy().into_owned()),
            std::path::Component::ParentDir => drop(parts.pop()),
            _ => {}
        }
    }
    parts.join("/")
}
