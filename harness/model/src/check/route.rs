//! `route`: a prefix is in a node's kernel, by exactly these gateways.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::{AddressBook, Checked, evidence};
use crate::fact::{KernelState, Route};
use crate::scenario::ExpectRoute;

pub fn route(expect: &ExpectRoute, kernel: &KernelState, book: &AddressBook) -> Checked {
    let found: Vec<Route> = kernel.routes_to(expect.prefix).filter(|r| r.table == expect.table).collect();
    let verdicts: Vec<Result<(), String>> = found.iter().map(|r| fits(expect, r, book)).collect();
    let holds = verdicts.iter().any(Result::is_ok);
    let status = if holds {
        format!("{} has {}", expect.node, expect.prefix)
    } else if let Some(Err(why)) = verdicts.first() {
        format!("{} has {}, but {why}", expect.node, expect.prefix)
    } else {
        format!("{} has no route to {} in table {}", expect.node, expect.prefix, expect.table)
    };
    let evidence = found.iter().map(|r| evidence("kernel-route", &expect.node, r)).collect();
    Checked { holds, status, evidence }
}

fn fits(expect: &ExpectRoute, route: &Route, book: &AddressBook) -> Result<(), String> {
    if let Some(proto) = &expect.proto
        && *proto != route.protocol
    {
        return Err(format!("of protocol {}, not {proto}", route.protocol));
    }
    if expect.via.is_empty() {
        return Ok(());
    }
    let gateways: BTreeSet<IpAddr> = route.nexthops.iter().filter_map(|n| n.gateway).collect();
    let shown: Vec<String> = gateways.iter().map(|g| book.describe(*g)).collect();
    if let Some(extra) = gateways.iter().find(|g| !expect.via.iter().any(|who| book.is(who, **g))) {
        return Err(format!(
            "via {}, which is not expected (via {})",
            book.describe(*extra),
            shown.join(" and ")
        ));
    }
    if let Some(missing) = expect.via.iter().find(|who| !gateways.iter().any(|g| book.is(who, *g))) {
        let shown = if shown.is_empty() { "no gateway".to_string() } else { shown.join(" and ") };
        return Err(format!("not via {missing} (via {shown})"));
    }
    Ok(())
}
