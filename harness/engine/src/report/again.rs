//! What helps somebody who looks into a failure: when it was, and the command that does the run again and keeps its lab.

use routeproof_model::event::{Event, EventKind};
use routeproof_model::result::{ResultFile, RunResult};

use super::text::duration;
use crate::run::KIND;

/// When each step of a run ended, in milliseconds since the run began, and for how long what was seen had not changed.
pub(super) struct Ends(Vec<(u64, Option<u64>)>);

impl Ends {
    /// Of the run's last try, the steps in their order.
    pub fn of(events: &[Event], run: usize) -> Ends {
        let (mut began, mut ends) = (0, Vec::new());
        let mut seen: Option<(u64, &str)> = None;
        for event in events.iter().filter(|event| event.run == Some(run)) {
            match &event.kind {
                EventKind::RunStarted { .. } => {
                    began = event.at_ms;
                    ends.clear();
                }
                EventKind::StepStarted { .. } => seen = None,
                EventKind::StepStatus { status, .. } if seen.is_none_or(|(_, last)| last != status) => {
                    seen = Some((event.at_ms, status));
                }
                EventKind::StepFinished { .. } => {
                    let since = |at: u64| event.at_ms.saturating_sub(at);
                    ends.push((since(began), seen.map(|(at, _)| since(at))));
                }
                _ => {}
            }
        }
        Ends(ends)
    }

    /// `11.2s after the run began; what was seen had not changed for 3.9s`.
    pub fn say(&self, step: usize) -> Option<String> {
        let (after, steady) = self.0.get(step)?;
        let steady = steady.map(|ms| format!("; what was seen had not changed for {}", duration(ms)));
        Some(format!("{} after the run began{}", duration(*after), steady.unwrap_or_default()))
    }
}

/// The command that does the run again, on the same cluster, and keeps its lab where labs can be kept. `None` where nobody knows the scenario's file.
pub(super) fn command(result: &ResultFile, run: &RunResult) -> Option<String> {
    let setting = run.setting.as_ref().filter(|setting| !setting.scenario_file.is_empty())?;
    let mut words = vec!["routeproof run".to_string(), quoted(&setting.scenario_file)];
    // An axis that is not the file's: `--metallb` made it.
    let axes = run.axes.iter().filter(|(axis, _)| axis.as_str() != "metallb");
    words.extend(axes.map(|(axis, value)| format!("--only {}", quoted(&format!("{axis}={value}")))));
    words.extend(run.axes.get("metallb").map(|version| format!("--metallb {}", quoted(version))));
    if let (Some(seed), Some(race)) = (setting.seed, &result.race) {
        words.push(format!("--repeat 1 --perturb {} --seed {seed}", race.setting.perturb.join(",")));
    }
    words.push(match setting.cluster.as_deref() {
        None => "--keep".to_string(),
        Some(KIND) => "--backend containerlab".to_string(),
        Some(cluster) => format!("--cluster {cluster} --keep"),
    });
    Some(words.join(" "))
}

/// As a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/=,:@+".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word.to_string(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn a_failure_says_when_it_was() {
        let events = sample::mixed().events;
        assert_eq!(
            Ends::of(&events, 1).say(0).as_deref(),
            Some("11.1s after the run began; what was seen had not changed for 4.1s")
        );
        assert_eq!(Ends::of(&events, 1).say(1), None);
        assert_eq!(Ends::of(&[], 0).say(0), None);
    }

    #[test]
    fn the_command_does_that_very_run_again() {
        let mut result = sample::mixed().result;
        assert_eq!(command(&result, &result.runs[1]), None);
        let run = &mut result.runs[1];
        run.setting = Some(routeproof_model::result::Setting {
            scenario_file: "my scenarios/it's one/scenario.yaml".into(),
            kernel: "host".into(),
            ..Default::default()
        });
        let mut run = result.runs[1].clone();
        assert_eq!(
            command(&result, &run).as_deref(),
            Some(r"routeproof run 'my scenarios/it'\''s one/scenario.yaml' --only frr=10.3 --keep")
        );
        for (cluster, end) in [(KIND, "--backend containerlab"), ("speaker", "--cluster speaker --keep")] {
            run.setting.as_mut().unwrap().cluster = Some(cluster.to_string());
            let command = command(&result, &run).unwrap();
            assert!(command.ends_with(&format!("--only frr=10.3 {end}")), "{command}");
        }
    }
}
