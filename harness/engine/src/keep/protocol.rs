//! What `up`, a supervisor and its clients say to each other: JSON, one packet a message, descriptors beside it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use routeproof_model::fact::Mono;
use routeproof_model::plan::PlannedRun;
use routeproof_model::recording::Line;
use routeproof_model::topology::Role;
use serde::{Deserialize, Serialize};

use super::refusal::Refusal;
use crate::run::{Reached, Until};

/// `up` to the supervisor: the lab. It travels in a file, as a plan may be larger than a packet, together with the
/// marker of the run directory.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    pub name: String,
    pub topology: PathBuf,
    pub run: PlannedRun,
    /// The guest kernel that the lab is to be in, as a user names it.
    pub kernel: Option<String>,
    pub cache: PathBuf,
    /// The run directory, absolute.
    pub directory: PathBuf,
    pub until: Until,
}

/// The supervisor to `up`. The last one is `Done` or `Failed`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Report {
    Phase {
        name: String,
        duration_us: u64,
    },
    Warning(String),
    /// The lab stands and answers.
    Ready {
        at: Mono,
    },
    /// What was waited for, as far as it became true.
    Done {
        reached: Reached,
        unmet: Option<String>,
    },
    /// There is no lab.
    Failed(Refusal),
}

impl Report {
    /// With times of a clock that is so many nanoseconds ahead.
    pub(super) fn shift(&mut self, ahead: u64) {
        match self {
            Report::Ready { at } => at.0 += ahead,
            Report::Done { reached, .. } => {
                let routes = reached.routes.values_mut().flat_map(BTreeMap::values_mut);
                routes.chain(reached.sessions.values_mut()).for_each(|at| at.0 += ahead);
            }
            Report::Phase { .. } | Report::Warning(_) | Report::Failed(_) => {}
        }
    }
}

/// A client to the supervisor; the first message of a connection.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Ask {
    Status,
    /// Everything that is known of the lab now.
    Snapshot,
    /// Every table of the node's kernel, and what is known beside them.
    Inspect {
        node: String,
    },
    /// A step that looks (`expect`), as in a scenario file. With `judge` it is judged, else only read.
    Expect {
        step: String,
        judge: bool,
    },
    /// Stdin, stdout and stderr travel with it; into a guest kernel pipes, or for a terminal the socket that is to be its
    /// far end. The command is killed when the connection ends.
    Exec {
        node: String,
        command: Command,
        /// Of the terminal that a guest kernel is to make.
        size: Option<Size>,
    },
    /// The terminal in the guest kernel has another size now.
    Resize(Size),
    /// To the process group of this connection's command.
    Signal(i32),
    Down,
}

/// Of a terminal, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Size {
    pub rows: u16,
    pub columns: u16,
}

impl From<Size> for nix::pty::Winsize {
    fn from(size: Size) -> nix::pty::Winsize {
        nix::pty::Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 }
    }
}

/// A command for a node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    pub argv: Vec<String>,
    /// On top of what the topology gives the node.
    pub env: BTreeMap<String, String>,
    /// Where it runs; `/` by default.
    pub folder: Option<String>,
    /// Stdin becomes its controlling terminal.
    pub terminal: bool,
}

/// The supervisor to a client.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Answer {
    /// The [`LabStatus`] travels in a file.
    Status,
    /// The [`Snapshot`] travels in a file.
    Snapshot,
    /// The model's `Inspection` travels in a file.
    Inspected,
    /// The step has no mistake.
    Understood,
    /// The [`StepResult`] travels in a file.
    ///
    /// [`StepResult`]: routeproof_model::result::StepResult
    Judged,
    Mistake(Refusal),
    Started,
    /// As a shell reports it.
    Exited {
        code: i32,
    },
    NoNode {
        known: Vec<String>,
    },
    Bridge,
    /// The command could not be started: 127 for what is not there, 126 for what cannot be executed.
    NotStarted {
        code: i32,
        why: String,
    },
    Failed {
        what: String,
    },
}

impl Answer {
    /// Whether a command has ended, or did not begin.
    pub fn ends_command(&self) -> bool {
        matches!(self, Answer::Exited { .. } | Answer::NotStarted { .. } | Answer::Failed { .. })
    }
}

/// A kept lab at one moment: what it is, and a recording of what it holds now.
#[derive(Debug, Serialize, Deserialize)]
pub struct Snapshot {
    pub topology: PathBuf,
    pub run: PlannedRun,
    pub lines: Vec<Line>,
    /// What could not be asked; one line each.
    pub missing: Vec<String>,
}

/// The schema of [`LabStatus`].
pub const SCHEMA: &str = "routeproof/lab/v1";

/// A kept lab, as `inspect` without a node shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabStatus {
    pub schema: String,
    pub name: String,
    pub topology: PathBuf,
    /// The guest kernel that it is in, if it is in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guest: Option<String>,
    /// Logs, configurations and observations.
    pub directory: PathBuf,
    pub pid: u32,
    pub uptime_s: u64,
    pub nodes: Vec<NodeStatus>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatus {
    pub name: String,
    pub alias: Option<String>,
    pub role: Role,
    pub image: Option<String>,
    /// `running`, or what is wrong.
    pub state: String,
    /// Of nodes with a BGP daemon.
    pub sessions: Option<Sessions>,
}

/// How many BGP sessions there are, and how many of them are Established.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sessions {
    pub total: usize,
    pub established: usize,
}
