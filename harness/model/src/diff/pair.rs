//! Which run of one invocation is to be compared with which of another.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::scenario::AxisValues;

/// What a run is a run of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RunName {
    pub scenario: String,
    /// In the scenario's order of axes.
    pub axes: AxisValues,
}

/// Indexes of the runs that belong together, and what belongs to nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paired {
    pub pairs: Vec<(usize, usize)>,
    pub only_a: Vec<Unpaired>,
    pub only_b: Vec<Unpaired>,
}

/// A run without a partner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unpaired {
    pub run: usize,
    pub why: String,
}

impl std::fmt::Display for RunName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.scenario)?;
        self.axes.iter().try_for_each(|(axis, value)| write!(f, " {axis}={value}"))
    }
}

/// Pairs runs by scenario and axes. An axis whose values the two sides do not share at all is what is compared, so it
/// plays no part. Two single runs are a pair, whatever they are: that is what was asked for.
pub fn pair(a: &[RunName], b: &[RunName]) -> Paired {
    if a.len() == 1 && b.len() == 1 {
        return Paired { pairs: vec![(0, 0)], ..Paired::default() };
    }
    let mut paired = Paired::default();
    for (index, run) in a.iter().enumerate() {
        match partner(run, a, b) {
            Ok(other) => paired.pairs.push((index, other)),
            Err(why) => paired.only_a.push(Unpaired { run: index, why }),
        }
    }
    let taken: BTreeSet<usize> = paired.pairs.iter().map(|(_, b)| *b).collect();
    for (index, run) in b.iter().enumerate().filter(|(index, _)| !taken.contains(index)) {
        let why = partner(run, b, a).err().unwrap_or_else(|| "its partner fits several runs".to_string());
        paired.only_b.push(Unpaired { run: index, why });
    }
    paired
}

/// The only run of `theirs` that fits, where `ours` are the runs beside `run`.
fn partner(run: &RunName, ours: &[RunName], theirs: &[RunName]) -> Result<usize, String> {
    let candidates = || theirs.iter().enumerate().filter(|(_, other)| other.scenario == run.scenario);
    if candidates().next().is_none() {
        return Err("the other side has no run of this scenario".to_string());
    }
    let same = |a: &&RunName| a.scenario == run.scenario;
    let compared: Vec<&String> = run
        .axes
        .iter()
        .map(|(axis, _)| axis)
        .filter(|axis| {
            let values = |side: &[RunName]| -> BTreeSet<String> {
                side.iter().filter(same).filter_map(|r| value(r, axis).map(str::to_string)).collect()
            };
            values(ours).is_disjoint(&values(theirs))
        })
        .collect();
    let fits = |a: &RunName, b: &RunName| {
        run.axes.iter().all(|(axis, _)| compared.contains(&axis) || value(a, axis) == value(b, axis))
    };
    let found: Vec<usize> =
        candidates().filter(|(_, other)| fits(run, other)).map(|(index, _)| index).collect();
    let rivals = ours.iter().filter(same).filter(|other| fits(run, other)).count();
    match (found.as_slice(), rivals) {
        ([only], 1) => Ok(*only),
        ([], _) => Err("the other side has no run with these axes".to_string()),
        _ => Err("several runs fit: name the run folders".to_string()),
    }
}

fn value<'a>(run: &'a RunName, axis: &str) -> Option<&'a str> {
    run.axes.iter().find(|(name, _)| name == axis).map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(scenario: &str, axes: &[(&str, &str)]) -> RunName {
        let axes = axes.iter().map(|(axis, value)| (axis.to_string(), value.to_string())).collect();
        RunName { scenario: scenario.to_string(), axes }
    }

    fn frr(version: &str, order: &str) -> RunName {
        run("ordering", &[("frr", version), ("order", order)])
    }

    #[test]
    fn equal_axes_are_a_pair() {
        let a = [frr("7.5.1", "before"), frr("7.5.1", "after")];
        let b = [frr("7.5.1", "after"), frr("7.5.1", "before")];
        assert_eq!(pair(&a, &b), Paired { pairs: vec![(0, 1), (1, 0)], ..Paired::default() });
    }

    #[test]
    fn an_axis_without_a_common_value_is_what_is_compared() {
        let a = [frr("7.5.1", "before"), frr("7.5.1", "after")];
        let b = [frr("10.3", "before"), frr("10.3", "after")];
        assert_eq!(pair(&a, &b).pairs, [(0, 0), (1, 1)]);
    }

    #[test]
    fn with_a_common_value_the_rest_is_unpaired() {
        let a = [frr("7.5.1", "after"), frr("8.4.4", "after")];
        let b = [frr("8.4.4", "after"), frr("10.3", "after"), run("other", &[])];
        let paired = pair(&a, &b);
        assert_eq!(paired.pairs, [(1, 0)]);
        let unpaired = |side: &[Unpaired]| side.iter().map(|u| u.run).collect::<Vec<_>>();
        assert_eq!((unpaired(&paired.only_a), unpaired(&paired.only_b)), (vec![0], vec![1, 2]));
        assert_eq!(paired.only_b[1].why, "the other side has no run of this scenario");
    }

    #[test]
    fn what_fits_several_runs_fits_none() {
        let a = [frr("7.5.1", "after"), run("x", &[])];
        let b = [frr("8.4.4", "after"), frr("10.3", "after")];
        let paired = pair(&a, &b);
        assert!(paired.pairs.is_empty());
        assert_eq!(paired.only_a[0].why, "several runs fit: name the run folders");
        assert_eq!((paired.only_a.len(), paired.only_b.len()), (2, 2));
    }

    #[test]
    fn two_single_runs_are_compared_whatever_they_are() {
        assert_eq!(pair(&[run("a", &[])], &[frr("10.3", "after")]).pairs, [(0, 0)]);
    }
}
