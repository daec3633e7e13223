//! `routeproof check`: what is wrong with files, without running anything.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use routeproof_engine::image::Store;
use routeproof_engine::run::{
    LoadOptions, RunError, check_images, check_intents, check_manifests, check_topology_images, choose_frr,
    load_for, load_lab, load_profile, load_topology, read_source,
};
use routeproof_model::diag::{Diagnostic, Severity};
use routeproof_model::metallb::lint::{Finding, FrrVersion, Rule};
use routeproof_model::profile::{PROFILE, Profile, Profiles};
use routeproof_model::{needs, path, yaml};

use super::{metallb, requirements, run, select};
use crate::args::{CheckArgs, SourceArgs};
use crate::fail::{self, BAD_INPUT, Failure};
use crate::out;
use crate::render::check::Output;

/// What manifests are checked for unless `--metallb` says otherwise; `render` has the same.
const METALLB: &str = "v0.13.10";

/// What was found in a file that is no error as a whole.
#[derive(Debug, Default)]
pub struct Found {
    pub warnings: Vec<String>,
    pub findings: Vec<Finding>,
    /// What its runs need of the kernel.
    pub needs: BTreeSet<String>,
    /// Why the embedded lab cannot boot a topology that containerlab can; no error of the file.
    pub refusal: Option<Diagnostic>,
}

impl Found {
    /// Errors and warnings. What warnings count as is for the caller to say.
    pub fn count(&self) -> (usize, usize) {
        let errors = self.findings.iter().filter(|f| f.severity() == Severity::Error).count();
        (errors, self.findings.len() - errors + self.warnings.len() + usize::from(self.refusal.is_some()))
    }
}

pub fn run(args: &CheckArgs) -> Result<u8, Failure> {
    if let Some(rule) = args.explain.as_deref().map(Rule::find) {
        out::text(rule.map_err(Failure::input)?.page())?;
        return Ok(0);
    }
    let (files, manifests) = sorted(args)?;
    let profiles = args.profiles.load()?;
    let store = run::store(&SourceArgs::default(), &profiles)?;
    let mut output = Output::new(args.deny_warnings);
    let mut worst = 0;
    let mut tell = |name: &str, checked: Result<Found, Failure>| -> Result<(), Failure> {
        let code = match &checked {
            Ok(found) => code(found, args.deny_warnings),
            Err(failure) => failure.code,
        };
        worst = worst.max(code);
        if !args.json {
            let needs = checked.as_ref().map(needs_of).unwrap_or_default();
            out::line(format_args!("{} {name}{needs}", if code == 0 { "ok   " } else { "wrong" }))?;
        }
        show(&checked, args.json);
        output.add(name, code == 0, &checked);
        Ok(())
    };
    for file in &files {
        tell(file, check(file, &store, &profiles))?;
    }
    if args.files.is_empty() && args.manifest.is_empty() {
        tell("requirements", check_requirements(&profiles))?;
    }
    if !manifests.is_empty() {
        let names: Vec<String> = manifests.iter().map(|p| p.display().to_string()).collect();
        tell(&names.join(" "), check_all(&manifests, args))?;
    }
    if args.json {
        out::json(&output)?;
    }
    Ok(worst)
}

/// `  needs vlan, vrf`: a run is skipped where the kernel has it not.
fn needs_of(found: &Found) -> String {
    let names: Vec<&str> = found.needs.iter().map(String::as_str).collect();
    if names.is_empty() { String::new() } else { format!("  needs {}", names.join(", ")) }
}

fn code(found: &Found, deny_warnings: bool) -> u8 {
    match found.count() {
        (0, 0) => 0,
        (0, _) if !deny_warnings => 0,
        _ => BAD_INPUT,
    }
}

/// With `--json` the findings are data, on standard output.
fn show(checked: &Result<Found, Failure>, json: bool) {
    match checked {
        Ok(_) if json => {}
        Ok(found) => {
            found.warnings.iter().for_each(|warning| out::note(format_args!("warning: {warning}")));
            found.findings.iter().for_each(|f| out::note(f.render(fail::color())));
            found.refusal.iter().for_each(|refusal| out::note(refusal.render(fail::color())));
        }
        Err(failure) => _ = failure.report(),
    }
}

/// Scenarios and topologies, and the manifests among the files.
fn sorted(args: &CheckArgs) -> Result<(Vec<String>, Vec<PathBuf>), Failure> {
    let (mut files, mut manifests) = (Vec::new(), args.manifest.clone());
    for file in &args.files {
        match is_manifest(Path::new(file)) {
            true => manifests.push(file.into()),
            false => files.push(file.clone()),
        }
    }
    let given = [
        ("--metallb", args.metallb.is_some()),
        ("--mode", args.mode.is_some()),
        ("--frr", args.frr.is_some()),
        ("--allow", !args.allow.is_empty()),
    ];
    if let Some((option, _)) = given.iter().find(|(_, is_given)| *is_given && manifests.is_empty()) {
        return Err(Failure::input(format!("{option} is for manifests, and none is given"))
            .hint("a scenario says these things itself: `metallb: { version }`, `axes: { frr }`, `allow`"));
    }
    if args.files.is_empty() && manifests.is_empty() {
        files = select::all()?.iter().map(|p| p.display().to_string()).collect();
    }
    Ok((files, manifests))
}

