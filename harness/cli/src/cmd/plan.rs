//! `routeproof plan`: what would be run.

use std::path::Path;

use routeproof_engine::run::{Loaded, RunError, load_lab, load_topology};
use routeproof_model::plan::{Plan, PlannedRun};

use super::{check, select};
use crate::args::PlanArgs;
use crate::fail::{self, Failure};
use crate::out;
use crate::render::lab::{self, Output};

pub fn run(args: &PlanArgs) -> Result<u8, Failure> {
    if !args.scenarios.is_empty() && args.scenarios.iter().all(|file| check::is_topology(file)) {
        return topologies(args);
    }
    let profiles = args.profiles.load()?;
    let loaded = select::scenarios(&args.scenarios, &args.metallb, &args.only, &profiles)?;
    if args.json {
        out::json(&Loaded::plan(&loaded))?;
    } else if args.yaml {
        out::text(yaml(&Loaded::plan(&loaded))?)?;
    } else {
        for scenario in &loaded {
            out::line(format_args!("{}: {}", scenario.name, scenario.about))?;
            scenario.runs.iter().try_for_each(|run| out::text(outline(run)))?;
        }
    }
    Ok(0)
}

/// What `up` would build, or why it would not.
fn topologies(args: &PlanArgs) -> Result<u8, Failure> {
    if args.yaml || !args.only.is_empty() {
        let error = Failure::input("--yaml and --only are for scenarios, and only topologies are given");
        return Err(error.hint("--json prints a topology's nodes and links"));
    }
    for file in args.scenarios.iter().map(Path::new) {
        let lab = load_lab(file)?;
        lab.warnings.iter().for_each(|warning| out::note(format_args!("warning: {warning}")));
        match args.json {
            true => out::json(&Output::of(&lab))?,
            false => out::text(lab::outline(&lab))?,
        }
        match load_topology(file) {
            Err(RunError::Input(refusal)) if refusal.unsupported => {
                out::note(check::not_here(*refusal).render(fail::color()));
            }
            other => drop(other?),
        }
    }
    Ok(0)
}

/// The same document as the JSON: variants are mappings with one key, never YAML tags.
fn yaml(plan: &Plan) -> Result<String, Failure> {
    let mut text = Vec::new();
    let mut writer = serde_yaml::Serializer::new(&mut text);
    serde_yaml::with::singleton_map_recursive::serialize(plan, &mut writer).map_err(Failure::broken)?;
    String::from_utf8(text).map_err(Failure::broken)
}

/// A run's axes and what it is expected to show, then its steps.
fn outline(run: &PlannedRun) -> String {
    let axes: Vec<String> = run.axes.iter().map(|(axis, value)| format!("{axis}={value}")).collect();
    let expected: Vec<String> = run.expected.iter().map(|(key, value)| format!("{key} {value}")).collect();
    let expected = match expected.as_slice() {
        [] => String::new(),
        expected => format!("  expects {}", expected.join(", ")),
    };
    let needs = match run.needs.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => String::new(),
        needs => format!("  needs {}", needs.join(", ")),
    };
    let steps = run.steps.iter().map(|step| format!("    - {}\n", step.name));
    format!("  {}{expected}{needs}\n{}", axes.join(" "), steps.collect::<String>())
}

#[cfg(test)]
mod tests {
    use routeproof_model::profile::Profiles;

    use super::*;

    #[test]
    fn other_releases_are_an_axis() {
        let scenario = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios/frr-ordering");
        let releases = ["v0.13.12".to_string(), "0.15.3".to_string()];
        let only = ["metallb=v0.15.3".to_string()];
        let loaded =
            select::scenarios(&[scenario.to_string()], &releases, &only, Profiles::embedded()).unwrap();
        let runs = Loaded::plan(&loaded).runs;
        assert_eq!(runs.len(), 36);
        assert!(runs.iter().all(|run| run.metallb.version == "v0.15.3"));
        assert_eq!(runs[0].axes.last(), Some(&("metallb".to_string(), "v0.15.3".to_string())));
        let unknown =
            select::scenarios(&[scenario.to_string()], &["v0.15.9".to_string()], &[], Profiles::embedded());
        assert!(unknown.is_err());
    }

    #[test]
    fn the_yaml_reads_back_as_the_same_plan() {
        let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/frr-ordering");
        let plan = Loaded::plan(&[routeproof_engine::run::load(&scenario).unwrap()]);
        let text = yaml(&plan).expect("is written");
        let source = routeproof_model::diag::Source::new("plan.yaml", text);
        let back: Plan =
            routeproof_model::yaml::parse(&source).unwrap_or_else(|e| panic!("{}", e.render(false)));
        assert_eq!(serde_json::to_value(&plan).unwrap(), serde_json::to_value(&back).unwrap());
    }
}
