//! What decides of a packet's way beside the tables, for `inspect`.

use routeproof_model::fact::{Forwarding, Inspection};
use routeproof_model::metallb::{Backend, Frontend};

/// `FORWARDING`, `SERVICES` and `FRR AND THE KERNEL`, those that there is something to say of.
pub fn sections(inspection: &Inspection) -> String {
    let mut text = String::new();
    if let Some(agreement) = &inspection.rib_fib {
        text.push_str(&format!("FRR AND THE KERNEL\n  {agreement}\n\n"));
    }
    if let Some(forwarding) = &inspection.forwarding {
        let lines = forwarding_lines(forwarding);
        text.push_str(&format!(
            "FORWARDING\n{}\n",
            lines.iter().map(|l| format!("  {l}\n")).collect::<String>()
        ));
    }
    if !inspection.services.is_empty() {
        let lines = inspection.services.iter().map(|f| format!("  {}\n", service(f)));
        text.push_str(&format!("SERVICES\n{}\n", lines.collect::<String>()));
    }
    text
}

fn forwarding_lines(forwarding: &Forwarding) -> Vec<String> {
    let on = |on: bool| if on { "on" } else { "off" };
    let policy = |policy: Option<u8>| match policy {
        Some(0) => "l3",
        Some(1) => "l4",
        Some(2) => "inner l3",
        Some(3) => "custom",
        _ => "none",
    };
    let filter = |value: u8| ["off", "strict", "loose"].get(usize::from(value)).copied().unwrap_or("?");
    let filters: Vec<String> =
        forwarding.rp_filter.iter().map(|(name, value)| format!("{name} {}", filter(*value))).collect();
    vec![
        format!("IPv4 {}, IPv6 {}", on(forwarding.ipv4), on(forwarding.ipv6)),
        format!(
            "multipath hash: IPv4 {}, IPv6 {}",
            policy(forwarding.hash_policy_ipv4),
            policy(forwarding.hash_policy_ipv6)
        ),
        format!("rp_filter: {}", filters.join(", ")),
    ]
}

fn service(frontend: &Frontend) -> String {
    let Frontend { service, address, protocol, port, local, backends } = frontend;
    let pod =
        |b: &Backend| format!("{} port {} on {}", b.address, b.port, b.node.as_deref().unwrap_or("no node"));
    let pods = backends.iter().map(pod).collect::<Vec<_>>().join(", ");
    let policy = if *local { "Local" } else { "Cluster" };
    format!(
        "{service}: {address} {protocol} port {port} ({policy}) -> {}",
        if pods.is_empty() { "no pod" } else { &pods }
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use routeproof_model::fact::{Beside, KernelState};

    #[test]
    fn what_people_read() {
        let backend =
            Backend { address: "10.244.1.1".parse().unwrap(), port: 8080, node: Some("worker".into()) };
        let frontend = Frontend {
            service: "default/one".into(),
            address: "192.0.2.1".parse().unwrap(),
            protocol: "tcp".into(),
            port: 80,
            local: true,
            backends: vec![backend],
        };
        let forwarding = Forwarding {
            ipv4: true,
            ipv6: false,
            hash_policy_ipv4: Some(1),
            hash_policy_ipv6: None,
            rp_filter: [("eth1".to_string(), 1), ("eth2".to_string(), 2)].into(),
        };
        let beside = Beside {
            daemons: None,
            forwarding: Some(forwarding),
            services: vec![frontend],
            rib_fib: Some("FRR and the kernel of worker agree".into()),
        };
        let inspection = Inspection::from(&KernelState::default()).beside(beside);
        insta::assert_snapshot!(sections(&inspection), @r"
        FRR AND THE KERNEL
          FRR and the kernel of worker agree

        FORWARDING
          IPv4 on, IPv6 off
          multipath hash: IPv4 l4, IPv6 none
          rp_filter: eth1 strict, eth2 loose

        SERVICES
          default/one: 192.0.2.1 tcp port 80 (Local) -> 10.244.1.1 port 8080 on worker
        ");
    }
}
