//! Files that are nothing at all.

use std::time::{Duration, Instant};

use insta::assert_snapshot;

use crate::support::Folder;
use crate::{EXTRAS, SCENARIO, TOPOLOGY, folder};

const FILES: [&str; 3] = [SCENARIO, TOPOLOGY, EXTRAS];

/// What `check` says when one of the files has this content.
#[track_caller]
fn check_with(file: &str, content: impl AsRef<[u8]>) -> String {
    let folder = folder();
    folder.write(file, content);
    folder.routeproof(&["check", "learn-routes"]).to_string()
}

#[test]
fn empty() {
    let said = FILES.map(|file| check_with(file, "")).join("\n\n");
    assert_snapshot!(said, @r"
    exit 2
    error: the file is empty
    --> scenarios/learn-routes/scenario.yaml

    exit 2
    error: the file is empty
    --> topologies/one-gateway.clab.yml

    exit 2
    error: there is no object in this manifest
    --> scenarios/learn-routes/manifests/extras.yaml
    ");
}

#[test]
fn prose() {
    let said = FILES.map(|file| check_with(file, "Dear router,\nplease learn these routes.\n")).join("\n\n");
    assert_snapshot!(said, @r"
    exit 2
    error: expected a mapping (`key: value` lines), found the text `Dear router, please learn these routes.`
     --> scenarios/learn-routes/scenario.yaml:1:1
      |
    1 | Dear router,
      | ^^^^^^^^^^^

    exit 2
    error: expected a mapping (`key: value` lines), found the text `Dear router, please learn these routes.`
     --> topologies/one-gateway.clab.yml:1:1
      |
    1 | Dear router,
      | ^^^^^^^^^^^

    exit 2
    error: this is no Kubernetes object: it has no `kind`
     --> scenarios/learn-routes/manifests/extras.yaml:1:1
      |
    1 | Dear router,
      | ^^^^^^^^^^^
    ");
}

#[test]
fn binary() {
    let said = FILES.map(|file| check_with(file, b"\x7fELF\x02\x01\x01\0\0\0\xff\xfe")).join("\n\n");
    assert_snapshot!(said, @r"
    exit 2
    error: not a text file: byte 10 is not UTF-8
    --> scenarios/learn-routes/scenario.yaml

    exit 2
    error: not a text file: byte 10 is not UTF-8
    --> topologies/one-gateway.clab.yml

    exit 2
    error: not a text file: byte 10 is not UTF-8
    --> scenarios/learn-routes/manifests/extras.yaml
    ");
}

#[test]
fn tabs() {
    assert_snapshot!(check_with(SCENARIO, "name: x\n\tabout: y\n"), @r"
    exit 2
    error: not valid YAML: while scanning a plain scalar, found a tab
     --> scenarios/learn-routes/scenario.yaml:1:7
      |
    1 | name: x
      |       ^
      |
    help: YAML indents with spaces, never with tabs
    ");
}

#[test]
fn nesting() {
    let deep = "[".repeat(100_000);
    let said = FILES.map(|file| check_with(file, format!("name: {deep}"))).join("\n\n");
    assert_snapshot!(said, @r"
    exit 2
    error: not valid YAML: recursion limit exceeded
     --> scenarios/learn-routes/scenario.yaml:1:262
      |
    1 | ...[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[...
      |                                                                    ^

    exit 2
    error: not valid YAML: recursion limit exceeded
     --> topologies/one-gateway.clab.yml:1:262
      |
    1 | ...[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[...
      |                                                                    ^

    exit 2
    error: not valid YAML: recursion limit exceeded
     --> scenarios/learn-routes/manifests/extras.yaml:1:262
      |
    1 | ...[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[...
      |                                                                    ^
    ");
}

#[test]
fn aliases_that_explode() {
    let mut bomb = String::from("  a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..12 {
        let refs = vec![format!("*a{}", n - 1); 10].join(", ");
        bomb.push_str(&format!("  a{n}: &a{n} [{refs}]\n"));
    }
    let places = ["name: x\naxes:\n", "name: x\ntopology:\n", "kind: ConfigMap\ndata:\n"];
    let start = Instant::now();
    let said = FILES.iter().zip(places).map(|(file, place)| check_with(file, format!("{place}{bomb}")));
    assert_snapshot!(said.collect::<Vec<_>>().join("\n\n"), @r"
    exit 2
    error: expected text, found a list
     --> scenarios/learn-routes/scenario.yaml:4:12
      |
    4 |   a1: &a1 [*a0, *a0, *a0, *a0, *a0, *a0, *a0, *a0, *a0, *a0]
      |            ^^^

    exit 2
    error: unknown field `a0`
     --> topologies/one-gateway.clab.yml:3:3
      |
    3 |   a0: &a0 [x, x, x, x, x, x, x, x, x, x]
      |   ^^
      |
    help: known here: defaults, kinds, groups, nodes, links

    exit 2
    error: this is no Kubernetes object: it has no `apiVersion`
     --> scenarios/learn-routes/manifests/extras.yaml:1:1
      |
    1 | kind: ConfigMap
      | ^^^^
    ");
    assert!(start.elapsed() < Duration::from_secs(5), "10 to the power of 12 would take a while");
}

#[test]
fn a_folder_in_a_files_place() {
    let folder = Folder::empty();
    std::fs::create_dir_all(folder.path("scenarios/x/scenario.yaml")).unwrap();
    assert_snapshot!(folder.routeproof(&["check", "scenarios/x"]), @r"
    exit 2
    error: cannot read scenarios/x/scenario.yaml: Is a directory (os error 21)
    ");
}
