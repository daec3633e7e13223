//! Waiting until a program has written the last of what it makes of some objects. It is followed by its log and by what it writes.

use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Child;
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use crate::process::{Home, PATIENCE, Trouble, io};

/// Longest debounce of MetalLB and frr-k8s (3 s), and what a busy machine adds.
const DEBOUNCE: Duration = Duration::from_millis(4500);
/// No reconciler has said anything for so long: what is written is the last of it.
const QUIET: Duration = Duration::from_millis(400);

/// What a line of the log tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    Nothing,
    /// Something that may lead to another writing.
    Activity,
    /// The configuration is in force.
    Loaded,
    /// It is refused, with the reason.
    Refused(String),
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Settled {
    Written(String),
    Refused(String),
    /// The configuration is in force, and nothing was written.
    Silent,
}

/// How to follow a program.
pub struct Follow<'a> {
    pub program: &'static str,
    /// What is written so far.
    pub read: &'a (dyn Fn() -> Option<String> + Sync),
    /// Changes when something may have been written.
    pub news: watch::Receiver<u64>,
    pub heard: fn(&Value) -> Heard,
    /// Whether the program may write nothing at all.
    pub may_be_silent: bool,
    /// Print what the program says.
    pub print: bool,
}

impl Follow<'_> {
    /// Follows the program and ends it.
    ///
    /// # Errors
    /// It ended before, or gave no answer.
    pub async fn run(mut self, mut child: Child, home: &Home) -> Result<Settled, Trouble> {
        let mut last_words = String::new();
        let settled = timeout(PATIENCE, self.settle(&mut child, home, &mut last_words)).await;
        // It has nothing to put in order. It may be gone already.
        let _ = child.kill().await;
        let program = self.program;
        match settled {
            Ok(Ok(Some(settled))) => Ok(settled),
            Ok(Ok(None)) => match crash(&home.errors()) {
                Some(reason) => Ok(Settled::Refused(reason)),
                None => Err(Trouble::Ended { program, said: format!("{last_words}\n{}", home.errors()) }),
            },
            Ok(Err(e)) => Err(e),
            Err(_) => Err(Trouble::Slow { program, said: last_words }),
        }
    }

    /// `None`: the program has ended.
    async fn settle(
        &mut self,
        child: &mut Child,
        home: &Home,
        last_words: &mut String,
    ) -> Result<Option<Settled>, Trouble> {
        let Some(log) = child.stdout.take() else { return Ok(None) };
        let mut log = BufReader::new(log).lines();
        let (mut loaded, mut last_activity) = (false, Instant::now());
        let mut written: Option<String> = None;
        let mut written_at: Option<Instant> = None;
        let mut tick = tokio::time::interval(QUIET);
        loop {
            // What came after the last writing is written a debounce later, unless it changes nothing.
            let fresh = written_at.is_some_and(|at| at > last_activity);
            let until = last_activity + if fresh { QUIET } else { DEBOUNCE };
            let done = loaded && (written_at.is_some() || self.may_be_silent);
            tokio::select! {
                line = log.next_line() => {
                    let Some(line) = line.map_err(io("reading a program's log"))? else { return Ok(None) };
                    if self.print {
                        eprintln!("{line}");
                    }
                    match serde_json::from_str(&line).map_or(Heard::Nothing, |entry| (self.heard)(&entry)) {
                        Heard::Nothing => {}
                        Heard::Activity => last_activity = Instant::now(),
                        Heard::Loaded => (loaded, last_activity) = (true, Instant::now()),
                        Heard::Refused(reason) => return Ok(Some(Settled::Refused(reason))),
                    }
                    *last_words = line;
                }
                _ = self.news.changed() => {
                    let now = (self.read)();
                    if now.as_ref().is_some_and(|text| !text.is_empty()) && now != written {
                        written = now;
                        written_at = Some(Instant::now());
                    }
                }
                _ = tick.tick(), if written_at.is_none() => if let Some(reason) = unreadable(&home.errors()) {
                    return Ok(Some(Settled::Refused(reason)));
                },
                () = tokio::time::sleep_until(until), if done => {
                    // Another program's signal may have come in the middle of writing: read once more.
                    return Ok(Some((self.read)().map_or(Settled::Silent, Settled::Written)));
                }
            }
        }
    }
}

/// Go's last words of a program that an object crashes: whoever applies it has no configuration either. Seen of frr-k8s up to v0.0.14,
/// by a prefix in `withCommunity` that is none.
fn crash(errors: &str) -> Option<String> {
    let line = errors.lines().find(|line| line.starts_with("panic: "))?;
    Some(format!("it crashes: {line}"))
}

/// What a program says on standard error of an object that the API server takes and that it can do nothing with: one that does not fit
/// its types, for which it waits for ever, or a selector that it tries again and again.
fn unreadable(errors: &str) -> Option<String> {
    const WORDS: [&str; 4] =
        ["cannot unmarshal", "time: invalid duration", "time: missing unit", "could not parse nodeSelector"];
    let line = errors.lines().find(|line| WORDS.iter().any(|words| line.contains(words)))?;
    let entry: Value = serde_json::from_str(line).unwrap_or_default();
    Some(entry["error"].as_str().unwrap_or(line).to_owned())
}
