//! A line of a prefix list: FRR's grammar, and what it refuses beyond that.
//!
//! Measured on FRR 7.5.1, 8.4.4 and 10.3: the condition is `length <= ge <= le`, so `ge` and `le` may equal the prefix's length;
//! `any` takes neither; `le` beyond 32 or 128 is no command at all.

use std::net::IpAddr;

use ipnet::IpNet;

use super::catalogue::Rule;
use super::finding::{Draft, Place};
use super::line::Line;
use crate::diag::nearest;
use crate::metallb::frrconf::Family;

/// Which prefixes a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    /// Without host bits.
    pub net: IpNet,
    /// The lengths that fit.
    pub lengths: (u8, u8),
}

impl Range {
    /// Whether it has every prefix of the other.
    pub fn covers(&self, other: &Self) -> bool {
        self.net.contains(&other.net)
            && self.lengths.0 <= other.lengths.0
            && other.lengths.1 <= self.lengths.1
    }
}

/// A line of a prefix list that FRR takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ListLine {
    pub place: Place,
    pub family: Family,
    pub name: String,
    pub sequence: Option<u32>,
    pub permits: bool,
    pub range: Range,
    /// As written, from `ip` to the end.
    pub text: String,
}

/// The rest of the line behind the list's name, while it is read.
struct Reader<'l> {
    line: &'l Line,
    family: Family,
    at: usize,
}

/// Reads `ip prefix-list NAME ...` (not `description`); remarks go to `out`. `None`: FRR refuses the line.
pub(super) fn read(line: &Line, family: Family, out: &mut Vec<Draft>) -> Option<ListLine> {
    let mut reader = Reader { line, family, at: 3 };
    match reader.read(out) {
        Ok(read) => Some(read),
        Err(draft) => {
            out.push(*draft);
            None
        }
    }
}

type Refused = Box<Draft>;

