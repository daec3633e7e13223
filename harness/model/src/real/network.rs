//! The pods' network of a kind cluster whose configuration turns kind's own off: a point-to-point link to each pod, and a route to
//! each other node's pods.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::{Value, json};

/// The configuration of the CNI plugins `ptp` and `portmap` (cni.dev/plugins) of a node with these ranges of addresses.
pub fn conflist(ranges: &[IpNet]) -> Value {
    let any = |range: &IpNet| if range.addr().is_ipv4() { "0.0.0.0/0" } else { "::/0" };
    let each: Vec<Value> = ranges.iter().map(|range| json!([{"subnet": range}])).collect();
    let routes: Vec<Value> = ranges.iter().map(|range| json!({"dst": any(range)})).collect();
    json!({"cniVersion": "0.4.0", "name": "routeproof", "plugins": [
        {"type": "ptp", "ipam": {"type": "host-local", "ranges": each, "routes": routes}},
        {"type": "portmap", "capabilities": {"portMappings": true}}]})
}

/// `ip` commands for a node: the ways to others' pods, each by the address of its node of the same family.
pub fn pod_routes(others: &[(Vec<IpNet>, Vec<IpAddr>)]) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    for (ranges, addresses) in others {
        for range in ranges {
            let same = |address: &&IpAddr| address.is_ipv4() == range.addr().is_ipv4();
            if let Some(via) = addresses.iter().find(same) {
                let line = format!("ip route replace {range} via {via}");
                commands.push(line.split(' ').map(str::to_owned).collect());
            }
        }
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_family_has_its_way() {
        let ranges: Vec<IpNet> =
            vec!["10.244.1.0/24".parse().unwrap(), "fd00:10:244:1::/64".parse().unwrap()];
        let addresses: Vec<IpAddr> = vec!["fc00::2".parse().unwrap(), "172.18.0.2".parse().unwrap()];
        let routes: Vec<String> =
            pod_routes(&[(ranges.clone(), addresses)]).iter().map(|c| c.join(" ")).collect();
        assert_eq!(
            routes,
            [
                "ip route replace 10.244.1.0/24 via 172.18.0.2",
                "ip route replace fd00:10:244:1::/64 via fc00::2"
            ]
        );
        let list = conflist(&ranges);
        assert_eq!(list["plugins"][0]["ipam"]["ranges"][1][0]["subnet"], "fd00:10:244:1::/64");
        assert_eq!(list["plugins"][0]["ipam"]["routes"][0]["dst"], "0.0.0.0/0");
    }
}
