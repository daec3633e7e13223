//! FRR configuration text, read into lines with the section that each belongs to.

use super::grammar::{Context, accepts, opens};
use super::normal;

/// A line of a configuration, without indentation and with single spaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigLine {
    /// Its line in the text, from 1.
    pub number: usize,
    pub text: String,
}

/// A section and its own lines (those of inner sections are theirs).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// The headers that lead to it, outermost first; empty for the top level.
    pub path: Vec<String>,
    pub lines: Vec<ConfigLine>,
}

/// One entry of a route map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteMapEntry {
    /// `permit` or `deny`.
    pub action: String,
    /// Its match, set and on-match lines, as FRR prints them.
    pub lines: Vec<String>,
}

/// A parsed configuration: what `show running-config` printed, of one daemon or of all through vtysh.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunningConfig {
    pub sections: Vec<Section>,
}

/// Parses a configuration. Anything is accepted: what no grammar knows is kept at the place where it stands.
pub fn running_config(text: &str) -> RunningConfig {
    let mut config = RunningConfig::default();
    for statement in statements(text) {
        let line = ConfigLine { number: statement.number, text: statement.text };
        match config.sections.iter_mut().find(|section| section.path == statement.path) {
            Some(section) => section.lines.push(line),
            None => config.sections.push(Section { path: statement.path, lines: vec![line] }),
        }
    }
    config
}

impl RunningConfig {
    /// An entry of a route map, with the action that is in force.
    pub fn route_map_entry(&self, name: &str, sequence: u32) -> Option<RouteMapEntry> {
        let sequence = sequence.to_string();
        let is_it = |header: &str| {
            let words: Vec<&str> = header.split(' ').collect();
            match words[..] {
                ["route-map", n, action, s] if n == name && s == sequence => Some(action.to_owned()),
                _ => None,
            }
        };
        let action = self.lines(&[]).find_map(|line| is_it(&line.text))?;
        let own =
            self.sections.iter().find(|section| matches!(&section.path[..], [only] if is_it(only).is_some()));
        let lines = own.map(|section| section.lines.iter().map(|line| line.text.clone()).collect());
        Some(RouteMapEntry { action, lines: lines.unwrap_or_default() })
    }

    /// The lines of a prefix list, in order. `family` is `ip` or `ipv6`.
    pub fn prefix_list<'a>(&'a self, family: &str, name: &str) -> Vec<&'a str> {
        let start = format!("{family} prefix-list {name} ");
        self.lines(&[]).map(|line| line.text.as_str()).filter(|text| text.starts_with(&start)).collect()
    }

    /// The lines of a section, by its headers.
    pub fn lines<'a>(&'a self, path: &'a [&str]) -> impl Iterator<Item = &'a ConfigLine> {
        let sections = self.sections.iter().filter(move |section| section.path == *path);
        sections.flat_map(|section| &section.lines)
    }
}

/// A line with the headers above it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statement {
    pub number: usize,
    pub context: Context,
    pub path: Vec<String>,
    pub text: String,
    /// It is itself a header.
    pub opens: bool,
}

/// A top-level line and what it opens: the unit that belongs to one set of daemons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stanza {
    pub header: ConfigLine,
    /// The header and the lines below it, in order.
    pub lines: Vec<StanzaLine>,
    /// Whether this grammar knows its header and every section in it.
    pub known: bool,
}

/// A line of a stanza.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StanzaLine {
    pub line: ConfigLine,
    /// How many sections it is in; 0 for the stanza's header.
    pub depth: usize,
    /// It opens a section.
    pub opens: bool,
}

/// Splits a configuration into its top-level stanzas, in order.
pub fn stanzas(text: &str) -> Vec<Stanza> {
    let mut found: Vec<Stanza> = Vec::new();
    for statement in statements(text) {
        let words: Vec<&str> = statement.text.split(' ').collect();
        let known = !statement.opens || opens(statement.context, &words).is_some();
        let top = accepts(Context::Root, &words);
        let line = ConfigLine { number: statement.number, text: statement.text };
        let entry = StanzaLine { line: line.clone(), depth: statement.path.len(), opens: statement.opens };
        match found.last_mut() {
            Some(last) if entry.depth > 0 => {
                last.known &= known;
                last.lines.push(entry);
            }
            _ => found.push(Stanza { header: line, lines: vec![entry], known: known && top }),
        }
    }
    found
}

struct Open {
    context: Context,
    header: String,
    indent: usize,
}

