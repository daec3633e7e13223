//! A router under way, by the commands of its profile.

use std::collections::BTreeMap;
use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use regex::Regex;
use routeproof_model::profile::{Router, Script};

use super::error::RouterError;
use crate::daemons::{Daemons, last_words};
use crate::lab::{Command, NodeHandle, Output};
use crate::wait::{self, Probe, TimedOut};

/// A daemon that cannot be asked after this time will not be.
const START_LIMIT: Duration = Duration::from_secs(60);
/// The same of a whole router of a vendor, which boots, and whose command line takes its time.
const BOOT_LIMIT: Duration = Duration::from_secs(600);
const BOOT_LOOK: Duration = Duration::from_millis(500);
/// Nothing tells when a router can be asked, so it is asked.
const LOOK: Duration = Duration::from_millis(25);

/// A router's daemons and what they run with.
#[derive(Debug)]
pub struct RunningRouter {
    pub router: Router,
    pub(super) node: NodeHandle,
    pub(super) daemons: Daemons,
    /// Peer -> when its session was first seen up.
    pub(super) up: Mutex<BTreeMap<String, Instant>>,
}

impl RunningRouter {
    /// Of which nothing runs yet.
    fn new(node: &NodeHandle, router: &Router, log_dir: &Path) -> RunningRouter {
        let daemons = Daemons::new(node, log_dir);
        RunningRouter { router: router.clone(), node: node.clone(), daemons, up: Mutex::default() }
    }

    /// Writes the configuration, has the router check it, starts the daemons and waits until they can be asked. Logs go to
    /// `log_dir`.
    ///
    /// # Errors
    /// A line that the router refuses, a daemon that ends, a command of the profile that fails.
    pub async fn start(
        node: &NodeHandle,
        router: &Router,
        log_dir: &Path,
    ) -> Result<RunningRouter, RouterError> {
        let mut running = RunningRouter::new(node, router, log_dir);
        running.make_users().await?;
        for folder in &router.start.folders {
            running.must(&["mkdir".to_string(), "-p".to_string(), folder.clone()]).await?;
        }
        running.write_files(log_dir).await?;
        running.launch().await?;
        Ok(running)
    }

    /// A router that somebody else has started with its configuration: waits until it can be asked, does what follows its start, and sees
    /// to it that it has taken the configuration: it knows every peer.
    ///
    /// # Errors
    /// It cannot be asked, or does not know a peer; a command of the profile that fails.
    pub async fn attach(
        node: &NodeHandle,
        router: &Router,
        log_dir: &Path,
    ) -> Result<RunningRouter, RouterError> {
        let running = RunningRouter::new(node, router, log_dir);
        running.ready(BOOT_LIMIT, BOOT_LOOK).await?;
        running.follow().await?;
        running.knows_its_peers().await?;
        Ok(running)
    }

    async fn knows_its_peers(&self) -> Result<(), RouterError> {
        let look = || async {
            let told = match self.sessions().await {
                Ok(told) => told,
                Err(e) => return Probe::NotYet(e.to_string()),
            };
            let told: Vec<IpAddr> = told.iter().filter_map(|session| session.peer.parse().ok()).collect();
            match self.router.intent.peers.iter().find(|peer| !told.contains(&peer.address)) {
                None => Probe::Done(()),
                Some(peer) => Probe::NotYet(format!("it knows no peer {}", peer.address)),
            }
        };
        let what = "the peers of its intent in its answer about sessions";
        wait::until(what, BOOT_LIMIT, BOOT_LOOK, look, wait::no_events).await.map_err(|e| self.not_ready(e))
    }

    async fn make_users(&self) -> Result<(), RouterError> {
        for (file, rest) in [("/etc/passwd", "x:0:0::/var/empty:/usr/sbin/nologin"), ("/etc/group", "x:0:")] {
            let mut text = String::from_utf8_lossy(&self.node.read(file).await?).into_owned();
            let known =
                |name: &str, text: &str| text.lines().any(|line| line.starts_with(&format!("{name}:")));
            for user in &self.router.start.users {
                if !known(user, &text) {
                    text.push_str(&format!("{user}:{rest}\n"));
                }
            }
            self.node.write(file, 0o644, text.as_bytes()).await?;
        }
        Ok(())
    }

