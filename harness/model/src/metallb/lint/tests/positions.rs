//! Findings point at the line inside the ConfigMap, wherever that is.

use super::*;

#[test]
fn a_finding_points_at_its_word() {
    let manifest = "\
# The peers are elsewhere.
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: ConfigMap
    metadata: {name: bgpextras, namespace: metallb-system}
    data:
      extras: |
        ! a comment

        route-map 192.168.1.5-in permit 20
";
    for text in [manifest.to_owned(), manifest.replace('\n', "\r\n")] {
        let found = lint(USUAL, &[PEERS, &text]);
        assert_eq!(ids(&found), ["shared-sequence"]);
        assert_eq!((found[0].mark.line, found[0].mark.column), (12, 41));
    }
    insta::assert_snapshot!(lint(USUAL, &[PEERS, manifest])[0].render(false), @r"
    error[shared-sequence]: `route-map 192.168.1.5-in permit 20` is the entry that MetalLB renders as `deny 20`
      --> extras.yaml:12:41
       |
    12 |         route-map 192.168.1.5-in permit 20
       |                                         ^^
       |
    note: FRR keeps one entry a number, and each reload puts in the spelling that is missing: learnt
          routes vanish when the next Service or peer is added and return with the one after
    help: use a lower number of its own: `route-map 192.168.1.5-in permit 10`
    help: see `routeproof check --explain shared-sequence`
    ");
}

#[test]
fn text_that_is_no_block_is_pointed_at_as_a_whole() {
    let manifest = |extras: &str| {
        format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: bgpextras, namespace: metallb-system}}\ndata:\n  extras: {extras}\n"
        )
    };
    let quoted = manifest(
        r#""ip prefix-list a seq 5 permit any\r\nroute-map 192.168.1.5-in permit 20\r\n match ip address prefix-list a\r\n""#,
    );
    let found = lint(USUAL, &[PEERS, &quoted]);
    assert_eq!(ids(&found), ["shared-sequence"]);
    assert_eq!((found[0].mark.line, found[0].mark.column), (5, 3));
    // `>` joins the lines: FRR gets one.
    let folded = manifest(">\n    route-map 192.168.1.5-in permit 10\n    match ip address prefix-list a");
    let found = lint(USUAL, &[PEERS, &folded]);
    assert_eq!(ids(&found), ["rejected-line"]);
    assert!(found[0].fix.contains("extras: |"), "{}", found[0].fix);
}
