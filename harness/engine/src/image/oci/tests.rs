use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use tar::EntryType::{Directory, Regular, Symlink};

use super::super::detect::host_arch;
use super::super::import::{build, open, version_of};
use super::super::unpack::tests::{Member, archive};
use super::super::{ImageError, ImageRef};
use super::*;

/// The first bytes of a program for this machine, followed by a version.
fn program(version: &str) -> String {
    let mut elf = b"\x7fELF\x02\x01".to_vec();
    elf.resize(18, 0);
    elf.extend(if host_arch().unwrap() == "amd64" { [62, 0] } else { [0x37, 0] });
    elf.extend(format!("\0{version}\0").bytes());
    String::from_utf8(elf).unwrap()
}

fn sha(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn base(program: &str) -> Vec<u8> {
    archive(&[
        (Regular, "usr/lib/frr/zebra", program, 0o755),
        (Regular, "usr/lib/frr/bgpd", program, 0o755),
        (Regular, "etc/passwd", "root:x:0:0:root:/root:/bin/ash\nfrr:x:100:101::/:/bin/false\n", 0o644),
        (Regular, "etc/old/one", "1", 0o644),
        (Regular, "etc/old/two", "2", 0o644),
        (Regular, "etc/gone", "x", 0o644),
    ])
}

fn upper() -> Vec<u8> {
    archive(&[
        (Directory, "etc/old/", "", 0o755),
        (Regular, "etc/old/new", "3", 0o644),
        (Regular, "etc/old/.wh..wh..opq", "", 0o644),
        (Regular, "etc/.wh.gone", "", 0o644),
        (Regular, "lib/apk/db/installed", "P:frr\nV:9.1.0-r0\n", 0o644),
    ])
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gz.write_all(bytes).unwrap();
    gz.finish().unwrap()
}

/// A tar file of named contents of any bytes.
fn tar_of(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, content) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, name, &content[..]).unwrap();
    }
    builder.into_inner().unwrap()
}

/// The files of an OCI layout with these layers.
fn layout(layers: &[Vec<u8>], arch: &str) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut put = |bytes: Vec<u8>| {
        let digest = sha(&bytes);
        files.push((format!("blobs/sha256/{digest}"), bytes));
        format!("sha256:{digest}")
    };
    let layers: Vec<_> = layers.iter().map(|l| serde_json::json!({ "digest": put(l.clone()) })).collect();
    let config = put(serde_json::json!({ "architecture": arch }).to_string().into_bytes());
    let manifest =
        put(serde_json::json!({ "config": { "digest": config }, "layers": layers }).to_string().into_bytes());
    let platform = serde_json::json!({ "digest": manifest, "platform": { "architecture": arch } });
    let nested = put(serde_json::json!({ "manifests": [platform] }).to_string().into_bytes());
    let index = serde_json::json!({ "manifests": [{ "digest": nested }] }).to_string().into_bytes();
    files.push(("index.json".to_owned(), index));
    files
}

fn import(from: &Path, name: &str) -> Result<(tempfile::TempDir, PathBuf, String), ImageError> {
    let work = tempfile::tempdir().unwrap();
    let image = ImageRef::parse(name).unwrap();
    let opened = open(from, &image, work.path())?;
    let tree = build(&opened.import, from, work.path())?;
    let version = version_of(&tree, &image, from)?;
    Ok((work, tree, version))
}

fn import_bytes(bytes: &[u8], name: &str) -> Result<(tempfile::TempDir, PathBuf, String), ImageError> {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    import(file.path(), name)
}

fn assert_merged(tree: &Path) {
    assert!(
        tree.join("etc/old/new").exists()
            && !tree.join("etc/old/one").exists()
            && !tree.join("etc/gone").exists()
    );
    assert!(fs::read_to_string(tree.join("etc/passwd")).unwrap().contains("frr:x:0:0:"));
}

#[test]
fn docker_save_with_a_linked_layer() {
    let files = [
        ("a/layer.tar".to_owned(), base(&program("9.1.0"))),
        ("c.json".to_owned(), format!("{{\"architecture\":\"{}\",\"os\":\"linux\"}}", host_arch().unwrap()).into()),
        (
            "manifest.json".to_owned(),
            br#"[{"Config":"c.json","RepoTags":["quay.io/frrouting/frr:9.1.0"],"Layers":["b/layer.tar","d.tar"]}]"#.to_vec(),
        ),
        ("d.tar".to_owned(), upper()),
    ];
    let mut bytes = tar_of(&files);
    bytes.truncate(bytes.len() - 1024); // Without the end mark, to add the link.
    bytes.extend(archive(&[(Symlink, "b/layer.tar", "../a/layer.tar", 0o777)]));
    let (_work, tree, version) = import_bytes(&bytes, "frr:9.1.0").unwrap();
    assert_merged(&tree);
    assert_eq!(version, "9.1.0");
}

#[test]
fn oci_layout_as_a_file_a_compressed_file_and_a_folder() {
    let layers = [gz(&base(&program("9.1"))), zstd::encode_all(&upper()[..], 1).unwrap()];
    let files = layout(&layers, host_arch().unwrap());
    for bytes in [tar_of(&files), gz(&tar_of(&files))] {
        let (_work, tree, _) = import_bytes(&bytes, "frr:9.1.0").unwrap();
        assert_merged(&tree);
    }
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in &files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    assert_merged(&import(dir.path(), "frr:9.1.0").unwrap().1);
}

#[test]
fn a_plain_archive_of_a_root_counts_too() {
    let (_work, _tree, version) = import_bytes(&gz(&base(&program("10.2.1"))), "frr:10.2.1").unwrap();
    assert_eq!(version, "10.2.1");
}

fn refusal(bytes: &[u8], name: &str) -> String {
    import_bytes(bytes, name).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn refusals_name_the_reason() {
    let elf = program("9.1.0");
    let foreign = tar_of(&layout(&[base(&elf)], "s390x"));
    assert!(refusal(&foreign, "frr:9.1.0").contains("is built for s390x, and this machine is"));
    let other = tar_of(&layout(&[base(&elf)], host_arch().unwrap()));
    assert!(refusal(&other, "frr:8.5").contains("it holds FRR 9.1.0, and the name says 8.5"));
    assert!(
        refusal(&archive(&[(Regular, "README", "x", 0o644)]), "frr:8.5").contains("neither a manifest.json")
    );
    assert!(refusal(b"garbage", "frr:8.5").contains("is damaged"));
    let mut forged = layout(&[base(&elf)], host_arch().unwrap());
    forged[0].1 = upper();
    assert!(refusal(&tar_of(&forged), "frr:9.1.0").contains("does not match its name"));
}

#[test]
fn a_layer_that_leaves_the_tree_is_refused() {
    let evil: [&[Member<'_>]; 3] = [
        &[(Regular, "../escaped", "x", 0o644)],
        &[(Regular, "etc/.wh...", "", 0o644)],
        &[(Regular, "../.wh.victim", "", 0o644)],
    ];
    for members in evil {
        let bytes = tar_of(&layout(&[base(&program("9.1.0")), archive(members)], host_arch().unwrap()));
        assert!(refusal(&bytes, "frr:9.1.0").contains("would leave the tree"), "{members:?}");
    }
}
