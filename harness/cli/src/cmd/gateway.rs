//! `routeproof render --router`: a gateway's configuration, from an intent and a profile.

use std::path::PathBuf;

use routeproof_engine::run::{RunError, read_source};
use routeproof_model::profile::{Intent, Profiles};

use crate::fail::Failure;
use crate::out;

/// Prints the router's files and the commands that follow its start; what it cannot do is said on standard error. Without VRFs or
/// VLANs that the intent has, nothing is printed.
pub fn render(name: &str, files: &[PathBuf], profiles: &Profiles) -> Result<u8, Failure> {
    let [file] = files else { return Err(Failure::input("--router takes one intent")) };
    let intent = Intent::parse(&read_source(file)?).map_err(RunError::from)?;
    let choice = profiles.choose(name).map_err(|unknown| {
        unknown.hints.iter().fold(Failure::input(format!("--router: {}", unknown.what)), Failure::hint)
    })?;
    let Some(router) = profiles.router(&choice, &intent) else {
        return Err(Failure::broken(format!("{name} is a router without a version")));
    };
    // Not a poorer configuration but another one: its peers would be in the wrong table, or on an interface that is not there.
    if let Some((ability, reason)) = router.lacks().into_iter().find(|(ability, _)| ability.is_a_place()) {
        let what = format!("{} cannot do {ability}, which the intent asks for: {reason}", router.title());
        return Err(Failure::input(what).hint(format!(
            "nothing is rendered: take `{ability}s` out of the intent, or choose another router"
        )));
    }
    for (ability, reason) in router.lacks() {
        out::note(format_args!(
            "warning: {} cannot do {ability}, which the intent asks for: {reason}",
            router.title()
        ));
    }
    if let Some(reason) = &router.not_run_here {
        out::note(format_args!("warning: the profile of {} was not run: {reason}", router.title()));
    }
    let rendered = router.files().map_err(Failure::input)?;
    for file in &rendered {
        if rendered.len() > 1 {
            out::line(format_args!("# {}", file.path))?;
        }
        out::text(&file.text)?;
    }
    for argv in router.then().map_err(Failure::input)? {
        out::line(format_args!("# then: {}", argv.join(" ")))?;
    }
    Ok(0)
}
