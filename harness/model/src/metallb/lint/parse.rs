//! The extras as route-map entries and prefix lists; remarks about lines that are neither.

use super::catalogue::Rule;
use super::finding::{Draft, Place};
use super::grammar::{bad_match, bad_route_map, misspelt};
use super::line::Line;
use super::prefix::{self, ListLine, rejected};
use crate::frr::{Stanza, stanzas};
use crate::metallb::frrconf::Family;

/// A match of a route-map entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Match {
    pub place: Place,
    /// What is matched on: two matches of one kind exclude each other (`ip address prefix-list`).
    pub kind: String,
    /// The family of routes that can match, where the clause tells.
    pub family: Option<Family>,
    /// The prefix list that is referred to.
    pub list: Option<String>,
    /// The access list that is referred to: the form without `prefix-list`.
    pub access_list: Option<String>,
}

/// An entry of a route map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub place: Place,
    /// Where the map's name stands.
    pub name_place: Place,
    /// Where the sequence number stands.
    pub sequence_place: Place,
    pub map: String,
    pub permits: bool,
    pub sequence: u32,
    pub matches: Vec<Match>,
    /// It has `on-match`, `continue` or `call`: what comes after it may matter.
    pub goes_on: bool,
}

/// What the extras say.
#[derive(Clone, Debug, Default)]
pub(super) struct Extras {
    pub entries: Vec<Entry>,
    pub lists: Vec<ListLine>,
    /// The lines of lists that only describe, or that FRR refuses: (family, name). The list is meant to be there.
    pub named_lists: Vec<(Family, String)>,
    /// The words of every other line: names in it are used by something.
    pub elsewhere: Vec<String>,
}

/// Reads the text of the extras.
pub(super) fn read(text: &str, out: &mut Vec<Draft>) -> Extras {
    let raw: Vec<Line> = text.lines().enumerate().map(|(i, l)| Line::new(i + 1, l)).collect();
    let lines: Vec<Line> = raw.into_iter().map(Line::written_out).collect();
    for (word, place) in lines.iter().filter_map(Line::abbreviation) {
        let short = word.short.as_deref().unwrap_or_default();
        out.push(
            Draft::new(Rule::Abbreviated, place, format!("`{short}` is short for `{}`", word.text))
                .because("FRR understands it, frr-reload.py does not: it takes the line for a new one at each reload")
                .fix(format!("write `{}`", word.text)),
        );
    }
    // Indentation tells what the author meant where no grammar knows a header.
    let written_out: Vec<String> = text
        .lines()
        .zip(&lines)
        .map(|(raw, line)| {
            let indent: String = raw.chars().take_while(|c| c.is_whitespace()).collect();
            indent + &line.text()
        })
        .collect();
    let mut reader = Reader { extras: Extras::default(), out, after_broken_header: false };
    for stanza in stanzas(&written_out.join("\n")) {
        let of = |number: usize| &lines[number - 1];
        reader.stanza(&stanza, of(stanza.header.number), |number| of(number));
    }
    reader.extras
}

struct Reader<'o> {
    extras: Extras,
    out: &'o mut Vec<Draft>,
    /// The header above was refused: its clauses stand alone only because of that.
    after_broken_header: bool,
}

