//! `return-path`: requests are answered, and every reply leaves by the interface and the gateway that it should, by the
//! kernel's own choice and in packets.

use std::collections::BTreeSet;

use super::route::way as show_way;
use super::{AddressBook, Checked, evidence};
use crate::fact::{Returned, Way, WayBack};
use crate::scenario::ExpectReturnPath;

pub fn return_path(expect: &ExpectReturnPath, seen: &Returned, book: &AddressBook) -> Checked {
    let verdict = if expect.answered { answered(expect, seen, book) } else { unanswered(seen) };
    let verdict = verdict
        .and_then(|()| by_packets(expect, seen, book))
        .and_then(|dev| seen.lookups.iter().try_for_each(|way| by_lookup(expect, way, &dev, book)));
    let service = format!("replies of {} to {}", expect.to, expect.client);
    let status = match &verdict {
        Ok(()) if !expect.answered => {
            format!("{service} leave {} as expected, and none of them arrives", expect.node)
        }
        Ok(()) => format!("{service} leave {} as they should", expect.node),
        Err(why) => format!("{service}: {why}"),
    };
    let mut found = vec![
        evidence("requests-came-in", &expect.node, &seen.exchange.requests),
        evidence("replies-went-out", &expect.node, &seen.exchange.replies),
        evidence("answered", &expect.client, [seen.exchange.answered(), seen.exchange.attempts.len()]),
    ];
    found.extend(seen.lookups.iter().map(|way| evidence("kernel-lookup", &expect.node, way)));
    found.extend(seen.rp_filter.iter().map(|filter| evidence("rp-filter", &expect.node, filter)));
    Checked { holds: verdict.is_ok(), unproved: false, status, evidence: found }
}

/// What follows shows that there were replies.
fn unanswered(seen: &Returned) -> Result<(), String> {
    let (answered, asked) = (seen.exchange.answered(), seen.exchange.attempts.len());
    match (answered, asked) {
        (_, 0) => Err("nothing was asked".to_string()),
        (0, _) => Ok(()),
        (answered, asked) => Err(format!("{answered} of {asked} requests were answered, not none")),
    }
}

fn answered(expect: &ExpectReturnPath, seen: &Returned, book: &AddressBook) -> Result<(), String> {
    let exchange = &seen.exchange;
    let (answered, asked) = (exchange.answered(), exchange.attempts.len());
    if answered == asked && asked > 0 {
        return Ok(());
    }
    let count = format!("{answered} of {asked} requests were answered");
    let came_in: BTreeSet<&str> = ways_in(seen);
    if came_in.is_empty() {
        return Err(format!("{count}: none reached {}", expect.node));
    }
    if let Some(filter) = seen.rp_filter.iter().find(|f| drops(f, &came_in)) {
        let ways: BTreeSet<&str> = filter.ways_back.iter().map(String::as_str).collect();
        let way_back = if ways.is_empty() { "no interface".to_string() } else { list(&ways) };
        let name = &filter.interface;
        return Err(format!(
            "{count}: strict rp_filter drops what comes in by {name}, because the way back to {} is by {way_back}",
            seen.client
        ));
    }
    if let Some((source, why)) = seen.lookups.iter().find_map(|w| Some((w.source, w.chosen.as_ref().err()?)))
    {
        return Err(format!("{count}: the kernel has no way back from {source} ({why})"));
    }
    let left: BTreeSet<String> = exchange.ways_out().map(|way| way_out(way, book)).collect();
    let left = if left.is_empty() {
        let tried: BTreeSet<String> = seen.lookups.iter().filter_map(|way| chosen(way, book)).collect();
        match tried.is_empty() {
            true => "no reply left".to_string(),
            false => format!("no reply left, though the kernel's way back is {}", listed(&tried)),
        }
    } else {
        format!("replies left by {}", listed(&left))
    };
    Err(format!("{count}; they came in by {}, {left}", list(&came_in)))
}

/// Where requests came in, the device beneath a VLAN or a bond left out.
fn ways_in(seen: &Returned) -> BTreeSet<&str> {
    let upper = seen.exchange.requests.iter().filter(|way| way.beneath.is_none());
    upper.map(|way| way.interface.as_str()).collect()
}

