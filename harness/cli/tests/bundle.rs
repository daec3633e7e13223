//! `accept --bundle` and `report verify`, as a vendor and a customer use them: in labs, and without.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod support;

use std::fs;

use insta::assert_snapshot;
use support::{Folder, labs, repository};

fn folder() -> Folder {
    let folder = Folder::with(&["gateways-learn"]);
    let requirements = fs::read(repository().join("scenarios/requirements.yaml")).unwrap();
    folder.write("scenarios/requirements.yaml", requirements);
    let levels = "sanity: { scenario: gateways-learn, router: frr-8.4.4 }\n\
                  smoke: [gateways-learn]\nbasic: []\nfull: []\n";
    folder.write("scenarios/acceptance.yaml", levels);
    folder
}

#[test]
fn arguments_that_do_not_go_together() {
    let folder = folder();
    let _redacted = folder.redacted();
    let accept = |more: &[&str]| {
        folder.without_images(&[&["accept", "--router", "frr-8.4.4"], more].concat()).to_string()
    };
    assert_snapshot!(accept(&["--for", "20s"]), @r"
    exit 2
    error: --for goes with --level soak alone
    ");
    folder.write("x.tar.zst", "no archive");
    assert_snapshot!(accept(&["--bundle", "x.tar.zst/y.tar.zst"]), @r"
    exit 2
    error: cannot write the bundle x.tar.zst/y.tar.zst: File exists (os error 17)
    hint: --bundle names a file that you may write
    ");
    assert_snapshot!(folder.routeproof(&["report", "verify", "x.tar.zst"]).to_string(), @r"
    exit 2
    error: x.tar.zst is no bundle: it cannot be read: Unknown frame descriptor (its seal is missing: the file was cut off, or something was added to it)
    ");
    assert_snapshot!(folder.routeproof(&["report", "verify", "y.tar.zst"]).to_string(), @r"
    exit 2
    error: cannot read the bundle y.tar.zst: No such file or directory (os error 2)
    ");
}

/// Found out before anything is booted.
#[test]
fn reports_that_cannot_be_written() {
    let folder = folder();
    let _redacted = folder.redacted();
    let accept = |report: &str| {
        folder.without_images(&["accept", "--router", "frr-8.4.4", "--report", report]).to_string()
    };
    folder.write("file", "");
    assert_snapshot!(accept("html=file/report.html"), @r"
    exit 2
    error: cannot write the report file/report.html: File exists (os error 17)
    hint: --report [FORMAT=]FILE names a file that you may write
    ");
    assert_snapshot!(accept("junit=report.xml"), @r"
    exit 2
    error: invalid value 'junit=report.xml' for '--report <[FORMAT=]FILE>': an acceptance is written as json= or html=, not as junit=

    For more information, try '--help'.
    ");
}

#[test]
fn a_soak_is_packed_and_judged_again() {
    if !labs() {
        return;
    }
    let folder = folder();
    let said = folder.routeproof(&[
        "accept",
        "--router",
        "frr-8.4.4",
        "--level",
        "soak",
        "--for",
        "1s",
        "--bundle",
        "frr.tar.zst",
        "--json",
    ]);
    assert_eq!(said.code, Some(0), "{said}\n{}", said.stdout);
    let report = said.json();
    assert_eq!((&report["rounds"], &report["level"]), (&1.into(), &"soak".into()), "{report}");
    assert!(said.stderr.contains("round 1: 2 runs in "), "{said}");

    let verified = folder.without_images(&["report", "verify", "frr.tar.zst"]);
    assert_eq!(verified.code, Some(0), "{}", verified.stdout);
    assert!(verified.stdout.contains("6 runs judged again, 6 as before; 0 without"), "{}", verified.stdout);
    assert!(
        verified.stdout.contains("the report says: 4 pass, 0 pass with deviation, 0 fail"),
        "{}",
        verified.stdout
    );
    let json = folder.without_images(&["report", "verify", "frr.tar.zst", "--json"]).json();
    let files = json["manifest"]["files"].as_array().unwrap().iter();
    let paths: Vec<&str> = files.map(|file| file["path"].as_str().unwrap()).collect();
    for end in
        ["plan.json", "events.jsonl", "result.json", "report.html", "observations.jsonl", "gw1/frr.log"]
    {
        assert!(
            paths.iter().any(|path| path.starts_with("round-0001/") && path.ends_with(end)),
            "{end}: {paths:?}"
        );
    }

    let mut bytes = fs::read(folder.path("frr.tar.zst")).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    folder.write("frr.tar.zst", bytes);
    let verified = folder.without_images(&["report", "verify", "frr.tar.zst"]);
    assert_eq!(verified.code, Some(1), "{}", verified.stdout);
    let broken = "DOES NOT HOLD: its seal is broken: the file has changed since it was made";
    assert!(verified.stdout.contains(broken), "{}", verified.stdout);
}