/// Whether a file holds a Kubernetes object. What cannot be read is somebody else's to report.
fn is_manifest(file: &Path) -> bool {
    let source = if file.is_file() { read_source(file).ok() } else { None };
    let documents = source.and_then(|source| yaml::documents(&source).ok()).unwrap_or_default();
    documents
        .first()
        .is_some_and(|d| d.text(&path!["apiVersion"]).is_some() && d.text(&path!["kind"]).is_some())
}

fn check(file: &str, store: &Store, profiles: &Profiles) -> Result<Found, Failure> {
    if let Some(folder) = profile_folder(Path::new(file)) {
        load_profile(folder)?;
        return Ok(Found::default());
    }
    if is_topology(file) {
        return check_topology(Path::new(file), store, profiles);
    }
    let mut loaded = load_for(&select::path(file)?, &LoadOptions { profiles, ..LoadOptions::default() })?;
    // As `run` does: the release's own FRR need not be one that can be had.
    choose_frr(std::slice::from_mut(&mut loaded), store)?;
    check_images(&loaded, store)?;
    let needs = loaded.runs.iter().flat_map(|run| run.needs.iter().cloned()).collect();
    let findings = loaded.findings.into_iter().map(|(f, _)| f).collect();
    Ok(Found { warnings: loaded.warnings, findings, needs, refusal: None })
}

/// Whether the scenarios here prove their catalogue, and nothing else.
fn check_requirements(profiles: &Profiles) -> Result<Found, Failure> {
    let loaded = select::scenarios(&[], &[], &[], profiles)?;
    match requirements::check(&loaded)?.as_slice() {
        [] => Ok(Found::default()),
        wrong => Err(Failure::input(wrong.join("\n"))),
    }
}

/// The folder of a router's profile, if that, or its `profile.yaml`, is what is named.
fn profile_folder(path: &Path) -> Option<&Path> {
    let by_file = path.file_name().is_some_and(|name| name == PROFILE);
    match (by_file, path.join(PROFILE).is_file()) {
        (true, _) => {
            Some(path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")))
        }
        (false, true) => Some(path),
        (false, false) => None,
    }
}

/// Whether a file is containerlab's, by its name or by its text: there `topology:` is a mapping, in a scenario a path.
pub fn is_topology(file: &str) -> bool {
    let begins = |line: &str| {
        let rest =
            line.strip_prefix("topology:").map(|rest| rest.split(" #").next().unwrap_or_default().trim());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['{', '&']))
    };
    let by_text = || {
        let source = Path::new(file).is_file().then(|| read_source(Path::new(file)).ok()).flatten();
        source.is_some_and(|source| source.text.lines().any(begins))
    };
    [".clab.yml", ".clab.yaml", ".clab.gotmpl"].iter().any(|end| file.ends_with(end)) || by_text()
}

/// Two questions: whether the file is right, and whether the embedded lab can boot it. A no to the second is a warning.
fn check_topology(file: &Path, store: &Store, profiles: &Profiles) -> Result<Found, Failure> {
    let shown = |warnings: Vec<Diagnostic>| warnings.iter().map(ToString::to_string).collect::<Vec<_>>();
    match load_topology(file) {
        Ok(topology) => {
            // What is here in all but an FRR tree is meant for here.
            let elsewhere = |image: &str| profiles.of_image(image).is_some_and(Profile::is_elsewhere);
            check_topology_images(file, [&topology], store, elsewhere)?;
            check_intents(&topology)?;
            let needs = needs::of(&topology, &[], &BTreeSet::new());
            let routers = topology.nodes.iter().filter(|node| node.image.as_deref().is_some_and(elsewhere));
            let routers = routers.map(|node| {
                let (file, node) = (file.display(), &node.name);
                format!(
                    "{file}: embedded labs cannot boot `{node}`: `--backend containerlab` runs its router"
                )
            });
            let warnings = routers.chain(shown(topology.warnings)).collect();
            Ok(Found { warnings, needs, ..Found::default() })
        }
        Err(RunError::Input(refusal)) if refusal.unsupported => {
            let lab = load_lab(file)?;
            Ok(Found { warnings: shown(lab.warnings), refusal: Some(not_here(*refusal)), ..Found::default() })
        }
        Err(error) => Err(error.into()),
    }
}

/// The refusal of a file that is right.
pub fn not_here(refusal: Diagnostic) -> Diagnostic {
    let message = format!("the embedded lab cannot boot this: {}", refusal.message);
    Diagnostic { message, ..refusal }.warning()
}

fn check_all(manifests: &[PathBuf], args: &CheckArgs) -> Result<Found, Failure> {
    let mode = args.mode.unwrap_or_default();
    let release = metallb::release(args.metallb.as_deref().unwrap_or(METALLB), mode)?;
    let frr = args.frr.as_deref().unwrap_or(release.frr_in(mode));
    let version = FrrVersion::parse(frr).ok_or_else(|| {
        Failure::input(format!("--frr {frr}: this is no FRR version")).hint("for instance `--frr 7.5.1`")
    })?;
    let checked = check_manifests(manifests, (release, mode), Some(version))?;
    let allowed = |f: &Finding| args.allow.iter().any(|id| id == f.rule.id());
    let findings = checked.findings.into_iter().filter(|f| !allowed(f)).collect();
    Ok(Found { warnings: checked.warnings, findings, ..Found::default() })
}
