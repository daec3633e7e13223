//! `run --keep`: the lab of a run that went wrong stays up in the process that ran it, and answers as a kept lab does.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use routeproof_model::event::EventKind;
use routeproof_model::plan::PlannedRun;
use routeproof_model::result::Outcome;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::answer::About;
use super::error::KeepError;
use super::folder::{Held, State, States};
use super::kept::{Door, serve};
use super::protocol::Order;
use super::supervisor::told;
use crate::event::Events;
use crate::lab::register;
use crate::run::{Booted, Until};

/// Keeps the first lab that went wrong, one for an invocation: each takes memory and a place of others.
#[derive(Debug, Default)]
pub struct KeepFirst {
    taken: AtomicBool,
}

/// A lab that was kept. On the host its name is free once this is [`WasKept::release`]d, which `down` waits for.
#[derive(Debug)]
pub(crate) struct WasKept {
    pub(super) held: Option<Held>,
    pub(super) since: Instant,
    pub(super) until: Instant,
}

impl WasKept {
    /// Says that nothing of the lab is left. Gives how long it was kept.
    pub fn release(self) -> Duration {
        if let Some(held) = self.held {
            // What stays is a folder whose lock nobody holds, which `sweep` knows.
            let _ = held.release();
        }
        self.until.duration_since(self.since)
    }
}

impl KeepFirst {
    /// Whether the next lab that goes wrong will be kept.
    pub(crate) fn is_free(&self) -> bool {
        !self.taken.load(Ordering::SeqCst)
    }

    /// Whether it is this lab that will be kept. Says so only once.
    pub(super) fn take(&self) -> bool {
        !self.taken.swap(true, Ordering::SeqCst)
    }

    /// Keeps the lab until `down`, a signal, or `stop`. `None` when another is kept, or this one cannot be, which is said.
    pub(super) async fn keep(
        &self,
        booted: &Booted,
        (run, outcome): (&PlannedRun, Outcome),
        folder: &Path,
        events: &Events,
        stop: impl Future<Output = ()>,
    ) -> Option<WasKept> {
        if !self.take() {
            return None;
        }
        let since = Instant::now();
        let Claim { held, listener, state } = claim(run, folder, None, events).await?;
        let mut door = Door::Socket(listener);
        events.send(EventKind::Kept { lab: state.name.clone(), outcome });
        let order = order(run, &state);
        let about = About { booted, order: &order, state: &state, since };
        tokio::select! {
            () = serve(&mut door, &about, told()) => {}
            () = stop => {}
        }
        Some(WasKept { held: Some(held), since, until: Instant::now() })
    }
}

/// A place among the kept labs, and where its clients come in.
pub(super) struct Claim {
    pub held: Held,
    pub listener: AsyncFd<OwnedFd>,
    pub state: State,
}

/// Takes a place for a run's lab. `None`: there is none, which is said.
pub(super) async fn claim(
    run: &PlannedRun,
    folder: &Path,
    guest: Option<String>,
    events: &Events,
) -> Option<Claim> {
    match try_claim(run, folder, guest).await {
        Ok(claim) => Some(claim),
        Err(e) => {
            let cause = std::error::Error::source(&e).map(|c| format!(": {c}")).unwrap_or_default();
            events.warn(format!("{}: its lab cannot be kept: {e}{cause}", run.slug()));
            None
        }
    }
}

async fn try_claim(run: &PlannedRun, folder: &Path, guest: Option<String>) -> Result<Claim, KeepError> {
    let started_s = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |t| t.as_secs());
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let mut state = State {
        name: name(&run.slug()),
        pid: std::process::id(),
        topology: absolute(&run.topology.file),
        guest,
        directory: absolute(folder),
        started_s,
    };
    let states = States::of_user()?;
    let (held, listener) = match states.hold(&state).await {
        // Another invocation keeps the same run.
        Err(KeepError::Alive { .. }) => {
            state.name = name(&format!("{}-{}", std::process::id(), run.slug()));
            states.hold(&state).await?
        }
        held => held?,
    };
    let failed = |source| KeepError::Start { action: "listen for commands on the kept lab", source };
    let listener = register(listener, Interest::READABLE).map_err(failed)?;
    Ok(Claim { held, listener, state })
}

/// What `up` would have been asked for to get this lab.
pub(super) fn order(run: &PlannedRun, state: &State) -> Order {
    Order {
        name: state.name.clone(),
        topology: state.topology.clone(),
        run: run.clone(),
        kernel: state.guest.clone(),
        cache: PathBuf::new(),
        directory: state.directory.clone(),
        until: Until { routes: Vec::new(), sessions: false, limit: Duration::ZERO },
    }
}

/// A lab's name of at most 64 harmless characters.
fn name(words: &str) -> String {
    let name: String = words.chars().map(|c| if c == '_' { '-' } else { c }).take(60).collect();
    let name = name.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    if name.is_empty() { "lab".to_string() } else { name.to_string() }
}

#[cfg(test)]
mod tests {
    use super::super::folder::check_name;
    use super::*;

    #[test]
    fn every_run_gives_a_name_that_commands_take() {
        for words in ["learn-routes-8.4.4", "_script_alert", "", "___", &"x".repeat(200), "a b"] {
            let slug: String = words.replace(' ', "_");
            assert!(check_name(&name(&slug)).is_ok(), "{words}: {}", name(&slug));
        }
        assert_eq!(name("frr-ordering-7.5.1-after"), "frr-ordering-7.5.1-after");
    }
}
