//! Debian packages without dpkg: an `ar` archive whose `data.tar.*` holds the files. Maintainer scripts never run.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use super::ImageError;
use super::rooted::Rooted;
use super::unpack::unpack_tar;

/// Unpacks the files of one package into a tree.
pub(super) fn unpack_deb(tree: &Rooted, deb: &Path) -> Result<(), ImageError> {
    let file = File::open(deb).map_err(ImageError::io("open", deb))?;
    let mut archive = ar::Archive::new(BufReader::new(file));
    while let Some(entry) = archive.next_entry() {
        let entry = entry.map_err(|e| damaged(deb, &e))?;
        let name = String::from_utf8_lossy(entry.header().identifier()).trim_end_matches('/').to_owned();
        if let Some(compression) = name.strip_prefix("data.tar") {
            let reader = decompressed(compression, entry).map_err(|e| damaged(deb, &e))?;
            return unpack_tar(tree, reader).map_err(|e| match e.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    ImageError::Full { path: deb.to_owned() }
                }
                _ => damaged(deb, &e),
            });
        }
    }
    Err(damaged(deb, &io::Error::other("it has no data.tar")))
}

fn damaged(deb: &Path, error: &io::Error) -> ImageError {
    ImageError::Damaged { what: format!("package {}", deb.display()), reason: error.to_string() }
}

/// A reader of what a compressed stream holds; `ending` is a file name's, with or without its dot.
pub(super) fn decompressed<'a>(ending: &str, stream: impl Read + 'a) -> io::Result<Box<dyn Read + 'a>> {
    Ok(match ending.trim_start_matches('.') {
        "" => Box::new(stream),
        "gz" => Box::new(flate2::read::MultiGzDecoder::new(stream)),
        "xz" => Box::new(liblzma::read::XzDecoder::new_multi_decoder(stream)),
        "zst" => Box::new(zstd::Decoder::new(stream)?),
        other => return Err(io::Error::other(format!("unknown compression `{other}`"))),
    })
}

#[cfg(test)]
mod tests {
    use super::super::unpack::tests::archive;
    use super::*;
    use std::io::Write;
    use tar::EntryType::Regular;

    fn deb(dir: &Path, member: &str, data: &[u8]) -> std::path::PathBuf {
        let path = dir.join("x.deb");
        let mut builder = ar::Builder::new(File::create(&path).unwrap());
        for (name, content) in [("debian-binary", &b"2.0\n"[..]), (member, data)] {
            builder.append(&ar::Header::new(name.into(), content.len() as u64), content).unwrap();
        }
        path
    }

    #[test]
    fn every_compression() {
        let tar = archive(&[(Regular, "./usr/lib/frr/bgpd", "elf", 0o755)]);
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&tar).unwrap();
        let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
        xz.write_all(&tar).unwrap();
        let packed = [
            ("data.tar", tar.clone()),
            ("data.tar.gz", gz.finish().unwrap()),
            ("data.tar.xz", xz.finish().unwrap()),
            ("data.tar.zst", zstd::encode_all(&tar[..], 1).unwrap()),
        ];
        for (name, data) in packed {
            let dir = tempfile::tempdir().unwrap();
            let root = dir.path().join("root");
            std::fs::create_dir(&root).unwrap();
            unpack_deb(&Rooted::new(&root), &deb(dir.path(), name, &data)).unwrap();
            assert_eq!(std::fs::read_to_string(root.join("usr/lib/frr/bgpd")).unwrap(), "elf", "{name}");
        }
    }

    #[test]
    fn a_cut_off_package_is_damaged() {
        let dir = tempfile::tempdir().unwrap();
        let data = zstd::encode_all(&archive(&[(Regular, "a", "b", 0o644)])[..], 1).unwrap();
        let path = deb(dir.path(), "data.tar.zst", &data[..data.len() / 2]);
        assert!(matches!(unpack_deb(&Rooted::new(dir.path()), &path), Err(ImageError::Damaged { .. })));
        let path = deb(dir.path(), "control.tar", b"");
        assert!(matches!(unpack_deb(&Rooted::new(dir.path()), &path), Err(ImageError::Damaged { .. })));
    }
}
