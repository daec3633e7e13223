//! `isolation`: at least two segments, of nodes and interfaces that there are.

use super::{Resolver, key};
use crate::diag::{Diagnostic, Seg};
use crate::scenario::isolation::{ExpectIsolation, Leak, Segment};
use crate::topology::Node;

impl Resolver<'_> {
    pub(super) fn isolation(
        &self,
        expect: &ExpectIsolation,
        field: &dyn Fn(&str) -> Vec<Seg>,
    ) -> Result<(), Diagnostic> {
        self.any_node(&expect.node, &field("node"))?;
        if expect.segments.len() < 2 {
            return Err(self.source.error_at(&field("segments"), "`isolation` needs at least two segments"));
        }
        for (name, segment) in &expect.segments {
            let at = |part: &str| [field("segments"), vec![key(name), key(part)]].concat();
            self.segment(&expect.node, segment, &at)?;
        }
        for (i, leak) in expect.leaks.iter().enumerate() {
            let at = |part: &str| [field("leaks"), vec![Seg::Index(i), key(part)]].concat();
            self.leak(expect, leak, &at)?;
        }
        let names: Vec<&String> = expect.segments.keys().collect();
        for (i, a) in names.iter().enumerate() {
            for b in &names[..i] {
                let at = |part: &str| [field("segments"), vec![key(a), key(part)]].concat();
                if expect.segments[*a].interface == expect.segments[*b].interface {
                    let why = format!("`{a}` and `{b}` have the same interface: they are one segment");
                    return Err(self.source.error_at(&at("interface"), why));
                }
                if !expect.pairs().any(|(from, to, _)| from == *b && to == *a) {
                    let why = format!("`{a}` and `{b}` have no prefixes of a common family");
                    return Err(self.source.error_at(&at("prefixes"), why));
                }
            }
        }
        Ok(())
    }

    fn leak(
        &self,
        expect: &ExpectIsolation,
        leak: &Leak,
        at: &dyn Fn(&str) -> Vec<Seg>,
    ) -> Result<(), Diagnostic> {
        for (part, name) in [("from", &leak.from), ("to", &leak.to)] {
            if !expect.segments.contains_key(name) {
                let known = expect.segments.keys().map(String::as_str).collect();
                return Err(self.unknown(&at(part), "segment", name, known));
            }
        }
        match (leak.from == leak.to, leak.prefixes.is_empty()) {
            (true, _) => Err(self.source.error_at(&at("to"), "a leak leads into another segment")),
            (_, true) => Err(self.source.error_at(&at("prefixes"), "a leak needs a prefix that it leads to")),
            _ => Ok(()),
        }
    }

    fn segment(
        &self,
        node: &str,
        segment: &Segment,
        at: &dyn Fn(&str) -> Vec<Seg>,
    ) -> Result<(), Diagnostic> {
        let of_topology = self.interface(node, &segment.interface, &at("interface"));
        of_topology.or_else(|error| match self.topology.find(node) {
            Some(node) if makes(node, &segment.interface) => Ok(()),
            _ => Err(error.hint("a VLAN's device must be one that an `exec` line of the node names")),
        })?;
        self.any_node(&segment.host, &at("host"))?;
        let named = |name: &str| self.topology.find(name).map(|node| node.name.as_str());
        if named(&segment.host) == named(node) {
            let why = "the host is another node, on the link of the interface";
            return Err(self.source.error_at(&at("host"), why));
        }
        if let Some(port) = &segment.port {
            let found = self.interface(&segment.host, port, &at("port"));
            found.or_else(|error| match self.topology.find(&segment.host) {
                Some(host) if makes(host, port) => Ok(()),
                _ => Err(error),
            })?;
        }
        if segment.vrf.is_some() && segment.table.is_some() {
            return Err(self.source.error_at(&at("table"), "a VRF has its own table: `vrf` or `table`"));
        }
        match segment.prefixes.is_empty() {
            true => Err(self.source.error_at(&at("prefixes"), "a segment needs a prefix to look at")),
            false => Ok(()),
        }
    }
}

