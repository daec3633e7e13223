//! The gate: which lines of the file that was loaded are not in force afterwards.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::config::{Statement, statements};
use super::grammar::{Context, is_family_setting};
use super::hidden::Hidden;
use super::normal::{self, Normal, normal};

/// A line that was wanted and is not in the running configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingLine {
    /// The headers above it, outermost first.
    pub context: Vec<String>,
    pub line: String,
    /// Its line in the wanted text, from 1.
    pub line_number_in_wanted: usize,
    pub kind: MissingKind,
}

/// How a line is missing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MissingKind {
    /// It is not there: FRR refused or dropped it.
    Absent,
    /// Another line of the same file sets the same thing and is in force. Normally that is a later line, as FRR
    /// keeps the last. An earlier line means that a reload put the file's older spelling back (frr-reload.py takes
    /// `route-map X deny 20` and `route-map X permit 20` for two things, FRR for one).
    Superseded {
        /// The line in the wanted text that is in force.
        by: usize,
    },
    /// It is in force, but in another section than the text says.
    Misplaced { found_in: Vec<String> },
}

impl MissingLine {
    /// Whether this is FRR's normal "the last line wins", which loses nothing that the file's author could have had.
    pub fn is_overridden(&self) -> bool {
        matches!(self.kind, MissingKind::Superseded { by } if by > self.line_number_in_wanted)
    }
}

/// Finds the lines of `wanted` that are not in `running`.
///
/// `running` is what `show running-config` prints, through vtysh or of several daemons one after the other. What FRR
/// never prints (defaults, `neighbor X port 179`) and what it prints in another form does not count as missing.
pub fn missing_lines(wanted: &str, running: &str) -> Vec<MissingLine> {
    let wanted = statements(wanted);
    let gate = Gate::new(statements(running));
    let unmet: Vec<&Statement> = wanted.iter().filter(|statement| !gate.is_met(statement)).collect();
    unmet.iter().map(|statement| gate.explain(statement, &wanted)).collect()
}

/// The running configuration, indexed for look-ups.
pub(super) struct Gate {
    /// Normal lines by section.
    sections: HashMap<Vec<String>, Vec<Normal>>,
    /// The same as a set, with the sections that hold a line.
    places: HashMap<Normal, Vec<Vec<String>>>,
    /// Lines without their sequence number.
    unnumbered: HashSet<(Vec<String>, String)>,
    hidden: Hidden,
}

impl Gate {
    fn new(running: Vec<Statement>) -> Self {
        let mut gate = Self {
            sections: HashMap::new(),
            places: HashMap::new(),
            unnumbered: HashSet::new(),
            hidden: Hidden::of(&running),
        };
        for statement in &running {
            let (section, line) = (statement.section_key(), normal(statement.context, &statement.text));
            gate.unnumbered.insert((section.clone(), line.text.clone()));
            gate.places.entry(line.clone()).or_default().push(section.clone());
            gate.sections.entry(section).or_default().push(line);
        }
        gate
    }

    fn holds(&self, section: &[String], line: &Normal) -> bool {
        match line.sequence {
            Some(_) => {
                self.places.get(line).is_some_and(|places| places.iter().any(|place| place == section))
                    || (self.hidden.is_before_8()
                        && line.text.starts_with("bgp as-path ")
                        && self.holds_text(section, &line.text))
            }
            None => self.holds_text(section, &line.text),
        }
    }

    fn holds_text(&self, section: &[String], text: &str) -> bool {
        self.unnumbered.contains(&(section.to_vec(), text.to_owned()))
    }

    /// The lines of a section.
    pub(super) fn lines(&self, section: &[String]) -> &[Normal] {
        self.sections.get(section).map_or(&[], Vec::as_slice)
    }

    fn is_met(&self, statement: &Statement) -> bool {
        let line = normal(statement.context, &statement.text);
        let words: Vec<&str> = line.text.split(' ').collect();
        let section = statement.section_key();
        is_never_shown(statement, &words)
            || self.holds(&section, &line)
            || self.elsewhere(statement.context, &section, &words)
            || self.in_other_words(&section, &words)
            || self.hidden.is_default(self, statement.context, &section, &words)
    }

