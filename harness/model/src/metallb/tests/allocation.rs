use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const POOL: &str = "metallb.universe.tf/address-pool";
const IPS: &str = "metallb.universe.tf/loadBalancerIPs";
const SHARE: &str = "metallb.universe.tf/allow-shared-ip";

fn web(name: &str) -> String {
    service(name, "namespace: shop", "ports: [{port: 80}]")
}

fn annotated(name: &str, annotation: &str, value: &str, spec: &str) -> String {
    service(name, &format!("namespace: shop, annotations: {{{annotation}: '{value}'}}"), spec)
}

fn pool(name: &str, spec: &str) -> String {
    metallb("IPAddressPool", name, spec)
}

/// name -> addresses or "pending: reason"
fn state(objects: &Objects) -> BTreeMap<String, String> {
    let ips = |v: &Vec<std::net::IpAddr>| v.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let have = objects.addresses.iter().map(|(id, v)| (id.name.clone(), ips(v)));
    let pending = objects.pending.iter().map(|(id, why)| (id.name.clone(), format!("pending: {why}")));
    have.chain(pending).collect()
}

fn states(manifests: &[&str]) -> String {
    state(&objects(manifests)).iter().map(|(k, v)| format!("{k}: {v}")).collect::<Vec<_>>().join("\n")
}

