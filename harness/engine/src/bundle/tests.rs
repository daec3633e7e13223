//! Bundles of acceptances that are written by hand: honest ones hold, others do not, whatever was done to them.

mod forge;
mod made;

use std::fs;
use std::path::Path;

use forge::{forge, hostile, put};
use made::{Made, Told, made};
use routeproof_model::acceptance::AcceptanceOutcome;
use routeproof_model::bundle::{Entry, REPORT};
use routeproof_model::result::Outcome;

use super::*;

fn problems(bundle: &Path) -> Vec<String> {
    verify(bundle).unwrap().problems
}

#[test]
fn an_honest_bundle_holds_whatever_it_tells() {
    for (route, outcome, requirement) in
        [(true, Outcome::Passed, AcceptanceOutcome::Pass), (false, Outcome::Failed, AcceptanceOutcome::Fail)]
    {
        let made = made(&Made { route, ..Made::default() });
        let verified = verify(&made.bundle).unwrap();
        assert_eq!(verified.problems, Vec::<String>::new());
        assert_eq!(verified.judged(), (3, 3));
        assert_eq!((verified.runs[1].outcome, made.report.requirements[0].outcome), (outcome, requirement));
    }
}

#[test]
fn the_same_acceptance_is_packed_into_the_same_bytes() {
    let made = made(&Made::default());
    let first = fs::read(&made.bundle).unwrap();
    made.pack();
    assert!(first == fs::read(&made.bundle).unwrap());
    let folder = made.bundle.parent().unwrap();
    let left =
        fs::read_dir(folder).unwrap().flatten().filter(|e| e.file_name().to_string_lossy().starts_with('.'));
    assert_eq!(left.count(), 0, "no temporary file stays");
}

#[test]
fn a_changed_byte_is_caught_wherever_it_is() {
    let made = made(&Made::default());
    let whole = fs::read(&made.bundle).unwrap();
    let (start, end) = (0..48, whole.len() - 48..whole.len());
    for at in start.chain((48..whole.len() - 48).step_by(41)).chain(end) {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        fs::write(&made.bundle, changed).unwrap();
        let caught = verify(&made.bundle).map_or(true, |verified| !verified.problems.is_empty());
        assert!(caught, "byte {at} of {}", whole.len());
    }
    for length in [0, 3, 39, 200, whole.len() / 2, whole.len() - 40, whole.len() - 1] {
        fs::write(&made.bundle, &whole[..length]).unwrap();
        let caught = verify(&made.bundle).map_or(true, |verified| !verified.problems.is_empty());
        assert!(caught, "cut off at {length} of {}", whole.len());
    }
    let mut longer = whole.clone();
    longer.push(0);
    fs::write(&made.bundle, longer).unwrap();
    assert_eq!(
        problems(&made.bundle)[0],
        "its seal is missing: the file was cut off, or something was added to it"
    );
}

/// Changed files with the old manifest, under a new seal.
#[test]
fn a_changed_file_is_named() {
    let made = made(&Made::default());
    forge(&made.bundle, |files, _| {
        let conf = files.iter_mut().find(|(path, _)| path.ends_with("bird.conf")).unwrap();
        conf.1[0] ^= 1;
    });
    let [problem] = <[String; 1]>::try_from(problems(&made.bundle)).unwrap();
    assert_eq!(problem, "round-0001/000-s/nodes/gw1/bird.conf is not what was packed: its SHA-256 differs");
}

#[test]
fn a_manifest_that_was_changed_under_a_new_seal_is_caught_where_it_says_something() {
    let made = made(&Made::default());
    forge(&made.bundle, |_, manifest| manifest.level = "full".into());
    assert_eq!(
        problems(&made.bundle),
        ["the manifest and the report are not of the same router, level and rounds"]
    );
}

/// The log, the result, the report and every hash say that it passed; what the node's kernel did is still there.
#[test]
fn a_forged_verdict_is_caught_by_judging_again() {
    let made = made(&Made { route: false, told: Told::Passed, ..Made::default() });
    assert_eq!(made.report.requirements[0].outcome, AcceptanceOutcome::Pass);
    let problems = problems(&made.bundle);
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(
        problems[0].starts_with(
            "round-0001: s frr=8.4.4 gateway=bird-2: it is said to be passed, its recording says failed ("
        ),
        "{problems:?}"
    );
}

