//! What a user claims of the rate of failures.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::interval::{Interval, always, wilson};

/// "Fails in at most 1 % of the repeats."
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Claim {
    pub bound: Bound,
    /// From 0 to 1.
    pub rate: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Bound {
    /// It is rare: what a fix must show.
    AtMost,
    /// It does happen: what a reproduction must show.
    AtLeast,
}

/// No rate.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a percentage between 0 and 100, for instance 1% or 0.5%")]
pub struct ClaimError {
    given: String,
}

impl Claim {
    /// Reads the rate, a percentage with or without its sign.
    ///
    /// # Errors
    /// It is none, or outside of 0 to 100.
    pub fn parse(bound: Bound, text: &str) -> Result<Claim, ClaimError> {
        let wrong = || ClaimError { given: text.to_string() };
        let number = text.trim().trim_end_matches('%').trim_end();
        let percent: f64 = number.parse().map_err(|_| wrong())?;
        match (0.0..=100.0).contains(&percent) {
            true => Ok(Claim { bound, rate: percent / 100.0 }),
            false => Err(wrong()),
        }
    }

    /// Whether it is so, as soon as the interval leaves no doubt.
    pub fn decided(&self, interval: &Interval) -> Option<bool> {
        let (below, above) = (interval.high <= self.rate, interval.low > self.rate);
        match self.bound {
            Bound::AtMost if below => Some(true),
            Bound::AtMost => above.then_some(false),
            Bound::AtLeast if interval.low >= self.rate => Some(true),
            Bound::AtLeast => (interval.high < self.rate).then_some(false),
        }
    }
}

impl Claim {
    /// The fewest repeats that can show it, if all of them go as claimed; `None` for a claim that none can (at most 0 %, at least 100 %).
    pub fn repeats_needed(&self, any_time: bool) -> Option<usize> {
        let of = if any_time { always } else { wilson };
        let shows = |n: usize| {
            let interval = of(if self.bound == Bound::AtMost { 0 } else { n }, n);
            self.decided(&interval) == Some(true)
        };
        let enough = (0..).map(|power| 1 << power).take_while(|n| *n <= MOST_REPEATS).find(|n| shows(*n))?;
        let (mut few, mut enough) = (enough / 2, enough);
        while enough - few > 1 {
            let middle = usize::midpoint(few, enough);
            match shows(middle) {
                true => enough = middle,
                false => few = middle,
            }
        }
        Some(enough)
    }
}

/// More than anybody waits for.
const MOST_REPEATS: usize = 1 << 20;

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = if self.bound == Bound::AtMost { "at most" } else { "at least" };
        write!(f, "fails in {bound} {} of the repeats", percent(self.rate))
    }
}

/// `1 %`, `16.1 %`.
pub(super) fn percent(rate: f64) -> String {
    let text = format!("{:.1}", rate * 100.0);
    format!("{} %", text.strip_suffix(".0").unwrap_or(&text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_decided_when_the_interval_leaves_no_doubt() {
        let at_most = Claim::parse(Bound::AtMost, "10%").unwrap();
        assert_eq!(at_most.to_string(), "fails in at most 10 % of the repeats");
        assert_eq!(at_most.decided(&wilson(0, 20)), None);
        assert_eq!(at_most.decided(&wilson(0, 40)), Some(true));
        assert_eq!(at_most.decided(&wilson(10, 20)), Some(false));
        let at_least = Claim::parse(Bound::AtLeast, "50").unwrap();
        assert_eq!(at_least.decided(&always(12, 12)), Some(true));
        assert_eq!(at_least.decided(&always(0, 12)), Some(false));
        assert_eq!(at_least.decided(&always(6, 12)), None);
    }

    #[test]
    fn how_many_repeats_a_claim_needs() {
        let claim = |bound, rate| Claim { bound, rate };
        // z^2 / (n + z^2) <= 1 %.
        assert_eq!(claim(Bound::AtMost, 0.01).repeats_needed(false), Some(381));
        assert_eq!(claim(Bound::AtMost, 0.0).repeats_needed(false), None);
        // However many fail, the next one might not.
        assert_eq!(claim(Bound::AtLeast, 1.0).repeats_needed(false), None);
        for any_time in [false, true] {
            let claim = claim(Bound::AtLeast, 0.9);
            let needed = claim.repeats_needed(any_time).unwrap();
            let of = if any_time { always } else { wilson };
            assert_eq!(claim.decided(&of(needed, needed)), Some(true));
            assert_eq!(claim.decided(&of(needed - 1, needed - 1)), None);
        }
    }

    #[test]
    fn rates_are_percentages() {
        assert_eq!(Claim::parse(Bound::AtMost, "0.5 %").map(|c| c.rate), Ok(0.005));
        for wrong in ["", "%", "101%", "-1", "few", "NaN"] {
            let error = Claim::parse(Bound::AtMost, wrong).unwrap_err();
            assert!(error.to_string().starts_with(&format!("`{wrong}` is not a percentage")), "{error}");
        }
    }
}