    /// Writes the configuration; a copy is kept beside the logs.
    async fn write_files(&self, kept: &Path) -> Result<(), RouterError> {
        let template = |source| RouterError::Template { node: self.node.name().into(), source };
        for file in self.router.files().map_err(template)? {
            self.node.write(&file.path, file.mode, file.text.as_bytes()).await?;
            let name = file.path.rsplit('/').next().unwrap_or("configuration");
            // A full disk shows in the report's own error.
            let _ = fs::write(kept.join(name), &file.text);
        }
        if let Some(check) = self.router.start.check.clone() {
            let argv = self.argv(&check.command, None)?;
            let output = self.output(&argv).await?;
            if !output.exit.success() || !fits(&check, &output) {
                return Err(self.refused(&last_words(&said(&output))));
            }
        }
        Ok(())
    }

    async fn launch(&mut self) -> Result<(), RouterError> {
        for daemon in self.router.start.daemons.clone() {
            let argv = self.argv(&daemon.command, None)?;
            // Users of profiles are root by another name, which daemons that give up root must be able to become.
            let command = Command { one_user: true, ..Command::new(argv).envs(&self.env()?) };
            self.daemons.start(&daemon.name, &command).await?;
        }
        self.ready(START_LIMIT, LOOK).await?;
        self.follow().await?;
        self.look_for_refusals()
    }

    /// Does what follows the start.
    async fn follow(&self) -> Result<(), RouterError> {
        let failed = |source| RouterError::Command { node: self.node.name().into(), source };
        for argv in self.router.then().map_err(failed)? {
            self.must(&argv).await?;
        }
        Ok(())
    }

    async fn ready(&self, limit: Duration, pause: Duration) -> Result<(), RouterError> {
        let Some(ready) = &self.router.start.ready else { return Ok(()) };
        let argv = self.argv(&ready.command, None)?;
        let probe = || async {
            if let Err(dead) = self.daemons.check_started() {
                return Probe::Done(Err(dead.into()));
            }
            match self.output(&argv).await {
                Err(e) => Probe::Done(Err(e)),
                Ok(output) if output.exit.success() && fits(ready, &output) => Probe::Done(Ok(())),
                Ok(output) => Probe::NotYet(format!("`{}`: {}", argv.join(" "), last_words(&said(&output)))),
            }
        };
        let what = format!("an answer to `{}`", argv.join(" "));
        wait::until(&what, limit, pause, probe, wait::no_events).await.map_err(|e| self.not_ready(e))?
    }

    fn not_ready(&self, source: TimedOut) -> RouterError {
        RouterError::NotReady { node: self.node.name().into(), router: self.router.title(), source }
    }

    /// What the daemons have said about lines that they did not take.
    fn look_for_refusals(&self) -> Result<(), RouterError> {
        // `Profile::parse` has read the patterns.
        let patterns: Vec<Regex> =
            self.router.start.rejected.iter().filter_map(|pattern| Regex::new(pattern).ok()).collect();
        for daemon in &self.router.start.daemons {
            let log = fs::read_to_string(self.daemons.log_path(&daemon.name)).unwrap_or_default();
            if let Some(line) = log.lines().find(|line| patterns.iter().any(|p| p.is_match(line))) {
                return Err(self.refused(line.trim()));
            }
        }
        Ok(())
    }

    /// The router with other words of its intent: files anew, then the profile's `reload`.
    ///
    /// # Errors
    /// As [`RunningRouter::start`], and a profile without `reload`.
    pub async fn change(&mut self, router: Router, kept: &Path) -> Result<(), RouterError> {
        let Some(reload) = router.reload.clone() else { return Err(self.no_question("reload")) };
        self.router = router;
        self.write_files(kept).await?;
        let argv = self.argv(&reload.command, None)?;
        let output = self.must(&argv).await?;
        match fits(&reload, &output) {
            true => self.look_for_refusals(),
            false => Err(self.refused(&last_words(&said(&output)))),
        }
    }

