use super::*;

fn refusal(yaml: &str) -> String {
    told(&config(yaml))
}

fn told(manifest: &str) -> String {
    match render(release(), Mode::Frr, &cluster(&[manifest]), &node("worker", &[])) {
        Err(e) => e.to_string(),
        Ok(_) => "rendered".to_owned(),
    }
}

#[test]
fn peers() {
    let peer = |more: &str| format!("peers:\n- {{my-asn: 1, peer-asn: 2, peer-address: 10.0.0.1{more}}}");
    let second =
        |more: &str| format!("{}\n- {{my-asn: 1, peer-asn: 2, {more}}}", peer(", router-id: 1.1.1.1"));
    let all = [
        refusal("peers:\n- {peer-asn: 2, peer-address: 10.0.0.1}"),
        refusal("peers:\n- {my-asn: 1, peer-address: 10.0.0.1}"),
        refusal("peers:\n- {my-asn: 1, peer-asn: 1, peer-address: 10.0.0.1, ebgp-multihop: true}"),
        refusal("peers:\n- {my-asn: 1, peer-asn: 2, peer-address: 10.0.0}"),
        refusal(&peer(", source-address: x")),
        refusal(&peer(", router-id: x")),
        refusal(&peer(", hold-time: 2s")),
        refusal(&peer(", hold-time: 90")),
        refusal(&peer(", keepalive-time: 91s")),
        refusal(&peer(", bfd-profile: fast")),
        refusal(&peer(", peer-port: 70000")),
        refusal(&peer(", node-selectors: [{match-expressions: [{key: a, operator: In}]}]")),
        refusal(&second("peer-address: 10.0.0.2")),
        refusal(&second("router-id: 1.1.1.1, peer-address: 10.0.0.1")),
        refusal(&second("router-id: 1.1.1.1, peer-address: '::ffff:10.0.0.1'")),
        refusal(
            &second("router-id: 1.1.1.1, peer-address: 10.0.0.2")
                .replace("{my-asn: 1, peer-asn: 2, router", "{my-asn: 3, peer-asn: 2, router"),
        ),
        refusal(&peer(", hold-time: 0s, keepalive-time: 0.9s, peer-port: 0")),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    test.yaml:7:7: MetalLB refuses ConfigMap `config`: parsing peer #1: missing local ASN
    test.yaml:7:7: MetalLB refuses ConfigMap `config`: parsing peer #1: missing peer ASN
    test.yaml:7:71: MetalLB refuses ConfigMap `config`: parsing peer #1: invalid ebgp-multihop parameter set for an ibgp peer
    test.yaml:7:46: MetalLB refuses ConfigMap `config`: parsing peer #1: invalid peer IP "10.0.0"
    test.yaml:7:72: MetalLB refuses ConfigMap `config`: parsing peer #1: invalid source IP "x"
    test.yaml:7:67: MetalLB refuses ConfigMap `config`: parsing peer #1: invalid router ID "x"
    test.yaml:7:67: MetalLB refuses ConfigMap `config`: parsing peer #1: invalid hold time "2s": must be 0 or >=3s
    test.yaml:7:67: MetalLB refuses ConfigMap `config`: parsing peer #1: invalid hold time "90": `90` is not a duration such as `90s` or `1m30s`: a number has no unit
    test.yaml:7:72: MetalLB refuses ConfigMap `config`: parsing peer #1: invalid keepaliveTime "91s"
    test.yaml:7:69: MetalLB refuses ConfigMap `config`: peer #1 referencing non existing bfd profile fast
    test.yaml:7:67: MetalLB refuses ConfigMap `config`: could not parse config: the number 70000 is not allowed here: expected a whole number from 0 to 65535
    test.yaml:7:73: MetalLB refuses ConfigMap `config`: parsing peer #1: parsing node selector: `values` must not be empty with operator In
    test.yaml:8:7: MetalLB refuses ConfigMap `config`: peer  has RouterID different from 1.1.1.1, in FRR mode all RouterID must be equal
    test.yaml:8:66: MetalLB refuses ConfigMap `config`: peer 10.0.0.1 already exists, FRR mode doesn't support duplicate BGPPeers
    test.yaml:8:66: MetalLB refuses ConfigMap `config`: peer 10.0.0.1 already exists, FRR mode doesn't support duplicate BGPPeers
    test.yaml:8:16: MetalLB refuses ConfigMap `config`: peer 10.0.0.2 has myAsn different from 10.0.0.1, in FRR mode all myAsn must be equal
    rendered
    "#);
}

#[test]
fn pools_communities_and_profiles() {
    let pool =
        |more: &str| format!("address-pools:\n- {{name: p, protocol: bgp, addresses: [10.0.0.0/24]{more}}}");
    let all = [
        refusal("address-pools:\n- {protocol: bgp, addresses: [10.0.0.0/24]}"),
        refusal("address-pools:\n- {name: p, protocol: bgp}"),
        refusal("address-pools:\n- {name: p, addresses: [10.0.0.0/24]}"),
        refusal("address-pools:\n- {name: p, protocol: ospf, addresses: [10.0.0.0/24]}"),
        refusal("address-pools:\n- {name: p, protocol: bgp, addresses: [10.0.0.0]}"),
        refusal(
            "address-pools:\n- {name: p, protocol: layer2, addresses: [10.0.0.0/24], bgp-advertisements: [{}]}",
        ),
        refusal(&pool(", bgp-advertisements: [{}, {}]")),
        refusal(&pool(", bgp-advertisements: [{aggregation-length: 33}]")),
        refusal(&pool(", bgp-advertisements: [{aggregation-length: 20}]")),
        refusal(&pool(", bgp-advertisements: [{communities: ['1:1', '1:1']}]")),
        refusal(&pool(", bgp-advertisements: [{communities: [gold]}]")),
        refusal(&pool(", bgp-advertisements: [{communities: ['large:1:2:3']}]")),
        refusal(&format!("{}\n- {{name: p, protocol: bgp, addresses: [10.1.0.0/24]}}", pool(""))),
        refusal(&format!("{}\n- {{name: q, protocol: layer2, addresses: [10.0.0.7-10.0.0.9]}}", pool(""))),
        refusal("bgp-communities: {gold: '65536:1'}"),
        refusal("bfd-profiles:\n- {name: a}\n- {name: a}"),
        refusal("bfd-profiles:\n- {name: a, minimum-ttl: 255}"),
        refusal("bfd-profiles:\n- {}"),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    test.yaml:7:7: MetalLB refuses ConfigMap `config`: parsing address pool #1: missing pool name
    test.yaml:7:7: MetalLB refuses ConfigMap `config`: parsing address pool #1: pool has no prefixes defined
    test.yaml:7:7: MetalLB refuses ConfigMap `config`: parsing address pool #1: address pool is missing the protocol field
    test.yaml:7:27: MetalLB refuses ConfigMap `config`: parsing address pool #1: unknown protocol "ospf"
    test.yaml:7:44: MetalLB refuses ConfigMap `config`: parsing address pool #1: invalid CIDR "10.0.0.0" in pool "p": invalid CIDR "10.0.0.0"
    test.yaml:7:61: MetalLB refuses ConfigMap `config`: parsing address pool #1: cannot have bgp-advertisements configuration element in a layer2 address pool
    test.yaml:7:83: MetalLB refuses ConfigMap `config`: parsing address pool #1: parsing BGP communities: duplicate definition of bgpadvertisements. advertisement 1 and 2 are equal
    test.yaml:7:100: MetalLB refuses ConfigMap `config`: parsing address pool #1: parsing BGP communities: invalid aggregation length "33" for IPv4
    test.yaml:7:100: MetalLB refuses ConfigMap `config`: parsing address pool #1: parsing BGP communities: invalid aggregation length 20: prefix 24 in this pool is more specific than the aggregation length for addresses 10.0.0.0/24
    test.yaml:7:80: MetalLB refuses ConfigMap `config`: parsing address pool #1: parsing BGP communities: duplicate definition of community "1:1"
    test.yaml:7:94: MetalLB refuses ConfigMap `config`: parsing address pool #1: parsing BGP communities: invalid community "gold" in BGP advertisement: invalid community format: gold
    test.yaml:7:94: MetalLB refuses ConfigMap `config`: parsing address pool #1: parsing BGP communities: invalid community "large:1:2:3" in BGP advertisement: invalid community string "large:1:2:3"
    test.yaml:8:14: MetalLB refuses ConfigMap `config`: duplicate definition of pool "p"
    test.yaml:8:47: MetalLB refuses ConfigMap `config`: CIDR "10.0.0.7/32" in pool "q" overlaps with already defined CIDR "10.0.0.0/24"
    test.yaml:6:29: MetalLB refuses ConfigMap `config`: parsing community "gold": invalid community value: invalid section "65536" of community "65536:1"
    test.yaml:8:14: MetalLB refuses ConfigMap `config`: found duplicate bfd profile name a
    test.yaml:7:30: MetalLB refuses ConfigMap `config`: parsing bfd profile #1: invalid minimum ttl value: invalid value 255, must be in 1-254 range
    test.yaml:7:7: MetalLB refuses ConfigMap `config`: parsing bfd profile #1: missing bfd profile name
    "#);
}

#[test]
fn what_is_no_configuration() {
    let all = [
        refusal("peers:\n- {my-asn: 1, peerasn: 2}"),
        refusal("address-pools:\n- name: p\n  auto-assign: maybe"),
        refusal("peers: [\n"),
        refusal("just text"),
        // Not a literal block: the whole value is the place.
        told(&config("").replace("config: |\n", "config: 'peers: [{my-asn: x}]'\n")),
        refusal(""),
        refusal("---\npeers:\n"),
    ];
    insta::assert_snapshot!(all.join("\n"), @r"
    test.yaml:7:19: MetalLB refuses ConfigMap `config`: could not parse config: unknown field `peerasn`
    test.yaml:8:20: MetalLB refuses ConfigMap `config`: could not parse config: expected `true` or `false`, found the text `maybe`
    test.yaml:6:5: MetalLB refuses ConfigMap `config`: could not parse config: not valid YAML: while parsing a node, did not find expected node content
    test.yaml:6:5: MetalLB refuses ConfigMap `config`: could not parse config: expected a mapping (`key: value` lines), found the text `just text`
    test.yaml:5:11: MetalLB refuses ConfigMap `config`: could not parse config: expected a whole number from 0 to 4294967295, found the text `x`
    rendered
    rendered
    ");
}

#[test]
fn custom_resources_came_later() {
    let err = try_render("v0.12.1", &objects(&[&peer("gw", "10.0.0.1", "")])).unwrap_err();
    let RenderError::Refused(diagnostic) = &err else { panic!("{err}") };
    insta::assert_snapshot!(format!("{err}\n{}", diagnostic.hints.join("\n")), @r#"
    test.yaml:2:7: no matches for kind "BGPPeer": MetalLB v0.12.1 has no custom resources
    its configuration is in the ConfigMap `config` of namespace metallb-system; custom resources came with v0.13.0
    "#);
}