#[test]
fn a_verdict_without_a_recording_is_no_verdict() {
    let made = made(&Made { recorded: false, ..Made::default() });
    let problems = problems(&made.bundle);
    assert!(problems.len() == 1 && problems[0].contains("cannot read"), "{problems:?}");
    assert!(
        problems[0].ends_with("000-s/observations.jsonl: No such file or directory (os error 2)"),
        "{problems:?}"
    );
}

#[test]
fn a_result_that_the_log_does_not_tell_is_caught() {
    let made = made(&Made { route: false, ..Made::default() });
    forge(&made.bundle, |files, manifest| {
        put(files, manifest, "round-0001/result.json", |text| {
            text.replace("\"outcome\": \"failed\"", "\"outcome\": \"passed\"")
        });
    });
    assert_eq!(
        problems(&made.bundle),
        ["round-0001: s frr=8.4.4 gateway=bird-2: result.json says passed, events.jsonl says failed"]
    );
}

#[test]
fn a_report_that_does_not_follow_from_the_runs_is_caught() {
    let made = made(&Made { route: false, ..Made::default() });
    forge(&made.bundle, |files, manifest| {
        put(files, manifest, REPORT, |text| {
            text.replacen("\"outcome\": \"fail\"", "\"outcome\": \"pass\"", 1)
        });
    });
    assert_eq!(problems(&made.bundle), ["LEARN-1.1: the report says pass, the runs say fail"]);
}

#[test]
fn a_crash_in_a_log_cannot_be_left_out_of_the_report() {
    let made = made(&Made { log: "bird: <BUG> that cannot be\n", told: Told::Stable, ..Made::default() });
    let problems = problems(&made.bundle);
    assert_eq!(problems[0], "STAB-1.1: the report says pass, the runs say fail");
}

#[test]
fn a_scenario_or_a_router_that_was_not_tested_is_caught() {
    let made = made(&Made { levels: "smoke: [s, other]", ..Made::default() });
    assert_eq!(problems(&made.bundle), ["round-0001: the scenario other was not run"]);
    forge(&made.bundle, |files, manifest| {
        put(files, manifest, "acceptance.yaml", |text| text.replace(", other", ""));
        put(files, manifest, REPORT, |text| text.replace("\"version\": \"2\"", "\"version\": \"3\""));
        manifest.router.version = "3".into();
    });
    assert_eq!(
        problems(&made.bundle),
        ["round-0001: s frr=8.4.4 gateway=bird-2: the router of gw1 is bird 2"]
    );
}

#[test]
fn a_run_whose_files_are_elsewhere_is_not_followed() {
    let made = made(&Made::default());
    forge(&made.bundle, |files, manifest| {
        for file in ["events.jsonl", "result.json"] {
            put(files, manifest, &format!("round-0001/{file}"), |text| {
                text.replace("\"000-s\"", "\"../../etc\"")
            });
        }
    });
    let problems = problems(&made.bundle);
    assert_eq!(
        problems,
        ["round-0001: s frr=8.4.4 gateway=bird-2: its folder ../../etc is outside the bundle"]
    );
}

#[test]
fn nothing_else_may_be_there() {
    let made = made(&Made::default());
    let caught = |change: fn(&mut Vec<(String, Vec<u8>)>)| {
        made.pack();
        forge(&made.bundle, |files, _| change(files));
        problems(&made.bundle).join("; ")
    };
    // One file may be as long as the slack of the others: what is over is more than the manifest lists.
    assert_eq!(caught(|files| files.push(("a".into(), Vec::new()))), "\"a\" is there and not listed");
    assert!(
        caught(|files| files.push(("a".into(), vec![0; 1 << 20])))
            .contains("more in it than its manifest lists")
    );
    assert!(caught(|files| drop(files.pop())).ends_with("is listed and not there"));
    assert!(caught(|files| files.push(files[0].clone())).contains("acceptance.json is there twice"));
}

