//! FRR's spellings: one form for what FRR prints differently from what it was given.

use std::net::IpAddr;

use ipnet::IpNet;

use super::grammar::Context;

/// A line in its normal form.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Normal {
    /// Without a list entry's sequence number.
    pub text: String,
    /// The sequence number of a list entry, where the line has one.
    pub sequence: Option<u32>,
}

/// Normalises a line of a section.
pub(super) fn normal(context: Context, line: &str) -> Normal {
    let mut words: Vec<String> = line.split_whitespace().map(|word| address(context, word)).collect();
    let sequence = take_sequence(&mut words);
    let borrowed: Vec<&str> = words.iter().map(String::as_str).collect();
    let text = rewritten(context, &borrowed).unwrap_or_else(|| words.join(" "));
    Normal { text, sequence }
}

/// What identifies a section: FRR has one route-map entry per name and sequence, whatever its action.
pub(super) fn section_key(header: &str) -> String {
    let text = normal(Context::Root, header).text;
    let words: Vec<&str> = text.split(' ').collect();
    match words[..] {
        ["route-map", name, "permit" | "deny", sequence] => format!("route-map {name} {sequence}"),
        ["address-family", family] => format!("address-family {family} unicast"),
        _ => text,
    }
}

/// Addresses are compared by value: FRR prints IPv6 compressed and in lower case, and masks prefixes, except those
/// of interfaces.
fn address(context: Context, word: &str) -> String {
    if let Ok(address) = word.parse::<IpAddr>() {
        return address.to_string();
    }
    match word.parse::<IpNet>() {
        Ok(net) if context == Context::Interface => net.to_string(),
        Ok(net) => net.trunc().to_string(),
        Err(_) => word.to_owned(),
    }
}

/// Takes `seq N` out of a prefix list, access list, community list or AS-path list.
fn take_sequence(words: &mut Vec<String>) -> Option<u32> {
    if !words.iter().take(3).any(|word| word.ends_with("-list")) {
        return None;
    }
    let at = words.windows(2).position(|pair| pair[0] == "seq" && pair[1].parse::<u32>().is_ok())?;
    let number = words[at + 1].parse().ok();
    words.drain(at..at + 2);
    number
}

fn rewritten(context: Context, words: &[&str]) -> Option<String> {
    match words {
        [family @ ("ip" | "ipv6"), "prefix-list", name, action @ ("permit" | "deny"), rest @ ..] => {
            Some(format!("{family} prefix-list {name} {action} {}", range(family, rest)))
        }
        [head @ .., "ebgp-multihop", "255"] => Some(format!("{} ebgp-multihop", head.join(" "))),
        [head @ .., "allowas-in", "3"] => Some(format!("{} allowas-in", head.join(" "))),
        ["log", target @ .., "debugging"] => Some(format!("log {}", target.join(" "))),
        ["address-family", family @ ("ipv4" | "ipv6")] => Some(format!("address-family {family} unicast")),
        ["network", address, "mask", mask] => Some(format!("network {}", masked(address, mask)?)),
        ["ip" | "ipv6", "route", ..] => Some(route(words)),
        ["continue", sequence] if context == Context::RouteMap => Some(format!("on-match goto {sequence}")),
        ["set", kind @ ("community" | "large-community" | "extcommunity"), values @ ..] => {
            Some(format!("set {kind} {}", sorted(values)))
        }
        ["bgp" | "ip", kind, "standard", name, action, values @ ..] if kind.ends_with("community-list") => {
            Some(format!("bgp {kind} standard {name} {action} {}", sorted(values)))
        }
        // Passwords can be printed encrypted; that one is set is all that can be compared.
        ["password", ..] => Some("password".to_owned()),
        ["enable", "password", ..] => Some("enable password".to_owned()),
        _ => None,
    }
}

/// A prefix list's `any` is the zero prefix with any length; `ge` comes before `le`.
fn range(family: &str, words: &[&str]) -> String {
    let (default, longest) = if family == "ip" { ("0.0.0.0/0", "32") } else { ("::/0", "128") };
    if words == ["any"] {
        return format!("{default} le {longest}");
    }
    let value =
        |key: &str| words.windows(2).find(|pair| pair[0] == key).map(|pair| format!(" {key} {}", pair[1]));
    let prefix = words.first().copied().unwrap_or_default();
    format!("{prefix}{}{}", value("ge").unwrap_or_default(), value("le").unwrap_or_default())
}

/// Static routes: `A MASK` is a prefix, a distance of 1 is the default, `null0` has a capital.
fn route(words: &[&str]) -> String {
    let mut kept: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
    if let [_, _, address, mask, ..] = words
        && let Some(prefix) = masked(address, mask)
    {
        kept.splice(2..4, [prefix]);
    }
    if kept.len() > 4 && kept.last().is_some_and(|last| last == "1") {
        let before = kept[kept.len() - 2].as_str();
        if !matches!(before, "tag" | "label" | "table" | "vrf" | "nexthop-vrf" | "metric") {
            kept.pop();
        }
    }
    for word in &mut kept {
        if word.eq_ignore_ascii_case("null0") {
            "Null0".clone_into(word);
        }
    }
    kept.join(" ")
}

