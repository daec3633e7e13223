//! Any text is read without a panic, and what is made up to be valid gives nothing.

use proptest::prelude::*;

use super::*;

/// Words that the lint looks at, so that garbage gets deep into it.
fn word() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "route-map",
        "192.168.1.5-in",
        "192.168.1.5-out",
        "permit",
        "deny",
        "10",
        "20",
        "0",
        "ip",
        "ipv6",
        "prefix-list",
        "prefix-l",
        "seq",
        "any",
        "match",
        "address",
        "ge",
        "le",
        "24",
        "300",
        "10.0.0.0/8",
        "10.0.0.0",
        "fc00::/7",
        "/",
        "no",
        "exit",
        "end",
        "#",
        "set",
        "description",
        "router",
        "bgp",
        "",
        "-in",
        "optimization",
        "ä",
    ]);
    prop_oneof![9 => known.prop_map(str::to_owned), 1 => "\\PC{0,6}"]
}

/// A line of a list of /16s of its own, so that none covers another.
fn entry(number: usize) -> impl Strategy<Value = String> {
    (any::<bool>(), 16u8..=32, 16u8..=32).prop_map(move |(permits, a, b)| {
        let action = if permits || number == 0 { "permit" } else { "deny" };
        format!("seq {} {action} 10.{number}.0.0/16 ge {} le {}", (number + 1) * 5, a.min(b), a.max(b))
    })
}

proptest! {
    #[test]
    fn garbage(lines in prop::collection::vec((0usize..4, prop::collection::vec(word(), 0..8)), 0..8)) {
        let text: Vec<String> = lines.iter().map(|(indent, words)| " ".repeat(*indent) + &words.join(" ")).collect();
        let mut drafts = Vec::new();
        let read = crate::metallb::lint::parse::read(&text.join("\n"), &mut drafts);
        for draft in &drafts {
            prop_assert!((1..=lines.len()).contains(&draft.place.line), "{draft:?}");
            prop_assert!(!draft.reason.is_empty() && !draft.fix.is_empty(), "{draft:?}");
        }
        prop_assert!(read.entries.len() + read.lists.len() <= lines.len());
    }

    #[test]
    fn a_valid_list_and_its_entry(
        lines in (1usize..6).prop_flat_map(|n| (0..n).map(entry).collect::<Vec<_>>()),
        sequence in 1u32..20,
        indent in 0usize..3,
    ) {
        let list: String = lines.iter().map(|l| format!("ip prefix-list mine {l}\n")).collect();
        let indent = " ".repeat(indent);
        let text = format!("{list}route-map 192.168.1.5-in permit {sequence}\n{indent}match ip address prefix-list mine");
        let found = extras(&text);
        prop_assert!(found.is_empty(), "{text}\n{found:#?}");
    }
}
