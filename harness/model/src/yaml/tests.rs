#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::time::Duration;

use insta::assert_snapshot;
use proptest::prelude::*;
use serde::Deserialize;

use super::*;
use crate::cpu_time::spent;
use crate::path;

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    name: String,
    #[serde(default)]
    mtu: Option<u16>,
    #[serde(default)]
    endpoints: Vec<String>,
    #[serde(default)]
    steps: Vec<Step>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Step {
    Wait,
    Apply(String),
    Expect { route: String },
}

fn source(text: &str) -> Source {
    Source::new("lab.yml", text)
}

fn read(text: &str) -> File {
    parse(&source(text)).unwrap_or_else(|e| panic!("{}", e.render(false)))
}

fn error(text: &str) -> String {
    parse::<File>(&source(text)).expect_err("must be refused").render(false)
}

#[test]
fn scalars_become_what_is_asked_for() {
    let file = read("name: 1.10\nmtu: 0x5dc\nendpoints: [no, '', \"a\\tb\"]\nlabels: {a: true, 5: 007}\n");
    assert_eq!(file.name, "1.10");
    assert_eq!(file.mtu, Some(1500));
    assert_eq!(file.endpoints, ["no", "", "a\tb"]);
    assert_eq!(file.labels["a"], "true");
    assert_eq!(file.labels["5"], "007");
}

#[test]
fn variants_are_words_or_single_keys() {
    let file = read("name: x\nsteps:\n- wait\n- apply: a.yaml\n- expect: {route: r}\n- wait:\n");
    let expect = Step::Expect { route: "r".into() };
    assert_eq!(file.steps, [Step::Wait, Step::Apply("a.yaml".into()), expect, Step::Wait]);
}

#[test]
fn merge_keys_yield_to_own_keys() {
    let text = "
base: &base {a: 1, b: 1}
more: &more {b: 2, c: 2}
one: {<<: *base, a: 3}
two:
  <<: [*more, *base]
";
    let maps: BTreeMap<String, BTreeMap<String, u8>> = parse(&source(text)).unwrap();
    assert_eq!(maps["one"], BTreeMap::from([("a".into(), 3), ("b".into(), 1)]));
    assert_eq!(maps["two"], BTreeMap::from([("a".into(), 1), ("b".into(), 2), ("c".into(), 2)]));
    let mark = locate(&source(text), 0, &path!["one", "b"], true);
    assert_eq!(mark, Some(Mark { line: 2, column: 20 }));
}