/// Splits a text into statements, following FRR: innermost node first, then outwards.
pub(super) fn statements(text: &str) -> Vec<Statement> {
    let mut stack: Vec<Open> = Vec::new();
    let mut found = Vec::new();
    let lines: Vec<&str> = text.lines().collect();
    for (index, line) in lines.iter().enumerate() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if is_noise(&words) || leave(&words, &mut stack) {
            continue;
        }
        let indent = indentation(line);
        place(&words, indent, &mut stack);
        let context = stack.last().map_or(Context::Root, |open| open.context);
        let header = words.join(" ");
        let known = accepts(context, &words);
        let opened = opens(context, &words)
            .or_else(|| (!known && deeper_below(&lines[index + 1..], indent)).then_some(Context::Unknown));
        found.push(Statement {
            number: index + 1,
            context,
            path: stack.iter().map(|open| open.header.clone()).collect(),
            text: header.clone(),
            opens: opened.is_some(),
        });
        stack.extend(opened.map(|context| Open { context, header, indent }));
    }
    found
}

/// Closes the sections that a line cannot belong to.
fn place(words: &[&str], indent: usize, stack: &mut Vec<Open>) {
    let inside = |open: &Open| {
        if open.context == Context::Unknown { indent > open.indent } else { accepts(open.context, words) }
    };
    match stack.iter().rposition(inside) {
        Some(innermost) => stack.truncate(innermost + 1),
        None if accepts(Context::Root, words) || indent == 0 => stack.clear(),
        // Nobody knows it: FRR will refuse it, and leave the open section as it is.
        None => {}
    }
}

fn is_noise(words: &[&str]) -> bool {
    match words {
        [] | ["Building", "configuration..."] | ["Current", "configuration:"] => true,
        [first, ..] => first.starts_with('!') || first.starts_with('#'),
    }
}

/// Whether the line only closes sections.
fn leave(words: &[&str], stack: &mut Vec<Open>) -> bool {
    match words {
        ["end"] => stack.clear(),
        ["exit" | "quit" | "exit-vrf" | "exit-vni"] => drop(stack.pop()),
        ["exit-address-family"] => {
            if let Some(at) = stack.iter().rposition(|open| open.context == Context::AddressFamily) {
                stack.truncate(at);
            } else if stack.last().is_some_and(|open| open.context == Context::Unknown) {
                stack.pop();
            }
        }
        _ => return false,
    }
    true
}

fn indentation(line: &str) -> usize {
    line.chars().take_while(|c| c.is_whitespace()).map(|c| if c == '\t' { 8 } else { 1 }).sum()
}

fn deeper_below(rest: &[&str], indent: usize) -> bool {
    let next = rest.iter().find(|line| !is_noise(&line.split_whitespace().collect::<Vec<_>>()));
    next.is_some_and(|line| indentation(line) > indent)
}

impl Statement {
    /// What identifies the section in which this stands, whatever its spelling.
    pub fn section_key(&self) -> Vec<String> {
        self.path.iter().map(|header| normal::section_key(header)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::fixtures::{fixture, versions};
    use super::*;

    #[test]
    fn route_map_entries_and_prefix_lists() {
        for (version, text) in versions!("m01310x.running") {
            let config = running_config(text);
            let entry = config.route_map_entry("192.168.1.5-in", 20).unwrap();
            let expected = RouteMapEntry {
                action: "permit".into(),
                lines: vec!["match ip address prefix-list allowed".into()],
            };
            assert_eq!(entry, expected, "{version}");
            assert_eq!(config.route_map_entry("192.168.1.5-in", 30), None);
            assert_eq!(
                config.route_map_entry("fd00:1::5-in", 20).unwrap().lines,
                Vec::<String>::new(),
                "{version}"
            );
            assert_eq!(config.prefix_list("ip", "192.168.1.5-pl-ipv4").len(), 2, "{version}");
            let family = ["router bgp 64513", "address-family ipv6 unicast"];
            assert!(config.lines(&family).any(|line| line.text == "network fc00:f00d::1/128"), "{version}");
        }
    }

    #[test]
    fn lines_walk_up_to_the_node_that_knows_them() {
        let text = "router bgp 1\n address-family ipv4 unicast\n  network 10.0.0.0/8\n neighbor 1.1.1.1 remote-as 2\n\
                    ip prefix-list a permit any\n  match metric 1\nroute-mapp x permit 1\n match tag 3\nhostname h\n";
        let shown: Vec<_> =
            statements(text).iter().map(|s| format!("{} > {}", s.path.join("/"), s.text)).collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
         > router bgp 1
        router bgp 1 > address-family ipv4 unicast
        router bgp 1/address-family ipv4 unicast > network 10.0.0.0/8
        router bgp 1 > neighbor 1.1.1.1 remote-as 2
         > ip prefix-list a permit any
         > match metric 1
         > route-mapp x permit 1
        route-mapp x permit 1 > match tag 3
         > hostname h
        ");
    }

    #[test]
    fn nothing_is_lost_of_a_rendered_file() {
        let text = fixture!("m01310x.conf");
        let kept = statements(text).len();
        let written = text.lines().filter(|line| !matches!(line.trim(), "" | "exit-address-family")).count();
        assert_eq!(kept, written);
    }
}
