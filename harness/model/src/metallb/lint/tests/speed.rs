//! The lint is fast and its work grows with its input, not faster.

use std::fmt::Write as _;
use std::time::Duration;

use super::*;
use crate::cpu_time::spent;

fn milliseconds(lines: usize) -> Duration {
    let mut text = String::new();
    for i in 0..lines {
        let (a, b, c) = (i >> 16, (i >> 8) & 255, i & 255);
        let _ = writeln!(text, "ip prefix-list big seq {} permit 10.{a}.{b}.{c}/32", i + 1);
    }
    text.push_str("route-map 192.168.1.5-in permit 10\n match ip address prefix-list big\n");
    let mut objects = Objects::new();
    objects.apply(&Source::new("peers.yaml", PEERS)).unwrap();
    objects.apply(&Source::new("extras.yaml", config_map(&text))).unwrap();
    let start = spent();
    let mut lint = Lint::new(Release::find("v0.13.10").unwrap(), None);
    lint.look(&objects, &[]);
    assert!(lint.findings().is_empty());
    spent() - start
}

#[test]
fn a_list_of_ten_thousand_lines() {
    let (small, large) = (milliseconds(1_000), milliseconds(10_000));
    // Unoptimised, on a busy machine: a square would be a hundred times the small one.
    assert!(large < small * 40 + Duration::from_millis(50), "{small:?} {large:?}");
}

#[test]
fn two_thousand_services_cost_nothing() {
    let mut objects = Objects::new();
    objects.apply(&Source::new("peers.yaml", PEERS)).unwrap();
    objects.apply(&Source::new("extras.yaml", config_map("route-map 192.168.1.5-in permit 10"))).unwrap();
    let mut services = String::new();
    for i in 0..2_000 {
        let _ = write!(
            services,
            "---\napiVersion: v1\nkind: Service\nmetadata: {{name: s{i}}}\nspec: {{type: LoadBalancer, ports: [{{port: 80}}]}}\n"
        );
    }
    objects.apply(&Source::new("services.yaml", services)).unwrap();
    let start = spent();
    let mut lint = Lint::new(Release::find("v0.13.10").unwrap(), None);
    lint.look(&objects, &[]);
    assert!(lint.findings().is_empty());
    let took = spent() - start;
    assert!(took < Duration::from_millis(50), "{took:?}");
}
