//! One verdict of many: an expectation of all nodes is as good as that of the worst.

use crate::result::Outcome;

/// How many of those that fell short are named.
const NAMED: usize = 3;

/// The verdict on all, given that of each.
pub fn of_all(each: &[(Outcome, Option<String>)]) -> (Outcome, Option<String>) {
    // What was seen to be wrong counts more than what was not seen.
    let worst = [Outcome::Broken, Outcome::Failed, Outcome::Inconclusive]
        .into_iter()
        .find(|worst| each.iter().any(|(outcome, _)| outcome == worst));
    let Some(worst) = worst else { return (Outcome::Passed, None) };
    let short: Vec<&str> = each
        .iter()
        .filter(|(outcome, _)| *outcome == worst)
        .map(|(_, why)| why.as_deref().unwrap_or_default())
        .collect();
    let named = short.iter().take(NAMED).copied().collect::<Vec<_>>().join("; ");
    let more = short.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
    (worst, Some(format!("{} of {} nodes: {named}{more}", short.len(), each.len())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_counts_and_is_named() {
        let one = |outcome, why: &str| (outcome, Some(why.to_string()));
        let fine = || (Outcome::Passed, None);
        assert_eq!(of_all(&[fine(), fine()]), (Outcome::Passed, None));
        let mixed =
            [fine(), one(Outcome::Inconclusive, "a gap"), one(Outcome::Failed, "n2 has 3 routes, not 4")];
        assert_eq!(of_all(&mixed), one(Outcome::Failed, "1 of 3 nodes: n2 has 3 routes, not 4"));
        let many = ["a", "b", "c", "d", "e"].map(|why| one(Outcome::Failed, why));
        assert_eq!(of_all(&many), one(Outcome::Failed, "5 of 5 nodes: a; b; c (and 2 more)"));
    }
}