impl Reader<'_> {
    fn word(&self) -> Option<&str> {
        self.line.words.get(self.at).map(|w| w.text.as_str())
    }

    fn refused(&self, message: impl Into<String>, fix: impl Into<String>) -> Refused {
        Box::new(rejected(self.line.place(self.at), message, fix))
    }

    fn read(&mut self, out: &mut Vec<Draft>) -> Result<ListLine, Refused> {
        let name = self.line.words[2].text.clone();
        let sequence = self.sequence()?;
        let permits = self.action()?;
        let (range, family) = self.range(out)?;
        if let Some(more) = self.word() {
            let fix = match more {
                m if m.starts_with(['#', '!']) => "put the comment on a line of its own",
                _ => "leave out what follows",
            };
            return Err(self.refused(format!("FRR refuses this line: `{more}` does not belong in it"), fix));
        }
        let text = self.line.text();
        Ok(ListLine { place: self.line.place(0), family, name, sequence, permits, range, text })
    }

    fn sequence(&mut self) -> Result<Option<u32>, Refused> {
        if self.word() != Some("seq") {
            return Ok(None);
        }
        self.at += 1;
        match self.word().and_then(|w| w.parse::<u32>().ok()).filter(|n| *n > 0) {
            Some(number) => {
                self.at += 1;
                Ok(Some(number))
            }
            None => Err(self.refused(
                "FRR refuses this line: `seq` needs a number from 1 to 4294967295",
                "number the list's lines 5, 10, 15, ...",
            )),
        }
    }

    fn action(&mut self) -> Result<bool, Refused> {
        let permits = match self.word() {
            Some("permit") => true,
            Some("deny") => false,
            found => {
                let near = found.and_then(|w| nearest(w, ["permit", "deny", "seq"]));
                let here = found.map_or("the line ends".to_owned(), |w| format!("`{w}` stands there"));
                let fix = match near {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "write `permit` (or `deny`) before the prefix".to_owned(),
                };
                let message = format!("FRR refuses this line: it needs `permit` or `deny` here, and {here}");
                return Err(self.refused(message, fix));
            }
        };
        self.at += 1;
        Ok(permits)
    }

    fn range(&mut self, out: &mut Vec<Draft>) -> Result<(Range, Family), Refused> {
        if self.word() == Some("any") {
            self.at += 1;
            let range = Range { net: everything(self.family), lengths: (0, bits(self.family)) };
            return match self.word() {
                Some(w @ ("ge" | "le")) => {
                    let message = format!("FRR refuses this line: `any` takes no `{w}`");
                    let all = everything(self.family);
                    Err(self.refused(message, format!("write `{all}` instead of `any`")))
                }
                _ => Ok((range, self.family)),
            };
        }
        let (net, family) = self.prefix(out)?;
        let place = self.line.place(self.at);
        let (ge, le) = self.bounds(family)?;
        let length = net.prefix_len();
        let low = ge.unwrap_or(length);
        let high = le.unwrap_or(if ge.is_some() { bits(family) } else { length });
        if length <= low && low <= high {
            return Ok((Range { net: net.trunc(), lengths: (low, high) }, family));
        }
        Err(Box::new(bad_range(place, net, ge, le)))
    }

    fn prefix(&mut self, out: &mut Vec<Draft>) -> Result<(IpNet, Family), Refused> {
        let Some(written) = self.word().map(str::to_owned) else {
            return Err(self.refused(
                "FRR refuses this line: it ends before the prefix",
                "add a prefix, for instance `172.16.0.0/16`, or `any`",
            ));
        };
        let Some(net) = read_net(&written) else { return Err(self.no_prefix(&written)) };
        let family = if net.addr().is_ipv4() { Family::Ipv4 } else { Family::Ipv6 };
        let (place, name) = (self.line.place(self.at), &self.line.words[2].text);
        match (self.family, family) {
            (Family::Ipv6, Family::Ipv4) => {
                let message = format!("FRR refuses this line: `{written}` is no IPv6 prefix");
                return Err(self.refused(message, "write `ip prefix-list` for IPv4 prefixes"));
            }
            (Family::Ipv4, Family::Ipv6) => out.push(
                Draft::new(
                    Rule::PrefixFamily,
                    place,
                    format!("`{written}` is an IPv6 prefix in an `ip prefix-list`"),
                )
                .because(format!(
                    "FRR takes `ip` for a short `ipv6` here: the line ends up in `ipv6 prefix-list {name}`, which \
                     `match ip address` does not look at"
                ))
                .fix(format!("write `ipv6 prefix-list {name}`, and `match ipv6 address prefix-list {name}`")),
            ),
            _ => out.extend(spelling(place, &written, net)),
        }
        self.at += 1;
        Ok((net, family))
    }

    fn no_prefix(&self, written: &str) -> Refused {
        if let Ok(address) = written.parse::<IpAddr>() {
            let host = IpNet::from(address);
            let message = format!("FRR refuses this line: `{written}` has no prefix length");
            return self
                .refused(message, format!("write `{host}` for the address alone, or the length you mean"));
        }
        if let Some((Ok(address), length)) = written.split_once('/').map(|(a, l)| (a.parse::<IpAddr>(), l)) {
            let most = if address.is_ipv4() { 32 } else { 128 };
            let rule = Draft::new(
                Rule::PrefixRange,
                self.line.place(self.at),
                format!("FRR refuses this line: `/{length}` is no length from 0 to {most}"),
            );
            return Box::new(rule.because(REFUSAL).fix(format!("write a length up to {most}")));
        }
        let example = if self.family == Family::Ipv4 { "172.16.0.0/16" } else { "fc00:172:16::/48" };
        let message = format!("FRR refuses this line: `{written}` is no prefix");
        self.refused(message, format!("write a prefix, for instance `{example}`, or `any`"))
    }

    /// `ge N` and `le N`, each once, in either order.
    fn bounds(&mut self, family: Family) -> Result<(Option<u8>, Option<u8>), Refused> {
        let (mut ge, mut le) = (None, None);
        while let Some(word @ ("ge" | "le")) = self.word() {
            let (is_ge, word) = (word == "ge", word.to_owned());
            let bound = if is_ge { &mut ge } else { &mut le };
            if bound.is_some() {
                return Err(self.refused(
                    format!("FRR refuses this line: `{word}` stands in it twice"),
                    format!("keep one `{word}`"),
                ));
            }
            let (place, most) = (self.line.place(self.at), bits(family));
            self.at += 1;
            let number = self.word().and_then(|w| w.parse::<u8>().ok()).filter(|n| *n <= most);
            let Some(number) = number else {
                let message = format!("FRR refuses this line: `{word}` needs a length from 0 to {most}");
                let draft = Draft::new(Rule::PrefixRange, place, message).because(REFUSAL);
                return Err(Box::new(draft.fix(format!("write `{word} {most}` for all lengths"))));
            };
            *bound = Some(number);
            self.at += 1;
        }
        Ok((ge, le))
    }
}