#[test]
fn nothing_may_be_behind_the_end() {
    let made = made(&Made::default());
    let archive = fs::read(&made.bundle).unwrap();
    let archive = &archive[..archive.len() - 40];
    let sealed = |parts: &[&[u8]]| forge::seal_bytes(&made.bundle, &parts.concat());
    sealed(&[archive]);
    assert_eq!(problems(&made.bundle), Vec::<String>::new(), "that is the same bundle");
    sealed(&[archive, b"hidden"]);
    assert_eq!(problems(&made.bundle), ["there is something behind its end"]);
    let more = zstd::encode_all(&b"hidden"[..], 1).unwrap();
    sealed(&[archive, &more]);
    assert_eq!(problems(&made.bundle), ["there is something behind its end"]);
    let mut inflated = zstd::decode_all(archive).unwrap();
    inflated.extend(b"hidden");
    sealed(&[&zstd::encode_all(&inflated[..], 1).unwrap()]);
    assert_eq!(problems(&made.bundle), ["there is something behind its end"]);
}

#[test]
fn what_is_listed_and_would_leave_the_folder_is_not_unpacked() {
    let made = made(&Made::default());
    forge(&made.bundle, |files, manifest| {
        let path = "../escaped".to_string();
        files.push((path.clone(), b"x".to_vec()));
        manifest.files.push(Entry { path, size: 1, sha256: String::new() });
    });
    assert_eq!(problems(&made.bundle), ["the path \"../escaped\" leaves the bundle or is no path"]);
}

#[test]
fn rounds_that_are_hidden_or_made_up_are_caught() {
    let made = made(&Made::default());
    forge(&made.bundle, |_, manifest| manifest.rounds = usize::MAX);
    let caught = problems(&made.bundle);
    assert_eq!(caught.len(), 2, "{caught:?}");
    assert!(caught[1].starts_with("round-0002: cannot read plan.json"), "{caught:?}");
    made.pack();
    forge(&made.bundle, |files, manifest| {
        let entry = manifest.files.iter().find(|entry| entry.path.ends_with("round-0001/plan.json")).unwrap();
        let entry = Entry { path: "round-0002/plan.json".into(), ..entry.clone() };
        let plan = files.iter().find(|(path, _)| path == "round-0001/plan.json").unwrap().1.clone();
        files.push((entry.path.clone(), plan));
        manifest.files.push(entry);
    });
    assert_eq!(problems(&made.bundle), ["round-0002/plan.json belongs to nothing that is judged"]);
}

#[test]
fn links_long_names_and_bombs_are_refused() {
    let made = made(&Made::default());
    let listed = |path: &str, size: u64| vec![Entry { path: path.into(), size, sha256: String::new() }];
    hostile(&made, &listed("link", 0), |tar| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::Symlink);
        header.set_size(0);
        tar.append_link(&mut header, "link", "/etc/passwd").unwrap();
    });
    assert_eq!(problems(&made.bundle), ["link is no file, but a link or worse"]);

    hostile(&made, &listed("zeros", 60 << 30), |_| ());
    assert_eq!(problems(&made.bundle), ["its files would be far larger than what it is made of can be"]);

    // A small list, and a name without end.
    hostile(&made, &listed("a", 1), |tar| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(tar::EntryType::GNULongName);
        header.set_size(200 << 20);
        header.set_cksum();
        tar.append(&header, std::io::Read::take(std::io::repeat(b'a'), 200 << 20)).unwrap();
    });
    let problems = problems(&made.bundle);
    assert!(problems[0].contains("more in it than its manifest lists"), "{problems:?}");
}

#[test]
fn what_is_no_bundle_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x");
    let why = |bytes: &[u8]| {
        fs::write(&file, bytes).unwrap();
        let error = verify(&file).unwrap_err();
        assert!(matches!(error, BundleError::NotABundle { .. }) && error.is_of_input());
        error.to_string()
    };
    assert!(why(b"").contains("is no bundle: "));
    assert!(why(b"PK\x03\x04 and so on, for a while, longer than any seal is").contains("is no bundle: "));
    let other = zstd::encode_all(&b"no archive"[..], 1).unwrap();
    assert!(why(&other).contains("is no bundle: "));
    let made = made(&Made::default());
    hostile(&made, &[], |_| ());
    forge(&made.bundle, |_, manifest| manifest.schema = "routeproof/bundle/v2".into());
    let bytes = fs::read(&made.bundle).unwrap();
    assert!(why(&bytes).ends_with("its schema is routeproof/bundle/v2, not routeproof/bundle/v1"));
    let missing = verify(&folder.path().join("none")).unwrap_err();
    assert!(missing.is_of_input() && missing.to_string().starts_with("cannot read the bundle"));
}
