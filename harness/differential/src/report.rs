//! What was found, for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;
use similar::TextDiff;

use crate::campaign::{self, Disagreement};
use crate::verdict::Verdict;
use crate::{addresses, schemas};

/// What was found of each release and mode.
pub type Findings = BTreeMap<String, Finding>;

/// What was found of one; what was not asked for is missing.
#[derive(Debug, Default, Serialize)]
pub struct Finding {
    pub conf: Option<campaign::Tally>,
    pub addresses: Option<addresses::Tally>,
    pub schemas: Option<schemas::Tally>,
}

impl Finding {
    pub fn disagrees(&self) -> bool {
        self.conf.as_ref().is_some_and(|t| !t.disagreements.is_empty())
            || self.addresses.as_ref().is_some_and(|t| !t.disagreements.is_empty())
            || self.schemas.as_ref().is_some_and(|t| !t.disagreements.is_empty())
    }

    pub fn is_inconclusive(&self) -> bool {
        self.conf.as_ref().is_some_and(|t| !t.inconclusive.is_empty())
            || self.addresses.as_ref().is_some_and(|t| !t.inconclusive.is_empty())
    }

    pub fn compared(&self) -> bool {
        self.conf.is_some() || self.addresses.is_some() || self.schemas.is_some()
    }

    /// Refusals alone prove little.
    pub fn is_empty(&self) -> bool {
        self.conf.as_ref().is_some_and(|t| t.bytes + t.modulo_order == 0)
            || self.addresses.as_ref().is_some_and(|t| t.assigned == 0)
            || self.schemas.as_ref().is_some_and(|t| t.refused == 0 || t.accepted == 0)
    }
}

/// Lines for each release, then each disagreement with its objects.
pub fn text(found: &Findings) -> String {
    let mut out = String::new();
    for (name, finding) in found {
        summary(&mut out, name, finding);
    }
    for (name, finding) in found {
        details(&mut out, name, finding);
    }
    out
}

fn summary(out: &mut String, name: &str, finding: &Finding) {
    // Writing to a String cannot fail.
    if let Some(t) = &finding.conf {
        let _ = writeln!(
            out,
            "{name:16} frr.conf:  {:4} byte-equal, {:3} equal but for the order ({} with prefixes, {} after another answer), {:4} refused by both, {:3} disagreements, {:2} inconclusive",
            t.bytes,
            t.modulo_order,
            t.announcing,
            t.unsteady,
            t.refusals.len(),
            t.disagreements.len(),
            t.inconclusive.len()
        );
    }
    if let Some(t) = &finding.addresses {
        let _ = writeln!(
            out,
            "{name:16} addresses: {:4} Services equal ({} with addresses, {} by another order of pools), {:3} disagreements, {:2} inconclusive",
            t.equal,
            t.assigned,
            t.by_another_order,
            t.disagreements.len(),
            t.inconclusive.len()
        );
    }
    if let Some(t) = &finding.schemas {
        let _ = writeln!(
            out,
            "{name:16} schemas:   {:4} objects refused by both, {:3} accepted by both, {:3} disagreements",
            t.refused,
            t.accepted,
            t.disagreements.len()
        );
    }
}

fn details(out: &mut String, name: &str, finding: &Finding) {
    let conf = finding.conf.iter().flat_map(|t| &t.inconclusive);
    let addresses = finding.addresses.iter().flat_map(|t| &t.inconclusive);
    for (case, why) in conf.chain(addresses) {
        let _ = writeln!(out, "\ninconclusive: {name} case {case}: {why}");
    }
    for d in finding.conf.iter().flat_map(|t| &t.disagreements) {
        out.push_str(&disagreement(d));
    }
    for d in finding.addresses.iter().flat_map(|t| &t.disagreements) {
        let _ = writeln!(out, "\n=== {name} addresses of case {}", d.case);
        d.objects.iter().for_each(|object| _ = writeln!(out, "{object}"));
        for s in &d.services {
            let _ = writeln!(out, "{}: MetalLB {:?}, routeproof {:?}", s.service, s.theirs, s.ours);
        }
    }
    for d in finding.schemas.iter().flat_map(|t| &t.disagreements) {
        let reason = |r: &Option<String>| r.clone().unwrap_or_else(|| "accepts it".to_owned());
        let _ = writeln!(out, "\n=== {name} {} with {}", d.kind, d.what);
        let _ = writeln!(out, "--- {name}: {}\n+++ routeproof: {}", reason(&d.theirs), reason(&d.ours));
    }
}

fn disagreement(d: &Disagreement) -> String {
    let mut out = format!("\n=== {} case {} (made smaller {} times)\n", d.release, d.case, d.shrunk);
    for object in &d.judged.objects {
        let _ = writeln!(out, "{object}");
    }
    let (ours, theirs) = (&d.judged.ours, &d.judged.theirs);
    match (ours.text(), theirs.text()) {
        (Some(ours), Some(theirs)) => {
            let diff = TextDiff::from_lines(theirs.as_str(), ours.as_str());
            let _ = write!(out, "{}", diff.unified_diff().context_radius(2).header(&d.release, "routeproof"));
        }
        _ => {
            let _ = writeln!(out, "--- {}: {}\n+++ routeproof: {}", d.release, brief(theirs), brief(ours));
        }
    }
    out
}

fn brief(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Conf { conf, .. } => format!("writes a configuration of {} lines", conf.lines().count()),
        Verdict::Silent => "writes nothing".to_owned(),
        Verdict::Refused(reason) => format!("refuses: {reason}"),
    }
}