const REFUSAL: &str = "FRR checks the whole file before a reload, so that one line that it does not know keeps every later change \
     of MetalLB's from the node, too";

/// A line that is no command of FRR's.
pub(super) fn rejected(place: Place, message: impl Into<String>, fix: impl Into<String>) -> Draft {
    Draft::new(Rule::RejectedLine, place, message).because(REFUSAL).fix(fix)
}

fn bad_range(place: Place, net: IpNet, ge: Option<u8>, le: Option<u8>) -> Draft {
    let length = net.prefix_len();
    let (what, fix) = match (ge, le) {
        (Some(g), _) if g < length => (
            format!("`ge {g}` is shorter than the prefix's own length, {length}"),
            format!("write a `ge` from {length} on, or leave it out"),
        ),
        (Some(g), Some(l)) if g > l => {
            (format!("`ge {g}` is longer than `le {l}`"), format!("swap them: `ge {l} le {g}`"))
        }
        (_, l) => (
            format!("`le {}` is shorter than the prefix's own length, {length}", l.unwrap_or_default()),
            format!("write a `le` from {length} on, or leave it out"),
        ),
    };
    Draft::new(Rule::PrefixRange, place, format!("no prefix fits: {what}"))
        .because("FRR wants length <= ge <= le and refuses the line, but only while it reloads: the list is without it")
        .fix(fix)
}

/// As FRR reads it: zeros may lead the length.
fn read_net(text: &str) -> Option<IpNet> {
    let (address, length) = text.split_once('/')?;
    let is_number = !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit());
    IpNet::new(address.parse().ok()?, length.parse().ok().filter(|_| is_number)?).ok()
}

/// FRR prints prefixes without host bits and IPv6 in its shortest form.
fn spelling(place: Place, written: &str, net: IpNet) -> Option<Draft> {
    let kept = net.trunc();
    if written == kept.to_string() || !differs(written, net) {
        return None;
    }
    let draft = match net == kept {
        false => Draft::new(Rule::PrefixSpelling, place, format!("`{written}` has bits beyond its length"))
            .because(format!("FRR cuts them off without a word and matches `{kept}`"))
            .fix(format!(
                "write `{kept}`, or `{}` if the address alone is meant",
                IpNet::from(net.addr())
            )),
        true => Draft::new(Rule::PrefixSpelling, place, format!("FRR spells `{written}` as `{kept}`"))
            .because(
                "frr-reload.py compares texts: from FRR 8 on it takes the line out and puts it back at each reload",
            )
            .fix(format!("write `{kept}`")),
    };
    Some(draft)
}

/// Rust and FRR do not spell IPv4-mapped addresses alike: what only differs in that is left alone.
fn differs(written: &str, net: IpNet) -> bool {
    net != net.trunc() || !written.contains('.') || net.addr().is_ipv4()
}

pub(super) fn bits(family: Family) -> u8 {
    match family {
        Family::Ipv4 => 32,
        Family::Ipv6 => 128,
    }
}

fn everything(family: Family) -> IpNet {
    match family {
        Family::Ipv4 => IpNet::from(ipnet::Ipv4Net::default()),
        Family::Ipv6 => IpNet::from(ipnet::Ipv6Net::default()),
    }
}
