//! Whole pulls from a small signed archive on loopback, with the faults that mirrors have.

use std::collections::HashMap;
use std::fs;
use std::sync::{Arc, Mutex};

use sha2::{Digest, Sha256};
use tar::EntryType::Regular;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::super::unpack::tests::archive;
use super::super::{PruneOptions, Quiet, State};
use super::*;

/// Signed by a subkey of `archive-key.asc`; `expired` differs by its suite and a Valid-Until in the past.
/// Made with `gpg --clearsign` over the text that [`release`] gives.
const SIGNED: &str = include_str!("../testdata/InRelease.asc");
const SIGNED_EXPIRED: &str = include_str!("../testdata/InRelease-expired.asc");

fn test_keys() -> Result<Keyring, String> {
    Keyring::parse(&[include_str!("../testdata/archive-key.asc")])
}

fn deb() -> Vec<u8> {
    let data = archive(&[
        (Regular, "./usr/lib/frr/zebra", "zebra", 0o755),
        (Regular, "./usr/lib/frr/bgpd", "bgpd", 0o755),
        (Regular, "./bin/dash", "dash", 0o755),
    ]);
    let mut builder = ar::Builder::new(Vec::new());
    for (name, content) in [("debian-binary", &b"2.0\n"[..]), ("data.tar", &data)] {
        builder.append(&ar::Header::new(name.into(), content.len() as u64), content).unwrap();
    }
    builder.into_inner().unwrap()
}