    /// Keeps the log files that its profile names; those of daemons are there already.
    pub async fn keep_logs(&self, folder: &Path) {
        let paths = self.router.containerlab.iter().flat_map(|c| &c.logs);
        for path in paths {
            // A router that has died has none.
            if let Ok(text) = self.node.read(path).await {
                let name = path.rsplit('/').next().unwrap_or(path).trim_end_matches(".log");
                let _ = fs::write(folder.join(format!("{name}.log")), text);
            }
        }
    }

    /// # Errors
    /// A daemon has ended unasked.
    pub fn check_alive(&self) -> Result<(), RouterError> {
        Ok(self.daemons.check_alive()?)
    }

    /// Resolves when a daemon has ended, whoever ended it.
    pub fn ended(&self) -> impl Future<Output = ()> + Send + use<> {
        self.daemons.ended()
    }

    /// Whether its daemons run and can be asked: a fault may have ended or paused one.
    pub fn answers(&self) -> bool {
        // The end of a container is the end of its node.
        self.router.is_of_containerlab() || self.daemons.all_answer()
    }

    /// # Errors
    /// No such daemon runs.
    pub async fn end(&mut self, daemon: &str, signal: Signal) -> Result<(), RouterError> {
        Ok(self.daemons.end(daemon, signal).await?)
    }

    /// # Errors
    /// No such daemon runs.
    pub async fn pause(&mut self, daemon: &str, paused: bool) -> Result<(), RouterError> {
        Ok(self.daemons.pause(daemon, paused).await?)
    }

    /// Stops what runs and starts everything again.
    ///
    /// # Errors
    /// As [`RunningRouter::start`].
    pub async fn restart(&mut self) -> Result<(), RouterError> {
        self.stop(Signal::SIGTERM).await;
        self.launch().await
    }

    /// Ends every daemon that runs, for good.
    pub async fn stop(&mut self, signal: Signal) {
        self.daemons.end_all(signal).await;
    }

    pub(super) fn argv(&self, command: &str, peer: Option<usize>) -> Result<Vec<String>, RouterError> {
        let failed = |source| RouterError::Command { node: self.node.name().into(), source };
        self.router.argv(command, peer).map_err(failed)
    }

    fn env(&self) -> Result<BTreeMap<String, String>, RouterError> {
        self.router.env().map_err(|source| RouterError::Template { node: self.node.name().into(), source })
    }

    async fn output(&self, argv: &[String]) -> Result<Output, RouterError> {
        let command = Command::new(argv).envs(&self.env()?);
        Ok(self.node.output(&command).await?)
    }

    pub(super) async fn must(&self, argv: &[String]) -> Result<Output, RouterError> {
        let output = self.output(argv).await?;
        match output.exit.success() {
            true => Ok(output),
            false => Err(RouterError::Failed {
                node: self.node.name().into(),
                command: argv.join(" "),
                exit: output.exit,
                output: last_words(&said(&output)),
            }),
        }
    }

    fn refused(&self, line: &str) -> RouterError {
        RouterError::Refused {
            node: self.node.name().into(),
            router: self.router.title(),
            line: line.to_string(),
        }
    }

    pub(super) fn no_question(&self, question: &'static str) -> RouterError {
        RouterError::NoQuestion { node: self.node.name().into(), router: self.router.title(), question }
    }
}

pub(super) fn said(output: &Output) -> String {
    format!("{}{}", output.stdout, output.stderr)
}

fn fits(script: &Script, output: &Output) -> bool {
    // `Profile::parse` has read the pattern.
    let pattern = script.answers.as_ref().and_then(|pattern| Regex::new(pattern).ok());
    pattern.is_none_or(|pattern| pattern.is_match(&said(output)))
}
