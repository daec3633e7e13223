//! Takes a bundle apart that somebody else made: nothing but what its manifest lists gets onto the disk, and nothing outside one
//! folder.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::Path;
use std::rc::Rc;

use routeproof_model::bundle::{Entry, LARGEST_MANIFEST, MANIFEST, Manifest};
use sha2::{Digest, Sha256};
use tar::EntryType;

use super::error::{BundleError, READ_BUNDLE, tried};
use super::seal;

/// Recordings and logs take a tenth to a thirtieth of their size; what grows more than this is a bomb, unless it is small.
const DENSEST: u64 = 200;
const SMALL: u64 = 64 << 20;
const LONGEST_NAME: u64 = 4096;

/// What was unpacked.
pub(super) struct Unpacked {
    pub manifest: Manifest,
    /// Of the file.
    pub sha256: String,
    /// What is not as the manifest says.
    pub problems: Vec<String>,
}

/// Reads no more than it is allowed: what inflates without end ends here.
struct Bounded<R> {
    inner: R,
    left: Rc<Cell<u64>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        match self.left.get().checked_sub(read as u64) {
            Some(left) => self.left.set(left),
            None => return Err(io::Error::other("there is more in it than its manifest lists")),
        }
        Ok(read)
    }
}

/// Unpacks `bundle` into the empty folder `into`.
///
/// # Errors
/// It is no bundle, or the folder cannot be written.
pub(super) fn unpack(bundle: &Path, into: &Path) -> Result<Unpacked, BundleError> {
    let mut file = File::open(bundle).map_err(tried(READ_BUNDLE, bundle))?;
    let sealed = seal::check(&mut file).map_err(tried(READ_BUNDLE, bundle))?;
    io::Seek::rewind(&mut file).map_err(tried(READ_BUNDLE, bundle))?;
    let not_a_bundle = |why: String| BundleError::NotABundle { path: bundle.to_path_buf(), why };
    let not_an_archive = |e: io::Error| not_a_bundle(e.to_string());

    let left = Rc::new(Cell::new(LARGEST_MANIFEST));
    let archive = BufReader::new(file.take(sealed.archive));
    let decoder = zstd::Decoder::with_buffer(archive).map_err(not_an_archive)?.single_frame();
    let mut archive = tar::Archive::new(Bounded { inner: decoder, left: Rc::clone(&left) });
    // Raw: the tar crate would read a name of any length into memory.
    let mut entries = archive.entries().map_err(not_an_archive)?.raw(true);
    let manifest = manifest(entries.next()).map_err(|why| match sealed.problem {
        Some(problem) => not_a_bundle(format!("{why} ({problem})")),
        None => not_a_bundle(why),
    })?;
    let mut problems: Vec<String> = sealed.problem.map(str::to_string).into_iter().collect();
    let mut mistakes = manifest.mistakes();
    if manifest.archive_size() > SMALL + sealed.archive.saturating_mul(DENSEST) {
        mistakes.push("its files would be far larger than what it is made of can be".to_string());
    }
    if !mistakes.is_empty() {
        problems.extend(mistakes);
        return Ok(Unpacked { manifest, sha256: sealed.sha256, problems });
    }
    left.set(manifest.archive_size());
    problems.extend(files(entries, &manifest, into)?);
    if problems.is_empty() {
        problems.extend(rest(archive.into_inner().inner));
    }
    Ok(Unpacked { manifest, sha256: sealed.sha256, problems })
}

fn manifest<R: Read>(first: Option<io::Result<tar::Entry<'_, R>>>) -> Result<Manifest, String> {
    let mut first = first.ok_or("it is empty")?.map_err(|e| format!("it cannot be read: {e}"))?;
    if name(&first).as_deref() != Ok(MANIFEST) {
        return Err(format!("its first file is not {MANIFEST}"));
    }
    let mut bytes = Vec::new();
    first.read_to_end(&mut bytes).map_err(|e| format!("it cannot be read: {e}"))?;
    Manifest::parse(&bytes)
}

fn name<R: Read>(entry: &tar::Entry<'_, R>) -> Result<String, String> {
    text(&entry.path_bytes())
}

