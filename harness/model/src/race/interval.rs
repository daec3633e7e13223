//! Intervals for a rate of which `k` of `n` were seen, at 95 % confidence.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The quantile of the normal distribution for 95 %, two-sided.
const Z: f64 = 1.959_963_984_540_054;
/// The chance of being wrong, at most.
const ALPHA: f64 = 0.05;

/// Between which rates the true one lies, from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    pub low: f64,
    pub high: f64,
    pub method: Method,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Wilson's score interval (Wilson 1927; Brown, Cai and DasGupta 2001), for a number of repeats that was fixed before.
    Wilson,
    /// Robbins' mixture with a uniform prior (Robbins 1970): it is right at every number of repeats at once, so that one may
    /// look after each and stop when one likes. That costs width.
    AnyTime,
}

/// Wilson's score interval. `n` = 0 says nothing: everything is possible.
pub fn wilson(k: usize, n: usize) -> Interval {
    let method = Method::Wilson;
    if n == 0 {
        return Interval { low: 0.0, high: 1.0, method };
    }
    let (k, n) = (k as f64, n as f64);
    let (rate, z2) = (k / n, Z * Z);
    let middle = (rate + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z / (1.0 + z2 / n) * (rate * (1.0 - rate) / n + z2 / (4.0 * n * n)).sqrt();
    // The ends are exact where rounding would spoil them.
    let low = if k == 0.0 { 0.0 } else { (middle - half).max(0.0) };
    let high = if k == n { 1.0 } else { (middle + half).min(1.0) };
    Interval { low, high, method }
}

/// The interval that holds at every `n` at once: all rates `p` with
/// `p^k (1-p)^(n-k) >= ALPHA * k! (n-k)! / (n+1)!` (Ville's inequality for the mixture over all rates).
pub fn always(k: usize, n: usize) -> Interval {
    let method = Method::AnyTime;
    if n == 0 {
        return Interval { low: 0.0, high: 1.0, method };
    }
    let (hits, misses) = (k as f64, (n - k) as f64);
    let least = ALPHA.ln() + ln_factorial(k) + ln_factorial(n - k) - ln_factorial(n + 1);
    let likelihood = |p: f64| {
        let term = |count: f64, rate: f64| if count == 0.0 { 0.0 } else { count * rate.ln() };
        term(hits, p) + term(misses, 1.0 - p)
    };
    let inside = |p: f64| likelihood(p) >= least;
    let best = hits / n as f64;
    let low = if inside(0.0) { 0.0 } else { edge(0.0, best, inside) };
    let high = if inside(1.0) { 1.0 } else { edge(1.0, best, inside) };
    Interval { low, high, method }
}

/// Between a rate that is outside and one that is inside: the last one inside, to more digits than anybody reads.
fn edge(mut outside: f64, mut within: f64, inside: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..60 {
        let middle = f64::midpoint(outside, within);
        match inside(middle) {
            true => within = middle,
            false => outside = middle,
        }
    }
    within
}

fn ln_factorial(n: usize) -> f64 {
    (2..=n).map(|i| (i as f64).ln()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() < 5e-4
    }

    #[test]
    fn wilson_is_what_the_tables_say() {
        // R: binom::binom.confint(k, n, methods = "wilson").
        for (k, n, low, high) in [
            (0, 10, 0.0, 0.2775),
            (5, 10, 0.2366, 0.7634),
            (10, 10, 0.7225, 1.0),
            (1, 20, 0.0089, 0.2361),
            (15, 148, 0.0624, 0.1605),
        ] {
            let found = wilson(k, n);
            assert!(near(found.low, low) && near(found.high, high), "{k} of {n}: {found:?}");
        }
        assert_eq!(wilson(0, 0), Interval { low: 0.0, high: 1.0, method: Method::Wilson });
    }

    #[test]
    fn the_any_time_interval_is_wider_and_closes_in() {
        for (k, n) in [(0, 5), (1, 7), (5, 10), (20, 20), (30, 100)] {
            let (narrow, wide) = (wilson(k, n), always(k, n));
            assert!(wide.low <= narrow.low + 1e-9 && wide.high >= narrow.high - 1e-9, "{k} of {n}: {wide:?}");
            let more = always(10 * k, 10 * n);
            assert!(more.high - more.low < wide.high - wide.low, "{k} of {n}");
        }
        assert_eq!(always(0, 0), Interval { low: 0.0, high: 1.0, method: Method::AnyTime });
        // Without a failure: (1-p)^n = ALPHA / (n+1).
        assert!(near(always(0, 100).high, 1.0 - (0.05_f64 / 101.0).powf(0.01)));
    }

    /// The chance that looking after every repeat, up to 60 of them, ever shows an interval without the true rate: summed
    /// over all ways, not sampled.
    fn chance_of_being_wrong(rate: f64, interval: impl Fn(usize, usize) -> Interval) -> f64 {
        // The chance of having seen k so far and of never having been wrong.
        let (mut right, mut wrong) = (vec![1.0], 0.0);
        for n in 1..=60 {
            let mut next = vec![0.0; n + 1];
            for (k, chance) in right.iter().enumerate() {
                next[k] += chance * (1.0 - rate);
                next[k + 1] += chance * rate;
            }
            for (k, chance) in next.iter_mut().enumerate() {
                let found = interval(k, n);
                if rate < found.low - 1e-12 || rate > found.high + 1e-12 {
                    wrong += std::mem::take(chance);
                }
            }
            right = next;
        }
        wrong
    }

    #[test]
    fn whoever_stops_when_it_suits_needs_the_any_time_interval() {
        for rate in [0.01, 0.05, 0.3, 0.5, 0.9] {
            let chance = chance_of_being_wrong(rate, always);
            assert!(chance <= ALPHA, "{rate}: {chance}");
        }
        assert!(chance_of_being_wrong(0.3, wilson) > 2.0 * ALPHA, "Wilson's is for one look");
    }
}
