//! How far a count may be from its mean before chance is no excuse: the exact two-sided binomial test.

/// The counts that are to be expected of `n` independent trials of probability `p`: the smallest interval `[low, high]` with
/// P(X < low) <= `alarm` / 2 and P(X > high) <= `alarm` / 2. A count outside of it is chance at most once in 1 / `alarm`.
///
/// For large n this is n p -+ z sqrt(n p (1 - p)), with z = 4.42 for an alarm of 1e-5; unlike that formula it holds for small n
/// and for p near 0 or 1 too.
pub(super) fn interval(n: u32, p: f64, alarm: f64) -> (u32, u32) {
    if n == 0 || p <= 0.0 {
        return (0, 0);
    }
    if p >= 1.0 {
        return (n, n);
    }
    (lower(n, p, alarm / 2.0), n - lower(n, 1.0 - p, alarm / 2.0))
}

/// The smallest k with P(X <= k) > `tail`.
fn lower(n: u32, p: f64, tail: f64) -> u32 {
    // P(X = 0), then each from the one before: P(k + 1) = P(k) (n - k) / (k + 1) p / (1 - p). In logarithms, because P(0) of
    // many trials is smaller than any f64.
    let mut log = f64::from(n) * (1.0 - p).ln();
    let odds = p.ln() - (1.0 - p).ln();
    let mut sum = 0.0;
    for k in 0..n {
        sum += log.exp();
        if sum > tail {
            return k;
        }
        log += f64::from(n - k).ln() - f64::from(k + 1).ln() + odds;
    }
    n
}

#[cfg(test)]
mod tests {
    use super::*;

    /// P(X < low) and P(X > high), summed the plain way.
    fn tails(n: u32, p: f64, (low, high): (u32, u32)) -> (f64, f64) {
        let mut pascal = vec![1.0f64];
        for row in 1..=n as usize {
            let mut next = vec![1.0; row + 1];
            (1..row).for_each(|k| next[k] = pascal[k - 1] + pascal[k]);
            pascal = next;
        }
        let mass = |k: u32| pascal[k as usize] * p.powi(k as i32) * (1.0 - p).powi((n - k) as i32);
        ((0..low).map(mass).sum(), (high + 1..=n).map(mass).sum())
    }

    #[test]
    fn it_is_the_tightest_interval_that_keeps_the_promise() {
        for (n, p) in [(20, 0.5), (100, 0.25), (400, 0.5), (400, 1.0 / 3.0), (400, 0.01), (50, 0.9)] {
            let (low, high) = interval(n, p, 1e-5);
            let (below, above) = tails(n, p, (low, high));
            assert!(below <= 0.5e-5 && above <= 0.5e-5, "{n} {p}: {low} to {high}, {below} {above}");
            let (below, above) = tails(n, p, (low + 1, high - 1));
            assert!(below > 0.5e-5 && above > 0.5e-5, "{n} {p}: {low} to {high} is too wide");
        }
    }

    #[test]
    fn it_agrees_with_the_normal_approximation_for_many_flows() {
        let (n, p) = (10_000, 0.5);
        let spread = 4.417 * (f64::from(n) * p * (1.0 - p)).sqrt();
        let (low, high) = interval(n, p, 1e-5);
        assert!((f64::from(n) * p - spread - f64::from(low)).abs() < 3.0, "{low}");
        assert!((f64::from(n) * p + spread - f64::from(high)).abs() < 3.0, "{high}");
    }

    #[test]
    fn certainties() {
        assert_eq!(interval(400, 1.0, 1e-5), (400, 400));
        assert_eq!(interval(400, 0.0, 1e-5), (0, 0));
        assert_eq!(interval(0, 0.5, 1e-5), (0, 0));
        // Four flows prove nothing.
        assert_eq!(interval(4, 0.5, 1e-5), (0, 4));
    }
}
