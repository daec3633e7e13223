//! The matrix: every combination of axis values, and which steps count in which.

use super::file::{Axes, When};

/// Axis values of one run, in the scenario's axis order.
pub type AxisValues = Vec<(String, String)>;

/// All combinations; the first axis varies slowest. A scenario without axes has one, empty, combination.
pub fn combinations(axes: &Axes) -> Vec<AxisValues> {
    axes.0.iter().fold(vec![Vec::new()], |runs, (name, values)| {
        runs.iter()
            .flat_map(|run| {
                values.iter().map(move |value| [run.clone(), vec![(name.clone(), value.clone())]].concat())
            })
            .collect()
    })
}

/// Whether a run's values satisfy `when`.
pub fn fits(when: &When, values: &AxisValues) -> bool {
    when.iter().all(|(axis, allowed)| {
        values.iter().any(|(name, value)| name == axis && allowed.0.iter().any(|allowed| allowed == value))
    })
}

/// Replaces `${axis}` by the run's value; the name of an unknown axis is the error.
pub fn substitute(text: &str, values: &AxisValues) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else { break };
        let name = &rest[start + 2..start + length];
        let value = values.iter().find(|(axis, _)| axis == name).ok_or_else(|| name.to_string())?;
        out.push_str(&rest[..start]);
        out.push_str(&value.1);
        rest = &rest[start + length + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axes() -> Axes {
        Axes(vec![
            ("frr".into(), vec!["7.5.1".into(), "10.3".into()]),
            ("order".into(), vec!["before".into(), "after".into()]),
        ])
    }

    #[test]
    fn every_combination_once_and_the_first_axis_slowest() {
        let runs: Vec<String> =
            combinations(&axes()).iter().map(|r| format!("{}/{}", r[0].1, r[1].1)).collect();
        assert_eq!(runs, ["7.5.1/before", "7.5.1/after", "10.3/before", "10.3/after"]);
        assert_eq!(combinations(&Axes::default()), [AxisValues::new()]);
    }

    #[test]
    fn substitution_names_the_unknown_axis() {
        let run = &combinations(&axes())[0];
        assert_eq!(substitute("m/${order}-${frr}.yaml", run).as_deref(), Ok("m/before-7.5.1.yaml"));
        assert_eq!(substitute("m/${ordr}.yaml", run), Err("ordr".to_string()));
        assert_eq!(substitute("m/${open", run).as_deref(), Ok("m/${open"));
    }
}
