//! What one release refuses and another takes.

use super::refusals::{refusal, render_refusal};
use super::*;

#[test]
fn rules_of_a_release() {
    let a = peer("a", "10.0.0.1", "");
    let all = [
        render_refusal("v0.13.10", &[&a, &peer("b", "10.0.0.2", "  routerID: 1.1.1.1\n")]),
        render_refusal("v0.13.10", &[&a, &peer("b", "10.0.0.1", "")]),
        render_refusal("v0.13.10", &[&a, &peer("b", "10.0.0.2", "").replace("64513", "64514")]),
        render_refusal("v0.13.10", &[&a, &peer("b", "10.0.0.1", "  vrf: red\n").replace("64513", "64514")]),
        render_refusal("v0.13.7", &[&peer("b", "10.0.0.1", "  vrf: red\n")]),
        render_refusal(
            "v0.13.10",
            &[&peer("b", "10.0.0.1", "  dynamicASN: external\n").replace("  peerASN: 64512\n", "")],
        ),
        render_refusal("v0.13.9", &[&metallb("BGPAdvertisement", "a", "{communities: ['large:1:2:3']}")]),
        render_refusal(
            "v0.13.7",
            &[&metallb("IPAddressPool", "p", "{addresses: [10.0.0.0/24], serviceAllocation: {}}")],
        ),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    test.yaml:8:13: MetalLB refuses BGPPeer `b`: peer b has RouterID different from a, in FRR mode all RouterID must be equal
    test.yaml:7:16: MetalLB refuses BGPPeer `b`: peer 10.0.0.1 already exists, FRR mode doesn't support duplicate BGPPeers
    test.yaml:5:10: MetalLB refuses BGPPeer `b`: peer 10.0.0.2 has myAsn different from 10.0.0.1, in FRR mode all myAsn must be equal for the same VRF
    rendered
    test.yaml:8:8: MetalLB refuses BGPPeer `b`: MetalLB v0.13.7 has no field `vrf`
    test.yaml:7:15: MetalLB refuses BGPPeer `b`: MetalLB v0.13.10 has no field `dynamicASN`
    test.yaml:4:8: MetalLB refuses BGPAdvertisement `a`: invalid community large:1:2:3
    test.yaml:4:34: MetalLB refuses IPAddressPool `p`: MetalLB v0.13.7 has no field `serviceAllocation`
    "#);
}

#[test]
fn rules_of_later_releases() {
    let a = peer("a", "10.0.0.1", "");
    let long = peer("b", "10.0.0.2", "  keepaliveTime: 2m\n");
    let nodes = "apiVersion: v1\nkind: Node\nmetadata: {name: n1}\n---\napiVersion: v1\nkind: Node\nmetadata: {name: n2}\n";
    let on = |node: &str, more: &str| {
        let selector =
            format!("  nodeSelectors: [{{matchLabels: {{kubernetes.io/hostname: {node}}}}}]\n{more}");
        peer(node, "10.0.0.2", &selector)
    };
    let unnumbered = peer("b", "eth0", "").replace("peerAddress", "interface");
    let nowhere = peer("b", "x", "").replace("  peerAddress: x\n", "");
    let selecting = metallb("BGPAdvertisement", "adv", "{serviceSelectors: [{matchLabels: {a: b}}]}");
    let all = [
        render_refusal("v0.14.5", &[&long]),
        render_refusal("v0.14.8", &[&long]),
        render_refusal("v0.14.9", &[&long]),
        render_refusal("v0.14.3", &[&peer("b", "10.0.0.2", "  connectTime: 5s\n")]),
        render_refusal("v0.14.4", &[&peer("b", "10.0.0.2", "  connectTime: 5s\n")]),
        render_refusal("v0.14.5", &[&peer("b", "10.0.0.2", "  enableGracefulRestart: true\n")]),
        render_refusal("v0.14.9", &[&unnumbered]),
        render_refusal("v0.15.0", &[&unnumbered]),
        render_refusal("v0.15.0", &[&unnumbered, &unnumbered.replace("name: b", "name: c")]),
        refusal(&[&nowhere]),
        render_refusal("v0.14.9", &[&peer("b", "10.0.0.2", "  peerPort: 0\n")]),
        render_refusal("v0.15.0", &[&peer("b", "10.0.0.2", "  peerPort: 0\n")]),
        render_refusal("v0.15.3", &[&peer("b", "10.0.0.2", "  localASN: 65000\n")]),
        render_refusal("v0.16.0", &[&peer("b", "10.0.0.2", "  localASN: 65000\n")]),
        render_refusal("v0.15.3", &[nodes, &on("n1", ""), &on("n2", "  routerID: 1.1.1.1\n")]),
        render_refusal("v0.16.0", &[nodes, &on("n1", ""), &on("n2", "  routerID: 1.1.1.1\n")]),
        render_refusal("v0.16.0", &[&on("n1", ""), &on("n2", "  routerID: 1.1.1.1\n")]),
        render_refusal("v0.16.0", &[nodes, &a, &peer("b", "10.0.0.1", "")]),
        render_refusal("v0.15.3", &[&selecting]),
        render_refusal("v0.16.0", &[&selecting]),
        refusal(&[&selecting.replace("{service", "{aggregationLength: 24, service")]),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    test.yaml:8:18: MetalLB refuses BGPPeer `b`: invalid keepaliveTime "120s", must be lower than holdTime "90s"
    test.yaml:8:18: MetalLB refuses BGPPeer `b`: invalid keepaliveTime "120s" must be smaller than holdtime "90s"
    rendered
    test.yaml:8:16: MetalLB refuses BGPPeer `b`: MetalLB v0.14.3 has no field `connectTime`
    rendered
    test.yaml:8:26: MetalLB refuses BGPPeer `b`: MetalLB v0.14.5 has no field `enableGracefulRestart`
    test.yaml:7:14: MetalLB refuses BGPPeer `b`: MetalLB v0.14.9 has no field `interface`
    rendered
    test.yaml:7:14: MetalLB refuses BGPPeer `c`: peer eth0 already exists, FRR mode doesn't support duplicate BGPPeers
    test.yaml:4:1: MetalLB refuses BGPPeer `b`: invalid BGPPeer address ""
      hint: set `peerAddress`
    rendered
    test.yaml:8:13: MetalLB refuses BGPPeer `b`: spec.peerPort in body should be greater than or equal to 1
    test.yaml:8:13: MetalLB refuses BGPPeer `b`: MetalLB v0.15.3 has no field `localASN`
    rendered
    test.yaml:9:13: MetalLB refuses BGPPeer `n2`: peer n2 has RouterID different from n1, in FRR mode all RouterID must be equal
    rendered
    test.yaml:9:13: MetalLB refuses BGPPeer `n2`: peer n2 has RouterID different from n1, in FRR mode peers selecting the same node must all have the same RouterID
    test.yaml:7:16: MetalLB refuses BGPPeer `b`: peer 10.0.0.1 already exists, FRR mode doesn't support duplicate BGPPeers selecting the same node
    test.yaml:4:8: MetalLB refuses BGPAdvertisement `adv`: MetalLB v0.15.3 has no field `serviceSelectors`
    rendered
    test.yaml:4:27: MetalLB refuses BGPAdvertisement `adv`: serviceSelectors and aggregationLength are mutually exclusive, both cannot be set in adv
    "#);
}

#[test]
fn a_local_preference_may_differ_for_a_family_that_the_pool_lacks() {
    let pool = metallb("IPAddressPool", "p", "{addresses: [10.0.0.0/24]}");
    let a = metallb("BGPAdvertisement", "a", "{localPref: 100, aggregationLength: 24}");
    let b = metallb("BGPAdvertisement", "b", "{localPref: 200}");
    assert!(render_refusal("v0.14.9", &[&pool, &a, &b]).contains("invalid local preference 200"));
    assert_eq!(render_refusal("v0.15.0", &[&pool, &a, &b]), "rendered");
}

#[test]
fn missing_references_are_pending_not_refused() {
    let secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: metallb-system}\nstringData: {password: x}\n";
    let all = [
        render_refusal("v0.13.10", &[&peer("a", "10.0.0.1", "  bfdProfile: fast\n")]),
        render_refusal("v0.13.10", &[&peer("a", "10.0.0.1", "  passwordSecret: {name: s}\n")]),
        render_refusal("v0.13.10", &[secret, &peer("a", "10.0.0.1", "  passwordSecret: {name: s}\n")]),
        render_refusal("v0.13.10", &[&metallb("BGPAdvertisement", "adv", "{communities: [gold]}")]),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    pending: test.yaml:8:15: MetalLB keeps its old configuration until BGPPeer `a` is complete: peer a referencing non existing bfd profile fast
    pending: test.yaml:8:26: MetalLB keeps its old configuration until BGPPeer `a` is complete: secret ref not found for peer config
    pending: test.yaml:8:26: MetalLB keeps its old configuration until BGPPeer `a` is complete: secret type mismatch on "metallb-system"/"s", type "kubernetes.io/basic-auth" is expected
    pending: test.yaml:4:22: MetalLB keeps its old configuration until BGPAdvertisement `adv` is complete: invalid community "gold" in BGP advertisement: invalid community format: gold
    "#);
}

#[test]
fn two_local_preferences_for_one_update() {
    let pool = metallb("IPAddressPool", "p", "{addresses: [10.0.0.0/24]}");
    let adv = |name: &str, spec: &str| metallb("BGPAdvertisement", name, spec);
    let all = [
        render_refusal("v0.13.10", &[&pool, &adv("a", "{localPref: 100}"), &adv("b", "{localPref: 200}")]),
        render_refusal(
            "v0.13.10",
            &[&pool, &adv("a", "{localPref: 100, peers: [x]}"), &adv("b", "{localPref: 200, peers: [y]}")],
        ),
        render_refusal(
            "v0.13.10",
            &[
                &pool,
                &adv("a", "{localPref: 1}"),
                &adv("b", "{localPref: 2, nodeSelectors: [{matchLabels: {a: b}}]}"),
            ],
        ),
    ];
    insta::assert_snapshot!(all.join("\n"), @r"
    test.yaml:4:19: MetalLB refuses BGPAdvertisement `b`: invalid local preference 200: local preference 100 was already set for the same type of BGP update
    rendered
    rendered
    ");
}

#[test]
fn local_preferences_and_echo_are_checked_since_v0_13_10() {
    let pool = metallb("IPAddressPool", "p", "{addresses: ['fc00::/120']}");
    let preferences = [
        pool.clone(),
        metallb("BGPAdvertisement", "a", "{localPref: 1}"),
        metallb("BGPAdvertisement", "b", "{localPref: 2}"),
    ];
    let echo = [
        pool,
        metallb("BFDProfile", "echo", "{echoMode: true}"),
        peer("gw1", "192.168.1.5", "  bfdProfile: echo\n"),
        metallb("BGPAdvertisement", "a", "{}"),
    ];
    for all in [&preferences[..], &echo[..]] {
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        assert_eq!(render_refusal("v0.13.9", &all), "rendered");
        assert!(render_refusal("v0.13.10", &all).contains("MetalLB refuses"));
    }
}

#[test]
fn two_local_preferences_that_meet_on_another_node() {
    let on_b = |name: &str, preference: u32| {
        let spec = format!("{{localPref: {preference}, nodeSelectors: [{{matchLabels: {{rack: b}}}}]}}");
        metallb("BGPAdvertisement", name, &spec)
    };
    let all = [
        metallb("IPAddressPool", "p", "{addresses: [10.0.0.0/24]}"),
        on_b("a", 1),
        on_b("b", 2),
        "apiVersion: v1\nkind: Node\nmetadata: {name: worker, labels: {rack: a}}\n".to_owned(),
        "apiVersion: v1\nkind: Node\nmetadata: {name: other, labels: {rack: b}}\n".to_owned(),
    ];
    let all = all.each_ref().map(String::as_str);
    assert!(render_refusal("v0.15.3", &all).contains("invalid local preference 2"));
    assert_eq!(render_refusal("v0.15.3", &all[..4]), "rendered");
}

#[test]
fn a_longer_as_path_is_for_frr_k8s_mode() {
    let adv = metallb("BGPAdvertisement", "a", "{asPathPrepend: 2}");
    assert!(render_refusal("v0.16.1", &[&adv]).contains("MetalLB v0.16.1 has no field `asPathPrepend`"));
    assert!(
        render_refusal("v0.16.2", &[&adv]).contains("asPathPrepend is only supported by the frr-k8s backend")
    );
    assert_eq!(
        render_refusal("v0.16.2", &[&metallb("BGPAdvertisement", "a", "{asPathPrepend: 0}")]),
        "rendered"
    );
}

#[test]
fn annotations_that_a_release_does_not_read() {
    let web =
        service("web", "namespace: shop, annotations: {metallb.io/address-pool: p}", "ports: [{port: 80}]");
    let pool = metallb("IPAddressPool", "p", "{addresses: [10.0.0.0/24]}");
    assert_eq!(render_refusal("v0.14.9", &[&pool, &web]), "rendered");
    insta::assert_snapshot!(render_refusal("v0.14.8", &[&pool, &web]), @"test.yaml:3:79: Service `web` has no effect: MetalLB v0.14.8 does not read the annotation `metallb.io/address-pool`");
}
