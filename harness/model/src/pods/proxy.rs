//! A node's nftables rules for Services, with the effect of kube-proxy's: DNAT to a pod, masquerading where the
//! request may leave the node again.

use std::fmt::Write;
use std::net::IpAddr;

use crate::metallb::{Backend, Frontend};

/// kube-proxy's mark for packets that are to be masqueraded (`--iptables-masquerade-bit`, 14).
pub(super) const MASQUERADE: u32 = 0x4000;

/// The rules of `node`, for `nft -f`. They replace those of an earlier call.
pub fn ruleset(node: &str, frontends: &[Frontend]) -> String {
    let mut text =
        String::from("table inet kube-proxy\ndelete table inet kube-proxy\ntable inet kube-proxy {\n");
    // Sending a request back out of the node would leave its reply to somebody else, unless it looks like the node's own.
    for (number, frontend) in frontends.iter().enumerate() {
        service_chains(&mut text, number, frontend, node);
    }
    let jumps = |text: &mut String| {
        for (number, frontend) in frontends.iter().enumerate() {
            let _ = writeln!(text, "    {} goto service-{number}", matches(frontend));
        }
    };
    text.push_str("  chain prerouting {\n    type nat hook prerouting priority dstnat;\n");
    jumps(&mut text);
    text.push_str("  }\n  chain output {\n    type nat hook output priority -100;\n");
    jumps(&mut text);
    text.push_str("  }\n");
    let _ = writeln!(
        text,
        "  chain postrouting {{\n    type nat hook postrouting priority srcnat;\n    \
         meta mark & {MASQUERADE:#x} == {MASQUERADE:#x} masquerade\n  }}"
    );
    text.push_str("  chain without-pods {\n    type filter hook prerouting priority -110;\n");
    for frontend in frontends {
        if frontend.backends_of(node).next().is_none() {
            let _ = writeln!(text, "    {} drop", matches(frontend));
        }
    }
    text.push_str("  }\n}\n");
    text
}

fn matches(frontend: &Frontend) -> String {
    let family = family(frontend.address);
    format!("{family} daddr {} {} dport {}", frontend.address, frontend.protocol, frontend.port)
}

fn service_chains(text: &mut String, number: usize, frontend: &Frontend, node: &str) {
    let backends: Vec<&Backend> = frontend.backends_of(node).collect();
    for (position, backend) in backends.iter().enumerate() {
        let Backend { address, port, .. } = backend;
        let target = match address {
            IpAddr::V4(ip) => format!("{ip}:{port}"),
            IpAddr::V6(ip) => format!("[{ip}]:{port}"),
        };
        let _ = writeln!(
            text,
            "  chain pod-{number}-{position} {{\n    meta l4proto {} dnat {} to {target}\n  }}",
            frontend.protocol,
            family(*address)
        );
    }
    let _ = writeln!(text, "  chain service-{number} {{");
    if !frontend.local {
        let _ = writeln!(text, "    meta mark set meta mark | {MASQUERADE:#x}");
    }
    match backends.len() {
        0 => {}
        1 => {
            let _ = writeln!(text, "    goto pod-{number}-0");
        }
        n => {
            let choices: Vec<String> = (0..n).map(|p| format!("{p} : goto pod-{number}-{p}")).collect();
            let _ = writeln!(text, "    numgen random mod {n} vmap {{ {} }}", choices.join(", "));
        }
    }
    text.push_str("  }\n");
}

fn family(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "ip" } else { "ip6" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frontend(local: bool, nodes: &[&str]) -> Frontend {
        let backend = |(i, node): (usize, &&str)| Backend {
            address: format!("10.244.{i}.10").parse().unwrap(),
            port: 8080,
            node: Some(node.to_string()),
        };
        Frontend {
            service: "default/web".into(),
            address: "192.0.2.1".parse().unwrap(),
            protocol: "tcp".into(),
            port: 80,
            local,
            backends: nodes.iter().enumerate().map(backend).collect(),
        }
    }

    #[test]
    fn cluster_policy_masquerades_and_spreads() {
        insta::assert_snapshot!(ruleset("a", &[frontend(false, &["a", "b"])]), @r"
        table inet kube-proxy
        delete table inet kube-proxy
        table inet kube-proxy {
          chain pod-0-0 {
            meta l4proto tcp dnat ip to 10.244.0.10:8080
          }
          chain pod-0-1 {
            meta l4proto tcp dnat ip to 10.244.1.10:8080
          }
          chain service-0 {
            meta mark set meta mark | 0x4000
            numgen random mod 2 vmap { 0 : goto pod-0-0, 1 : goto pod-0-1 }
          }
          chain prerouting {
            type nat hook prerouting priority dstnat;
            ip daddr 192.0.2.1 tcp dport 80 goto service-0
          }
          chain output {
            type nat hook output priority -100;
            ip daddr 192.0.2.1 tcp dport 80 goto service-0
          }
          chain postrouting {
            type nat hook postrouting priority srcnat;
            meta mark & 0x4000 == 0x4000 masquerade
          }
          chain without-pods {
            type filter hook prerouting priority -110;
          }
        }
        ");
    }

    #[test]
    fn local_policy_keeps_the_client_and_drops_where_no_pod_is() {
        let here = ruleset("a", &[frontend(true, &["a", "b"])]);
        assert!(
            !here.contains("mark set") && here.contains("10.244.0.10") && !here.contains("10.244.1.10"),
            "{here}"
        );
        let elsewhere = ruleset("c", &[frontend(true, &["a", "b"])]);
        assert!(elsewhere.contains("ip daddr 192.0.2.1 tcp dport 80 drop"), "{elsewhere}");
    }
}
