//! What is known of a node beside its kernel's tables: sessions, sysctls, Services, and whether FRR and the kernel agree.

use std::collections::BTreeMap;

use routeproof_model::check::rib_fib;
use routeproof_model::fact::{Beside, DaemonSessions, Forwarding};

use super::answer::PATIENCE;
use crate::run::Node;

/// More than these are not compared unasked: zebra stands still while it tells of a full table.
const MOST_ROUTES: usize = 20_000;

pub(super) async fn take(node: &Node) -> Beside {
    Beside {
        daemons: sessions(node).await,
        forwarding: Some(forwarding(node).await),
        services: node.frontends().to_vec(),
        rib_fib: agreement(node).await,
    }
}

/// None where no bgpd is to run.
async fn sessions(node: &Node) -> Option<DaemonSessions> {
    if !node.speaks_bgp() {
        return None;
    }
    let unanswered = |why: String| DaemonSessions { unanswered: Some(why), ..DaemonSessions::default() };
    Some(match tokio::time::timeout(PATIENCE, node.sessions_in_full(true)).await {
        Err(_) => unanswered(format!("the daemons have not answered for {} s", PATIENCE.as_secs())),
        Ok(Err(e)) => unanswered(e.line()),
        Ok(Ok((bgp, bfd))) => DaemonSessions { bgp, bfd, unanswered: None },
    })
}

async fn forwarding(node: &Node) -> Forwarding {
    let number = async |path: String| {
        let bytes = node.handle.read(&format!("/proc/sys/net/{path}")).await.ok()?;
        String::from_utf8_lossy(&bytes).trim().parse::<u8>().ok()
    };
    let all = number("ipv4/conf/all/rp_filter".to_string()).await.unwrap_or_default();
    let interfaces: Vec<String> =
        node.monitor.with_state(|k| k.links().map(|l| l.name.clone()).filter(|name| name != "lo").collect());
    let mut rp_filter = BTreeMap::new();
    for interface in interfaces {
        let own = number(format!("ipv4/conf/{interface}/rp_filter")).await.unwrap_or_default();
        rp_filter.insert(interface, own.max(all));
    }
    Forwarding {
        ipv4: number("ipv4/ip_forward".to_string()).await == Some(1),
        ipv6: number("ipv6/conf/all/forwarding".to_string()).await == Some(1),
        hash_policy_ipv4: number("ipv4/fib_multipath_hash_policy".to_string()).await,
        hash_policy_ipv6: number("ipv6/fib_multipath_hash_policy".to_string()).await,
        rp_filter,
    }
}

/// None where no zebra is to run.
async fn agreement(node: &Node) -> Option<String> {
    node.frr.as_ref().filter(|frr| frr.daemons().any(|daemon| daemon == "zebra"))?;
    let routes = node.monitor.with_state(|k| k.routes().count());
    if routes > MOST_ROUTES {
        return Some(format!("not compared: {routes} routes; `rib-fib` in a scenario compares any number"));
    }
    Some(match tokio::time::timeout(PATIENCE, node.rib()).await {
        Err(_) => format!("not compared: zebra has not answered for {} s", PATIENCE.as_secs()),
        Ok(Err(e)) => format!("not compared: {}", e.line()),
        Ok(Ok(rib)) => node.monitor.with_state(|k| rib_fib(&node.name, &rib, k)).status,
    })
}
