//! How long convergences took in two runs, as a ratio.
//!
//! The same router needs another time in every run: detection counts from the last packet before the fault, so that a
//! multiplier of 3 (RFC 5880, section 6.8.4; a hold time of three keepalives, RFC 4271, section 4.4) gives anything from two to
//! three intervals, and intervals are shortened by up to a quarter at random (RFC 5880, section 6.8.7; RFC 4271, section 10).
//! Together that is a factor of 3 / (2 * 0.75) = 2 at most, and beyond it the two routers differ. Below [`SLACK`] it is the
//! host's scheduling that is measured.

use std::collections::BTreeMap;

use super::Change;
use super::facts::Kind;
use crate::result::{Outcome, RunResult};

/// Twice as long is what timers alone make.
const RATIO: f64 = 2.0;
/// In milliseconds. Links that go down and sessions that are closed are noticed at once; a busy host adds tens.
const SLACK: f64 = 50.0;

/// Step, by index and name -> milliseconds from the change to the final state.
pub(super) type Took = BTreeMap<(usize, String), f64>;

/// Of the convergences that reached their final state.
pub(super) fn took(result: &RunResult) -> Took {
    let steps = result.steps.iter().enumerate().filter(|(_, step)| step.outcome == Outcome::Passed);
    let took = steps.filter_map(|(index, step)| {
        let stages =
            step.evidence.iter().find(|evidence| evidence.what == "convergence")?.value.as_array()?;
        Some(((index, step.name.clone()), stages.last()?.get("after_ms")?.as_f64()?))
    });
    took.collect()
}

/// Those that took clearly longer on one side.
pub(super) fn changes(a: &Took, b: &Took) -> Vec<Change> {
    let both = a.iter().filter_map(|(step, a)| Some((step, *a, *b.get(step)?)));
    let differ = both.filter(|(_, a, b)| a.max(*b) > RATIO * a.min(*b) && (a - b).abs() > SLACK);
    let change = |((index, name), a, b): (&(usize, String), f64, f64)| {
        let times = match a.min(b) {
            0.0 => String::new(),
            least => format!(" ({:.1} times)", a.max(b) / least),
        };
        let shown = |ms: f64| vec![format!("{ms:.1} ms{}", if ms == a.max(b) { times.as_str() } else { "" })];
        Change { kind: Kind::Convergence, subject: format!("{} {name}", index + 1), a: shown(a), b: shown(b) }
    };
    differ.map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(ms: f64) -> Took {
        [((3, "172.16.1.0/24 of worker converges to gw1".to_string()), ms)].into()
    }

    #[test]
    fn more_than_timers_make_is_a_difference() {
        let shown = |a: f64, b: f64| {
            let lines = changes(&of(a), &of(b)).into_iter();
            lines.map(|c| format!("{}: {} | {}", c.subject, c.a.concat(), c.b.concat())).collect::<String>()
        };
        insta::assert_snapshot!(shown(250.0, 900.0), @"4 172.16.1.0/24 of worker converges to gw1: 250.0 ms | 900.0 ms (3.6 times)");
        insta::assert_snapshot!(shown(900.0, 0.0), @"4 172.16.1.0/24 of worker converges to gw1: 900.0 ms | 0.0 ms");
        assert_eq!(shown(2000.0, 3900.0), "", "keepalives' phase and jitter");
        assert_eq!(shown(2.0, 40.0), "", "too short to tell");
        assert_eq!(
            changes(&of(1.0), &Took::new()),
            [],
            "a step that only one side did is told by its outcome"
        );
    }
}
