//! A router that is chosen: one version of a profile, with an intent. This is what a plan holds.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::ability::Ability;
use super::file::{AddressesBy, Ask, Containerlab, Debian, Driver, KnownIssue, Script, Start, Told};
use super::folder::Profile;
use super::intent::Intent;
use super::ports::Ports;
use super::template::{self, TemplateError};
use crate::topology::words;

/// A gateway's router, complete: files, commands, questions.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Router {
    pub profile: String,
    pub version: String,
    pub variant: Option<String>,
    pub driver: Driver,
    pub not_run_here: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub containerlab: Option<Containerlab>,
    /// containerlab's kind.
    #[serde(default)]
    pub kind: String,
    /// Of the gateway that it is in a topology.
    #[serde(default)]
    pub ports: Ports,
    pub image: RouterImage,
    pub cannot: BTreeMap<Ability, String>,
    pub known_issues: Vec<KnownIssue>,
    pub start: Start,
    pub reload: Option<Script>,
    pub ask: Ask,
    pub templates: BTreeMap<String, String>,
    pub intent: Intent,
}

/// An image, and where it comes from if we make it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterImage {
    pub name: String,
    pub version: String,
    pub debian: Option<Debian>,
}

/// A file of the router's, filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RenderedFile {
    pub path: String,
    pub mode: u32,
    pub text: String,
}

/// A command of a profile that cannot be made.
#[derive(Clone, Debug, Error)]
pub enum CommandError {
    #[error(transparent)]
    Template(#[from] TemplateError),
    #[error("cannot split `{command}`: {why}")]
    Words { command: String, why: String },
}

impl Router {
    /// A profile's version, with a variant's words in the intent.
    pub fn new(profile: &Profile, version: &str, variant: Option<&str>, intent: &Intent) -> Option<Router> {
        let file = &profile.file;
        let chosen = profile.version(Some(version))?;
        let mut intent = intent.clone();
        if let Some(variant) = variant {
            let words = file.variants.get(variant)?;
            intent.route_refresh = words.route_refresh.unwrap_or(intent.route_refresh);
            intent.graceful_restart = words.graceful_restart.unwrap_or(intent.graceful_restart);
        }
        let of_version =
            |issue: &&KnownIssue| issue.versions.is_empty() || issue.versions.contains(&chosen.version);
        Some(Router {
            profile: file.name.clone(),
            version: chosen.version.clone(),
            variant: variant.map(str::to_string),
            driver: file.driver,
            not_run_here: file.not_run_here.clone(),
            containerlab: file.containerlab.clone(),
            kind: file.kinds.first().cloned().unwrap_or_default(),
            ports: Ports::default(),
            image: RouterImage {
                name: chosen.image.clone(),
                version: chosen.version.clone(),
                debian: chosen.debian.clone(),
            },
            cannot: file.cannot.clone().into_iter().chain(chosen.cannot.clone()).collect(),
            known_issues: file.known_issues.iter().filter(of_version).cloned().collect(),
            start: file.start.clone(),
            reload: file.reload.clone(),
            ask: file.ask.clone(),
            templates: profile.templates.clone(),
            intent,
        })
    }

    /// `bird 2`, `openbgpd 7.7 (no-refresh)`.
    pub fn title(&self) -> String {
        let variant = self.variant.as_ref().map(|variant| format!(" ({variant})")).unwrap_or_default();
        format!("{} {}{variant}", self.profile, self.version)
    }

    /// What the intent needs and the router cannot do, with how that shows.
    pub fn lacks(&self) -> Vec<(Ability, &str)> {
        self.lacks_of(&self.intent.demands())
    }

    /// The same of any abilities.
    pub fn lacks_of(&self, wanted: &BTreeSet<Ability>) -> Vec<(Ability, &str)> {
        wanted.iter().filter_map(|a| Some((*a, self.cannot.get(a)?.as_str()))).collect()
    }

    /// Whether its answers about sessions have this.
    pub fn tells(&self, what: Told) -> bool {
        self.driver == Driver::Frr || self.ask.sessions.tells.contains(&what)
    }

    /// Whether it can be asked for what it sends.
    pub fn tells_advertised(&self) -> bool {
        self.driver == Driver::Frr || self.ask.advertised.is_some()
    }

    /// Whether only containerlab can start it.
    pub fn is_of_containerlab(&self) -> bool {
        self.containerlab.is_some() && self.image.debian.is_none()
    }

    /// Whether embedded labs have no image of it.
    pub fn is_elsewhere(&self) -> bool {
        self.is_of_containerlab() || self.not_run_here.is_some()
    }

    /// Whether its configuration gives its interfaces their addresses, so that its kernel may know nothing of them.
    pub fn configures_addresses(&self) -> bool {
        let by_configuration = |c: &Containerlab| c.addresses == AddressesBy::Configuration;
        self.is_of_containerlab() && self.containerlab.as_ref().is_some_and(by_configuration)
    }

    /// What containerlab calls one of its interfaces.
    ///
    /// # Errors
    /// The profile's template does not fit.
    pub fn interface(&self, name: &str) -> Result<String, TemplateError> {
        self.containerlab.as_ref().map_or(Ok(name.to_string()), |c| super::ports::named(&c.interface, name))
    }

    fn values(&self, peer: Option<usize>) -> Result<minijinja::Value, TemplateError> {
        let port = self.containerlab.as_ref().map(|c| c.port.as_ref().unwrap_or(&c.interface));
        let ports = self.ports.values(port.map(String::as_str))?;
        Ok(template::values(&self.intent, &self.version, peer, ports))
    }

    /// Its configuration.
    ///
    /// # Errors
    /// A template does not fit the intent, at its line.
    pub fn files(&self) -> Result<Vec<RenderedFile>, TemplateError> {
        let values = self.values(None)?;
        let file = |file: &super::file::FileFile| {
            let text = self.templates.get(&file.template).map_or("", String::as_str);
            Ok(RenderedFile {
                path: file.path.clone(),
                // `Profile::parse` has read it.
                mode: u32::from_str_radix(&file.mode, 8).unwrap_or(0o640),
                text: template::render(&file.template, text, &values)?,
            })
        };
        self.start.files.iter().map(file).collect()
    }

    /// A command as an argv; `peer` is an index of the intent's peers that it is about.
    ///
    /// # Errors
    /// The template does not fit, or its quotes are not closed.
    pub fn argv(&self, command: &str, peer: Option<usize>) -> Result<Vec<String>, CommandError> {
        let line = template::render("command", command, &self.values(peer)?)?;
        words(&line).map_err(|e| CommandError::Words { command: line.clone(), why: e.to_string() })
    }

    /// The environment of every command.
    ///
    /// # Errors
    /// As [`Router::files`].
    pub fn env(&self) -> Result<BTreeMap<String, String>, TemplateError> {
        let values = self.values(None)?;
        let filled =
            |(name, text): (&String, &String)| Ok((name.clone(), template::render(name, text, &values)?));
        self.start.env.iter().map(filled).collect()
    }

    /// The commands that follow the start, in order.
    ///
    /// # Errors
    /// As [`Router::argv`].
    pub fn then(&self) -> Result<Vec<Vec<String>>, CommandError> {
        let Some(name) = &self.start.then else { return Ok(Vec::new()) };
        let text = self.templates.get(name).map_or("", String::as_str);
        let lines = template::render(name, text, &self.values(None)?)?;
        let lines = lines.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines
            .map(|line| {
                words(line).map_err(|e| CommandError::Words { command: line.to_string(), why: e.to_string() })
            })
            .collect()
    }
}