fn sha(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// One package that is everything a tree is made of.
fn packages() -> String {
    let all = "frr-pythontools, iproute2, iputils-ping, nftables, procps, dash, bash, coreutils, grep, sed, mawk, findutils, \
               hostname, base-files, netbase, libpam-modules";
    let (size, hash) = (deb().len(), sha(&deb()));
    format!(
        "Package: frr\nVersion: 5.0-1\nProvides: {all}\nFilename: pool/frr.deb\nSize: {size}\nSHA256: {hash}\n"
    )
}

fn release(suite: &str, more: &str) -> String {
    let (size, hash) = (packages().len(), sha(packages().as_bytes()));
    let line = |arch| format!(" {hash} {size} main/binary-{arch}/Packages\n");
    let date = "Date: Sat, 21 Nov 2026 09:15:44 UTC\n";
    format!("Suite: {suite}\nCodename: {suite}\n{date}{more}SHA256:\n{}{}", line("amd64"), line("arm64"))
}

#[test]
fn the_signed_fixtures_are_of_this_archive() {
    let signed = |text| test_keys().unwrap().verify(text).unwrap().replace('\r', "") + "\n";
    assert_eq!(signed(SIGNED), release("tested", "Acquire-By-Hash: yes\n"));
    assert_eq!(signed(SIGNED_EXPIRED), release("expired", "Valid-Until: Sat, 28 Nov 2020 09:15:44 UTC\n"));
}

type Answers = HashMap<String, Vec<Vec<u8>>>;

/// A mirror on loopback: each path has answers in turn, the last one again and again. Without one it says 404.
struct Mirror {
    url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Mirror {
    async fn start(answers: Answers) -> Mirror {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (log, answers) = (asked.clone(), Arc::new(Mutex::new(answers)));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let Ok(byte) = stream.read_u8().await else { break };
                    request.push(byte);
                }
                let request = String::from_utf8_lossy(&request).into_owned();
                let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                let body = answers
                    .lock()
                    .unwrap()
                    .get_mut(&path)
                    .map(|a| if a.len() > 1 { a.remove(0) } else { a[0].clone() });
                log.lock().unwrap().push(path);
                let status = if body.is_some() { "200 OK" } else { "404 Not Found" };
                let body = body.unwrap_or_default();
                let head = format!(
                    "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                let _ = stream.write_all(&[head.as_bytes(), &body].concat()).await;
            }
        });
        Mirror { url, asked }
    }

    fn requests(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

/// A sound archive.
fn sound() -> Answers {
    let index = || vec![packages().into_bytes()];
    HashMap::from([
        ("/dists/tested/InRelease".to_owned(), vec![SIGNED.into()]),
        ("/dists/expired/InRelease".to_owned(), vec![SIGNED_EXPIRED.into()]),
        ("/dists/expired/main/binary-amd64/Packages".to_owned(), index()),
        ("/dists/expired/main/binary-arm64/Packages".to_owned(), index()),
        // By its name only: this mirror has no by-hash although the Release file says so.
        ("/dists/tested/main/binary-amd64/Packages".to_owned(), index()),
        ("/dists/tested/main/binary-arm64/Packages".to_owned(), index()),
        ("/pool/frr.deb".to_owned(), vec![deb()]),
    ])
}

fn store(dir: &Path, mirror: &Mirror) -> Store {
    let options =
        Options { cache_dir: Some(dir.to_owned()), mirror: Some(mirror.url.clone()), ..Options::default() };
    Store { keys: test_keys, ..Store::open(options).unwrap() }
}

fn tested() -> ImageRef {
    ImageRef::suite("tested").unwrap()
}

fn entries(dir: &Path, part: &str) -> usize {
    fs::read_dir(dir.join(part)).unwrap().count()
}

/// Nothing was published and nothing was left.
fn assert_clean(dir: &Path) {
    assert_eq!((entries(dir, "trees"), entries(dir, "refs"), entries(dir, "staging")), (0, 0, 0));
}

#[tokio::test]
async fn a_pull_gives_a_tree_and_the_next_one_asks_nobody() {
    let (dir, mirror) = (tempfile::tempdir().unwrap(), Mirror::start(sound()).await);
    let store = store(dir.path(), &mirror);
    let tree = store.tree(&tested(), &Quiet).await.unwrap();
    assert_eq!((tree.frr_version.as_str(), tree.image.as_str()), ("5.0", "frr:@tested"));
    assert_eq!(fs::read_to_string(tree.path.join("usr/bin/sh")).unwrap(), "dash");
    assert!(fs::read_to_string(tree.path.join("etc/passwd")).unwrap().contains("frr:x:0:0:"));
    let asked = mirror.requests();
    let again = store.tree(&tested(), &Quiet).await.unwrap();
    assert_eq!((&again.digest, mirror.requests()), (&tree.digest, asked));
    assert_eq!(entries(dir.path(), "staging"), 0);
    // A prune takes nothing while the tree is in use, and all of it afterwards.
    let freed = store.prune(PruneOptions { all: true }).unwrap();
    assert_eq!((freed.in_use, freed.trees), (vec!["frr:@tested".to_owned()], 0));
    drop(tree);
    assert_eq!(store.prune(PruneOptions { all: true }).unwrap().trees, 0, "`again` still holds it");
    drop(again);
    assert_eq!(
        pruned(&store, PruneOptions { all: true }),
        (1, 1),
        "the index went with the first prune: no tree is made of it"
    );
    assert!(store.cached(&tested()).unwrap().is_none());
}

#[tokio::test]
async fn two_pulls_at_once_share_one() {
    #[derive(Default)]
    struct Heard(Mutex<Vec<String>>);
    impl Progress for Heard {
        fn update(&self, _: &str, what: &str, _: u64, _: u64) {
            self.0.lock().unwrap().push(what.to_owned());
        }
    }
    let (dir, mirror) = (tempfile::tempdir().unwrap(), Mirror::start(sound()).await);
    let (one, two) = (store(dir.path(), &mirror), store(dir.path(), &mirror));
    let heard = Heard::default();
    let image = tested();
    let (a, b) = tokio::join!(one.tree(&image, &heard), two.tree(&image, &heard));
    assert_eq!(a.unwrap().digest, b.unwrap().digest);
    let asked = mirror.asked.lock().unwrap().clone();
    assert_eq!(asked.iter().filter(|p| p.ends_with(".deb")).count(), 1, "{asked:?}");
    assert!(heard.0.lock().unwrap().iter().any(|w| w.starts_with("waiting")));
}

#[tokio::test]
async fn a_damaged_package_is_asked_for_again_and_given_up_after_three_times() {
    let mut answers = sound();
    let half = deb()[..600].to_vec();
    answers.insert("/pool/frr.deb".into(), vec![half.clone(), vec![0; deb().len()], deb()]);
    let (dir, mirror) = (tempfile::tempdir().unwrap(), Mirror::start(answers).await);
    store(dir.path(), &mirror).tree(&tested(), &Quiet).await.unwrap();

    let mut answers = sound();
    answers.insert("/pool/frr.deb".into(), vec![half]);
    let (dir, mirror) = (tempfile::tempdir().unwrap(), Mirror::start(answers).await);
    let error = store(dir.path(), &mirror).tree(&tested(), &Quiet).await.unwrap_err();
    assert!(
        matches!(&error, ImageError::Download { attempts: 3, reason, .. } if reason.contains("600 bytes")),
        "{error}"
    );
    assert_eq!(error.exit_code(), 5);
    assert_clean(dir.path());
}

#[tokio::test]
async fn an_expired_suite_needs_the_flag() {
    let (dir, mirror) = (tempfile::tempdir().unwrap(), Mirror::start(sound()).await);
    let mut store = store(dir.path(), &mirror);
    let image = ImageRef::suite("expired").unwrap();
    let error = store.tree(&image, &Quiet).await.unwrap_err();
    let shown = format!("{error}\n{}", error.hints().join("\n")).replace(&mirror.url, "http://mirror");
    insta::assert_snapshot!(shown, @r"
    suite expired at http://mirror/dists/expired/InRelease expired on Sat, 28 Nov 2020 09:15:44 UTC: a mirror that stands still could hide security updates
    use --allow-expired to take it all the same
    ");
    assert_eq!(error.exit_code(), 2);
    assert_clean(dir.path());
    store.options.allow_expired = true;
    store.tree(&image, &Quiet).await.unwrap();
}

#[tokio::test]
async fn forged_and_exchanged_release_files_are_not_trusted() {
    let forged = SIGNED.replace("Acquire-By-Hash: yes", "Acquire-By-Hash: no");
    for (release, reason) in
        [(forged.as_str(), "does not match"), (SIGNED_EXPIRED, "it is the Release file of expired")]
    {
        let mut answers = sound();
        answers.insert("/dists/tested/InRelease".into(), vec![release.into()]);
        let (dir, mirror) = (tempfile::tempdir().unwrap(), Mirror::start(answers).await);
        let error = store(dir.path(), &mirror).tree(&tested(), &Quiet).await.unwrap_err();
        assert!(
            matches!(&error, ImageError::Untrusted { .. }) && error.to_string().contains(reason),
            "{error}"
        );
        assert_clean(dir.path());
    }
    // Signed well, by somebody else.
    let (dir, mirror) = (tempfile::tempdir().unwrap(), Mirror::start(sound()).await);
    let store = Store { keys: Keyring::debian, ..store(dir.path(), &mirror) };
    let error = store.tree(&tested(), &Quiet).await.unwrap_err();
    assert!(error.to_string().contains("not an archive key of Debian"), "{error}");
}

#[tokio::test]
async fn out_of_reach_and_offline_say_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    // A port that was free a moment ago and that nobody listens on.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mirror = Mirror { url: format!("http://127.0.0.1:{port}"), asked: Arc::default() };
    let mut store = store(dir.path(), &mirror);
    let image = ImageRef::parse("frr:8.4.4").unwrap();
    let error = store.tree(&image, &Quiet).await.unwrap_err();
    let shown = format!("{error}\n{}", error.hints().join("\n")).replace(&mirror.url, "http://mirror");
    insta::assert_snapshot!(shown, @r"
    could not reach suite bookworm of Debian for frr:8.4.4: http://mirror/dists/bookworm/InRelease: Connection refused (os error 111)
    name a mirror that this machine reaches: --mirror URL or ROUTEPROOF_MIRROR=URL
    or run `routeproof images pull frr:8.4.4` on a connected machine and copy its cache folder here
    or give a folder or image archive: `routeproof images pull frr:8.4.4 --from PATH`
    ");
    store.options.offline = true;
    let error = store.tree(&image, &Quiet).await.unwrap_err();
    assert!(matches!(error, ImageError::Offline { .. }));
    assert_eq!(error.exit_code(), 5);
    let unknown = store.tree(&ImageRef::parse("frr:8.4").unwrap(), &Quiet).await.unwrap_err();
    assert_eq!(
        (unknown.exit_code(), unknown.hints()[0].as_str()),
        (2, "known images: frr:8.4.4, frr:7.5.1, frr:10.3")
    );
}

#[tokio::test]
async fn the_last_step_sees_the_tree_and_can_refuse_it() {
    let (dir, mirror) = (tempfile::tempdir().unwrap(), Mirror::start(sound()).await);
    let store = store(dir.path(), &mirror);
    let refusing = store.clone().with_finish(Finish::new(1, |_| Err("no".into())));
    let error = refusing.tree(&tested(), &Quiet).await.unwrap_err();
    assert!(matches!(error, ImageError::Finish { .. }));
    assert_clean(dir.path());
    let marking = store.with_finish(marking(1));
    assert!(marking.tree(&tested(), &Quiet).await.unwrap().path.join("mark").exists());
}

/// A last step that writes its format into the tree.
fn marking(format: u32) -> Finish {
    Finish::new(format, move |tree| {
        fs::write(tree.join("mark"), format.to_string()).map_err(|e| e.to_string())
    })
}

/// What a prune removes that finds a tree: how many trees and downloads. A child that another test forks has a copy of the lock
/// that this one has dropped, until it executes its program.
fn pruned(store: &Store, options: PruneOptions) -> (usize, usize) {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(10);
    let mut removed = (0, 0);
    while removed.0 == 0 && std::time::Instant::now() < end {
        let freed = store.prune(options).unwrap();
        removed = (removed.0 + freed.trees, removed.1 + freed.downloads);
        std::thread::yield_now();
    }
    removed
}

#[tokio::test]
async fn another_releases_trees_are_not_used_and_prune_removes_them() {
    let (dir, mirror) = (tempfile::tempdir().unwrap(), Mirror::start(sound()).await);
    let store = store(dir.path(), &mirror);
    let (old, new) = (store.clone().with_finish(marking(1)), store.with_finish(marking(2)));
    let old_tree = old.tree(&tested(), &Quiet).await.unwrap();
    assert!(new.cached(&tested()).unwrap().is_none());
    assert!(new.list().unwrap().iter().all(|e| e.state == State::NotCached));
    let new_tree = new.tree(&tested(), &Quiet).await.unwrap();
    let mark = |tree: &Tree| fs::read_to_string(tree.path.join("mark")).unwrap();
    assert_eq!((mark(&old_tree).as_str(), mark(&new_tree).as_str()), ("1", "2"));
    // Side by side both stay usable, until the one prunes.
    assert_eq!(old.cached(&tested()).unwrap().unwrap().digest, old_tree.digest);
    drop(old_tree);
    assert_eq!(pruned(&new, PruneOptions::default()).0, 1);
    assert!(old.cached(&tested()).unwrap().is_none() && new.cached(&tested()).unwrap().is_some());
}

/// A file of another format under the name of ours (a copied cache, a hand at work) does not count either.
#[tokio::test]
async fn the_record_itself_names_its_format() {
    let (dir, mirror) = (tempfile::tempdir().unwrap(), Mirror::start(sound()).await);
    let store = store(dir.path(), &mirror);
    store.tree(&tested(), &Quiet).await.unwrap();
    let path = store.cache.record_path(&tested());
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("\"finish\": 0"), "{text}");
    fs::write(&path, text.replace("\"finish\": 0", "\"finish\": 7")).unwrap();
    assert!(store.cached(&tested()).unwrap().is_none());
}
