//! Flows over two gateways on one segment: right labs pass, and each lab that is wrong on purpose is caught and named.

use std::path::Path;

use routeproof_engine::lab::Lab;
use routeproof_engine::probe::{FlowPlan, send_flows};
use routeproof_model::check::{AddressBook, Checked, ecmp};
use routeproof_model::scenario::{ExpectEcmp, HashPolicy};

use crate::support::{Port, ip, kernel, lab, place, sh};

const GATEWAYS: [(&str, &str, &str); 2] =
    [("gw1", "192.0.2.5", "2001:db8::5"), ("gw2", "192.0.2.6", "2001:db8::6")];

async fn two_gateways(folder: &Path) -> Option<Lab> {
    let segment: [Port<'_>; 3] = [
        ("worker", "eth1", &["192.0.2.1/24", "2001:db8::1/64"]),
        ("gw1", "eth1", &["192.0.2.5/24", "2001:db8::5/64"]),
        ("gw2", "eth1", &["192.0.2.6/24", "2001:db8::6/64"]),
    ];
    lab(folder, &["worker", "gw1", "gw2"], &[&segment]).await
}

fn book() -> AddressBook {
    let mut book = AddressBook::default();
    for (name, v4, v6) in GATEWAYS {
        book.insert(ip(v4), name);
        book.insert(ip(v6), name);
    }
    book
}

fn expect(prefix: &str) -> ExpectEcmp {
    ExpectEcmp {
        node: "worker".to_string(),
        prefix: prefix.parse().unwrap(),
        via: vec!["gw1".to_string(), "gw2".to_string()],
        weights: None,
        flows: 400,
        hash_policy: None,
        vrf: None,
    }
}

/// Sends the flows whatever the table says, and judges.
async fn measure(lab: &Lab, expect: &ExpectEcmp) -> Checked {
    let plan = FlowPlan {
        from: place(lab, "worker").await,
        vrf: None,
        prefix: expect.prefix,
        count: expect.flows as usize,
        receivers: vec![place(lab, "gw1").await, place(lab, "gw2").await],
    };
    let state = kernel(lab, "worker").await;
    let flows = send_flows(&plan, &state).await.unwrap();
    assert_eq!(flows.dropped, 0);
    ecmp(expect, &state, &flows, &book())
}

async fn passes(lab: &Lab, expect: &ExpectEcmp) {
    let checked = measure(lab, expect).await;
    assert!(checked.holds, "{}", checked.status);
}

async fn fails(lab: &Lab, expect: &ExpectEcmp) -> String {
    let checked = measure(lab, expect).await;
    assert!(!checked.holds, "{}", checked.status);
    checked.status
}

const V4: &str = "ip route replace 172.16.1.0/24 proto bgp nexthop via 192.0.2.5 nexthop via 192.0.2.6";
const V6: &str = "ip route replace fc00:1::/64 proto bgp nexthop via 2001:db8::5 nexthop via 2001:db8::6";

#[tokio::test(flavor = "multi_thread")]
async fn flows_follow_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let Some(lab) = two_gateways(folder.path()).await else { return };
    for (route, prefix) in [(V4, "172.16.1.0/24"), (V6, "fc00:1::/64")] {
        sh(&lab, "worker", route).await;
        passes(&lab, &expect(prefix)).await;
    }
    // By layer 3 one address is one flow; by layer 4 the ports spread it.
    sh(&lab, "worker", "ip route add 172.16.2.1/32 proto bgp nexthop via 192.0.2.5 nexthop via 192.0.2.6")
        .await;
    let single = expect("172.16.2.1/32");
    assert!(fails(&lab, &single).await.contains("too few to tell"));
    sh(&lab, "worker", "echo 1 > /proc/sys/net/ipv4/fib_multipath_hash_policy").await;
    passes(&lab, &ExpectEcmp { hash_policy: Some(HashPolicy::L4), ..single }).await;
    let by_address = ExpectEcmp { hash_policy: Some(HashPolicy::L3), ..expect("172.16.1.0/24") };
    insta::assert_snapshot!(fails(&lab, &by_address).await, @"worker has net.ipv4.fib_multipath_hash_policy = 1, not 0 (l3)");

    // By next-hop objects, as newer FRR installs, and with weights.
    let objects = [
        "nexthop add id 1 via 192.0.2.5 dev eth1",
        "nexthop add id 2 via 192.0.2.6 dev eth1",
        "nexthop add id 10 group 1,3/2",
        "route replace 172.16.1.0/24 nhid 10 proto bgp",
    ];
    for line in objects {
        sh(&lab, "worker", &format!("ip {line}")).await;
    }
    let weighted = ExpectEcmp { weights: Some(vec![3, 1]), flows: 1000, ..expect("172.16.1.0/24") };
    passes(&lab, &weighted).await;
    assert!(fails(&lab, &expect("172.16.1.0/24")).await.contains("the weights are not equal"));
    lab.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_lab_is_caught_and_named() {
    let folder = tempfile::tempdir().unwrap();
    let Some(lab) = two_gateways(folder.path()).await else { return };
    for (family, prefix, route, gone, gw2) in [
        ("-4", "172.16.1.0/24", V4, "via 192.0.2.5", "192.0.2.6"),
        ("-6", "fc00:1::/64", V6, "via 2001:db8::5", "2001:db8::6"),
    ] {
        sh(&lab, "worker", route).await;
        let expect = expect(prefix);
        passes(&lab, &expect).await;
        // The table is right, and yet nothing reaches gw2: only packets show that.
        let neighbour =
            format!("ip {family} neigh replace {gw2} lladdr 02:00:00:00:00:99 dev eth1 nud permanent");
        sh(&lab, "worker", &neighbour).await;
        let status = fails(&lab, &expect).await;
        assert!(status.starts_with("gw2 got none of"), "{status}");
        assert!(status.contains("left by eth1 to 02:00:00:00:00:99"), "{status}");
        // As a neighbour that is really gw1: it gets what is not its own.
        let mac =
            place(&lab, "gw1").await.links.iter().find(|l| l.name == "eth1").unwrap().mac.clone().unwrap();
        sh(&lab, "worker", &neighbour.replace("02:00:00:00:00:99", &mac)).await;
        let status = fails(&lab, &expect).await;
        assert!(status.starts_with("gw2 got none of") && !status.contains("left by"), "{status}");
        sh(&lab, "worker", &format!("ip {family} neigh del {gw2} dev eth1")).await;
        passes(&lab, &expect).await;

        sh(&lab, "worker", &format!("ip {family} route replace {prefix} proto bgp {gone}")).await;
        let status = fails(&lab, &expect).await;
        assert!(status.contains("but not via gw2"), "{status}");
        sh(&lab, "worker", &format!("ip {family} route del {prefix}")).await;
        assert!(fails(&lab, &expect).await.contains("no route to"));
    }
    lab.shutdown().await;
}
