//! Which scenarios and runs a command is about.

use std::path::{Path, PathBuf};

use routeproof_engine::run::{LoadOptions, Loaded, load_for};
use routeproof_model::diag::nearest;
use routeproof_model::metallb::Release;
use routeproof_model::profile::Profiles;

use crate::fail::Failure;

/// Where names are looked up, and where everything is that runs without arguments.
const SCENARIOS: &str = "scenarios";

/// Loads the named scenarios, all of ./scenarios without names, for the MetalLB releases of `--metallb`, and keeps the runs
/// that `--only` lets through.
pub fn scenarios(
    names: &[String],
    metallb: &[String],
    only: &[String],
    profiles: &Profiles,
) -> Result<Vec<Loaded>, Failure> {
    let releases =
        metallb.iter().map(|v| Release::find(v)).collect::<Result<Vec<_>, _>>().map_err(Failure::input)?;
    let paths = match names {
        [] => all()?,
        names => names.iter().map(|name| path(name)).collect::<Result<_, _>>()?,
    };
    let options = LoadOptions { releases: &releases, profiles, gateway: None };
    let mut loaded = paths.iter().map(|path| load_for(path, &options)).collect::<Result<Vec<_>, _>>()?;
    keep(&mut loaded, only)?;
    Ok(loaded)
}

/// Leaves out what is run only when somebody names it. Gives the names.
pub fn leave_out_on_request(loaded: &mut Vec<Loaded>) -> Vec<String> {
    let names = loaded.iter().filter(|l| l.on_request).map(|l| l.name.clone()).collect();
    loaded.retain(|l| !l.on_request);
    names
}

/// Every `scenario.yaml` one level below ./scenarios, in the order of their names.
pub fn all() -> Result<Vec<PathBuf>, Failure> {
    let missing = |e: std::io::Error| {
        Failure::input(format!("there is no folder ./{SCENARIOS} here ({e})"))
            .hint("run this in a checkout of routeproof, or name a scenario's folder")
    };
    let entries = std::fs::read_dir(SCENARIOS).map_err(missing)?;
    let mut paths: Vec<PathBuf> =
        entries.flatten().map(|e| e.path()).filter(|p| p.join("scenario.yaml").is_file()).collect();
    paths.sort();
    if paths.is_empty() {
        return Err(Failure::input(format!("no folder below ./{SCENARIOS} has a scenario.yaml")));
    }
    Ok(paths)
}

/// The file or folder that a name means.
pub fn path(name: &str) -> Result<PathBuf, Failure> {
    let given = Path::new(name);
    let below = Path::new(SCENARIOS).join(name);
    if given.exists() {
        return Ok(given.to_path_buf());
    }
    if below.join("scenario.yaml").is_file() {
        return Ok(below);
    }
    let failure = Failure::input(format!(
        "there is no scenario `{name}`: neither a file nor a folder below ./{SCENARIOS}"
    ));
    let known = all().unwrap_or_default();
    let known: Vec<String> =
        known.iter().filter_map(|p| Some(p.file_name()?.to_string_lossy().into_owned())).collect();
    Err(match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => failure.hint(format!("did you mean `{near}`?")),
        None if known.is_empty() => {
            failure.hint("run this in a checkout of routeproof, or name a scenario's folder")
        }
        None => failure.hint(format!("known: {}", known.join(", "))),
    })
}

fn keep(loaded: &mut Vec<Loaded>, only: &[String]) -> Result<(), Failure> {
    for text in only {
        let Some((axis, values)) = text.split_once('=') else {
            return Err(Failure::input(format!("--only {text}: expected AXIS=VALUE[,VALUE]")));
        };
        let values: Vec<&str> = values.split(',').collect();
        let known: Vec<&str> = loaded.iter().flat_map(|l| &l.axes).map(|(name, _)| name.as_str()).collect();
        if !known.contains(&axis) {
            let failure = Failure::input(format!("--only {text}: no scenario has an axis `{axis}`"));
            return Err(match nearest(axis, known.iter().copied()) {
                Some(near) => failure.hint(format!("did you mean `{near}`?")),
                None if known.is_empty() => failure.hint("no scenario that is to run has axes"),
                None => {
                    let mut known = known;
                    known.sort_unstable();
                    known.dedup();
                    failure.hint(format!("known: {}", known.join(", ")))
                }
            });
        }
        let all: Vec<&String> = loaded
            .iter()
            .flat_map(|l| &l.axes)
            .filter(|(name, _)| name == axis)
            .flat_map(|(_, v)| v)
            .collect();
        if let Some(wrong) = values.iter().find(|v| !all.iter().any(|a| a == *v)) {
            let mut known: Vec<&str> = all.iter().map(|v| v.as_str()).collect();
            known.dedup();
            return Err(Failure::input(format!("--only {text}: axis `{axis}` has no value `{wrong}`"))
                .hint(format!("known: {}", known.join(", "))));
        }
        for scenario in loaded.iter_mut() {
            // A scenario without the axis has nothing to filter by.
            scenario.runs.retain(|run| {
                run.axes
                    .iter()
                    .find(|(name, _)| name == axis)
                    .is_none_or(|(_, value)| values.contains(&value.as_str()))
            });
        }
    }
    loaded.retain(|l| !l.runs.is_empty());
    if loaded.is_empty() {
        return Err(Failure::input("--only leaves no run"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_long_is_left_out_by_name_and_still_known() {
        let scenarios = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios");
        let names = ["scale", "learn-routes"].map(|name| scenarios.join(name).display().to_string());
        let mut loaded =
            super::scenarios(&names, &[], &[], Profiles::embedded()).unwrap_or_else(|_| panic!("loads"));
        assert_eq!(loaded.len(), 2);
        assert_eq!(leave_out_on_request(&mut loaded), ["scale"]);
        assert_eq!(loaded.iter().map(|l| l.name.as_str()).collect::<Vec<_>>(), ["learn-routes"]);
    }
}