    /// Lines that FRR takes in one section and prints in another.
    fn elsewhere(&self, context: Context, section: &[String], words: &[&str]) -> bool {
        if context == Context::Bgp && is_family_setting(words) {
            let mut family = section.to_vec();
            family.push("address-family ipv4 unicast".to_owned());
            let line = Normal { text: words.join(" "), sequence: None };
            return self.holds(&family, &line)
                || self.in_other_words(&family, words)
                || self.hidden.is_default(self, Context::AddressFamily, &family, words);
        }
        match words {
            [family @ ("ip" | "ipv6"), "route", rest @ .., "vrf", vrf] => {
                self.holds_text(&[format!("vrf {vrf}")], &format!("{family} route {}", rest.join(" ")))
            }
            _ => false,
        }
    }

    /// Lines that FRR prints as other lines.
    fn in_other_words(&self, section: &[String], words: &[&str]) -> bool {
        let has = |text: String| self.holds_text(section, &text);
        let starts = |start: String| self.lines(section).iter().any(|line| line.text.starts_with(&start));
        match words {
            ["debug", "bgp", "updates"] => {
                has("debug bgp updates in".into()) && has("debug bgp updates out".into())
            }
            ["echo-interval", ms] => {
                has(format!("echo receive-interval {ms}")) && has(format!("echo transmit-interval {ms}"))
            }
            ["neighbor", peer, "interface"] => starts(format!("neighbor {peer} interface ")),
            ["neighbor", peer, "interface", rest @ ..] => {
                has(format!("neighbor {peer} interface v6only {}", rest.join(" ")))
            }
            ["neighbor", peer, "remote-as", asn] => {
                has(format!("neighbor {peer} interface remote-as {asn}"))
                    || has(format!("neighbor {peer} interface v6only remote-as {asn}"))
            }
            ["neighbor", peer, "bfd"] => self.hidden.is_before_8() && starts(format!("neighbor {peer} bfd ")),
            ["no", rest @ ..] => self.hidden.is_absent(self, section, rest),
            _ => false,
        }
    }

    fn explain(&self, statement: &Statement, wanted: &[Statement]) -> MissingLine {
        let line = normal(statement.context, &statement.text);
        let section = statement.section_key();
        let kind = self
            .superseding(statement, &section, &line, wanted)
            .map(|by| MissingKind::Superseded { by })
            .or_else(|| self.misplaced(&section, &line, wanted))
            .unwrap_or(MissingKind::Absent);
        MissingLine {
            context: statement.path.clone(),
            line: statement.text.clone(),
            line_number_in_wanted: statement.number,
            kind,
        }
    }

    /// Another wanted line for the same slot that is in force, the last such.
    fn superseding(
        &self,
        statement: &Statement,
        section: &[String],
        line: &Normal,
        wanted: &[Statement],
    ) -> Option<usize> {
        let slot = normal::slot(line)?;
        let rivals = wanted
            .iter()
            .rev()
            .filter(|other| other.number != statement.number && other.section_key() == section);
        rivals
            .filter(|other| {
                let rival = normal(other.context, &other.text);
                rival != *line && normal::slot(&rival).as_ref() == Some(&slot)
            })
            .find(|other| self.is_met(other))
            .map(|other| other.number)
    }

    fn misplaced(&self, section: &[String], line: &Normal, wanted: &[Statement]) -> Option<MissingKind> {
        let wanted_there = |place: &[String]| {
            wanted
                .iter()
                .any(|other| other.section_key() == place && normal(other.context, &other.text) == *line)
        };
        let place = self.places.get(line)?.iter().find(|place| *place != section && !wanted_there(place))?;
        Some(MissingKind::Misplaced { found_in: place.clone() })
    }
}

/// Headers that FRR prints only when something is below them, and lines that only vtysh or the reader of the file
/// uses (`vtysh -f` keeps `hostname` to itself, and prints the system's). The lines below a header are checked on their own.
fn is_never_shown(statement: &Statement, words: &[&str]) -> bool {
    match statement.context {
        Context::Root => matches!(
            words,
            ["interface", ..]
                | ["vrf", _]
                | ["bfd"]
                | ["line", "vty"]
                | ["hostname" | "domainname", _]
                | ["frr", "version", ..]
                | ["service", "integrated-vtysh-config"]
        ),
        Context::Bgp => words[0] == "address-family",
        _ => false,
    }
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
