#![allow(clippy::unwrap_used)]

use std::path::Path;

use super::super::sample;
use super::*;

fn render(result: &ResultFile, columns: usize) -> String {
    let directory = Path::new("routeproof-runs/20260131T120102Z-4711");
    let text = Terminal.render(&View { result, directory: Some(directory), width: columns });
    assert!(
        text.lines().all(|line| width(line) <= columns),
        "a line is wider than {columns} columns:\n{text}"
    );
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

      bug: observed; ok: observed to be absent
      first good frr: 8.4.4 (last with the bug: 7.5.1; order=after extras=permit-all
        family=ipv4,ipv6)

    36 runs: 36 passed in 144.0s
    run directory: routeproof-runs/20260131T120102Z-4711
    ");
}

#[test]
fn the_ordering_matrix_with_surprises() {
    insta::assert_snapshot!(render(&sample::ordering(true).result, 80), @"");
}

#[test]
fn scenarios_without_a_matrix() {
    insta::assert_snapshot!(render(&sample::mixed().result, 80), @"");
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
    let text = styled(&View { result: &result, directory: None, width: 80 });
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
    let text = styled(&View { result: &result, directory: None, width: 80 });
    assert!(!text.contains(['\u{7}', '\r']) && !text.contains("\u{1b}]"));
}
