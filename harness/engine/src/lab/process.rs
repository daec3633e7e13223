//! Processes inside nodes, as the harness sees them.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use tokio::sync::watch;

/// A command to run in a node.
#[derive(Clone, Debug)]
pub struct Command {
    pub argv: Vec<String>,
    pub env: BTreeMap<String, String>,
    pub cwd: String,
    /// Make stdin the controlling terminal of the new session.
    pub terminal: bool,
    /// Run with the capabilities of a network administrator only; off for FRR's daemons, which insist on CAP_SYS_ADMIN.
    pub confined: bool,
    /// For a daemon that wants to become another user and give up its groups: it may, and stays what it is.
    pub one_user: bool,
    /// The program, opened by us, where the node's root does not have it; `argv` starts with its name all the same.
    pub program: Option<Arc<OwnedFd>>,
}

impl Command {
    pub fn new<S: Into<String>>(argv: impl IntoIterator<Item = S>) -> Command {
        let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/frr";
        let env = [("PATH", path), ("HOME", "/root"), ("LANG", "C.UTF-8")];
        Command {
            argv: argv.into_iter().map(Into::into).collect(),
            env: env.into_iter().map(|(k, v)| (k.to_string(), v.to_string())).collect(),
            cwd: "/".to_string(),
            terminal: false,
            confined: true,
            one_user: false,
            program: None,
        }
    }

    pub fn envs(mut self, env: &BTreeMap<String, String>) -> Command {
        self.env.extend(env.iter().map(|(k, v)| (k.clone(), v.clone())));
        self
    }

    /// The command as a person would type it, for messages.
    pub fn line(&self) -> String {
        self.argv.join(" ")
    }
}

/// Where a process's standard streams go.
#[derive(Debug)]
pub struct Stdio {
    pub stdin: OwnedFd,
    pub stdout: OwnedFd,
    pub stderr: OwnedFd,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Code(i32),
    Signal(i32),
}

impl Exit {
    pub fn success(self) -> bool {
        self == Exit::Code(0)
    }

    /// The exit code as a shell reports it: 128 + n for signal n.
    pub fn shell_code(self) -> i32 {
        match self {
            Exit::Code(code) => code,
            Exit::Signal(signal) => 128 + signal,
        }
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Exit::Code(code) => write!(f, "exit code {code}"),
            Exit::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

/// A running process of a node.
#[derive(Debug)]
pub struct Process {
    pub pid: i32,
    pub(super) exit: watch::Receiver<Option<Exit>>,
}

impl Process {
    /// Waits until it ends; `None` when the node died first.
    pub async fn wait(&mut self) -> Option<Exit> {
        self.exit.wait_for(Option::is_some).await.ok().and_then(|exit| *exit)
    }

    /// Resolves when it has ended, or its node has.
    pub fn exited(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut exit = self.exit.clone();
        async move {
            let _ = exit.wait_for(Option::is_some).await;
        }
    }

    /// Whether it has ended already.
    pub fn ended(&self) -> Option<Exit> {
        *self.exit.borrow()
    }
}

/// A command's whole output.
#[derive(Clone, Debug)]
pub struct Output {
    pub exit: Exit,
    pub stdout: String,
    pub stderr: String,
}