/// `eth1 to gw1`, `eth1 to 02:00:00:00:00:99, which nobody has`.
fn way_out(way: &Way, book: &AddressBook) -> String {
    let Some(mac) = way.mac.map(|mac| mac.to_string()) else { return way.interface.clone() };
    match book.holder(&mac) {
        Some(name) => format!("{} to {name}", way.interface),
        None => format!("{} to {mac}, which nobody has", way.interface),
    }
}

/// `via gw1 (10.0.1.1) dev eth2`: what the kernel chose and nothing answered at, for instance.
fn chosen(way: &WayBack, book: &AddressBook) -> Option<String> {
    let route = way.chosen.as_ref().ok()?;
    let hops: BTreeSet<String> = route.nexthops.iter().map(|hop| show_way(hop, book)).collect();
    (!hops.is_empty()).then(|| listed(&hops))
}

fn listed(names: &BTreeSet<String>) -> String {
    list(&names.iter().map(String::as_str).collect())
}

/// rp_filter 1 takes a packet only by a device that the route to its source leads out of.
fn drops(filter: &crate::fact::RpFilter, came_in: &BTreeSet<&str>) -> bool {
    filter.value == 1
        && came_in.contains(filter.interface.as_str())
        && !filter.ways_back.contains(&filter.interface)
}

fn list(names: &BTreeSet<&str>) -> String {
    names.iter().copied().collect::<Vec<_>>().join(" and ")
}

/// Gives the interface that replies have to leave by.
fn by_packets(expect: &ExpectReturnPath, seen: &Returned, book: &AddressBook) -> Result<String, String> {
    if seen.exchange.dropped > 0 {
        return Err(format!("{} packets were not seen: the capture had no room", seen.exchange.dropped));
    }
    let came_in: BTreeSet<&str> = ways_in(seen);
    let dev = match (&expect.dev, came_in.iter().next()) {
        (Some(dev), _) => dev.clone(),
        (None, Some(only)) if came_in.len() == 1 => (*only).to_string(),
        (None, Some(_)) => {
            return Err(format!("requests came in by {}, not by one interface", list(&came_in)));
        }
        (None, None) => return Err(format!("no request was seen at {}", expect.node)),
    };
    let ways: Vec<&Way> = seen.exchange.ways_out().collect();
    if ways.is_empty() {
        return Err(format!("no reply was seen at {}", expect.node));
    }
    for way in ways {
        if way.interface != dev {
            let wanted = if expect.dev.is_some() { "is expected" } else { "is where the requests came in" };
            return Err(format!("a reply left by {}, but {dev} {wanted}", way.interface));
        }
        let holder = way.mac.and_then(|mac| book.holder(&mac.to_string()));
        if let Some(via) = &expect.via
            && holder.is_none_or(|name| book.node(via) != Some(name))
        {
            let mac = way.mac.map_or_else(|| "nobody".to_string(), |mac| mac.to_string());
            let whom = holder.map_or(mac, str::to_string);
            return Err(format!("a reply left by {dev} to {whom}, but {via} is expected"));
        }
    }
    Ok(dev)
}

