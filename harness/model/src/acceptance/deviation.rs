//! Deviations: failures that vendor and customer have agreed on, for some versions and some time.

use std::cmp::Ordering;

use serde::{Deserialize, Serialize};

use crate::diag::{Diagnostic, Source};
use crate::result::compare_versions;
use crate::{path, yaml};

/// One of them. A date is `YYYY-MM-DD`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Deviation {
    pub id: String,
    pub requirement: String,
    /// `7.7`, or bounds such as `>=7.0 <8.0`.
    pub versions: String,
    pub reason: String,
    /// Where its repair is followed.
    pub tracker: String,
    pub owner: String,
    /// The last day on which it counts.
    pub expiry: String,
}

/// A file of deviations, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deviations(pub Vec<Deviation>);

impl Deviations {
    /// Reads a file; `today` is `YYYY-MM-DD`.
    ///
    /// # Errors
    /// A requirement that is not `known`, a deviation that has expired, and other mistakes, at their line.
    pub fn parse(source: &Source, known: &[&str], today: &str) -> Result<Deviations, Diagnostic> {
        let all: Vec<Deviation> = yaml::parse(source)?;
        for (index, deviation) in all.iter().enumerate() {
            let at = |key: &str| path![index, key];
            if all[..index].iter().any(|other| other.id == deviation.id) {
                return Err(source.error_at(&at("id"), format!("`{}` is there twice", deviation.id)));
            }
            if !known.contains(&deviation.requirement.as_str()) {
                let error = source
                    .error_at(&at("requirement"), format!("unknown requirement `{}`", deviation.requirement));
                return Err(error.suggest(&deviation.requirement, known.iter().copied()));
            }
            if !is_date(&deviation.expiry) {
                let what = format!("`{}` is not a date such as 2027-06-30", deviation.expiry);
                return Err(source.error_at(&at("expiry"), what));
            }
            if deviation.expiry.as_str() < today {
                let what = format!("the deviation `{}` has expired ({})", deviation.id, deviation.expiry);
                let error = source.error_at(&at("expiry"), what);
                return Err(error.hint(format!(
                    "talk to its owner, {}; tracker: {}",
                    deviation.owner, deviation.tracker
                )));
            }
            if bounds(&deviation.versions).is_none() {
                let what = format!("`{}` is no range of versions", deviation.versions);
                return Err(source
                    .error_at(&at("versions"), what)
                    .hint("`7.7`, or bounds such as `>=7.0 <8.0`"));
            }
        }
        Ok(Deviations(all))
    }

    /// The deviation for a requirement of a router's version.
    pub fn covering(&self, requirement: &str, version: &str) -> Option<&Deviation> {
        self.0.iter().find(|d| d.requirement == requirement && d.covers(version))
    }
}

impl Deviation {
    /// Whether it is for this version of the router.
    pub fn covers(&self, version: &str) -> bool {
        let all = bounds(&self.versions).unwrap_or_default();
        !all.is_empty()
            && all.iter().all(|(orders, bound)| orders.contains(&compare_versions(version, bound)))
    }
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let number =
        |text: &str, length: usize| (text.len() == length).then(|| text.parse::<u32>().ok()).flatten();
    match parts.as_slice() {
        [year, month, day] => {
            number(year, 4).is_some()
                && number(month, 2).is_some_and(|m| (1..=12).contains(&m))
                && number(day, 2).is_some_and(|d| (1..=31).contains(&d))
        }
        _ => false,
    }
}

/// Each bound: what the order of version and bound may be.
fn bounds(range: &str) -> Option<Vec<(&[Ordering], &str)>> {
    use Ordering::{Equal, Greater, Less};
    const WORDS: [(&str, &[Ordering]); 5] = [
        (">=", &[Greater, Equal]),
        ("<=", &[Less, Equal]),
        (">", &[Greater]),
        ("<", &[Less]),
        ("=", &[Equal]),
    ];
    let read = |word: &'_ str| -> Option<(&'static [Ordering], usize)> {
        let found = WORDS.iter().find(|(sign, _)| word.starts_with(sign));
        let (sign, orders) = found.copied().unwrap_or(("", &[Equal]));
        word[sign.len()..].starts_with(|c: char| c.is_ascii_digit()).then_some((orders, sign.len()))
    };
    let all: Option<Vec<_>> = range
        .split_whitespace()
        .map(|word| read(word).map(|(orders, skip)| (orders, &word[skip..])))
        .collect();
    all.filter(|all| !all.is_empty())
}
