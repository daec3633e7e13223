//! Extras that are valid Kubernetes and no good: told at their line, with a way out, without a lab.

use insta::assert_snapshot;

use crate::{EXTRAS, PEERS, SCENARIO, check_after, folder};

#[test]
fn a_finding_of_a_scenario() {
    assert_snapshot!(check_after(EXTRAS, "192.168.1.5-in permit 10", "192.168.1.5-in permit 20"), @r"
    exit 2
    warning[ordering-bug]: FRR 7.5.1 does not notice `route-map 192.168.1.5-in permit 20` once the session is up
     --> scenarios/learn-routes/manifests/extras.yaml:8:5
      |
    8 |     route-map 192.168.1.5-in permit 20
      |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
      |
    note: it changes only the action of an entry that is there, of which FRR 7.5 does not tell bgpd;
          nothing is learnt until the session or the speaker restarts
    help: use an entry of its own, `route-map 192.168.1.5-in permit 10`, which FRR notices in whatever
          order it comes
    help: see `routeproof check --explain ordering-bug`
    error[shared-sequence]: `route-map 192.168.1.5-in permit 20` is the entry that MetalLB renders as `deny 20`
     --> scenarios/learn-routes/manifests/extras.yaml:8:37
      |
    8 |     route-map 192.168.1.5-in permit 20
      |                                     ^^
      |
    note: FRR keeps one entry a number, and each reload puts in the spelling that is missing: learnt
          routes vanish when the next Service or peer is added and return with the one after
    help: use a lower number of its own: `route-map 192.168.1.5-in permit 10`
    help: see `routeproof check --explain shared-sequence`
    ");
}

#[test]
fn what_a_scenario_allows_is_quiet() {
    let folder = folder();
    folder.edit(EXTRAS, "192.168.1.5-in permit 10", "192.168.1.5-in permit 20");
    folder.edit(SCENARIO, "steps:", "allow: [shared-sequence, ordering-bug]\nsteps:");
    let said = folder.without_images(&["check", "learn-routes"]);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
}

#[test]
fn an_allow_that_is_no_lint() {
    assert_snapshot!(check_after(SCENARIO, "steps:", "allow: [shared-sequense]\nsteps:"), @r"
    exit 2
    error: there is no lint `shared-sequense`
     --> scenarios/learn-routes/scenario.yaml:8:9
      |
    8 | allow: [shared-sequense]
      |         ^^^^^^^^^^^^^^^
      |
    help: did you mean `shared-sequence`?
    ");
}

#[test]
fn an_allow_for_nothing() {
    assert_snapshot!(check_after(SCENARIO, "steps:", "allow: [deny-only]\nsteps:"), @r"
    exit 0
    warning: scenarios/learn-routes/scenario.yaml: `allow: [deny-only]` allows nothing that is there
    ");
}

#[test]
fn warnings_fail_when_they_are_denied() {
    let folder = folder();
    folder.edit(EXTRAS, "  extras: |\n", "  extras: |\n    ip prefix-list a seq 5 permit any\n");
    let code = |args: &[&str]| folder.without_images(args).code;
    assert_eq!(code(&["check", "learn-routes"]), Some(0));
    assert_eq!(code(&["check", "learn-routes", "--deny-warnings"]), Some(2));
    let manifests = ["check", "--deny-warnings", PEERS, EXTRAS];
    assert_eq!(code(&manifests), Some(2));
    assert_eq!(code(&[&manifests[..], &["--allow", "unused-list"]].concat()), Some(0));
}

#[test]
fn manifests_alone_are_judged_by_a_release_and_an_frr() {
    let folder = folder();
    folder.edit(EXTRAS, "192.168.1.5-in permit 10", "192.168.1.5-in permit 20");
    let ids = |more: &[&str]| {
        let said = folder.without_images(&[&["check", "--json", "--manifest", PEERS, EXTRAS], more].concat());
        let json = said.json();
        assert_eq!(json["schema"], "routeproof/check/v1");
        let findings = json["files"][0]["findings"].as_array().unwrap().clone();
        let one = |f: &serde_json::Value| {
            assert_eq!((f["file"].as_str(), f["line"].as_u64()), (Some(EXTRAS), Some(8)));
            f["id"].as_str().unwrap().to_owned()
        };
        (said.code, findings.iter().map(one).collect::<Vec<_>>().join(" "))
    };
    assert_eq!(ids(&[]), (Some(2), "shared-sequence".into()));
    assert_eq!(ids(&["--frr", "7.5.1"]), (Some(2), "ordering-bug shared-sequence".into()));
    let said = folder.without_images(&["check", "--manifest", PEERS, EXTRAS, "--metallb", "v0.13.9"]);
    assert!(said.stderr.contains("error[extras-ignored]"), "{said}");
}

#[test]
fn options_of_manifests_need_manifests() {
    assert_snapshot!(folder().without_images(&["check", "learn-routes", "--frr", "7.5.1"]), @r"
    exit 2
    error: --frr is for manifests, and none is given
    hint: a scenario says these things itself: `metallb: { version }`, `axes: { frr }`, `allow`
    ");
    assert_snapshot!(folder().without_images(&["check", PEERS, "--frr", "latest"]), @r"
    exit 2
    error: --frr latest: this is no FRR version
    hint: for instance `--frr 7.5.1`
    ");
}

#[test]
fn a_page_is_printed_on_request() {
    let said = folder().without_images(&["check", "--explain", "shared-sequence"]);
    assert!(said.code == Some(0) && said.stdout.starts_with("# shared-sequence: "), "{said}");
    assert_eq!(folder().without_images(&["check", "--explain", "shared"]).code, Some(2));
}