fn text(bytes: &[u8]) -> Result<String, String> {
    let text = str::from_utf8(bytes).map(str::to_string);
    text.map_err(|_| format!("{:?} is no name", String::from_utf8_lossy(bytes)))
}

/// The name of the next file, if this is what tar writes where a name is long.
fn long_name<R: Read>(entry: &mut tar::Entry<'_, R>) -> Option<Result<String, String>> {
    if entry.header().entry_type() != EntryType::GNULongName {
        return None;
    }
    let mut bytes = Vec::new();
    let read = entry.take(LONGEST_NAME).read_to_end(&mut bytes);
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    Some(read.map_err(|e| e.to_string()).and_then(|_| text(&bytes[..end])))
}

/// Unpacks the files that are listed; gives what is wrong with them.
fn files<R: Read>(
    entries: tar::Entries<'_, R>,
    manifest: &Manifest,
    into: &Path,
) -> Result<Vec<String>, BundleError> {
    let mut problems = Vec::new();
    let listed: BTreeMap<&str, &Entry> =
        manifest.files.iter().map(|entry| (entry.path.as_str(), entry)).collect();
    let mut missing = listed.clone();
    let mut long = None;
    for entry in entries {
        let mut entry = match entry {
            Ok(entry) => entry,
            Err(e) => {
                problems.push(format!("it cannot be read to its end: {e}"));
                break;
            }
        };
        if let Some(name) = long_name(&mut entry) {
            long = Some(name);
            continue;
        }
        let path = match long.take().unwrap_or_else(|| name(&entry)) {
            Ok(path) => path,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        match missing.remove(path.as_str()) {
            None if listed.contains_key(path.as_str()) => problems.push(format!("{path} is there twice")),
            None => problems.push(format!("{path:?} is there and not listed")),
            Some(_) if entry.header().entry_type() != EntryType::Regular => {
                problems.push(format!("{path} is no file, but a link or worse"));
            }
            Some(expected) => problems.extend(one(&mut entry, expected, into)?),
        }
    }
    problems.extend(missing.keys().map(|path| format!("{path} is listed and not there")));
    Ok(problems)
}

/// Unpacks one file; gives what is wrong with it.
fn one(entry: &mut impl Read, expected: &Entry, into: &Path) -> Result<Option<String>, BundleError> {
    let path = into.join(&expected.path);
    let folder = path.parent().unwrap_or(into);
    fs::create_dir_all(folder).map_err(tried("create", folder))?;
    let mut file = File::create_new(&path).map_err(tried("create", &path))?;
    let mut hash = Sha256::new();
    let mut size = 0;
    let mut buffer = [0; 64 * 1024];
    loop {
        let read = match entry.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => &buffer[..read],
            Err(e) => return Ok(Some(format!("{} cannot be read: {e}", expected.path))),
        };
        size += read.len() as u64;
        hash.update(read);
        // What is longer is read on, to be counted, and not kept.
        if size <= expected.size {
            file.write_all(read).map_err(tried("write", &path))?;
        }
    }
    if size != expected.size {
        return Ok(Some(format!("{} has {size} bytes, not {}", expected.path, expected.size)));
    }
    let same = hex::encode(hash.finalize()) == expected.sha256;
    Ok((!same).then(|| format!("{} is not what was packed: its SHA-256 differs", expected.path)))
}

/// What is behind the archive's end, of whose two empty blocks the first has been read.
fn rest<R: io::BufRead>(mut decoder: zstd::Decoder<'_, R>) -> Option<String> {
    const BLOCK: usize = 512;
    let more = || Some("there is something behind its end".to_string());
    let unreadable = |e: io::Error| Some(format!("it cannot be read to its end: {e}"));
    let mut end = Vec::new();
    if let Err(e) = (&mut decoder).take(BLOCK as u64 + 1).read_to_end(&mut end) {
        return unreadable(e);
    }
    if end.len() > BLOCK || end.iter().any(|byte| *byte != 0) {
        return more();
    }
    match decoder.finish().fill_buf() {
        Ok([]) => None,
        Ok(_) => more(),
        Err(e) => unreadable(e),
    }
}
