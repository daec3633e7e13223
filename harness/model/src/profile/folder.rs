//! A profile with its templates, checked; and the set of all that are known.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use super::ability::{Ability, unmentioned};
use super::file::{Driver, ProfileFile, Question, Script, VersionFile};
use super::{answer, ports, template};
use crate::diag::{Diagnostic, Mark, Seg, Source};
use crate::topology::words;
use crate::{path, yaml};

/// A router's profile.
#[derive(Clone, Debug)]
pub struct Profile {
    pub file: ProfileFile,
    /// File name -> text.
    pub templates: BTreeMap<String, String>,
}

impl Profile {
    /// Reads a folder's `profile.yaml`, with the texts of the files beside it.
    ///
    /// # Errors
    /// The first mistake in it or in a template, at its line and column.
    pub fn parse(source: &Source, templates: BTreeMap<String, String>) -> Result<Profile, Diagnostic> {
        let profile = Profile::unchecked(source, templates)?;
        let checks = Checks { source, file: &profile.file, templates: &profile.templates };
        checks.names()?;
        checks.abilities()?;
        checks.commands()?;
        checks.containerlab()?;
        checks.questions()?;
        Ok(profile)
    }

    pub(super) fn unchecked(
        source: &Source,
        templates: BTreeMap<String, String>,
    ) -> Result<Profile, Diagnostic> {
        Ok(Profile { file: yaml::parse(source)?, templates })
    }

    /// The version by its name, or the first. Of FRR and of what containerlab runs any will do: people bring their own.
    pub fn version(&self, name: Option<&str>) -> Option<VersionFile> {
        let Some(name) = name else { return self.file.versions.first().cloned() };
        let listed = self.file.versions.iter().find(|v| v.version == name).cloned();
        let first = self.file.versions.first().map_or(self.file.name.as_str(), |v| v.image.as_str());
        let repository = match self.file.driver {
            Driver::Frr => self.file.name.as_str(),
            Driver::Commands => first.rsplit_once(':').map_or(first, |(repository, _)| repository),
        };
        let other = || VersionFile {
            version: name.to_string(),
            image: format!("{repository}:{name}"),
            debian: None,
            cannot: BTreeMap::new(),
        };
        let any = self.file.driver == Driver::Frr || self.file.containerlab.is_some();
        listed.or_else(|| (any && name.starts_with(|c: char| c.is_ascii_digit())).then(other))
    }

    /// Whether embedded labs need no image of it: they do not run it.
    pub fn is_elsewhere(&self) -> bool {
        self.file.is_elsewhere()
    }

    /// Whether an image's name, in whatever registry, is of this router: `quay.io/x/bird:2` is of that of `bird:2`.
    pub fn has_image(&self, image: &str) -> bool {
        self.file.versions.iter().any(|v| repository(&v.image) == repository(image))
    }
}

/// The last part of an image's name, without registry, tag and digest.
pub fn repository(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    let last = image.rsplit('/').next().unwrap_or(image);
    last.split(':').next().unwrap_or(last)
}

struct Checks<'a> {
    source: &'a Source,
    file: &'a ProfileFile,
    templates: &'a BTreeMap<String, String>,
}

