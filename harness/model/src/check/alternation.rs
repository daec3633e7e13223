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
    /// The entries of the inbound route map in the running configuration, in order (`permit 20`).
    pub route_map: Vec<String>,
    pub in_bgp_table: bool,
    pub in_kernel: bool,
    pub session: Option<SessionMark>,
}

impl Sample {
    fn permits(&self) -> bool {
        self.route_map.iter().any(|entry| entry.starts_with("permit"))
    }

    fn line(&self) -> String {
        let learnt = if self.in_kernel { "learnt" } else { "not learnt" };
        let map = if self.route_map.is_empty() { "no entry".to_string() } else { self.route_map.join(" + ") };
        format!("{} reloads: {map}, {learnt}", self.reloads)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AlternationConclusion {
    /// Every reload left the route map and the route alone.
    Absent,
    /// The entry flipped; the samples in words.
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
    if !first.permits() || !first.in_kernel {
        return Unclear(format!("the extras were not in effect to begin with ({story})"));
    }
    let marks: Vec<_> = samples.iter().filter_map(|s| s.session.as_ref()).collect();
    let steady = |m: &&SessionMark| m.established && m.dropped_count == marks[0].dropped_count;
    if marks.len() != samples.len() || !marks.iter().all(steady) {
        return Unclear(format!("the session was not up the whole time ({story})"));
    }
    if samples.iter().any(|s| !s.permits()) {
        return Present(story);
    }
    match samples.iter().find(|s| !s.in_kernel) {
        Some(_) => Unclear(format!("a route vanished although the route map permits it ({story})")),
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
        Sample {
            reloads,
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