fn masked(address: &str, mask: &str) -> Option<String> {
    let (IpAddr::V4(address), IpAddr::V4(mask)) = (address.parse().ok()?, mask.parse().ok()?) else {
        return None;
    };
    let net = ipnet::Ipv4Net::with_netmask(address, mask).ok()?;
    Some(net.trunc().to_string())
}

/// FRR sorts communities; `additive` stays behind.
fn sorted(values: &[&str]) -> String {
    let mut values = values.to_vec();
    values.sort_by_key(|value| (*value == "additive", *value));
    values.join(" ")
}

/// What a line sets: a later line of the same section with the same slot replaces it.
pub(super) fn slot(normal: &Normal) -> Option<String> {
    let words: Vec<&str> = normal.text.split(' ').collect();
    let words = match &words[..] {
        ["no", rest @ ..] => rest,
        all => all,
    };
    let take = |count: usize| Some(words[..count.min(words.len())].join(" "));
    match words {
        ["route-map", name, "permit" | "deny", sequence] => Some(format!("route-map {name} {sequence}")),
        [family, "prefix-list", name, ..] => {
            normal.sequence.map(|n| format!("{family} prefix-list {name} seq {n}"))
        }
        ["match", "ip" | "ipv6", _, "prefix-list" | "prefix-len" | "address" | "type", ..] => take(4),
        ["match" | "set", "ip" | "ipv6", ..] => take(3),
        ["set", "as-path", ..] => take(3),
        ["match" | "set" | "on-match" | "echo", ..] => take(2),
        ["neighbor", _, "route-map" | "prefix-list" | "filter-list" | "distribute-list", .., direction] => {
            Some(format!("{} {direction}", words[..3].join(" ")))
        }
        ["neighbor", _, "timers", "connect", ..] => take(4),
        ["neighbor", ..] => take(3),
        ["bgp" | "timers" | "log" | "frr" | "ip", second, ..]
            if !second.ends_with("-list") && *second != "route" =>
        {
            take(2)
        }
        ["maximum-paths", "ibgp", ..] => take(2),
        ["zebra", ..] => take(words.len()),
        ["hostname" | "maximum-paths" | "description", ..] => take(1),
        [only, _] if only.ends_with("-interval") || matches!(*only, "detect-multiplier" | "minimum-ttl") => {
            take(1)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_same_thing_has_one_form() {
        let same = [
            ("ip prefix-list a permit any", "ip prefix-list a seq 5 permit 0.0.0.0/0 le 32"),
            (
                "ip prefix-list a permit 10.1.2.3/8 le 30 ge 9",
                "ip prefix-list a seq 5 permit 10.0.0.0/8 ge 9 le 30",
            ),
            (
                "ipv6 prefix-list a permit FC00:F00D:0:0::1/128",
                "ipv6 prefix-list a seq 5 permit fc00:f00d::1/128",
            ),
            ("neighbor FD00::5 ebgp-multihop", "neighbor fd00::5 ebgp-multihop 255"),
            (
                "bgp community-list standard c permit 1:2 1:1",
                "bgp community-list standard c seq 5 permit 1:1 1:2",
            ),
            ("ip route 10.1.0.0 255.255.0.0 null0 1", "ip route 10.1.0.0/16 Null0"),
            ("network 10.21.0.1 mask 255.255.0.0", "network 10.21.0.0/16"),
            ("set community 1:2 1:1 additive", "set community 1:1 1:2 additive"),
            ("log syslog debugging", "log syslog"),
        ];
        for (given, printed) in same {
            assert_eq!(normal(Context::Root, given).text, normal(Context::Root, printed).text);
        }
        assert_eq!(normal(Context::Root, "ip prefix-list a seq 5 permit any").sequence, Some(5));
    }

    #[test]
    fn different_things_stay_different() {
        for (one, other) in [
            ("ip prefix-list a permit 10.0.0.0/8", "ip prefix-list a permit 10.0.0.0/8 le 32"),
            ("ip prefix-list a permit 10.0.0.0/8", "ip prefix-list a deny 10.0.0.0/8"),
            ("ip route 10.0.0.0/8 10.1.1.1 tag 1", "ip route 10.0.0.0/8 10.1.1.1 tag"),
            ("neighbor 1.1.1.1 ebgp-multihop 2", "neighbor 1.1.1.1 ebgp-multihop"),
        ] {
            assert_ne!(normal(Context::Root, one), normal(Context::Root, other));
        }
        assert_eq!(normal(Context::Interface, "ip address 10.0.0.1/24").text, "ip address 10.0.0.1/24");
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing(line in "(ip|ipv6|set|bgp|neighbor|log|no)( [a-z0-9:./-]{1,12}){1,6}") {
            let once = normal(Context::Root, &line).text;
            prop_assert_eq!(normal(Context::Root, &once).text, once);
        }
    }
}
