//! `profile.yaml`: a router as data.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::ability::Ability;

/// A router's profile as it is written. Paths of templates are names of files in the profile's folder.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ProfileFile {
    pub name: String,
    pub about: String,
    /// Where the facts of this profile are from.
    pub sources: Vec<String>,
    /// containerlab's kinds.
    pub kinds: Vec<String>,
    #[serde(default)]
    pub driver: Driver,
    /// Why no embedded lab can run it; such a profile is for containerlab, and was not run here.
    #[serde(default)]
    pub not_run_here: Option<String>,
    /// How containerlab runs it.
    #[serde(default)]
    pub containerlab: Option<Containerlab>,
    /// The first is the one that is meant when none is named.
    pub versions: Vec<VersionFile>,
    #[serde(default)]
    pub variants: BTreeMap<String, Variant>,
    pub can: BTreeSet<Ability>,
    /// What it cannot, and how that shows.
    pub cannot: BTreeMap<Ability, String>,
    #[serde(default)]
    pub known_issues: Vec<KnownIssue>,
    pub start: Start,
    /// Takes a changed configuration without a restart; after the files were written anew.
    #[serde(default)]
    pub reload: Option<Script>,
    pub ask: Ask,
}

impl ProfileFile {
    pub(super) fn is_elsewhere(&self) -> bool {
        self.not_run_here.is_some() || self.containerlab.is_some()
    }
}

/// Who speaks with the router.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Driver {
    /// The profile's commands.
    #[default]
    Commands,
    /// routeproof's own code for FRR: daemons, vty sockets and the gate on every line.
    Frr,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct VersionFile {
    pub version: String,
    /// The container's or the cache's name for it.
    pub image: String,
    /// Where the image comes from, if we make it.
    #[serde(default)]
    pub debian: Option<Debian>,
    /// What this version cannot beyond [`ProfileFile::cannot`].
    #[serde(default)]
    pub cannot: BTreeMap<Ability, String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Debian {
    pub suite: String,
    pub package: String,
}

/// A router with another personality: these words replace the intent's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Variant {
    pub about: String,
    #[serde(default)]
    pub route_refresh: Option<bool>,
    #[serde(default)]
    pub graceful_restart: Option<super::intent::GracefulRestart>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct KnownIssue {
    pub id: String,
    /// Of which versions; all without it.
    #[serde(default)]
    pub versions: Vec<String>,
    pub text: String,
    /// What showed it.
    pub evidence: String,
}

/// How the router comes up. Every command and variable is a template, split into words as a shell's without expansion.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Start {
    /// Made before anything starts.
    #[serde(default)]
    pub folders: Vec<String>,
    /// Users that the daemons want; they are root by another name, for a lab may have one user only.
    #[serde(default)]
    pub users: Vec<String>,
    pub files: Vec<FileFile>,
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// Reads the configuration without using it.
    #[serde(default)]
    pub check: Option<Script>,
    /// Programs that stay in the foreground, in this order.
    #[serde(default)]
    pub daemons: Vec<Daemon>,
    /// Says that the daemons can be asked.
    #[serde(default)]
    pub ready: Option<Script>,
    /// Done once they can: for routers that take routes or peers by commands. One command a line.
    #[serde(default)]
    pub then: Option<String>,
    /// Regular expressions for lines of a daemon's output that say that a line of the configuration was not taken.
    #[serde(default)]
    pub rejected: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FileFile {
    pub path: String,
    pub template: String,
    /// Octal.
    #[serde(default = "mode")]
    pub mode: String,
}

fn mode() -> String {
    "0640".to_string()
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Daemon {
    pub name: String,
    pub command: String,
}

/// What containerlab needs to know to run a router as one of its own kinds, the first of [`ProfileFile::kinds`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Containerlab {
    /// What containerlab calls the interface that a topology calls `eth{{ n }}`: a template of the number `n`.
    pub interface: String,
    /// What the router's own configuration calls it, likewise; the same unless said.
    #[serde(default)]
    pub port: Option<String>,
    pub addresses: AddressesBy,
    /// The path among [`Start::files`] of the one that is containerlab's `startup-config`; the others are mounted where they belong.
    #[serde(default)]
    pub startup_config: Option<String>,
    /// Its log files, which are kept and searched for crashes; what its container prints is, too.
    #[serde(default)]
    pub logs: Vec<String>,
}

/// Who gives the interfaces their addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddressesBy {
    /// The topology's links and `exec` lines, as on any Linux host.
    Kernel,
    /// The router's own configuration: its templates have `interfaces` and `loopback`.
    Configuration,
}

/// A command that must succeed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Script {
    pub command: String,
    /// A regular expression that must be in what it prints.
    #[serde(default)]
    pub answers: Option<String>,
}

/// The questions, and how their answers are read.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Ask {
    pub version: Question,
    pub sessions: Question,
    /// Per peer: what the router has from it.
    #[serde(default)]
    pub received: Option<Question>,
    /// Per peer: what the router sends to it.
    #[serde(default)]
    pub advertised: Option<Question>,
}

/// A command, and a jq filter that makes the wanted values of what it prints.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Question {
    pub command: String,
    #[serde(default)]
    pub format: Format,
    pub filter: String,
    /// Of `sessions`: what the answers tell beyond peer and state.
    #[serde(default)]
    pub tells: BTreeSet<Told>,
}

/// What the filter gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    #[default]
    Json,
    /// The text as one string.
    Text,
}

/// What a router's answer about its sessions has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Told {
    Uptime,
    /// Counts of prefixes that came, and were let in.
    Prefixes,
    /// Counts of prefixes that were sent.
    Sent,
    Flaps,
    LastReset,
    Capabilities,
    Bfd,
    GracefulRestart,
}

impl Told {
    pub fn name(self) -> &'static str {
        match self {
            Told::Uptime => "uptime",
            Told::Prefixes => "prefixes",
            Told::Sent => "sent",
            Told::Flaps => "flaps",
            Told::LastReset => "last-reset",
            Told::Capabilities => "capabilities",
            Told::Bfd => "bfd",
            Told::GracefulRestart => "graceful-restart",
        }
    }
}
