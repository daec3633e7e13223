//! What a campaign found, for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use similar::TextDiff;

use crate::campaign::{Disagreement, Tally};
use crate::verdict::Verdict;

/// A line for each release, then each disagreement with its objects.
pub fn text(tallies: &BTreeMap<&'static str, Tally>) -> String {
    let mut out = String::new();
    for (release, t) in tallies {
        // Writing to a String cannot fail.
        let _ = writeln!(
            out,
            "{release:9} {:4} byte-equal, {:3} equal but for the order ({} with prefixes, {} after another answer), {:4} refused by both, {:3} disagreements, {:2} inconclusive",
            t.bytes,
            t.modulo_order,
            t.announcing,
            t.unsteady,
            t.refusals.len(),
            t.disagreements.len(),
            t.inconclusive.len()
        );
    }
    for (case, why) in tallies.values().flat_map(|t| &t.inconclusive) {
        let _ = writeln!(out, "\ninconclusive: case {case}: {why}");
    }
    for d in tallies.values().flat_map(|t| &t.disagreements) {
        out.push_str(&disagreement(d));
    }
    out
}

fn disagreement(d: &Disagreement) -> String {
    let mut out = format!("\n=== {} case {} (made smaller {} times)\n", d.release, d.case, d.shrunk);
    for object in &d.judged.objects {
        let _ = writeln!(out, "{object}");
    }
    match (&d.judged.ours, &d.judged.theirs) {
        (Verdict::Conf(ours), Verdict::Conf(theirs)) => {
            let diff = TextDiff::from_lines(theirs.as_str(), ours.as_str());
            let _ = write!(out, "{}", diff.unified_diff().context_radius(2).header(d.release, "routeproof"));
        }
        (ours, theirs) => {
            let _ = writeln!(out, "--- {}: {}\n+++ routeproof: {}", d.release, brief(theirs), brief(ours));
        }
    }
    out
}

fn brief(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Conf(text) => format!("writes a configuration of {} lines", text.lines().count()),
        Verdict::Refused(reason) => format!("refuses: {reason}"),
    }
}
