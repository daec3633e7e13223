//! Bundles as a forger makes them: under a new seal that is right.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::Path;

use routeproof_model::bundle::{Entry, MANIFEST, Manifest};
use sha2::{Digest, Sha256};

use super::made::Acceptance;
use crate::bundle::seal::{Hashing, seal};

type Files = Vec<(String, Vec<u8>)>;
type Tar = tar::Builder<zstd::Encoder<'static, Vec<u8>>>;

/// Packs a bundle again, with other files or another manifest; the hashes are left as they are.
pub fn forge(bundle: &Path, change: impl FnOnce(&mut Files, &mut Manifest)) {
    let mut archive = tar::Archive::new(zstd::Decoder::new(File::open(bundle).unwrap()).unwrap());
    let mut files = Files::new();
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_str().unwrap().to_string();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        files.push((path, bytes));
    }
    let (name, manifest) = files.remove(0);
    assert_eq!(name, MANIFEST);
    let mut manifest: Manifest = serde_json::from_slice(&manifest).unwrap();
    change(&mut files, &mut manifest);
    write(bundle, &manifest, |tar| files.iter().for_each(|(path, bytes)| append(tar, path, bytes)));
}

/// Changes a file, with its hash.
pub fn put(files: &mut Files, manifest: &mut Manifest, path: &str, change: impl Fn(String) -> String) {
    let (_, bytes) = files.iter_mut().find(|(name, _)| name == path).unwrap();
    let old = String::from_utf8(bytes.clone()).unwrap();
    let new = change(old.clone());
    assert_ne!(old, new, "{path}");
    let entry = manifest.files.iter_mut().find(|entry| entry.path == path).unwrap();
    (entry.size, entry.sha256) = (new.len() as u64, hex::encode(Sha256::digest(&new)));
    *bytes = new.into_bytes();
}

/// A bundle that lists these and holds what is appended.
pub fn hostile(made: &Acceptance, files: &[Entry], append: impl FnOnce(&mut Tar)) {
    write(&made.bundle, &Manifest { files: files.to_vec(), ..made.manifest() }, append);
}

fn write(bundle: &Path, manifest: &Manifest, add: impl FnOnce(&mut Tar)) {
    let mut tar = tar::Builder::new(zstd::Encoder::new(Vec::new(), 1).unwrap());
    append(&mut tar, MANIFEST, &serde_json::to_vec(manifest).unwrap());
    add(&mut tar);
    seal_bytes(bundle, &tar.into_inner().unwrap().finish().unwrap());
}

pub fn seal_bytes(bundle: &Path, archive: &[u8]) {
    let mut sealed = Vec::new();
    let mut out = Hashing::new(&mut sealed);
    out.write_all(archive).unwrap();
    seal(out).unwrap();
    fs::write(bundle, sealed).unwrap();
}

/// By its bytes: the tar crate itself refuses to write a path with `..`.
fn append(tar: &mut Tar, path: &str, bytes: &[u8]) {
    let mut header = tar::Header::new_gnu();
    let name = &mut header.as_old_mut().name;
    if path.len() < name.len() {
        name[..path.len()].copy_from_slice(path.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        tar.append(&header, bytes).unwrap();
    } else {
        header.set_size(bytes.len() as u64);
        tar.append_data(&mut header, path, bytes).unwrap();
    }
}
