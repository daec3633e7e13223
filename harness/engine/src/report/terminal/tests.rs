#![allow(clippy::unwrap_used)]

use std::path::Path;

use super::super::sample;
use super::*;

fn render(result: &ResultFile, columns: usize) -> String {
    let directory = Path::new("routeproof-runs/20260131T120102Z-4711");
    let text = Terminal.render(&View { result, events: &[], directory: Some(directory), width: columns });
    // A path is not broken, even if it alone is too long.
    let fits = |line: &str| width(line) <= columns || line.starts_with("  file      routeproof-runs/");
    assert!(text.lines().all(fits), "a line is wider than {columns} columns:\n{text}");
    assert!(text.lines().all(|line| line.trim_end() == line), "a line ends in spaces:\n{text}");
    text
}

#[test]
fn the_ordering_matrix_as_expected() {
    insta::assert_snapshot!(render(&sample::ordering(false).result, 80), @r"
    frr-ordering: 36 runs, 36 passed

                                         frr
      order          extras      family  7.5.1  8.4.4  10.3
      before         permit-all  ipv4    ok     ok     ok
      before         permit-all  ipv6    ok     ok     ok
      before         with-match  ipv4    ok     ok     ok
      before         with-match  ipv6    ok     ok     ok
      after          permit-all  ipv4    bug    ok     ok
      after          permit-all  ipv6    bug    ok     ok
      after          with-match  ipv4    ok     ok     ok
      after          with-match  ipv6    ok     ok     ok
      after-restart  permit-all  ipv4    ok     ok     ok
      after-restart  permit-all  ipv6    ok     ok     ok
      after-restart  with-match  ipv4    ok     ok     ok
      after-restart  with-match  ipv6    ok     ok     ok

      bug = observed, ok = observed to be absent
      first good version: frr 8.4.4 (last with the bug: 7.5.1; order=after
        extras=permit-all family=ipv4,ipv6)

    36 runs: 36 passed in 144.0s
    run directory: routeproof-runs/20260131T120102Z-4711
    ");
}

#[test]
fn the_ordering_matrix_with_surprises() {
    insta::assert_snapshot!(render(&sample::ordering(true).result, 80), @r"
    frr-ordering: 36 runs, 33 passed, 1 failed, 1 inconclusive, 1 skipped

                                         frr
      order          extras      family  7.5.1  8.4.4   10.3
      before         permit-all  ipv4    ok     ok      != inconclusive
      before         permit-all  ipv6    ok     ok      ok
      before         with-match  ipv4    ok     ok      ok
      before         with-match  ipv6    ok     ok      ok
      after          permit-all  ipv4    bug    ok      ok
      after          permit-all  ipv6    bug    != bug  ok
      after          with-match  ipv4    ok     ok      skipped
      after          with-match  ipv6    ok     ok      ok
      after-restart  permit-all  ipv4    ok     ok      ok
      after-restart  permit-all  ipv6    ok     ok      ok
      after-restart  with-match  ipv4    ok     ok      ok
      after-restart  with-match  ipv6    ok     ok      ok

      bug = observed, ok = observed to be absent; != marks what is not as expected
        or has no verdict
      first good version: frr 8.4.4 (last with the bug: 7.5.1; order=after
        extras=permit-all family=ipv4)
      first good version: frr 10.3 (last with the bug: 8.4.4; order=after
        extras=permit-all family=ipv6)

    FAILED: frr-ordering frr=8.4.4 order=after extras=permit-all family=ipv6
      expected  bug absent
      seen      bug present
      evidence  route-refresh-sent of worker: after=1 before=0
      file      routeproof-runs/20260131T120102Z-4711/017-frr-ordering

    INCONCLUSIVE: frr-ordering frr=10.3 order=before extras=permit-all family=ipv4
      reason    the session never came up
      evidence  route-refresh-sent of worker: after=1 before=0
      file      routeproof-runs/20260131T120102Z-4711/024-frr-ordering/nodes/worker/frr.conf.2
      file      routeproof-runs/20260131T120102Z-4711/024-frr-ordering

    skipped 1 run: frr:10.3 is not in the cache
    36 runs: 33 passed, 1 failed, 1 inconclusive, 1 skipped in 144.0s
    run directory: routeproof-runs/20260131T120102Z-4711
    ");
}

#[test]
fn scenarios_without_a_matrix() {
    insta::assert_snapshot!(render(&sample::mixed().result, 80), @r"
      passed          1.4s  learn-routes frr=7.5.1
      failed         11.1s  learn-routes frr=10.3
          expect route 172.16.1.0/24 on worker via gw1: no route to 172.16.1.0/24
          within 10.0s; the session with gw1 is Established
      broken          8.5s  filtered-routes
          apply manifests/extras.yaml: line 12 of frr.conf was rejected: % Unknown
          command: neighbor 10.0.0.1 as-override please
      skipped         0.0s  routes-in-vlans
          vrf is missing: the host's kernel has no vrf.ko
      inconclusive    1.7s  extras-survive-reloads form=permit-20-match
          interrupted: it started and never finished

    FAILED: learn-routes frr=10.3
      expected  route 172.16.1.0/24 on worker via gw1
      seen      no route to 172.16.1.0/24 within 10.0s; the session with gw1 is
                Established
      evidence  session of worker: peer=10.0.0.1 received=0 state=Established
                uptime_ms=9120
      evidence  running-config of worker:
                  route-map 10.0.0.1-in deny 20
                  exit
                  !
                  route-map RMAP permit 10
                  exit
      file      routeproof-runs/20260131T120102Z-4711/001-learn-routes/nodes/worker/frr.conf.2
      file      routeproof-runs/20260131T120102Z-4711/001-learn-routes

    BROKEN: filtered-routes
      step      apply manifests/extras.yaml
      seen      line 12 of frr.conf was rejected: % Unknown command: neighbor
                10.0.0.1 as-override please
      file      routeproof-runs/20260131T120102Z-4711/002-filtered-routes/nodes/worker/frr.conf.2
      file      routeproof-runs/20260131T120102Z-4711/002-filtered-routes

    INCONCLUSIVE: extras-survive-reloads form=permit-20-match
      reason    interrupted: it started and never finished
      step      diagnose reload-alternation
      seen      did not finish; last seen: reload 2 of 3
      file      routeproof-runs/20260131T120102Z-4711/004-extras-survive-reloads

    warning: the kernel has no VRF: scenarios that need it are skipped
    5 runs: 1 passed, 1 failed, 1 broken, 1 inconclusive, 1 skipped in 21.0s
    run directory: routeproof-runs/20260131T120102Z-4711
    ");
}

#[test]
fn a_wide_matrix_comes_in_blocks() {
    insta::assert_snapshot!(render(&sample::wide().result, 80), @r"
    releases: 26 runs, 26 passed

               metallb
      mode     v0.3.10  v0.4.10  v0.5.10  v0.6.10  v0.7.10  v0.8.10  v0.9.10
      frr      passed   passed   passed   passed   passed   passed   passed
      frr-k8s  passed   passed   passed   passed   passed   passed   passed

               metallb
      mode     v0.10.10  v0.11.10  v0.12.10  v0.13.10  v0.14.10  v0.15.10
      frr      passed    passed    passed    passed    passed    passed
      frr-k8s  passed    passed    passed    passed    passed    passed

    26 runs: 26 passed in 0.0s
    run directory: routeproof-runs/20260131T120102Z-4711
    ");
}

#[test]
fn nothing_ran() {
    insta::assert_snapshot!(render(&routeproof_model::result::fold(&[]), 80), @r"
    0 runs: nothing ran in 0.0s
    run directory: routeproof-runs/20260131T120102Z-4711
    ");
}

#[test]
fn a_surprise_is_bold_and_red() {
    let result = sample::ordering(true).result;
    let text = styled(&View { result: &result, events: &[], directory: None, width: 80 });
    assert!(text.contains("\u{1b}[1m\u{1b}[31m!= bug\u{1b}[0m"), "{text:?}");
}

#[test]
fn a_router_cannot_write_to_the_terminal() {
    let mut result = sample::mixed().result;
    let evil = "\u{1b}]0;owned\u{7}\r".to_owned();
    for run in &mut result.runs {
        run.reason = Some(evil.clone());
        for step in &mut run.steps {
            step.message = Some(evil.clone());
            step.evidence.iter_mut().for_each(|evidence| evidence.value = evil.clone().into());
        }
    }
    let text = styled(&View { result: &result, events: &[], directory: None, width: 80 });
    assert!(!text.contains(['\u{7}', '\r']) && !text.contains("\u{1b}]"));
}
