//! Where the extras end up.

use super::*;

#[test]
fn extras_come_last_and_verbatim() {
    let text = "ip prefix-list allowed seq 5 permit 172.16.1.0/24\nroute-map 192.168.1.5-in permit 20\n  match ip address \
                prefix-list allowed\n! a   comment";
    let with = try_render("v0.13.10", &objects(&[&peer("gw1", "192.168.1.5", ""), &extras(text)])).unwrap();
    let without = try_render("v0.13.10", &objects(&[&peer("gw1", "192.168.1.5", "")])).unwrap();
    // The block scalar ends in a newline of its own, and the template adds one.
    assert_eq!(with.conf, format!("{}{text}\n\n", without.conf));
    assert!(with.warnings.is_empty(), "{:?}", with.warnings);
}

#[test]
fn extras_alone_follow_the_header() {
    insta::assert_snapshot!(conf("v0.13.10", &[&extras("route-map x-in permit 20")]), @r#"
    log file /etc/frr/frr.log informational
    log timestamp precision 3
    hostname worker
    ip nht resolve-via-default
    ipv6 nht resolve-via-default


    route-map x-in permit 20
    "#);
}

#[test]
fn releases_before_extras_do_not_render_them() {
    let rendered = try_render("v0.13.9", &objects(&[&extras("! hello")])).unwrap();
    assert!(!rendered.conf.contains("hello"));
}