impl Checks<'_> {
    fn names(&self) -> Result<(), Diagnostic> {
        let safe = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        if self.file.name.is_empty() || !self.file.name.chars().all(safe) {
            let error =
                self.source.error_at(&path!["name"], format!("`{}` is not a profile's name", self.file.name));
            return Err(error.hint("small letters, digits, `-` and `_`"));
        }
        if self.file.versions.is_empty() {
            return Err(self.source.error_at(&path!["versions"], "a profile has at least one version"));
        }
        for (index, version) in self.file.versions.iter().enumerate() {
            let at = |key: &str| path!["versions", index, key];
            if self.file.versions[..index].iter().any(|other| other.version == version.version) {
                return Err(self
                    .source
                    .error_at(&at("version"), format!("the version {} is there twice", version.version)));
            }
            if version.debian.is_none() && !self.file.is_elsewhere() && self.file.driver != Driver::Frr {
                let error =
                    self.source.error_at(&path!["versions", index], "nobody knows where this image is from");
                return Err(error.hint(
                    "`debian: { suite, package }`; or `containerlab: ...` or `not-run-here: REASON` for the whole profile",
                ));
            }
        }
        Ok(())
    }

    /// What containerlab is told.
    fn containerlab(&self) -> Result<(), Diagnostic> {
        let Some(containerlab) = &self.file.containerlab else { return Ok(()) };
        let names = [("interface", Some(&containerlab.interface)), ("port", containerlab.port.as_ref())];
        for (key, name) in names {
            let Some(name) = name else { continue };
            let at = path!["containerlab", key];
            let filled = ports::named(name, "eth1").and_then(|one| Ok((one, ports::named(name, "eth2")?)));
            let (one, two) = filled.map_err(|e| self.source.error_at(&at, e.what))?;
            if one == two {
                let error = self.source.error_at(&at, format!("every interface would be called `{one}`"));
                return Err(error.hint("`{{ n }}` is the number of `ethN`, from 1"));
            }
        }
        let files = &self.file.start.files;
        if let Some(path) =
            containerlab.startup_config.as_ref().filter(|p| files.iter().all(|f| f.path != **p))
        {
            let at = path!["containerlab", "startup-config"];
            let error = self.source.error_at(&at, format!("no file of `start` has the path `{path}`"));
            return Err(error.suggest(path, files.iter().map(|file| file.path.as_str())));
        }
        Ok(())
    }

    /// Silence about an ability would make a requirement pass or be skipped by accident.
    fn abilities(&self) -> Result<(), Diagnostic> {
        let said: BTreeSet<Ability> = self.file.can.iter().chain(self.file.cannot.keys()).copied().collect();
        if let Some(both) = self.file.can.iter().find(|ability| self.file.cannot.contains_key(ability)) {
            let at = path!["cannot", both.name()];
            return Err(self.source.error_at_key(&at, format!("`{both}` is under `can`, too")));
        }
        match unmentioned(&said).as_slice() {
            [] => Ok(()),
            rest => {
                let what = format!("the profile does not say whether the router can: {}", rest.join(", "));
                let error = self.source.error_at_key(&path!["can"], what);
                Err(error.hint("list each under `can`, or under `cannot` with how that shows"))
            }
        }
    }

    fn commands(&self) -> Result<(), Diagnostic> {
        let start = &self.file.start;
        for (index, file) in start.files.iter().enumerate() {
            let at = |key: &str| path!["start", "files", index, key];
            self.template_file(&file.template, &at("template"))?;
            if u32::from_str_radix(&file.mode, 8).is_err() || file.mode.len() > 4 {
                let what = format!("`{}` is not a file's mode such as \"0640\"", file.mode);
                return Err(self.source.error_at(&at("mode"), what));
            }
            if !file.path.starts_with('/') {
                return Err(self.source.error_at(&at("path"), format!("`{}` is not absolute", file.path)));
            }
        }
        for (name, text) in &start.env {
            let at = path!["start", "env", name.as_str()];
            template::check(name, text).map_err(|e| self.source.error_at(&at, e.what))?;
        }
        for (index, daemon) in start.daemons.iter().enumerate() {
            self.command(&daemon.command, &path!["start", "daemons", index, "command"])?;
        }
        for (script, at) in [
            (&start.check, path!["start", "check"]),
            (&start.ready, path!["start", "ready"]),
            (&self.file.reload, path!["reload"]),
        ] {
            script.as_ref().map_or(Ok(()), |script| self.script(script, &at))?;
        }
        if let Some(then) = &start.then {
            self.template_file(then, &path!["start", "then"])?;
        }
        for (index, pattern) in start.rejected.iter().enumerate() {
            self.pattern(pattern, &path!["start", "rejected", index])?;
        }
        if self.file.driver == Driver::Commands && start.daemons.is_empty() && !self.file.is_elsewhere() {
            return Err(self.source.error_at_key(&path!["start"], "nothing is started: `daemons` is empty"));
        }
        Ok(())
    }

    fn questions(&self) -> Result<(), Diagnostic> {
        let ask = &self.file.ask;
        let always = [(Some(&ask.version), "version"), (Some(&ask.sessions), "sessions")];
        let others = [(ask.received.as_ref(), "received"), (ask.advertised.as_ref(), "advertised")];
        for (question, name) in always.into_iter().chain(others) {
            let Some(Question { command, filter, tells, .. }) = question else { continue };
            self.command(command, &path!["ask", name, "command"])?;
            let at = path!["ask", name, "filter"];
            answer::check(filter).map_err(|e| self.source.error_at(&at, e.to_string()))?;
            if name != "sessions" && !tells.is_empty() {
                return Err(self
                    .source
                    .error_at_key(&path!["ask", name, "tells"], "`tells` goes with `sessions`"));
            }
        }
        Ok(())
    }

    fn script(&self, script: &Script, at: &[Seg]) -> Result<(), Diagnostic> {
        self.command(&script.command, &[at, &path!["command"]].concat())?;
        let at = [at, &path!["answers"]].concat();
        script.answers.as_ref().map_or(Ok(()), |pattern| self.pattern(pattern, &at))
    }

    fn command(&self, text: &str, at: &[Seg]) -> Result<(), Diagnostic> {
        template::check("command", text).map_err(|e| self.source.error_at(at, e.what))?;
        match words(text) {
            Ok(argv) if !argv.is_empty() => Ok(()),
            Ok(_) => Err(self.source.error_at(at, "this command is empty")),
            Err(e) => Err(self.source.error_at(at, format!("cannot split this command: {e}"))),
        }
    }

    fn pattern(&self, text: &str, at: &[Seg]) -> Result<(), Diagnostic> {
        match Regex::new(text) {
            Ok(_) => Ok(()),
            Err(e) => {
                let line = e
                    .to_string()
                    .lines()
                    .last()
                    .unwrap_or_default()
                    .trim_start_matches("error: ")
                    .to_string();
                Err(self.source.error_at(at, format!("this is no regular expression: {line}")))
            }
        }
    }

    fn template_file(&self, name: &str, at: &[Seg]) -> Result<(), Diagnostic> {
        let Some(text) = self.templates.get(name) else {
            let error = self.source.error_at(at, format!("there is no file `{name}` beside the profile"));
            return Err(error.suggest(name, self.templates.keys().map(String::as_str)));
        };
        template::check(name, text).map_err(|e| {
            let source = Source::new(self.source.file.with_file_name(name), text.as_str());
            Diagnostic::new(&source, Some(Mark { line: e.line, column: 1 }), e.what)
        })
    }
}
