//! The signature of the alternating extras: MetalLB's file holds `deny 20` (rendered) and `permit 20` (extras) for the
//! same route-map entry. frr-reload.py compares lines, so each reload adds whichever spelling the running configuration
//! lacks, and the entry flips.

use serde::{Deserialize, Serialize};

use super::SessionMark;

/// What a node held after one reload.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sample {
    /// How many reloads the node had seen.
    pub reloads: usize,
    /// The entries of the inbound route map in the node's frr.conf, in order (`deny 20`, `permit 20`).
    pub written: Vec<String>,
    /// The same in the running configuration, which holds one entry a sequence number.
    pub route_map: Vec<String>,
    pub in_bgp_table: bool,
    pub in_kernel: bool,
    pub session: Option<SessionMark>,
}

impl Sample {
    fn permits(&self) -> bool {
        self.route_map.iter().any(|entry| entry.starts_with("permit"))
    }

    /// Whether frr.conf both denies and permits with one sequence number.
    fn is_spelt_twice(&self) -> bool {
        let sequences = |action: &str| {
            let of = |entry: &String| entry.strip_prefix(action).map(|seq| seq.trim().to_string());
            self.written.iter().filter_map(of).collect::<Vec<_>>()
        };
        let permitted = sequences("permit");
        sequences("deny").iter().any(|sequence| permitted.contains(sequence))
    }

    fn line(&self) -> String {
        let learnt = if self.in_kernel { "learnt" } else { "not learnt" };
        let map = if self.route_map.is_empty() { "no entry".to_string() } else { self.route_map.join(" + ") };
        format!("{} reloads: {map}, {learnt}", self.reloads)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlternationConclusion {
    /// Every reload left the route map alone, and the route was there throughout.
    Absent,
    /// The entry, which frr.conf spells twice, flipped from one sample to the next; the samples in words.
    Present(String),
    Unclear(String),
}

pub fn alternation(samples: &[Sample]) -> AlternationConclusion {
    use AlternationConclusion::{Absent, Present, Unclear};
    let lines: Vec<String> = samples.iter().map(Sample::line).collect();
    let story = lines.join("; ");
    let (Some(first), true) = (samples.first(), samples.len() >= 2) else {
        return Unclear("fewer than two samples: nothing was reloaded in between".to_string());
    };
    if samples.windows(2).any(|pair| pair[1].reloads <= pair[0].reloads) {
        return Unclear(format!("no reload between two samples ({story})"));
    }
    if samples.iter().any(|s| s.written != first.written) {
        return Unclear(format!("frr.conf itself changed the route map in between ({story})"));
    }
    let marks: Vec<_> = samples.iter().filter_map(|s| s.session.as_ref()).collect();
    let steady = |m: &&SessionMark| m.established && m.dropped_count == marks[0].dropped_count;
    if marks.len() != samples.len() || !marks.iter().all(steady) {
        return Unclear(format!("the session was not up the whole time ({story})"));
    }
    if samples.windows(2).any(|pair| pair[0].permits() != pair[1].permits()) {
        return match first.is_spelt_twice() {
            true => Present(story),
            false => Unclear(format!("the entry flips although frr.conf spells it only once ({story})")),
        };
    }
    match samples.iter().find(|s| !s.in_kernel) {
        Some(s) if s.permits() => {
            Unclear(format!("a route is missing although the route map permits it ({story})"))
        }
        Some(_) => Unclear(format!("the extras were not in effect at any time ({story})")),
        None => Absent,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(reloads: usize, entry: &str, in_kernel: bool) -> Sample {
        let session = SessionMark {
            established: true,
            established_count: 1,
            dropped_count: 0,
            refresh_sent: 2,
            refresh_offered: true,
            uptime_ms: 9_000,
        };
        let extras = if entry.ends_with("20") { "permit 20" } else { entry };
        Sample {
            reloads,
            written: vec!["deny 20".into(), extras.into()],
            route_map: vec![entry.into()],
            in_bgp_table: in_kernel,
            in_kernel,
            session: Some(session),
        }
    }

    #[test]
    fn flips_are_the_bug_with_and_without_withdrawal() {
        let withdrawn =
            [sample(0, "permit 20", true), sample(1, "deny 20", false), sample(2, "permit 20", true)];
        assert!(matches!(alternation(&withdrawn), AlternationConclusion::Present(_)));
        // FRR 7.5 keeps the stale route, because the flip is not notified.
        let stale = [sample(0, "permit 20", true), sample(1, "deny 20", true)];
        assert!(matches!(alternation(&stale), AlternationConclusion::Present(_)));
        // Extras that were there before the peer: its reload has put `deny 20` back.
        let overridden = [sample(2, "deny 20", false), sample(3, "permit 20", true)];
        assert!(matches!(alternation(&overridden), AlternationConclusion::Present(_)));
    }

    #[test]
    fn a_change_that_somebody_made_is_no_flip() {
        let mut changed = [sample(0, "deny 20", false), sample(1, "permit 20", true)];
        changed[0].written.pop();
        assert!(
            matches!(alternation(&changed), AlternationConclusion::Unclear(why) if why.contains("changed"))
        );
        let mut spelt_once = changed;
        spelt_once[1].written = spelt_once[0].written.clone();
        assert!(
            matches!(alternation(&spelt_once), AlternationConclusion::Unclear(why) if why.contains("once"))
        );
    }

    #[test]
    fn stable_only_if_sampled_reloaded_and_learnt_throughout() {
        let stable =
            [sample(0, "permit 10", true), sample(1, "permit 10", true), sample(2, "permit 10", true)];
        assert_eq!(alternation(&stable), AlternationConclusion::Absent);
        assert!(matches!(alternation(&stable[..1]), AlternationConclusion::Unclear(_)));
        let not_reloaded = [sample(1, "permit 10", true), sample(1, "permit 10", true)];
        assert!(matches!(alternation(&not_reloaded), AlternationConclusion::Unclear(_)));
        let never_learnt = [sample(0, "deny 20", false), sample(1, "deny 20", false)];
        assert!(matches!(alternation(&never_learnt), AlternationConclusion::Unclear(_)));
        let lost = [sample(0, "permit 10", true), sample(1, "permit 10", false)];
        assert!(matches!(alternation(&lost), AlternationConclusion::Unclear(_)));
    }
}
