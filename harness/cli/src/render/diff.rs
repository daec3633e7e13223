//! A comparison as people read it: like a unified diff, one line a fact.

use anstyle::{AnsiColor, Style};

use crate::cmd::diff::{Lonely, Output, Pair};
use routeproof_model::diff::Change;

const REMOVED: Style = AnsiColor::Red.on_default();
const ADDED: Style = AnsiColor::Green.on_default();
const PLACE: Style = AnsiColor::Cyan.on_default();

pub fn text(output: &Output, with_times: bool) -> String {
    let mut text = String::new();
    for pair in &output.pairs {
        text.push_str(&one(pair, with_times));
    }
    for (side, lonely) in [("first", &output.only_a), ("second", &output.only_b)] {
        text.extend(lonely.iter().map(|l| unpaired(side, l)));
    }
    let several = output.pairs.len() > 1 || !output.only_a.is_empty() || !output.only_b.is_empty();
    if several {
        let identical = output.pairs.iter().filter(|p| p.identical).count();
        let different = output.pairs.len() - identical;
        let alone = output.only_a.len() + output.only_b.len();
        text.push_str(&format!("{identical} identical, {different} different, {alone} not compared\n"));
    }
    text
}

fn one(pair: &Pair, with_times: bool) -> String {
    let name = match pair.a.run == pair.b.run {
        true => pair.a.run.to_string(),
        false => format!("{} and {}", pair.a.run, pair.b.run),
    };
    let mut text = match pair.identical {
        true => format!("identical: {name}\n"),
        false => {
            let heads = [(REMOVED, "---", &pair.a), (ADDED, "+++", &pair.b)];
            heads
                .iter()
                .map(|(style, mark, side)| {
                    format!("{style}{mark} {}  ({}){style:#}\n", side.run, side.folder.display())
                })
                .collect()
        }
    };
    text.push_str(&section("run", &pair.difference.run));
    text.extend(pair.difference.nodes.iter().map(|(node, changes)| section(node, changes)));
    if with_times {
        text.extend(pair.times.iter().map(|t| format!("~ {}: {} ms, {} ms\n", t.step, t.a_ms, t.b_ms)));
    }
    text
}

fn section(place: &str, changes: &[Change]) -> String {
    if changes.is_empty() {
        return String::new();
    }
    let mut text = format!("{PLACE}@@ {place}{PLACE:#}\n");
    for change in changes {
        for (style, mark, values) in [(REMOVED, '-', &change.a), (ADDED, '+', &change.b)] {
            text.extend(values.iter().map(|value| {
                format!("{style}{mark} {} {}: {value}{style:#}\n", change.kind, change.subject)
            }));
        }
    }
    text
}

fn unpaired(side: &str, lonely: &Lonely) -> String {
    format!("only in the {side}: {}: {}\n", lonely.run, lonely.why)
}