impl Reader<'_> {
    fn stanza<'l>(&mut self, stanza: &Stanza, header: &Line, line: impl Fn(usize) -> &'l Line) {
        let texts = header.texts();
        let is_clause = matches!(texts[0], "match" | "set" | "on-match" | "continue" | "call");
        let broken = std::mem::take(&mut self.after_broken_header);
        match texts[..] {
            ["route-map", name, "permit" | "deny", _] => {
                self.route_map(header, name);
                let below = stanza.lines.iter().filter(|l| l.depth > 0);
                below.for_each(|l| self.clause(line(l.line.number)));
            }
            ["route-map", _, "optimization"] => self.beyond(header),
            ["route-map", ..] => {
                self.after_broken_header = true;
                self.out.push(bad_route_map(header));
            }
            ["ip" | "ipv6", "prefix-list", _, ..] => self.prefix_list(header),
            ["ip" | "ipv6", "prefix-list"] => self.out.push(rejected(
                header.place(1),
                "FRR refuses this line: it is not complete",
                "write `ip prefix-list NAME seq 5 permit PREFIX`",
            )),
            _ if is_clause && broken => {
                self.extras.elsewhere.extend(words_of(header));
                self.after_broken_header = true;
            }
            _ if is_clause => self.misplaced(header),
            _ => {
                self.after_broken_header = self.other(header, stanza.known);
                let below = stanza.lines.iter().filter(|l| l.depth > 0).map(|l| line(l.line.number));
                self.extras.elsewhere.extend(below.flat_map(words_of));
            }
        }
    }

    fn route_map(&mut self, header: &Line, name: &str) {
        let texts = header.texts();
        let Some(sequence) = texts[3].parse::<u32>().ok().filter(|n| (1..=65535).contains(n)) else {
            let message = format!("FRR refuses this line: `{}` is no number from 1 to 65535", texts[3]);
            self.out.push(rejected(header.place(3), message, "write a sequence number, for instance 10"));
            // Its clauses are read with nothing to belong to.
            self.after_broken_header = true;
            return;
        };
        let entry = Entry {
            place: header.place(0),
            name_place: header.place(1),
            sequence_place: header.place(3),
            map: name.to_owned(),
            permits: texts[2] == "permit",
            sequence,
            matches: Vec::new(),
            goes_on: false,
        };
        self.extras.entries.push(entry);
    }

    fn clause(&mut self, line: &Line) {
        if self.after_broken_header {
            self.extras.elsewhere.extend(words_of(line));
            return;
        }
        let texts = line.texts();
        match texts[..] {
            ["match", ..] => self.match_clause(line),
            ["description", ..] => {}
            ["on-match" | "continue" | "call", ..] => {
                if let Some(entry) = self.extras.entries.last_mut() {
                    entry.goes_on = true;
                }
                self.beyond(line);
            }
            ["set", ..] => self.beyond(line),
            ["no", ..] => self.beyond(line),
            _ => {
                self.other(line, false);
            }
        }
    }

    fn match_clause(&mut self, line: &Line) {
        if let Some(draft) = bad_match(line) {
            self.refused(line, draft);
            return;
        }
        let texts = line.texts();
        let family = match texts.get(1) {
            Some(&"ip") => Some(Family::Ipv4),
            Some(&"ipv6") => Some(Family::Ipv6),
            _ => None,
        };
        let by_list = texts.get(3) == Some(&"prefix-list") && family.is_some();
        let access = texts.len() == 4 && texts.get(2) == Some(&"address") && family.is_some();
        let kind = match family {
            Some(_) if by_list => texts[1..4].join(" "),
            Some(_) => texts.get(1..texts.len() - 1).unwrap_or_default().join(" "),
            None => texts[1..2].join(" "),
        };
        let clause = Match {
            place: line.place(0),
            kind,
            // A next hop's family is not that of the route (RFC 8950).
            family: family.filter(|_| texts.get(2) == Some(&"address")),
            list: by_list.then(|| texts[4].to_owned()),
            access_list: access.then(|| texts[3].to_owned()),
        };
        if let Some(entry) = self.extras.entries.last_mut() {
            entry.matches.push(clause);
        }
    }

    fn prefix_list(&mut self, line: &Line) {
        let texts = line.texts();
        let family = if texts[0] == "ip" { Family::Ipv4 } else { Family::Ipv6 };
        if texts.get(3) == Some(&"description") {
            self.extras.named_lists.push((family, texts[2].to_owned()));
            return;
        }
        match prefix::read(line, family, self.out) {
            Some(read) => self.extras.lists.push(read),
            None => self.extras.named_lists.push((family, texts[2].to_owned())),
        }
    }

    fn misplaced(&mut self, line: &Line) {
        let first = &line.words[0].text;
        self.refused(
            line,
            Draft::new(
                Rule::MisplacedMatch,
                line.place(0),
                format!("this `{first}` line is in no route-map entry, so FRR refuses it"),
            )
            .because(
                "a `route-map` line opens an entry, and the next `ip prefix-list` line, `exit` or other command closes it; one line \
                 that FRR refuses keeps every later change from the node, too",
            )
            .fix("move it directly below its `route-map` line, and the prefix lists above that"),
        );
    }

    /// A line that is no part of the contract; whether it is a header with a typing error.
    fn other(&mut self, line: &Line, known: bool) -> bool {
        if !known && let Some(draft) = misspelt(line) {
            self.refused(line, draft);
            return true;
        }
        self.beyond(line);
        false
    }

    /// What a refused line names was meant to be used.
    fn refused(&mut self, line: &Line, draft: Draft) {
        self.extras.elsewhere.extend(words_of(line));
        self.out.push(draft);
    }

    fn beyond(&mut self, line: &Line) {
        self.extras.elsewhere.extend(words_of(line));
        self.out.push(
            Draft::new(
                Rule::OutsideContract,
                line.place(0),
                format!("`{}` is beyond what extras are for", line.text()),
            )
            .because(
                "extras may hold prefix lists of their own, `route-map PEER-in` and match clauses; anything else shares FRR with what \
                 MetalLB renders, and a release may render it otherwise",
            )
            .fix("leave it out, or allow this lint and try each new MetalLB and FRR before it is rolled out"),
        );
    }
}

fn words_of(line: &Line) -> impl Iterator<Item = String> {
    line.words.iter().map(|w| w.text.clone())
}