#[test]
fn takes_the_first_free_address_in_order_of_creation() {
    let p = pool("p", "{addresses: [198.51.100.0/31, 203.0.113.9-203.0.113.9]}");
    insta::assert_snapshot!(states(&[&web("z"), &web("a"), &p, &web("m"), &web("b")]), @r#"
    a: 198.51.100.1
    b: pending: no available IPs
    m: 203.0.113.9
    z: 198.51.100.0
    "#);
}

#[test]
fn pending_services_are_a_warning() {
    let rendered = try_render("v0.13.10", &objects(&[&web("a")])).unwrap();
    assert_eq!(rendered.warnings, ["service/a: stays pending: no available IPs"]);
    assert!(rendered.services.is_empty());
}

#[test]
fn requests_are_honoured_or_explained() {
    let manifests = [
        pool("main", "{addresses: [198.51.100.0/29]}"),
        pool("manual", "{addresses: [203.0.113.0/24], autoAssign: false, avoidBuggyIPs: true}"),
        pool("six", "{addresses: ['fc00::/64']}"),
        pool(
            "team",
            "{addresses: [192.0.2.0/24], serviceAllocation: {priority: 5, serviceSelectors: [{matchLabels: {team: x}}]}}",
        ),
        service("by-field", "namespace: shop", "loadBalancerIP: 198.51.100.3"),
        annotated("by-annotation", IPS, "198.51.100.4", ""),
        annotated("taken", IPS, "198.51.100.4", ""),
        annotated("nowhere", IPS, "8.8.8.8", ""),
        annotated("not-an-ip", IPS, "eight", ""),
        annotated("wrong-family", IPS, "fc00::8", ""),
        annotated("both", IPS, "198.51.100.5", "loadBalancerIP: 198.51.100.5"),
        annotated("by-pool", POOL, "manual", ""),
        annotated("no-such-pool", POOL, "other", ""),
        annotated("not-its-team", POOL, "team", ""),
        service("its-team", "namespace: shop, labels: {team: x}", ""),
        service("six", "namespace: shop", "ipFamilies: [IPv6]"),
        // As in MetalLB, both addresses must come from one pool.
        service("dual", "namespace: shop", "ipFamilyPolicy: PreferDualStack"),
        service("classy", "namespace: shop", "loadBalancerClass: other"),
        service("internal", "namespace: shop", "").replace("LoadBalancer", "ClusterIP"),
    ];
    insta::assert_snapshot!(states(&manifests.each_ref().map(String::as_str)), @r#"
    both: pending: service can not have both metallb.universe.tf/loadBalancerIPs and svc.Spec.LoadBalancerIP
    by-annotation: 198.51.100.4
    by-field: 198.51.100.3
    by-pool: 203.0.113.1
    dual: 198.51.100.0
    its-team: 192.0.2.0
    no-such-pool: pending: unknown pool "other"
    not-an-ip: pending: invalid metallb.universe.tf/loadBalancerIPs: "eight"
    not-its-team: pending: pool team not compatible for ip assignment
    nowhere: pending: [8.8.8.8] is not allowed in config
    six: fc00::
    taken: pending: can't change sharing key for "shop/taken", address also in use by shop/by-annotation
    wrong-family: pending: requested loadBalancer IP(s) [fc00::8] does not match the ipFamily of the service
    "#);
}

#[test]
fn an_address_is_shared_by_key_and_distinct_ports() {
    let manifests = [
        pool("p", "{addresses: [198.51.100.1/32]}"),
        annotated("a", SHARE, "k", "ports: [{port: 80}]"),
        annotated("b", SHARE, "k", "ports: [{port: 443}]"),
        annotated("c", SHARE, "k", "ports: [{port: 80, protocol: UDP}]"),
        annotated("clash", SHARE, "k", "ports: [{port: 80}]"),
        annotated("other", SHARE, "j", "ports: [{port: 81}]"),
    ];
    insta::assert_snapshot!(states(&manifests.each_ref().map(String::as_str)), @r#"
    a: 198.51.100.1
    b: 198.51.100.1
    c: 198.51.100.1
    clash: pending: no available IPs
    other: pending: no available IPs
    "#);
}

#[test]
fn the_new_annotations_come_before_the_old_ones() {
    let both = |new: &str, old: &str| {
        let annotations = format!("metallb.io/loadBalancerIPs: '{new}', {IPS}: '{old}'");
        service("web", &format!("namespace: shop, annotations: {{{annotations}}}"), "ports: [{port: 80}]")
    };
    let pool = pool("p", "{addresses: [198.51.100.0/29]}");
    assert_eq!(states(&[&pool, &both("198.51.100.3", "198.51.100.5")]), "web: 198.51.100.3");
    assert_eq!(states(&[&pool, &both("", "198.51.100.5")]), "web: 198.51.100.0");
    let shared = |name: &str, port: u16| {
        let metadata = "namespace: shop, annotations: {metallb.io/allow-shared-ip: k}";
        service(name, metadata, &format!("ports: [{{port: {port}}}], loadBalancerIP: 198.51.100.2"))
    };
    assert_eq!(states(&[&pool, &shared("a", 80), &shared("b", 443)]), "a: 198.51.100.2\nb: 198.51.100.2");
}

#[test]
fn deleting_a_service_frees_its_address_and_moves_nobody() {
    let mut o = objects(&[&pool("p", "{addresses: [198.51.100.0/31]}"), &web("a"), &web("b"), &web("c")]);
    o.delete(&source(&web("a"))).unwrap();
    let s = state(&o);
    assert_eq!((s["b"].as_str(), s["c"].as_str()), ("198.51.100.1", "198.51.100.0"));
}

/// Up to v0.13.12 the controller refuses pools that lack an address in use.
#[test]
fn a_service_whose_pool_is_gone_keeps_its_address_but_is_not_announced() {
    let p = pool("p", "{addresses: [198.51.100.0/31]}");
    let all = [&p, &web("a"), &metallb("BGPAdvertisement", "all", "{}"), &peer("gw", "10.0.0.1", "")];
    let of = |version: &str| {
        let mut o = Objects::of(Release::find(version).unwrap());
        all.iter().for_each(|text| _ = o.apply(&source(text)).unwrap());
        assert!(try_render(version, &o).unwrap().conf.contains("network 198.51.100.0/32"));
        o.delete(&source(&p)).unwrap();
        let rendered = try_render(version, &o).unwrap();
        assert!(!rendered.conf.contains("network 198"));
        rendered.warnings
    };
    assert_eq!(
        of("v0.13.10"),
        ["service/a: keeps [198.51.100.0], which no pool owns any more; it is not announced"]
    );
    assert_eq!(of("v0.14.0"), ["service/a: stays pending: no available IPs"]);
}

#[test]
fn a_service_that_prefers_two_families_takes_one_since_v0_14_9() {
    let dual = |name: &str, first: &str| {
        let families = if first == "IPv6" { "[IPv6, IPv4]" } else { "[IPv4, IPv6]" };
        service(
            name,
            "namespace: shop",
            &format!("ipFamilies: {families}, ipFamilyPolicy: PreferDualStack, ports: [{{port: 80}}]"),
        )
    };
    let (four, six) =
        (pool("four", "{addresses: [198.51.100.0/31]}"), pool("six", "{addresses: ['fc00::/127']}"));
    let of = |version: &str, more: &[&str]| {
        let mut o = Objects::of(Release::find(version).unwrap());
        for text in [&six, &four, &dual("a", "IPv4"), &dual("b", "IPv6")]
            .into_iter()
            .map(String::as_str)
            .chain(more.iter().copied())
        {
            o.apply(&source(text)).unwrap();
        }
        state(&o).into_iter().map(|(k, v)| format!("{k}: {v}")).collect::<Vec<_>>()
    };
    assert_eq!(of("v0.14.8", &[]), ["a: pending: no available IPs", "b: pending: no available IPs"]);
    assert_eq!(of("v0.14.9", &[]), ["a: 198.51.100.0", "b: fc00::"]);
    // It gets the other when its own pool comes to have one.
    let both = pool("four", "{addresses: [198.51.100.0/31, 'fc00:1::/127']}");
    assert_eq!(of("v0.14.9", &[&both]), ["a: 198.51.100.0 fc00:1::", "b: fc00::"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever is added later, by whatever request, nobody who has addresses loses or changes them, and nobody gets another's.
    #[test]
    fn adding_services_never_changes_earlier_ones(kinds in proptest::collection::vec((0u8..4, 0u8..8), 1..14)) {
        let mut o = objects(&[&pool("p", "{addresses: [198.51.100.0/29, 'fc00::/125']}")]);
        let mut before = o.addresses.clone();
        for (i, (kind, n)) in kinds.iter().enumerate() {
            let name = format!("s{}", (i * 7) % 10 + i * 10);
            let text = match kind {
                0 => web(&name),
                1 => annotated(&name, IPS, &format!("198.51.100.{n}"), ""),
                2 => service(&name, "namespace: shop", "ipFamilyPolicy: RequireDualStack"),
                _ => service(&name, "namespace: shop", "ipFamilies: [IPv6]"),
            };
            o.apply(&source(&text)).unwrap();
            for (id, ips) in &before {
                prop_assert_eq!(o.addresses.get(id), Some(ips));
            }
            let mut all: Vec<_> = o.addresses.values().flatten().collect();
            let total = all.len();
            all.sort();
            all.dedup();
            prop_assert_eq!(all.len(), total, "an address was given twice");
            prop_assert_eq!(o.addresses.len() + o.pending.len(), i + 1);
            before = o.addresses.clone();
        }
    }
}
