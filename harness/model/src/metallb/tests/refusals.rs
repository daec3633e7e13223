use super::*;

/// What `apply` says to the last manifest, when the ones before were accepted.
pub(super) fn refusal(manifests: &[&str]) -> String {
    let (last, before) = manifests.split_last().unwrap();
    let mut objects = objects(before);
    match objects.apply(&source(last)) {
        Err(d) => std::iter::once(d.to_string())
            .chain(d.hints.iter().map(|h| format!("  hint: {h}")))
            .collect::<Vec<_>>()
            .join("\n"),
        Ok(_) => "accepted".to_owned(),
    }
}

pub(super) fn render_refusal(version: &str, manifests: &[&str]) -> String {
    match try_render(version, &objects(manifests)) {
        Err(e @ RenderError::Pending(_)) => format!("pending: {e}"),
        Err(e) => e.to_string(),
        Ok(_) => "rendered".to_owned(),
    }
}

#[test]
fn peers() {
    let gw = |more: &str| peer("gw1", "192.168.1.5", more);
    let all = [
        refusal(&[&gw("").replace("  myASN: 64513\n", "")]),
        refusal(&[&gw("").replace("  peerASN: 64512\n", "")]),
        refusal(&[&peer("gw1", "192.168.1.500", "")]),
        refusal(&[&gw("").replace("  peerAddress: 192.168.1.5\n", "")]),
        refusal(&[&gw("  sourceAddress: eth0\n")]),
        refusal(&[&gw("  routerID: 1.2.3\n")]),
        refusal(&[&gw("  peerPort: 20000\n")]),
        refusal(&[&gw("  holdTime: 2s\n")]),
        refusal(&[&gw("  holdTime: 90\n")]),
        refusal(&[&gw("  keepaliveTime: 2m\n  holdTime: 90s\n")]),
        refusal(&[&gw("  connectTime: 500ms\n")]),
        refusal(&[&gw("  connectTime: 1500ms\n")]),
        refusal(&[&gw("  dynamicASN: internal\n")]),
        refusal(&[&gw("  dynamicASN: intern\n").replace("  peerASN: 64512\n", "")]),
        refusal(&[&gw("  interface: eth0\n")]),
        refusal(&[&gw("  ebgpMultiHop: true\n").replace("64512", "64513")]),
        refusal(&[&gw("  password: x\n  passwordSecret: {name: s}\n")]),
        refusal(&[&gw("  nodeSelectors: [{matchLabels: {a: b}}, {matchLabels: {a: b}}]\n")]),
        refusal(&[&gw("  peerAdress: 192.168.1.6\n")]),
        refusal(&[&gw("  vrf: red\n").replace("v1beta2", "v1beta1")]),
        refusal(&[&gw("").replace("namespace: metallb-system", "namespace: default")]),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    test.yaml:4:1: MetalLB refuses BGPPeer `gw1`: missing local ASN
      hint: set `myASN`, for example 64513
    test.yaml:4:1: MetalLB refuses BGPPeer `gw1`: missing peer ASN
      hint: set `peerASN` to the gateway's AS number, for example 64512
    test.yaml:7:16: MetalLB refuses BGPPeer `gw1`: invalid BGPPeer address "192.168.1.500"
      hint: an IPv4 or IPv6 address, without a prefix length
    test.yaml:4:1: MetalLB refuses BGPPeer `gw1`: invalid BGPPeer address ""
      hint: set `peerAddress`
    test.yaml:8:18: MetalLB refuses BGPPeer `gw1`: invalid source IP "eth0"
      hint: an IPv4 or IPv6 address, without a prefix length
    test.yaml:8:13: MetalLB refuses BGPPeer `gw1`: invalid router ID "1.2.3"
      hint: an IPv4 or IPv6 address, without a prefix length
    test.yaml:8:13: MetalLB refuses BGPPeer `gw1`: spec.peerPort in body should be less than or equal to 16384
    test.yaml:8:13: MetalLB refuses BGPPeer `gw1`: invalid hold time "2s": must be 0 or >=3s
    test.yaml:8:13: expected a duration with its unit, such as `90s`, found the number 90
    test.yaml:8:18: MetalLB refuses BGPPeer `gw1`: invalid keepaliveTime "120s", must be lower than holdTime "90s"
      hint: holdTime is 90s when it is not set (up to v0.14.8)
    test.yaml:8:16: MetalLB refuses BGPPeer `gw1`: connect time should be between 1 seconds to 65535
    test.yaml:8:16: MetalLB refuses BGPPeer `gw1`: connect time should contain a whole number of seconds
    test.yaml:8:15: MetalLB refuses BGPPeer `gw1`: both peer ASN and dynamicASN specified
      hint: leave one of `peerASN` and `dynamicASN` out
    test.yaml:7:15: MetalLB refuses BGPPeer `gw1`: invalid dynamicASN intern
      hint: `internal` or `external`
    test.yaml:8:14: MetalLB refuses BGPPeer `gw1`: peer has both Address and Interface specified
      hint: leave one of `peerAddress` and `interface` out
    test.yaml:8:17: MetalLB refuses BGPPeer `gw1`: invalid ebgp-multihop parameter set for an ibgp peer
    test.yaml:9:3: MetalLB refuses BGPPeer `gw1`: can not have both password and secret ref set in peer config
    test.yaml:8:42: MetalLB refuses BGPPeer `gw1`: duplicate definition of nodeSelectors
    test.yaml:8:3: unknown field `peerAdress`
      hint: did you mean `peerAddress`?
      hint: known here: myASN, peerASN, peerAddress, sourceAddress, peerPort, holdTime, keepaliveTime, routerID, nodeSelectors, password, passwordSecret, bfdProfile, ebgpMultiHop, vrf, connectTime, disableMP, enableGracefulRestart, dynamicASN, interface, dualStackAddressFamily, localASN
    test.yaml:8:3: BGPPeer of metallb.io/v1beta1 has no field `vrf`
      hint: use `apiVersion: metallb.io/v1beta2`
    test.yaml:3:34: MetalLB refuses BGPPeer `gw1`: resource must be created in metallb-system namespace
      hint: set `metadata.namespace: metallb-system` (it is `default` now)
    "#);
}

#[test]
fn pools_and_advertisements() {
    let pool = |name: &str, addresses: &str| {
        metallb("IPAddressPool", name, &format!("{{addresses: [{addresses}]}}"))
    };
    let adv = |spec: &str| metallb("BGPAdvertisement", "adv", spec);
    let echo = [
        metallb("BFDProfile", "echo", "{echoMode: true}"),
        peer("gw1", "192.168.1.5", "  bfdProfile: echo\n"),
        pool("six", "fc00::/120"),
    ];
    let all = [
        refusal(&[&pool("p", "")]),
        refusal(&[&pool("p", "10.0.0.0/8, 10.0.0.0/33")]),
        refusal(&[&pool("p", "10.0.0.9-10.0.0.1")]),
        refusal(&[&pool("p", "10.0.0.0/24"), &pool("q", "10.0.0.77-10.0.0.80")]),
        refusal(&[&adv("{aggregationLength: 33}")]),
        refusal(&[&pool("p", "10.0.0.0/26"), &adv("{aggregationLength: 24}")]),
        refusal(&[&adv("{aggregationLength: 24}"), &pool("p", "10.0.0.0/26")]),
        refusal(&[&adv("{communities: ['70000:1']}")]),
        refusal(&[&adv("{communities: ['big:1:2:3']}")]),
        refusal(&[&adv("{communities: ['1:1', '1:1']}")]),
        refusal(&[&adv("{peers: [a, a]}")]),
        refusal(&[&metallb("Community", "c", "{communities: [{name: a, value: b}]}")]),
        refusal(&[&metallb(
            "Community",
            "c",
            "{communities: [{name: a, value: '1:1'}, {name: a, value: '1:2'}]}",
        )]),
        refusal(&[&metallb("BFDProfile", "b", "{receiveInterval: 5}")]),
        render_refusal("v0.15.3", &[&echo[0], &echo[1], &echo[2], &adv("{}")]),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    test.yaml:4:8: MetalLB refuses IPAddressPool `p`: pool has no prefixes defined
    test.yaml:4:32: MetalLB refuses IPAddressPool `p`: invalid CIDR "10.0.0.0/33" in pool "p": invalid CIDR "10.0.0.0/33"
      hint: either a CIDR (192.0.2.0/24) or a range (192.0.2.10-192.0.2.20)
    test.yaml:4:20: MetalLB refuses IPAddressPool `p`: invalid CIDR "10.0.0.9-10.0.0.1" in pool "p": invalid IP range "10.0.0.9-10.0.0.1": start IP "10.0.0.9" is after the end IP "10.0.0.1"
      hint: either a CIDR (192.0.2.0/24) or a range (192.0.2.10-192.0.2.20)
    test.yaml:4:20: MetalLB refuses IPAddressPool `q`: CIDR "10.0.0.77/32" in pool "q" overlaps with already defined CIDR "10.0.0.0/24"
    test.yaml:4:27: MetalLB refuses BGPAdvertisement `adv`: invalid aggregation length "33" for IPv4
    test.yaml:4:27: MetalLB refuses BGPAdvertisement `adv`: invalid aggregation length 24: prefix 26 in this pool is more specific than the aggregation length for addresses 10.0.0.0/26
      hint: pool p has it; use at least 26
    test.yaml:1:1: MetalLB refuses IPAddressPool `p` because of BGPAdvertisement `adv`: invalid aggregation length 24: prefix 26 in this pool is more specific than the aggregation length for addresses 10.0.0.0/26
      hint: pool p has it; use at least 26
    test.yaml:4:22: MetalLB refuses BGPAdvertisement `adv`: invalid community "70000:1" in BGP advertisement: invalid community value: invalid section "70000" of community "70000:1"
    test.yaml:4:22: MetalLB refuses BGPAdvertisement `adv`: invalid community "big:1:2:3" in BGP advertisement: invalid community value: invalid marker for large community, expected community to be of format large:<uint32>:<uint32>:<uint32> but got "big:1:2:3" instead
    test.yaml:4:8: MetalLB refuses BGPAdvertisement `adv`: duplicate definition of community "1:1"
    test.yaml:4:8: MetalLB refuses BGPAdvertisement `adv`: duplicate definition of peers "a"
    test.yaml:4:39: MetalLB refuses Community `c`: parsing community "a": invalid community format: b
      hint: `65000:1` or `large:65000:1:1`
    test.yaml:4:54: MetalLB refuses Community `c`: duplicate definition of community "a"
    test.yaml:4:25: MetalLB refuses BFDProfile `b`: invalid receive interval value: invalid value 5, must be in 10-60000 range
    test.yaml:4:1: MetalLB refuses BGPAdvertisement `adv`: pool six has bgpadvertisement adv which references peer gw1 which has bfd echo enabled, which is not possible
    "#);
}

#[test]
fn extras_that_nobody_reads() {
    let good = extras("! x");
    let all = [
        refusal(&[&good.replace("namespace: metallb-system", "namespace: default")]),
        refusal(&[&good.replace("name: bgpextras", "name: bgpextra")]),
        refusal(&[&good.replace("extras: |", "extra: |")]),
        refusal(&[
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bgpextras, namespace: metallb-system}\ndata: {}\n",
        ]),
    ];
    insta::assert_snapshot!(all.join("\n"), @r"
    test.yaml:3:40: ConfigMap `bgpextras` has no effect: a bgpextras in namespace `default` is never read, only the one in metallb-system is
      hint: set `metadata.namespace: metallb-system`
    test.yaml:3:18: ConfigMap `bgpextra` has no effect: a ConfigMap of this name is never read
      hint: did you mean `bgpextras`?
    test.yaml:4:1: ConfigMap `bgpextras` has no effect: it has no key `extras`, the only one that is read
      hint: found: extra
    accepted
    ");
}

#[test]
fn what_is_no_known_object() {
    let all = [
        refusal(&["apiVersion: metallb.io/v1beta2\nkind: BGPPear\nmetadata: {name: x}\n"]),
        refusal(&["apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\n"]),
        refusal(&["apiVersion: metallb.io/v1\nkind: BGPPeer\nmetadata: {name: x}\n"]),
        refusal(&["kind: BGPPeer\n"]),
        refusal(&["apiVersion: v1\nkind: Service\nmetadata: {lables: {}}\n"]),
        refusal(&["apiVersion: v1\nkind: Service\nmetadata: {}\n"]),
        refusal(&["apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n"]),
        refusal(&["a: [\n"]),
        refusal(&["# only a comment\n---\n"]),
    ];
    insta::assert_snapshot!(all.join("\n"), @r"
    test.yaml:2:7: objects of kind `BGPPear` are not understood
      hint: did you mean `BGPPeer`?
      hint: understood are BGPPeer, IPAddressPool, BGPAdvertisement, Community, BFDProfile, FRRConfiguration, Service, EndpointSlice, ConfigMap, Secret, Node, Namespace and List
    test.yaml:2:7: objects of kind `Deployment` are not understood
      hint: understood are BGPPeer, IPAddressPool, BGPAdvertisement, Community, BFDProfile, FRRConfiguration, Service, EndpointSlice, ConfigMap, Secret, Node, Namespace and List
    test.yaml:1:13: BGPPeer of `metallb.io/v1` is not understood
      hint: BGPPeer is understood as metallb.io/v1beta2 and metallb.io/v1beta1
    test.yaml:1:1: this is no Kubernetes object: it has no `apiVersion`
    test.yaml:3:12: unknown field `lables`
      hint: did you mean `labels`?
      hint: known here: name, namespace, labels, annotations, generateName, uid, resourceVersion, generation, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds, ownerReferences, finalizers, managedFields, selfLink
    test.yaml:3:1: this Service has no `metadata.name`
    test.yaml:5:9: objects of kind `Pod` are not understood
      hint: did you mean `Node`?
      hint: understood are BGPPeer, IPAddressPool, BGPAdvertisement, Community, BFDProfile, FRRConfiguration, Service, EndpointSlice, ConfigMap, Secret, Node, Namespace and List
    test.yaml:2:1: not valid YAML: while parsing a node, did not find expected node content
    accepted
    ");
}