fn by_lookup(expect: &ExpectReturnPath, way: &WayBack, dev: &str, book: &AddressBook) -> Result<(), String> {
    let question = format!("the kernel's own way back from {}", way.source);
    let hint = if expect.mark.is_none() { " (does a mark decide? `mark` asks with one)" } else { "" };
    let route = way.chosen.as_ref().map_err(|why| format!("{question}: none ({why}){hint}"))?;
    // An entry with several next hops spreads flows over them: the few that were tried prove nothing of the others.
    let all = way.entry.as_ref().map_or(&route.nexthops, |entry| &entry.nexthops);
    for hop in all.iter().filter(|hop| !hop.dead) {
        let hop_dev = hop.device.as_deref().unwrap_or("no device");
        if hop_dev != dev {
            let some = if all.len() > 1 { "also leads" } else { "leads" };
            return Err(format!("{question} {some} by {hop_dev}, but {dev} is expected{hint}"));
        }
        if let (Some(via), Some(gateway)) = (&expect.via, hop.gateway)
            && !book.is(via, gateway)
        {
            let whom = book.describe(gateway);
            return Err(format!("{question} leads by {dev} to {whom}, but {via} is expected{hint}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::*;
    use crate::fact::{Attempt, Exchange, Mac, Mono, NextHop, Protocol, Route, RpFilter};

    fn book() -> AddressBook {
        let mut book = AddressBook::default();
        book.insert("10.0.1.1".parse().unwrap(), "gw1");
        book.insert("10.0.2.1".parse().unwrap(), "gw2");
        book.set_link_layer("gw1", ["02:00:00:00:00:01".to_string()]);
        book.set_link_layer("gw2", ["02:00:00:00:00:02".to_string()]);
        book
    }

    fn way(interface: &str, mac: u8) -> Way {
        Way {
            interface: interface.into(),
            vlan: None,
            mac: Some(Mac([2, 0, 0, 0, 0, mac])),
            packets: 4,
            first: Mono(1),
            beneath: None,
        }
    }

    fn route(hops: &[(&str, &str)]) -> Route {
        let hop = |(gateway, dev): &(&str, &str)| NextHop::new(Some(gateway.parse().unwrap()), Some(dev));
        Route { nexthops: NextHop::set(hops.iter().map(hop)), ..Route::default() }
    }

    /// Asked by eth2, answered by `out`, and the kernel's entry has `hops`.
    fn seen(out: Way, hops: &[(&str, &str)]) -> Returned {
        let attempt = Attempt { port: 4000, at: Mono(1), took_us: 9, answered_by: None, failed: None };
        let source: IpAddr = "10.244.1.2".parse().unwrap();
        Returned {
            exchange: Exchange {
                client: "client".into(),
                node: "worker".into(),
                protocol: Protocol::Tcp,
                to: "192.0.2.2:80".parse().unwrap(),
                from: Mono(1),
                at: Mono(9),
                attempts: vec![attempt],
                requests: vec![way("eth2", 2)],
                replies: vec![out],
                dropped: 0,
            },
            client: "10.30.0.100".parse().unwrap(),
            lookups: vec![WayBack {
                source,
                iif: Some("pods".into()),
                mark: None,
                vrf: None,
                chosen: Ok(route(&hops[..1])),
                entry: Some(route(hops)),
            }],
            rp_filter: vec![RpFilter { interface: "eth2".into(), value: 1, ways_back: vec!["eth1".into()] }],
        }
    }

    fn expect() -> ExpectReturnPath {
        ExpectReturnPath {
            node: "worker".into(),
            client: "client".into(),
            to: "two".into(),
            family: None,
            protocol: Protocol::Tcp,
            port: None,
            dev: None,
            via: Some("gw2".into()),
            vrf: None,
            answered: true,
            mark: None,
            requests: 1,
            sources: 1,
        }
    }

    const BY_GW2: [(&str, &str); 1] = [("10.0.2.1", "eth2")];
    const BY_GW1: [(&str, &str); 1] = [("10.0.1.1", "eth1")];
    const BY_BOTH: [(&str, &str); 2] = [("10.0.2.1", "eth2"), ("10.0.1.1", "eth1")];

    fn status(expect: &ExpectReturnPath, seen: &Returned) -> String {
        let checked = return_path(expect, seen, &book());
        assert!(!checked.holds);
        checked.status
    }

    #[test]
    fn packets_and_the_kernel_agree() {
        assert!(return_path(&expect(), &seen(way("eth2", 2), &BY_GW2), &book()).holds);
    }

    #[test]
    fn another_interface_or_gateway_is_named() {
        insta::assert_snapshot!(status(&expect(), &seen(way("eth1", 1), &BY_GW1)), @"replies of two to client: a reply left by eth1, but eth2 is where the requests came in");
        let at_eth2 = ExpectReturnPath { via: Some("gw1".into()), dev: Some("eth2".into()), ..expect() };
        insta::assert_snapshot!(status(&at_eth2, &seen(way("eth2", 2), &BY_GW2)), @"replies of two to client: a reply left by eth2 to gw2, but gw1 is expected");
        insta::assert_snapshot!(status(&expect(), &seen(way("eth2", 9), &BY_GW2)), @"replies of two to client: a reply left by eth2 to 02:00:00:00:00:09, but gw2 is expected");
    }

    #[test]
    fn luck_with_the_hash_is_no_proof() {
        insta::assert_snapshot!(status(&expect(), &seen(way("eth2", 2), &BY_BOTH)), @"replies of two to client: the kernel's own way back from 10.244.1.2 also leads by eth1, but eth2 is expected (does a mark decide? `mark` asks with one)");
    }

    #[test]
    fn rp_filter_is_named_as_the_cause() {
        let mut lost = seen(way("eth2", 2), &BY_GW1);
        lost.exchange.attempts[0].failed = Some("no answer within 1.0 s".into());
        lost.exchange.replies.clear();
        insta::assert_snapshot!(status(&expect(), &lost), @"replies of two to client: 0 of 1 requests were answered: strict rp_filter drops what comes in by eth2, because the way back to 10.30.0.100 is by eth1");
        let both = vec!["eth1".to_string(), "eth2".to_string()];
        lost.rp_filter[0].ways_back = both;
        assert!(!status(&expect(), &lost).contains("rp_filter"), "one of several next hops is enough");
        lost.rp_filter[0] = RpFilter { interface: "eth2".into(), value: 2, ways_back: vec!["eth1".into()] };
        insta::assert_snapshot!(status(&expect(), &lost), @"replies of two to client: 0 of 1 requests were answered; they came in by eth2, no reply left, though the kernel's way back is via gw1 (10.0.1.1) dev eth1");
        lost.exchange.replies.push(way("eth2", 9));
        insta::assert_snapshot!(status(&expect(), &lost), @"replies of two to client: 0 of 1 requests were answered; they came in by eth2, replies left by eth2 to 02:00:00:00:00:09, which nobody has");
        lost.lookups[0].chosen = Err("blackhole: Invalid argument (os error 22)".into());
        insta::assert_snapshot!(status(&expect(), &lost), @"replies of two to client: 0 of 1 requests were answered: the kernel has no way back from 10.244.1.2 (blackhole: Invalid argument (os error 22))");
        lost.exchange.requests.clear();
        insta::assert_snapshot!(status(&expect(), &lost), @"replies of two to client: 0 of 1 requests were answered: none reached worker");
    }

    #[test]
    fn a_wrong_way_on_which_replies_are_lost_is_shown_by_the_replies() {
        let lost = ExpectReturnPath {
            answered: false,
            dev: Some("eth1".into()),
            via: Some("gw1".into()),
            ..expect()
        };
        let mut wrong = seen(way("eth1", 1), &[("10.0.1.1", "eth1")]);
        wrong.exchange.attempts[0].failed = Some("no answer".into());
        let checked = return_path(&lost, &wrong, &book());
        assert!(checked.holds, "{}", checked.status);
        insta::assert_snapshot!(checked.status, @"replies of two to client leave worker as expected, and none of them arrives");
        // Silence alone proves nothing, and neither does another way.
        let mut silent = wrong.clone();
        silent.exchange.replies.clear();
        insta::assert_snapshot!(status(&lost, &silent), @"replies of two to client: no reply was seen at worker");
        let mut elsewhere = seen(way("eth2", 2), &BY_GW2);
        elsewhere.exchange.attempts[0].failed = Some("no answer".into());
        insta::assert_snapshot!(status(&lost, &elsewhere), @"replies of two to client: a reply left by eth2, but eth1 is expected");
        wrong.exchange.attempts[0].failed = None;
        insta::assert_snapshot!(status(&lost, &wrong), @"replies of two to client: 1 of 1 requests were answered, not none");
    }

    #[test]
    fn nothing_asked_is_nothing_proved() {
        let mut nothing = seen(way("eth2", 2), &BY_GW2);
        nothing.exchange.attempts.clear();
        assert!(!return_path(&expect(), &nothing, &book()).holds);
    }
}
