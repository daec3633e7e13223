//! Lines of the contract that FRR refuses, and what they were meant to be. Tried on FRR 7.5.1, 8.4.4 and 10.3 by
//! `frr-reload.py --test`.

use std::collections::BTreeMap;

use super::catalogue::Rule;
use super::finding::Draft;
use super::line::Line;
use super::prefix::rejected;
use crate::diag::nearest;

/// Why FRR refuses a `route-map` line that opens no entry.
pub(super) fn bad_route_map(line: &Line) -> Draft {
    let texts = line.texts();
    let shape = "`route-map NAME permit SEQUENCE`";
    if let Some(at) = texts.iter().skip(4).position(|w| matches!(*w, "match" | "set" | "route-map")) {
        return rejected(
            line.place(at + 4),
            "FRR refuses this line: it holds several commands",
            "one command a line; in YAML `extras: |` keeps the line ends, `extras: >` and plain text join the lines",
        );
    }
    if let Some(action) = texts.get(2).filter(|w| !matches!(**w, "permit" | "deny")) {
        let near = nearest(action, ["permit", "deny"]).map(|near| format!("did you mean `{near}`?"));
        let message = format!("FRR refuses this line: `{action}` is neither `permit` nor `deny`");
        return rejected(line.place(2), message, near.unwrap_or(format!("write {shape}")));
    }
    if let Some(more) = texts.get(4) {
        let fix = match more.starts_with(['#', '!']) {
            true => "put the comment on a line of its own".to_owned(),
            false => format!("write {shape}"),
        };
        return rejected(
            line.place(4),
            format!("FRR refuses this line: `{more}` does not belong in it"),
            fix,
        );
    }
    rejected(line.place(texts.len()), "FRR refuses this line: it is not complete", format!("write {shape}"))
}

/// What FRR knows behind `match`, over all its versions. (Others may exist in daemons that MetalLB does not run.)
const MATCHES: &[&str] = &[
    "alias",
    "as-path",
    "community",
    "evpn",
    "extcommunity",
    "interface",
    "ip",
    "ipv6",
    "large-community",
    "local-preference",
    "mac",
    "metric",
    "origin",
    "peer",
    "probability",
    "rpki",
    "rpki-extcommunity",
    "source-instance",
    "source-peer",
    "source-protocol",
    "source-vrf",
    "src-peer",
    "tag",
];

/// A match clause that FRR refuses for certain.
pub(super) fn bad_match(line: &Line) -> Option<Draft> {
    let texts = line.texts();
    let shape = "`match ip address prefix-list NAME`";
    match texts[1..] {
        ["ipv4", ..] => Some(rejected(
            line.place(1),
            "FRR refuses this line: it says `ip` for IPv4",
            format!("write {shape}"),
        )),
        ["address" | "prefix-list", ..] => Some(rejected(
            line.place(1),
            "FRR refuses this line: the family is missing",
            format!("write {shape}, or `match ipv6 address prefix-list NAME`"),
        )),
        ["ip" | "ipv6", second, ..]
            if !matches!(second, "address" | "next-hop" | "route-source")
                && (second == "prefix-list" || nearest(second, ["address", "next-hop"]).is_some()) =>
        {
            let message = format!("FRR refuses this line: `{second}` is no word of `match {}`", texts[1]);
            Some(rejected(line.place(2), message, format!("did you mean `match {} address`?", texts[1])))
        }
        ["ip" | "ipv6", "address", "prefix-list"] => Some(
            Draft::new(Rule::UndefinedList, line.place(3), "the list's name is missing")
                .because("FRR takes `prefix-list` for the name of an access list; one that is not there fits no route")
                .fix(format!("write {shape}")),
        ),
        ["ip" | "ipv6", "address", "prefix-list", _, ..] if texts.len() > 5 => {
            let fix = match texts[5].starts_with(['#', '!']) {
                true => "put the comment on a line of its own",
                false => "one list an entry: add entries for further lists, or lines to the list",
            };
            Some(rejected(line.place(5), "FRR refuses this line: it ends with the list's name", fix))
        }
        ["ip" | "ipv6", "address", third, _] if third != "prefix-list" && third != "prefix-len" => {
            let near = nearest(third, ["prefix-list", "prefix-len"])?;
            let message =
                format!("FRR refuses this line: `{third}` is no word of `match {} address`", texts[1]);
            Some(rejected(line.place(3), message, format!("did you mean `{near}`?")))
        }
        [first, ..] if !MATCHES.iter().any(|m| m.starts_with(first)) => {
            let near = nearest(first, MATCHES.iter().copied())?;
            let message = format!("FRR refuses this line: it knows no `match {first}`");
            Some(rejected(line.place(1), message, format!("did you mean `match {near}`?")))
        }
        [] => Some(rejected(
            line.place(0),
            "FRR refuses this line: it is not complete",
            format!("write {shape}"),
        )),
        _ => None,
    }
}

/// A command of the contract with a typing error.
pub(super) fn misspelt(line: &Line) -> Option<Draft> {
    let texts = line.texts();
    let (first, second) = (texts[0], texts.get(1).copied().unwrap_or_default());
    let forms: BTreeMap<&str, &str> = [
        ("route-map", "route-map"),
        ("match", "match"),
        ("prefix-list", "ip prefix-list"),
        ("routemap", "route-map"),
        ("prefixlist", "ip prefix-list"),
        ("ipv4", "ip prefix-list"),
    ]
    .into();
    let is_family = matches!(first, "ip" | "ipv6");
    let (at, meant) = match first {
        _ if is_family => {
            // `ip protocol`, `ip prefix-list`: FRR has other words with these beginnings, all of them known.
            (strsim::jaro_winkler(second, "prefix-list") > 0.88)
                .then_some((1, format!("{first} prefix-list")))?
        }
        "ipv4" | "ip4" | "ip6" if second == "prefix-list" => {
            (0, if first == "ip6" { "ipv6 prefix-list" } else { "ip prefix-list" }.to_owned())
        }
        "ipv4" | "ip4" | "ip6" => return None,
        _ => {
            let exact = forms.get(first).copied();
            let near = || {
                let score = |known: &str| strsim::jaro_winkler(first, known);
                forms.iter().find(|(known, _)| score(known) > 0.88).map(|(_, meant)| *meant)
            };
            (0, exact.or_else(near)?.to_owned())
        }
    };
    let message = format!("FRR refuses this line: it knows no `{}`", texts[..=at].join(" "));
    Some(rejected(line.place(at), message, format!("did you mean `{meant}`?")))
}