#[test]
fn documents_keep_their_place_in_the_file() {
    let text = "---\nname: a\n---\n# nothing\n---\nname: b\nmtu: x\n---\n";
    let documents = documents(&source(text)).unwrap();
    assert_eq!(documents.iter().map(|d| d.text(&path!["name"]).unwrap()).collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(documents[0].parse::<File>().unwrap().name, "a");
    assert_eq!(documents[1].locate(&path!["mtu"], false), Mark { line: 7, column: 6 });
    assert_eq!(documents[1].text(&path!["metadata", "name"]), None);
    assert_eq!(documents[1].text(&path!["nothing"]), None);
    assert_snapshot!(documents[1].parse::<File>().unwrap_err().render(false), @r#"
    error: expected a whole number from 0 to 65535, found the text `x`
     --> lab.yml:7:6
      |
    7 | mtu: x
      |      ^
    "#);
}

#[test]
fn an_unknown_field_points_at_its_key() {
    assert_snapshot!(error("name: x\nendpoint: [a, b]\n"), @r#"
    error: unknown field `endpoint`
     --> lab.yml:2:1
      |
    2 | endpoint: [a, b]
      | ^^^^^^^^
      |
    help: did you mean `endpoints`?
    help: known here: name, mtu, endpoints, steps, labels
    "#);
}

#[test]
fn an_unknown_variant_points_at_its_word() {
    assert_snapshot!(error("name: x\nsteps:\n  - aply: a.yaml\n"), @r#"
    error: unknown value `aply`
     --> lab.yml:3:5
      |
    3 |   - aply: a.yaml
      |     ^^^^
      |
    help: did you mean `apply`?
    help: known here: wait, apply, expect
    "#);
}

#[test]
fn a_variant_has_one_key() {
    assert_snapshot!(error("name: x\nsteps:\n  - apply: a.yaml\n    wait:\n"), @r#"
    error: expected exactly one of wait, apply, expect, found 2 keys
     --> lab.yml:4:5
      |
    4 |     wait:
      |     ^^^^
    "#);
    assert_snapshot!(error("name: x\nsteps: [apply]\n"), @r#"
    error: `apply` needs a value: `apply: ...`
     --> lab.yml:2:9
      |
    2 | steps: [apply]
      |         ^^^^^
    "#);
    assert_snapshot!(error("name: x\nsteps: [[apply]]\n"), @r#"
    error: expected one of wait, apply, expect, found a list
     --> lab.yml:2:9
      |
    2 | steps: [[apply]]
      |         ^
    "#);
}

#[test]
fn wrong_types_point_at_the_value() {
    assert_snapshot!(error("name: x\nmtu: \"1500\"\n"), @r#"
    error: expected a whole number from 0 to 65535, found the text `1500`
     --> lab.yml:2:6
      |
    2 | mtu: "1500"
      |      ^^^^^^
    "#);
    assert_snapshot!(error("name: x\nmtu: 70000 # too large\n"), @r#"
    error: the number 70000 is not allowed here: expected a whole number from 0 to 65535
     --> lab.yml:2:6
      |
    2 | mtu: 70000 # too large
      |      ^^^^^
    "#);
    assert_snapshot!(error("name: x\nendpoints: a:eth1\n"), @r#"
    error: expected a list, found the text `a:eth1`
     --> lab.yml:2:12
      |
    2 | endpoints: a:eth1
      |            ^^^^^^
    "#);
    assert_snapshot!(error("name:\n"), @r#"
    error: expected text, found nothing
     --> lab.yml:1:5
      |
    1 | name:
      |     ^
    "#);
    assert_snapshot!(error("- name\n"), @r#"
    error: expected a mapping (`key: value` lines), found a list
     --> lab.yml:1:1
      |
    1 | - name
      | ^^^^^^
    "#);
}

#[test]
fn a_missing_field_is_named() {
    assert_snapshot!(error("\nmtu: 1500\n"), @r#"
    error: the field `name` is missing
     --> lab.yml:2:1
      |
    2 | mtu: 1500
      | ^^^
    "#);
}

#[test]
fn duplicate_keys_are_refused() {
    assert_snapshot!(error("name: x\nlabels:\n  a: 1\n  b: 2\n  a: 3\n"), @r#"
    error: `a` is here twice; the first is on line 3
     --> lab.yml:5:3
      |
    5 |   a: 3
      |   ^
      |
    help: keep one of them: a later one would silently replace the earlier
    "#);
}

#[test]
fn syntax_errors_point_at_their_place() {
    assert_snapshot!(error("name: x\nendpoints: [a, b\nmtu: 5\n"), @r#"
    error: not valid YAML: illegal placement of ':' indicator
     --> lab.yml:3:4
      |
    3 | mtu: 5
      |    ^
    "#);
    assert_snapshot!(error("name: x\n\tmtu: 5\n"), @r#"
    error: not valid YAML: while scanning a plain scalar, found a tab
     --> lab.yml:1:7
      |
    1 | name: x
      |       ^
      |
    help: YAML indents with spaces, never with tabs
    "#);
    assert_snapshot!(error("name: *nobody\n"), @r#"
    error: not valid YAML: while parsing node, found unknown anchor
     --> lab.yml:1:7
      |
    1 | name: *nobody
      |       ^^^^^^^
    "#);
    assert_snapshot!(error("name: {{ .Name }}\n"), @r#"
    error: a key must be text, not a list or a mapping
     --> lab.yml:1:8
      |
    1 | name: {{ .Name }}
      |        ^
      |
    help: a value that starts with `{` or `[` needs quotes
    help: this looks like a template; render it to a plain file first
    "#);
}

#[test]
fn what_is_no_yaml_file_gets_one_clear_error() {
    assert_snapshot!(error(""), @r#"
    error: the file is empty
    --> lab.yml
    "#);
    assert_snapshot!(error("# only a comment\n"), @r#"
    error: the file is empty
    --> lab.yml
    "#);
    assert_snapshot!(error("name: x\n\u{7f}ELF\u{0}\u{1}"), @r#"
    error: not a YAML file: it holds the control character U+007F
     --> lab.yml:2:1
      |
    2 | ␡ELF␀␁
      | ^^^^^^
      |
    help: is this the right file? Topologies, scenarios and manifests are plain text
    "#);
    assert_snapshot!(error("name: x\n---\nname: y\n"), @r#"
    error: a second document starts here; this file must hold one
     --> lab.yml:3:1
      |
    3 | name: y
      | ^^^^
      |
    help: remove the `---`
    "#);
    assert_snapshot!(error(&format!("name: {}", "x".repeat(3 << 20))), @r#"
    error: the file is too large: 3 MiB; the limit is 2 MiB
    --> lab.yml
    "#);
    assert_snapshot!(error("name: !!binary eA==\n"), @r#"
    error: the tag `!!binary` has no meaning here
     --> lab.yml:1:7
      |
    1 | name: !!binary eA==
      |       ^^^^^^^^^^^^^
      |
    help: remove the tag
    "#);
    let bytes = Source::from_bytes("lab.yml", vec![b'a', 0xff, 0xfe]).unwrap_err();
    assert_snapshot!(bytes.render(false), @r#"
    error: not a text file: byte 1 is not UTF-8
    --> lab.yml
    "#);
}

#[test]
fn deep_nesting_is_refused() {
    for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", "")] {
        let text = format!("{}x{}", open.repeat(100_000), close.repeat(100_000));
        parse::<serde_json::Value>(&source(&text)).expect_err("too deep");
    }
    let nested = format!("{}x", (0..5000).map(|i| format!("{:i$}a:\n", "")).collect::<String>());
    parse::<serde_json::Value>(&source(&nested)).expect_err("too deep");
}

#[test]
fn alias_bombs_end_soon() {
    let before = spent();
    let mut lists = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    let mut merges = String::from("m0: &m0 {k: v}\n");
    for i in 1..40 {
        let (p, i) = (i - 1, i);
        lists += &format!("a{i}: &a{i} [*a{p}, *a{p}, *a{p}, *a{p}, *a{p}, *a{p}, *a{p}, *a{p}, *a{p}]\n");
        merges += &format!("m{i}: &m{i} {{<<: [*m{p}, *m{p}, *m{p}], k{i}: v}}\n");
    }
    let bomb = parse::<serde_json::Value>(&source(&lists)).expect_err("a bomb");
    assert!(bomb.message.contains("without reasonable bound"), "{bomb}");
    parse::<serde_json::Value>(&source(&merges)).expect("merges visit each mapping once");
    for cyclic in ["a: &a [*a]", "a: &a {b: *a}", "&a {<<: *a, b: 1, c: *a}", "&a [{<<: *a}, *a, *a]"] {
        parse::<serde_json::Value>(&source(cyclic)).expect_err("a cycle");
    }
    assert!(spent() - before < Duration::from_secs(5), "{:?}", spent() - before);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn arbitrary_text_never_panics(text in "\\PC*", bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        for text in [text, String::from_utf8_lossy(&bytes).into_owned()] {
            if let Err(e) = parse::<File>(&source(&text)) {
                prop_assert!(!e.render(true).is_empty());
            }
        }
    }

    #[test]
    fn text_that_looks_like_yaml_never_panics(
        parts in proptest::collection::vec(
            prop_oneof![
                Just("name: "), Just("steps:\n"), Just("- "), Just("  "), Just("\n"), Just("["), Just("]"), Just("{"),
                Just("}"), Just(", "), Just(": "), Just("&a "), Just("*a "), Just("<<: "), Just("!!str "), Just("!x "),
                Just("'"), Just("\""), Just("|\n"), Just(">-\n"), Just("# "), Just("---\n"), Just("...\n"),
                Just("%YAML 1.2\n"), Just("? "), Just("\t"), Just("é"), Just("\r\n"), Just("apply"), Just("\u{feff}"),
            ],
            0..40,
        )
    ) {
        let text = parts.concat();
        let source = source(&text);
        match parse::<File>(&source) {
            Ok(_) => {}
            Err(e) => prop_assert!(!e.render(false).is_empty()),
        }
        let _ = parse::<serde_json::Value>(&source);
        let _ = locate(&source, 0, &path!["steps", 0, "apply"], true);
    }
}
