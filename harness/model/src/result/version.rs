//! The order of version numbers, as far as axis values need it.

use std::cmp::Ordering;

#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    /// Digits without leading zeros: longer is greater, so that no number is too large.
    Number(&'a str),
    Text(&'a str),
}

/// Orders versions by their numbers: `7.5.1 < 8.4.4 < 10.3-rc1 < 10.3 < 10.3.1`. A leading `v` does not count.
///
/// Words that announce a release (`rc`, `alpha`, `beta`, `dev`, `pre`) come before it, other words after it.
pub fn compare_versions(a: &str, b: &str) -> Ordering {
    let (left, right) = (parts(a), parts(b));
    let longest = left.len().max(right.len());
    (0..longest)
        .map(|i| key(left.get(i)).cmp(&key(right.get(i))))
        .find(|order| order.is_ne())
        // `v8.4` and `8.4` are the same version and still two values: keep a total order.
        .unwrap_or_else(|| a.cmp(b))
}

/// Whether a value reads as a version at all.
pub(super) fn is_version(value: &str) -> bool {
    value.strip_prefix('v').unwrap_or(value).starts_with(|c: char| c.is_ascii_digit())
}

fn key<'a>(part: Option<&Part<'a>>) -> (u8, usize, &'a str) {
    const ANNOUNCING: [&str; 5] = ["alpha", "beta", "dev", "pre", "rc"];
    match part {
        Some(Part::Text(text)) if ANNOUNCING.iter().any(|word| text.starts_with(word)) => (0, 0, text),
        None => (1, 0, ""),
        Some(Part::Text(text)) => (2, 0, text),
        Some(Part::Number(digits)) => (3, digits.len(), digits),
    }
}

fn parts(version: &str) -> Vec<Part<'_>> {
    let mut rest = version.strip_prefix('v').filter(|rest| is_version(rest)).unwrap_or(version);
    let mut parts = Vec::new();
    while let Some(first) = rest.chars().next() {
        if !first.is_alphanumeric() {
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let digit = first.is_ascii_digit();
        let end =
            rest.find(|c: char| !c.is_alphanumeric() || c.is_ascii_digit() != digit).unwrap_or(rest.len());
        let (word, tail) = rest.split_at(end);
        parts.push(if digit { Part::Number(word.trim_start_matches('0')) } else { Part::Text(word) });
        rest = tail;
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_count_not_characters() {
        let mut versions =
            ["10.3", "8.4.4", "10.3.1", "7.5.1", "v9.1", "10.3-rc1", "8.4", "10.3+git5", "010.2"];
        versions.sort_by(|a, b| compare_versions(a, b));
        let expected = ["7.5.1", "8.4", "8.4.4", "v9.1", "010.2", "10.3-rc1", "10.3", "10.3+git5", "10.3.1"];
        assert_eq!(versions, expected);
    }

    #[test]
    fn words_are_no_versions() {
        assert!(is_version("7.5.1") && is_version("v0.13.10"));
        assert!(!is_version("ipv4") && !is_version("before") && !is_version("v") && !is_version(""));
    }

    proptest! {
        #[test]
        fn it_is_a_total_order(a in "[v0-2a-c.~é-]{0,6}", b in "[v0-2a-c.~é-]{0,6}", c in "[v0-2a-c.~é-]{0,6}") {
            prop_assert_eq!(compare_versions(&a, &b), compare_versions(&b, &a).reverse());
            prop_assert_eq!(compare_versions(&a, &b).is_eq(), a == b);
            if compare_versions(&a, &b).is_le() && compare_versions(&b, &c).is_le() {
                prop_assert!(compare_versions(&a, &c).is_le());
            }
        }
    }
}
