//! The extras' lines as words with their columns, and commands that are cut short written out.

use super::finding::Place;

/// A word and its column, from 1, in characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub text: String,
    pub column: usize,
    /// What was written, where that was an abbreviation.
    pub short: Option<String>,
}

/// A line with its words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// From 1.
    pub number: usize,
    pub words: Vec<Word>,
}

impl Line {
    pub fn new(number: usize, text: &str) -> Self {
        let mut words: Vec<Word> = Vec::new();
        let mut open = false;
        for (index, c) in text.chars().enumerate() {
            match (c.is_whitespace(), words.last_mut().filter(|_| open)) {
                (true, _) => open = false,
                (false, Some(word)) => word.text.push(c),
                (false, None) => {
                    words.push(Word { text: c.to_string(), column: index + 1, short: None });
                    open = true;
                }
            }
        }
        Self { number, words }
    }

    pub fn texts(&self) -> Vec<&str> {
        self.words.iter().map(|w| w.text.as_str()).collect()
    }

    pub fn text(&self) -> String {
        self.texts().join(" ")
    }

    /// The place of a word; behind the last word where there is none.
    pub fn place(&self, word: usize) -> Place {
        let end = || self.words.last().map_or(1, |w| w.column);
        Place { line: self.number, column: self.words.get(word).map_or_else(end, |w| w.column) }
    }

    /// The first word that was cut short, with its place.
    pub fn abbreviation(&self) -> Option<(&Word, Place)> {
        let at = self.words.iter().position(|w| w.short.is_some())?;
        Some((&self.words[at], self.place(at)))
    }

    /// Writes out the commands of the contract where they are cut short, as FRR reads them: a beginning that fits one command only.
    pub fn written_out(mut self) -> Self {
        let Some(first) = self.words.first().map(|w| w.text.clone()) else { return self };
        if first.starts_with(['!', '#']) {
            return self;
        }
        self.expand(0, &["route-map", "router", "router-id", "match", "mac", "mpls", "ip", "ipv6"]);
        match self.word(0) {
            "ip" | "ipv6" => {
                self.expand(1, &["prefix-list", "protocol", "forwarding", "route", "router", "nht"]);
                if self.word(1) == "prefix-list" {
                    self.expand(3, &["seq", "permit", "deny", "description"]);
                    self.expand(5, &["permit", "deny"]);
                }
            }
            "route-map" => self.expand(2, &["permit", "deny", "optimization"]),
            "match" => {
                // Some versions have `peer`, some more: only what is in all of them is written out.
                if matches!(self.word(1), "ip" | "ipv6") {
                    self.expand(2, &["address", "next-hop", "route-source"]);
                    // With one word behind it is a list's name or a length; alone it is itself the name of an access list.
                    let is_number = self.word(4).parse::<u32>().is_ok();
                    if self.words.len() == 5 && self.word(2) == "address" {
                        self.expand(3, if is_number { &["prefix-len"] } else { &["prefix-list"] });
                    }
                }
            }
            _ => {}
        }
        self
    }

    fn word(&self, at: usize) -> &str {
        self.words.get(at).map_or("", |w| &w.text)
    }

    fn expand(&mut self, at: usize, known: &[&str]) {
        let Some(word) = self.words.get_mut(at) else { return };
        if known.contains(&word.text.as_str()) {
            return;
        }
        let mut fitting = known.iter().filter(|k| k.starts_with(&word.text));
        if let (Some(full), None) = (fitting.next(), fitting.next()) {
            word.short = Some(std::mem::replace(&mut word.text, (*full).to_owned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_know_their_columns() {
        let line = Line::new(3, "  match\tip  address\r");
        assert_eq!(line.texts(), ["match", "ip", "address"]);
        assert_eq!([0, 1, 2].map(|w| line.place(w).column), [3, 9, 13]);
        assert_eq!(line.place(9), Place { line: 3, column: 13 });
    }

    #[test]
    fn what_fits_one_command_is_written_out() {
        let out = |text: &str| Line::new(1, text).written_out().text();
        assert_eq!(out("ip prefix-l a se 5 p any"), "ip prefix-list a seq 5 permit any");
        assert_eq!(out("route-m x-in p 10"), "route-map x-in permit 10");
        assert_eq!(out("match ip addr prefix-list a"), "match ip address prefix-list a");
        assert_eq!(out("match ip address prefix-l a"), "match ip address prefix-list a");
        assert_eq!(out("match ip address prefix-l 24"), "match ip address prefix-len 24");
        // Ambiguous, or no command at all: FRR refuses the first; the second names an access list.
        assert_eq!(out("route x"), "route x");
        assert_eq!(out("match ip address pre"), "match ip address pre");
        assert_eq!(out("! ip prefix-l"), "! ip prefix-l");
    }
}
