//! What `apply` says, and where it points.

use super::refusals::refusal;
use super::*;

#[test]
fn apply_reports_like_kubectl_and_is_all_or_nothing() {
    let mut objects = Objects::new();
    let report = |r: Vec<crate::metallb::Applied>| r.iter().map(ToString::to_string).collect::<Vec<_>>();
    let two = format!("{}---\n{}", peer("gw1", "10.0.0.1", ""), peer("gw2", "10.0.0.2", ""));
    assert_eq!(
        report(objects.apply(&source(&two)).unwrap()),
        ["bgppeer.metallb.io/gw1 created", "bgppeer.metallb.io/gw2 created"]
    );
    let changed = format!("{}---\n{}", peer("gw1", "10.0.0.1", ""), peer("gw2", "10.0.0.3", ""));
    assert_eq!(
        report(objects.apply(&source(&changed)).unwrap()),
        ["bgppeer.metallb.io/gw1 unchanged", "bgppeer.metallb.io/gw2 configured"]
    );
    let half_bad = format!("{}---\n{}", peer("gw3", "10.0.0.4", ""), peer("gw4", "nowhere", ""));
    assert!(objects.apply(&source(&half_bad)).is_err());
    assert_eq!(objects.ids().count(), 2);
    assert_eq!(
        report(objects.delete(&source(&peer("gw1", "10.0.0.1", ""))).unwrap()),
        ["bgppeer.metallb.io/gw1 deleted"]
    );
    let again = objects.delete(&source(&peer("gw1", "10.0.0.1", ""))).unwrap_err();
    insta::assert_snapshot!(again, @"test.yaml:1:1: cannot delete bgppeer.metallb.io/gw1: not found in namespace `metallb-system`");
}

#[test]
fn a_bfd_profile_in_use_cannot_be_deleted() {
    let profile = metallb("BFDProfile", "fast", "{}");
    let mut objects = objects(&[&profile, &peer("gw1", "10.0.0.1", "  bfdProfile: fast\n")]);
    insta::assert_snapshot!(objects.delete(&source(&profile)).unwrap_err(), @"test.yaml:1:1: cannot delete bfdprofile.metallb.io/fast: failed to delete BFDProfile fast, used by BGPPeer gw1");
}

#[test]
fn graceful_restart_cannot_be_changed() {
    let gw = |more: &str| peer("gw1", "10.0.0.1", more);
    let on = gw("  enableGracefulRestart: true\n");
    let off = gw("  enableGracefulRestart: false\n");
    let said = refusal(&[&on, &off]);
    insta::assert_snapshot!(said, @r"
    test.yaml:8:26: MetalLB refuses BGPPeer `gw1`: EnableGracefulRestart cannot be changed after creation
      hint: delete the BGPPeer first
    ");
    // The rule only looks at two values that are there.
    assert_eq!(refusal(&[&on, &gw("")]), "accepted");
    assert_eq!(refusal(&[&gw(""), &on]), "accepted");
}

/// Each refusal as a user sees it: the word underlined is the one to change.
#[test]
fn marks_are_exact() {
    let shown = |text: &str| Objects::new().apply(&source(text)).unwrap_err().render(false);
    let list = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Node\n  metadata: {name: a}\n\
                - apiVersion: metallb.io/v1beta2\n  kind: BGPPeer\n  metadata: {name: b, namespace: metallb-system}\n  \
                spec: {myASN: 64513, peerASN: 64512, peerAddress: 10.0.0.300}\n";
    let second = format!(
        "# a comment\n---\n{}---\n{}",
        peer("a", "10.0.0.1", ""),
        peer("b", "10.0.0.2", "  peerPort: 179x\n")
    );
    let all = [shown(list), shown(&second), shown(&service("s", "labels: {rack: 7}", ""))];
    insta::assert_snapshot!(all.join("\n\n"), @r#"
    error: MetalLB refuses BGPPeer `b`: invalid BGPPeer address "10.0.0.300"
      --> test.yaml:10:53
       |
    10 |   spec: {myASN: 64513, peerASN: 64512, peerAddress: 10.0.0.300}
       |                                                     ^^^^^^^^^^
       |
    help: an IPv4 or IPv6 address, without a prefix length

    error: expected a whole number from 0 to 65535, found the text `179x`
      --> test.yaml:18:13
       |
    18 |   peerPort: 179x
       |             ^^^^

    error: expected text, found the number 7
     --> test.yaml:3:36
      |
    3 | metadata: {name: s, labels: {rack: 7}}
      |                                    ^
    "#);
}

/// As `kubectl apply` has it: only text is text, and keys always are.
#[test]
fn numbers_are_no_text_in_manifests() {
    let labels = |l: &str| refusal(&[&service("s", &format!("labels: {l}"), "")]);
    let all = [labels("{rack: true}"), labels("{rack: 1.5}"), labels("{7: '1.5'}"), labels("{rack: }")];
    insta::assert_snapshot!(all.join("\n"), @r"
    test.yaml:3:36: expected text, found `true`
    test.yaml:3:36: expected text, found the number 1.5
    accepted
    test.yaml:3:34: expected text, found nothing
    ");
}

#[test]
fn lists_of_aliases_end() {
    let list = |items: &str| format!("apiVersion: v1\nkind: List\nitems: {items}\n");
    let bomb = list(&format!(
        "[&a {{apiVersion: v1, kind: Node, metadata: {{name: {}}}}}{}]",
        "x".repeat(10_000),
        ", *a".repeat(10_000)
    ));
    for text in ["&l {apiVersion: v1, kind: List, items: [*l]}\n".to_owned(), list("&i [*i]"), bomb] {
        assert!(
            Objects::new().apply(&source(&text)).unwrap_err().message.contains("without reasonable bound")
        );
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(200))]

    /// Garbage is an error or nothing, never a panic, and never changes the cluster.
    #[test]
    fn garbage_is_harmless(text in "[a-zA-Z0-9:{}\\[\\], \n'\"-]{0,80}", cut in 0usize..200) {
        let mut o = objects(&[]);
        let whole = peer("gw1", "10.0.0.1", &text);
        let part: String = whole.chars().take(cut).collect();
        for t in [text.as_str(), part.as_str(), whole.as_str()] {
            let before = o.ids().count();
            if o.apply(&source(t)).is_err() {
                proptest::prop_assert_eq!(o.ids().count(), before);
            }
        }
    }
}
