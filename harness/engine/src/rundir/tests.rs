use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::symlink;
use std::time::Duration;

use super::*;

fn names(dir: &Path) -> BTreeSet<String> {
    fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

#[test]
fn stamps_are_utc() {
    // `date -u -d @N +%Y%m%dT%H%M%SZ`
    assert_eq!(utc_stamp(0), "19700101T000000Z");
    assert_eq!(utc_stamp(951_782_399), "20000228T235959Z");
    assert_eq!(utc_stamp(951_782_400), "20000229T000000Z");
    assert_eq!(utc_stamp(1_735_689_599), "20241231T235959Z");
    assert_eq!(utc_stamp(4_107_542_400), "21000301T000000Z");
}

#[test]
fn names_cannot_leave_the_directory() {
    assert_eq!(slug("frr-ordering-7.5.1"), "frr-ordering-7.5.1");
    assert_eq!(slug("../../etc/passwd"), "-..-etc-passwd");
    assert_eq!((slug(".."), slug(""), slug("a b\n\u{e9}")), ("-".into(), "-".into(), "a-b--".into()));
    assert_eq!(slug(&"x".repeat(1000)).len(), MAX_NAME);
}

#[test]
fn the_layout() {
    let temporary = tempfile::tempdir().unwrap();
    let parent = temporary.path().join("deep/routeproof-runs");
    let dir = RunDir::create(&parent, at(0), 20).unwrap();
    let axes = vec![("frr".to_owned(), "7.5.1".to_owned()), ("order".to_owned(), "after".to_owned())];
    let (requirements, expected) = (Vec::new(), BTreeMap::new());
    let id = RunId { scenario: "frr-ordering".into(), requirements, axes, expected, repeat: 0 };
    let run = dir.run(7, &id).unwrap();
    assert_eq!(run.relative(), Path::new("007-frr-ordering-7.5.1-after"));
    let node = run.node("worker").unwrap();
    let conf = node.save_conf("1", "router bgp 64512\n").unwrap();
    assert_eq!(conf, Path::new("007-frr-ordering-7.5.1-after/nodes/worker/frr.conf.1"));
    assert_eq!(fs::read_to_string(dir.path().join(conf)).unwrap(), "router bgp 64512\n");
    fs::write(node.log("bgpd"), "").unwrap();
    assert_eq!(fs::read_to_string(parent.join(".gitignore")).unwrap(), "*\n");
    assert_eq!(fs::canonicalize(parent.join("latest")).unwrap(), fs::canonicalize(dir.path()).unwrap());
}

#[test]
fn a_folder_that_the_user_had_gets_no_gitignore_and_keeps_its_latest() {
    let parent = tempfile::tempdir().unwrap();
    fs::write(parent.path().join("latest"), "mine").unwrap();
    let dir = RunDir::create(parent.path(), at(0), 20).unwrap();
    let own = dir.path().file_name().unwrap().to_str().unwrap().to_owned();
    assert_eq!(names(parent.path()), BTreeSet::from(["latest".to_owned(), own]));
    assert_eq!(fs::read_to_string(parent.path().join("latest")).unwrap(), "mine");
}

#[test]
fn invocations_of_the_same_second_do_not_clash() {
    let parent = tempfile::tempdir().unwrap();
    let make = || RunDir::create(parent.path(), at(0), 1).unwrap();
    let dirs: Vec<RunDir> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(make)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let paths: BTreeSet<_> = dirs.iter().map(RunDir::path).collect();
    assert_eq!(paths.len(), 8);
    assert!(
        paths.iter().all(|path| path.is_dir()),
        "living invocations are not pruned, even beyond the limit"
    );
}

#[test]
fn only_our_own_ended_directories_are_pruned() {
    let parent = tempfile::tempdir().unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    fs::write(elsewhere.path().join(MARKER), "").unwrap();
    fs::create_dir(parent.path().join("00000101T000000Z-1")).unwrap();
    fs::write(parent.path().join("00000101T000000Z-2"), "").unwrap();
    symlink(elsewhere.path(), parent.path().join("00000101T000000Z-3")).unwrap();
    let mut ended = Vec::new();
    for second in 0..5 {
        let dir = RunDir::create(parent.path(), at(second), 20).unwrap();
        fs::create_dir_all(dir.path().join("000-x/nodes")).unwrap();
        symlink(elsewhere.path(), dir.path().join("out")).unwrap();
        ended.push(dir.path().to_owned());
    }
    let new = RunDir::create(parent.path(), at(5), 3).unwrap();
    let left: Vec<bool> = ended.iter().map(|path| path.exists()).collect();
    assert_eq!(left, [false, false, false, true, true]);
    assert!(new.path().is_dir());
    assert!(elsewhere.path().join(MARKER).exists(), "links are not followed");
    let others = names(parent.path()).into_iter().filter(|name| name.starts_with("0000")).count();
    assert_eq!(others, 3);
}

#[test]
fn an_error_names_what_was_tried() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    fs::write(&file, "").unwrap();
    let error = RunDir::create_in(&file).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot create {}", file.display()));
    assert!(std::error::Error::source(&error).is_some());
}