/// Whether a line of the node names the device as a word.
fn makes(node: &Node, device: &str) -> bool {
    node.lines().iter().flatten().flat_map(|word| word.split_whitespace()).any(|word| word == device)
}

#[cfg(test)]
mod tests {
    use crate::scenario::testing;

    const RED: &str = "red: { interface: eth1, host: gw1, table: 101, prefixes: [10.1.0.0/16] }";

    fn mistake(segments: &str) -> Option<String> {
        mistake_with(segments, "")
    }

    fn mistake_with(segments: &str, more: &str) -> Option<String> {
        let isolation = format!("node: n, segments: {{ {segments} }}{more}");
        let error = testing::mistake(&format!("expect: {{ isolation: {{ {isolation} }} }}"))?;
        let hint = error.hints.first().map(|hint| format!(" ({hint})")).unwrap_or_default();
        Some(format!("{}{hint}", error.message))
    }

    #[test]
    fn each_mistake_is_named() {
        for blue in [
            "interface: eth2, host: gw2, table: 102, prefixes: [10.2.0.0/16, 'fd00:2::/64']",
            "interface: eth2, host: gw1, vrf: blue, prefixes: [10.1.0.0/16]",
            "interface: vlan7, host: gw1, prefixes: [10.2.0.0/16]",
        ] {
            assert_eq!(mistake(&format!("{RED}, blue: {{ {blue} }}")), None, "{blue}");
        }
        let wrong = [
            "interface: eth3, host: gw2, prefixes: [10.2.0.0/16]",
            "interface: eth1, host: gw2, prefixes: [10.2.0.0/16]",
            "interface: eth2, host: gw3, prefixes: [10.2.0.0/16]",
            "interface: eth2, host: n, prefixes: [10.2.0.0/16]",
            "interface: eth2, host: gw2, vrf: b, table: 102, prefixes: [10.2.0.0/16]",
            "interface: eth2, host: gw2, prefixes: []",
            "interface: eth2, host: gw2, prefixes: [10.2]",
            "interface: eth2, host: gw2, prefixes: ['fd00:2::/64']",
            "interface: eth2, host: gw2, prefixes: [10.2.0.0/16], tabel: 102",
        ];
        let mut all: Vec<String> =
            wrong.iter().map(|blue| mistake(&format!("{RED}, blue: {{ {blue} }}")).unwrap()).collect();
        all.push(mistake(RED).unwrap());
        let leak = |leak: &str| {
            let blue = "blue: { interface: eth2, host: gw2, table: 102, prefixes: [10.2.0.0/16] }";
            mistake_with(&format!("{RED}, {blue}"), &format!(", leaks: [{{ {leak} }}]"))
        };
        assert_eq!(leak("from: red, to: blue, prefixes: [10.2.5.0/24]"), None);
        all.extend(leak("from: red, to: bleu, prefixes: [10.2.5.0/24]"));
        all.extend(leak("from: red, to: red, prefixes: [10.2.5.0/24]"));
        all.extend(leak("from: red, to: blue, prefixes: []"));
        insta::assert_snapshot!(all.join("\n"), @r"
        unknown interface of `n`: `eth3` (did you mean `eth2`?)
        `red` and `blue` have the same interface: they are one segment
        unknown node `gw3` (did you mean `gw2`?)
        the host is another node, on the link of the interface
        a VRF has its own table: `vrf` or `table`
        a segment needs a prefix to look at
        `10.2` is not a prefix such as 172.16.1.0/24 or fc00:1::/64
        `red` and `blue` have no prefixes of a common family
        unknown field `tabel` (did you mean `table`?)
        `isolation` needs at least two segments
        unknown segment `bleu` (did you mean `blue`?)
        a leak leads into another segment
        a leak needs a prefix that it leads to
        ");
    }
}
