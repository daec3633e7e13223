use super::*;

/// A user's object beside MetalLB's own, which has gw1 at 192.168.1.5.
fn beside(version: &str, more: &str) -> String {
    refusal(version, &[&peer("gw1", "192.168.1.5", ""), &neighbor("learn", "192.168.1.5", more)])
}

#[test]
fn with_what_metallb_generates() {
    let secret_peer = peer("gw1", "192.168.1.5", "  passwordSecret: {name: md5}\n");
    let all = [
        beside("v0.14.8", ""),
        beside("v0.16.1", ", port: 1179"),
        beside("v0.16.1", ", password: hush"),
        // Its webhook does not look into Secrets: the same password, but in clear, is another one.
        refusal("v0.16.1", &[SECRET, &secret_peer, &neighbor("learn", "192.168.1.5", ", password: hush")]),
        refusal(
            "v0.16.1",
            &[SECRET, &secret_peer, &neighbor("learn", "192.168.1.5", ", passwordSecret: {name: md5}")],
        ),
        beside("v0.16.1", ", holdTime: 30s, keepaliveTime: 10s"),
        beside("v0.16.1", ", ebgpMultiHop: true"),
        beside("v0.16.1", ", dualStackAddressFamily: true"),
        // What FRR does anyway is no contradiction.
        beside("v0.16.1", ", port: 179, holdTime: 3m, keepaliveTime: 1m, connectTime: 1m"),
    ];
    insta::assert_snapshot!(all.join("\n"), @r"
    test.yaml:8:19: frr-k8s refuses FRRConfiguration `learn` together with `metallb-worker`, which MetalLB generates: multiple hold times specified for neighbor 192.168.1.5 at vrf 
      hint: `holdTime` must mean the same: 180s in FRRConfiguration `learn`, 90s in `metallb-worker`
    test.yaml:8:62: frr-k8s refuses FRRConfiguration `learn` together with `metallb-worker`, which MetalLB generates: multiple ports specified for 192.168.1.5
      hint: `port` must mean the same: 1179 in FRRConfiguration `learn`, 179 in `metallb-worker`
    test.yaml:8:66: frr-k8s refuses FRRConfiguration `learn` together with `metallb-worker`, which MetalLB generates: multiple passwords specified for 192.168.1.5
      hint: `password` must mean the same: one in clear in FRRConfiguration `learn`, none in `metallb-worker`
    test.yaml:8:66: frr-k8s refuses FRRConfiguration `learn` together with `metallb-worker`, which MetalLB generates: multiple passwords specified for 192.168.1.5
      hint: `password` must mean the same: one in clear in FRRConfiguration `learn`, one from a Secret in `metallb-worker`
    rendered
    test.yaml:8:66: frr-k8s refuses FRRConfiguration `learn` together with `metallb-worker`, which MetalLB generates: multiple hold times specified for 192.168.1.5
      hint: `holdTime` must mean the same: 30s in FRRConfiguration `learn`, 180s in `metallb-worker`
    test.yaml:8:70: frr-k8s refuses FRRConfiguration `learn` together with `metallb-worker`, which MetalLB generates: conflicting ebgp-multihop specified for 192.168.1.5
      hint: `ebgpMultiHop` must mean the same: true in FRRConfiguration `learn`, false in `metallb-worker`
    test.yaml:8:80: frr-k8s refuses FRRConfiguration `learn` together with `metallb-worker`, which MetalLB generates: conflicting advertiseDualStack specified for 192.168.1.5
      hint: `dualStackAddressFamily` must mean the same: true in FRRConfiguration `learn`, false in `metallb-worker`
    rendered
    ");
}

#[test]
fn between_objects() {
    let pair = |version: &str, a: &str, b: &str| refusal(version, &[a, b]);
    let bfd = |name: &str, multiplier: u32| {
        configuration(name, &format!("    bfdProfiles: [{{name: fast, detectMultiplier: {multiplier}}}]\n"))
    };
    let profiled = |name: &str| {
        configuration(
            name,
            "      neighbors: [{asn: 64512, address: 192.168.1.5, bfdProfile: fast}]\n    bfdProfiles: [{name: fast}]\n",
        )
    };
    let local_pref = |name: &str, value: u32| {
        configuration(
            name,
            &format!(
                "      prefixes: [10.8.0.0/24]\n      neighbors: [{{asn: 64512, address: 192.168.1.5, toAdvertise: {{allowed: {{mode: all}}, \
                 withLocalPref: [{{localPref: {value}, prefixes: [10.8.0.0/24]}}]}}}}]\n"
            ),
        )
    };
    let plain = neighbor("b", "192.168.1.5", "");
    let all = [
        pair("v0.16.1", &configuration("a", ""), &configuration("b", "").replace("64513", "64514")),
        pair(
            "v0.16.1",
            &configuration("a", "      id: 1.1.1.1\n"),
            &configuration("b", "      id: 2.2.2.2\n"),
        ),
        pair("v0.16.1", &bfd("a", 3), &bfd("b", 4)),
        pair("v0.16.1", &local_pref("a", 100), &local_pref("b", 200)),
        pair("v0.16.1", &profiled("a"), &plain),
        pair("v0.15.3", &profiled("a"), &plain),
        refusal(
            "v0.16.1",
            &[&configuration(
                "a",
                "      neighbors: [{asn: 64512, address: 192.168.1.5}, {asn: 64511, address: 192.168.1.5}]\n",
            )],
        ),
    ];
    insta::assert_snapshot!(all.join("\n"), @r"
    test.yaml:7:12: frr-k8s refuses FRRConfiguration `b`: different asns (64513 != 64514) specified for same vrf: 
    test.yaml:8:11: frr-k8s refuses FRRConfiguration `b`: different router ids (1.1.1.1 != 2.2.2.2) specified for same vrf: 
    test.yaml:8:19: frr-k8s refuses FRRConfiguration `b`: duplicate bfd profile name fast with different values for config b
      hint: another FRRConfiguration of the node defines it with other values
    test.yaml:9:90: frr-k8s refuses FRRConfiguration `b`: could not merge outgoing for neighbor 192.168.1.5 vrf , err: multiple local prefs (100 != 200) specified for prefix 10.8.0.0/24
    rendered
    test.yaml:8:19: frr-k8s refuses FRRConfiguration `b`: multiple bfd profiles specified for 192.168.1.5
      hint: `bfdProfile` must mean the same: fast in FRRConfiguration `a`, nothing in `b`
    test.yaml:8:61: frr-k8s refuses FRRConfiguration `a`: multiple asns specified for 192.168.1.5
      hint: `asn` must mean the same: 64512 in FRRConfiguration `a`, 64511 in `a`
    ");
}

#[test]
fn within_an_object() {
    let alone = |more: &str| refusal("v0.16.1", &[&neighbor("a", "192.168.1.5", more)]);
    let received =
        |selector: &str| alone(&format!(", toReceive: {{allowed: {{prefixes: [{{{selector}}}]}}}}"));
    let router = |text: &str| refusal("v0.16.1", &[&configuration("a", text)]);
    let all = [
        refusal("v0.16.1", &[&neighbor("a", "192.168.1.500", "")]),
        refusal("v0.16.1", &[&neighbor("a", "", "")]),
        alone(", interface: eth0"),
        alone(", dynamicASN: internal"),
        alone(", holdTime: 90s"),
        alone(", holdTime: 2s, keepaliveTime: 1s"),
        alone(", bfdProfile: fast"),
        alone(", password: x, passwordSecret: {name: s}"),
        alone(", passwordSecret: {name: s}"),
        alone(", localASN: 0"),
        alone(", port: 20000"),
        alone(", connectTime: 1500ms"),
        alone(", toRecieve: {}"),
        alone(", toReceive: {allowed: {mode: some}}"),
        alone(", toAdvertise: {allowed: {prefixes: [10.8.0.0/24]}}"),
        received("prefix: 172.16.0.0/16, le: 24, ge: 28"),
        received("prefix: 172.16.0.0/16, le: 8"),
        received("prefix: 172.16.0.0/16, ge: 129"),
        received("prefix: 172.16.0.1"),
        router("      prefixes: [10.8.0.0]\n"),
        router("      vrf: red\n      imports: [{vrf: blue}]\n"),
        router("      vrf: red\n      imports: [{vrf: default}]\n"),
        refusal("v0.16.1", &[&configuration("a", "").replace("asn: 64513", "vrf: red")]),
    ];
    insta::assert_snapshot!(all.join("\n"), @r#"
    test.yaml:8:41: frr-k8s refuses FRRConfiguration `a`: failed to find ipfamily for 192.168.1.500, IPFamilyForAddresses: Invalid address ["192.168.1.500"]
      hint: an IPv4 or IPv6 address, without a prefix length
    test.yaml:8:19: frr-k8s refuses FRRConfiguration `a`: neighbor with ASN 64512 has no address and no interface
      hint: set `address`, or `interface` for an unnumbered session
    test.yaml:8:67: frr-k8s refuses FRRConfiguration `a`: neighbor 64512@192.168.1.5 has both Address and Interface specified
      hint: leave one of `address` and `interface` out
    test.yaml:8:68: frr-k8s refuses FRRConfiguration `a`: neighbor internal@192.168.1.5 has both ASN and DynamicASN specified
      hint: leave one of `asn` and `dynamicASN` out
    test.yaml:8:66: frr-k8s refuses FRRConfiguration `a`: invalid timers for neighbor 64512@192.168.1.5, err: one of KeepaliveTime/HoldTime specified, both must be set or none
      hint: set `keepaliveTime`, too
    test.yaml:8:66: frr-k8s refuses FRRConfiguration `a`: invalid timers for neighbor 64512@192.168.1.5, err: invalid hold time "2s": must be 0 or >=3s
    test.yaml:8:68: frr-k8s refuses FRRConfiguration `a`: neighbor 64512@192.168.1.5 referencing non existing BFDProfile fast
      hint: define it in `spec.bgp.bfdProfiles` of the same FRRConfiguration
    test.yaml:8:92: frr-k8s refuses FRRConfiguration `a`: neighbor 64512@192.168.1.5 specifies both cleartext password and secret ref
      hint: leave one of `password` and `passwordSecret` out
    pending: test.yaml:8:79: frr-k8s keeps its old configuration until FRRConfiguration `a` is complete: secret s not found for neighbor 64512@192.168.1.5
      hint: apply a Secret `s` in namespace metallb-system
    test.yaml:8:66: frr-k8s refuses FRRConfiguration `a`: spec.bgp.routers[0].neighbors[0].localASN in body should be greater than or equal to 1
    test.yaml:8:62: frr-k8s refuses FRRConfiguration `a`: spec.bgp.routers[0].neighbors[0].port in body should be less than or equal to 16384
    test.yaml:8:69: frr-k8s refuses FRRConfiguration `a`: connect time should contain a whole number of seconds
    test.yaml:8:56: unknown field `toRecieve`
      hint: did you mean `toReceive`?
      hint: known here: asn, dynamicASN, sourceaddress, address, interface, port, password, passwordSecret, holdTime, keepaliveTime, connectTime, ebgpMultiHop, bfdProfile, enableGracefulRestart, toAdvertise, toReceive, disableMP, dualStackAddressFamily, localASN
    test.yaml:8:84: unknown value `some`
      hint: known here: all, filtered
    test.yaml:8:91: frr-k8s refuses FRRConfiguration `a`: trying to advertise non configured prefix 10.8.0.0/24 to neighbor 64512@192.168.1.5, vrf 
      hint: it must be in the router's `prefixes`, written the same way
    test.yaml:8:125: frr-k8s refuses FRRConfiguration `a`: invalid selector lengths: ge 28 is bigger than le 24
      hint: `ge` is the shortest prefix length that passes, `le` the longest
    test.yaml:8:117: frr-k8s refuses FRRConfiguration `a`: invalid selector lengths: cidr mask 16 is bigger than le 8
    test.yaml:8:117: frr-k8s refuses FRRConfiguration `a`: spec.bgp.routers[0].neighbors[0].toReceive.allowed.prefixes[0].ge in body should be less than or equal to 128
    test.yaml:8:98: frr-k8s refuses FRRConfiguration `a`: spec.bgp.routers[0].neighbors[0].toReceive.allowed.prefixes[0].prefix in body must be of type cidr: "172.16.0.1"
      hint: for example 172.16.0.0/16, with `le: 24` for the longer ones
    test.yaml:8:18: frr-k8s refuses FRRConfiguration `a`: unknown ipfamily for 10.8.0.0
      hint: a prefix looks like 10.100.0.0/24
    test.yaml:9:23: frr-k8s refuses FRRConfiguration `a`: router 64513-red imports vrf blue which is not defined
      hint: the router of that VRF must be in the same FRRConfiguration
    test.yaml:9:23: frr-k8s refuses FRRConfiguration `a`: vrf  not found in prefixes in router
      hint: the router of that VRF must be in the same FRRConfiguration
    test.yaml:7:7: frr-k8s refuses FRRConfiguration `a`: spec.bgp.routers[0].asn: Required value
      hint: set `asn`, the node's AS number, for example 64513
    "#);
}

#[test]
fn fields_that_a_release_does_not_have() {
    let alone = |version: &str, more: &str| refusal(version, &[&neighbor("a", "192.168.1.5", more)]);
    let all = [
        alone("v0.14.3", ", connectTime: 5s"),
        alone("v0.14.5", ", sourceaddress: 192.168.1.10"),
        alone("v0.14.7", ", enableGracefulRestart: true"),
        alone("v0.14.9", ", dualStackAddressFamily: true"),
        alone("v0.15.3", ", localASN: 64999"),
    ];
    insta::assert_snapshot!(all.join("\n"), @r"
    test.yaml:8:69: frr-k8s refuses FRRConfiguration `a`: frr-k8s v0.0.8, which this MetalLB ships, has no field `connectTime`
      hint: `connectTime` exists since frr-k8s v0.0.10; choose a newer `metallb.version` or leave it out
    test.yaml:8:71: frr-k8s refuses FRRConfiguration `a`: frr-k8s v0.0.11, which this MetalLB ships, has no field `sourceaddress`
      hint: `sourceaddress` exists since frr-k8s v0.0.12; choose a newer `metallb.version` or leave it out
    test.yaml:8:79: frr-k8s refuses FRRConfiguration `a`: frr-k8s v0.0.13, which this MetalLB ships, has no field `enableGracefulRestart`
      hint: `enableGracefulRestart` exists since frr-k8s v0.0.14; choose a newer `metallb.version` or leave it out
    test.yaml:8:80: frr-k8s refuses FRRConfiguration `a`: frr-k8s v0.0.16, which this MetalLB ships, has no field `dualStackAddressFamily`
      hint: `dualStackAddressFamily` exists since frr-k8s v0.0.19; choose a newer `metallb.version` or leave it out
    test.yaml:8:66: frr-k8s refuses FRRConfiguration `a`: frr-k8s v0.0.21, which this MetalLB ships, has no field `localASN`
      hint: `localASN` exists since frr-k8s v0.0.24; choose a newer `metallb.version` or leave it out
    ");
}

/// The ConfigMap stops the speakers, and an FRRConfiguration needs frr-k8s.
#[test]
fn what_belongs_to_the_other_mode() {
    let gw1 = peer("gw1", "192.168.1.5", "");
    insta::assert_snapshot!(refusal("v0.16.1", &[&gw1, &extras("route-map 192.168.1.5-in permit 10")]), @r"
    test.yaml:5:3: MetalLB in frr-k8s mode refuses ConfigMap `bgpextras`: extra info not supported in frr-k8s mode
      hint: its speakers stop at this error before they open a session: delete the ConfigMap
      hint: routes are learnt by `toReceive` of an FRRConfiguration that has the same neighbor as the BGPPeer
    ");
    let learn = objects(&[&neighbor("learn", "192.168.1.5", "")]);
    for (version, hint) in
        [("v0.16.1", "choose the mode frr-k8s"), ("v0.13.12", "frr-k8s came with MetalLB v0.14.0")]
    {
        let Err(RenderError::Refused(d)) = try_render(version, &learn) else { panic!("rendered") };
        assert!(d.message.starts_with("no matches for kind \"FRRConfiguration\""), "{d}");
        assert!(d.hints[0].starts_with(hint), "{:?}", d.hints);
    }
}
