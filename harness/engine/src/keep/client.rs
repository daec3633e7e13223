//! Asking the supervisors of kept labs.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use nix::sys::socket::{getsockopt, sockopt};
use routeproof_model::fact::Inspection;
use routeproof_model::result::StepResult;

use super::channel::{Channel, read_file};
use super::error::KeepError;
use super::exec::{Pumps, Running, Streams};
use super::folder::{Found, States};
use super::protocol::{Answer, Ask, Command, LabStatus, Size, Snapshot};

/// A supervisor that has not ended its lab after this time is killed, and the kernel ends the lab. Containers take their time, and nobody but
/// `sweep` would end those of one that was killed.
const ORDERLY: Duration = Duration::from_secs(60);
/// The kernel is quick.
const KILLED: Duration = Duration::from_secs(5);

/// The kept labs of this user that live.
#[derive(Debug)]
pub struct Labs {
    alive: Vec<Found>,
    dead: Vec<Found>,
}

/// One of them.
#[derive(Clone, Debug)]
pub struct Lab(Found);

impl Labs {
    pub fn of_user() -> Result<Labs, KeepError> {
        let (alive, dead) = States::of_user()?.list()?.into_iter().partition(|found| found.alive);
        Ok(Labs { alive, dead })
    }

    pub fn all(&self) -> Vec<Lab> {
        self.alive.iter().cloned().map(Lab).collect()
    }

    /// State folders that killed supervisors left.
    pub fn dead(&self) -> &[Found] {
        &self.dead
    }

    /// Removes what a killed supervisor left of the lab of that name; whether there was something.
    pub fn bury(&self, name: &str) -> Result<bool, KeepError> {
        match self.dead.iter().find(|found| found.name == name) {
            Some(found) => found.bury(),
            None => Ok(false),
        }
    }

    /// The lab of that name, or the only one.
    pub fn select(&self, name: Option<&str>) -> Result<Lab, KeepError> {
        let names = || self.alive.iter().map(|found| found.name.clone()).collect();
        let found = match (name, self.alive.as_slice()) {
            (Some(name), alive) => alive
                .iter()
                .find(|found| found.name == name)
                .ok_or_else(|| KeepError::NoLab { name: name.to_string(), alive: names() })?,
            (None, [only]) => only,
            (None, []) => return Err(KeepError::NoneAlive),
            (None, _) => return Err(KeepError::Several { alive: names() }),
        };
        Ok(Lab(found.clone()))
    }
}

impl Lab {
    pub fn name(&self) -> &str {
        &self.0.name
    }

    fn failed(&self) -> impl Fn(std::io::Error) -> KeepError + '_ {
        |source| KeepError::Ask { lab: self.0.name.clone(), source }
    }

    fn gone(&self) -> KeepError {
        KeepError::Ended { lab: self.0.name.clone() }
    }

    fn connect(&self) -> Result<Channel, KeepError> {
        let socket = self.0.connect().map_err(|e| match self.0.lives() {
            true => self.failed()(e),
            false => self.gone(),
        })?;
        Channel::new(socket).map_err(self.failed())
    }

    async fn answer(&self, channel: &Channel) -> Result<(Answer, Vec<OwnedFd>), KeepError> {
        channel.receive().await.map_err(self.failed())?.ok_or_else(|| self.gone())
    }

    /// What an answer that was not hoped for means.
    fn refused(&self, node: &str, answer: Answer) -> KeepError {
        let (lab, node) = (self.0.name.clone(), node.to_string());
        match answer {
            Answer::NoNode { known } => KeepError::NoNode { lab, node, known },
            Answer::Bridge => KeepError::Bridge { node },
            Answer::Failed { what } => KeepError::Failed { what },
            other => KeepError::Failed { what: format!("an unexpected answer: {other:?}") },
        }
    }

    /// How the lab and its nodes are.
    pub async fn status(&self) -> Result<LabStatus, KeepError> {
        let channel = self.connect()?;
        channel.send(&Ask::Status, &[]).await.map_err(self.failed())?;
        match self.answer(&channel).await? {
            (Answer::Status, fds) => {
                let file = fds.into_iter().next().ok_or_else(|| self.gone())?;
                read_file(file).map_err(self.failed())
            }
            (other, _) => Err(self.refused("", other)),
        }
    }

    /// Everything that is known of the lab now: kernels, sessions, RIBs.
    pub async fn snapshot(&self) -> Result<Snapshot, KeepError> {
        let channel = self.connect()?;
        channel.send(&Ask::Snapshot, &[]).await.map_err(self.failed())?;
        match self.answer(&channel).await? {
            (Answer::Snapshot, fds) => {
                let file = fds.into_iter().next().ok_or_else(|| self.gone())?;
                read_file(file).map_err(self.failed())
            }
            (other, _) => Err(self.refused("", other)),
        }
    }

    /// Whether a step (`expect: ...`, with `within` or `holds`) can be judged of this lab.
    ///
    /// # Errors
    /// [`KeepError::Mistake`] if it has one.
    pub async fn check_expectation(&self, step: &str) -> Result<(), KeepError> {
        self.ask_expectation(step, false).await.map(drop)
    }

    /// Judges a step (`expect: ...`, with `within` or `holds`), from now on.
    ///
    /// # Errors
    /// As [`Lab::check_expectation`]. That it does not hold is its outcome.
    pub async fn expect(&self, step: &str) -> Result<StepResult, KeepError> {
        let file = self.ask_expectation(step, true).await?.ok_or_else(|| self.gone())?;
        read_file(file).map_err(self.failed())
    }

    async fn ask_expectation(&self, step: &str, judge: bool) -> Result<Option<OwnedFd>, KeepError> {
        let channel = self.connect()?;
        let ask = Ask::Expect { step: step.to_string(), judge };
        channel.send(&ask, &[]).await.map_err(self.failed())?;
        match self.answer(&channel).await? {
            (Answer::Understood | Answer::Judged, fds) => Ok(fds.into_iter().next()),
            (Answer::Mistake(refusal), _) => Err(KeepError::Mistake(refusal)),
            (other, _) => Err(self.refused("", other)),
        }
    }

    /// Every table of a node's kernel, read anew, and what is known beside them.
    pub async fn inspect(&self, node: &str) -> Result<Inspection, KeepError> {
        let channel = self.connect()?;
        channel.send(&Ask::Inspect { node: node.to_string() }, &[]).await.map_err(self.failed())?;
        match self.answer(&channel).await? {
            (Answer::Inspected, fds) => {
                let file = fds.into_iter().next().ok_or_else(|| self.gone())?;
                read_file(file).map_err(self.failed())
            }
            (other, _) => Err(self.refused(node, other)),
        }
    }

    /// Whether it is in a guest kernel, into which descriptors cannot go.
    pub(super) fn is_in_guest(&self) -> bool {
        self.0.state.as_ref().is_some_and(|state| state.guest.is_some())
    }

    /// Starts a command in a node. It is killed when what this gives is dropped.
    pub async fn exec(
        &self,
        node: &str,
        command: &Command,
        streams: Streams<'_>,
    ) -> Result<Running, KeepError> {
        if !self.is_in_guest() {
            let channel = self.start(node, command, None, &streams.list()).await?;
            return Ok(Running::new(self.0.name.clone(), channel, None));
        }
        let (pumps, theirs) = Pumps::start(streams).map_err(self.failed())?;
        let theirs = theirs.each_ref().map(AsFd::as_fd);
        let channel = self.start(node, command, None, &theirs).await?;
        Ok(Running::new(self.0.name.clone(), channel, Some(pumps)))
    }

    /// Asks for the command; the descriptors are its streams, or the far end of its terminal.
    pub(super) async fn start(
        &self,
        node: &str,
        command: &Command,
        size: Option<Size>,
        fds: &[BorrowedFd<'_>],
    ) -> Result<Channel, KeepError> {
        let channel = self.connect()?;
        let ask = Ask::Exec { node: node.to_string(), command: command.clone(), size };
        channel.send(&ask, fds).await.map_err(self.failed())?;
        match self.answer(&channel).await? {
            (Answer::Started, _) => Ok(channel),
            (Answer::NotStarted { code, why }, _) => Err(KeepError::NotStarted { code, why }),
            (other, _) => Err(self.refused(node, other)),
        }
    }

    /// Ends the lab and waits until its supervisor is gone.
    pub async fn down(&self) -> Result<(), KeepError> {
        // Who the socket's owner is: the pid in the state file may be somebody else's by now.
        let socket = self.0.connect();
        let supervisor = socket.as_ref().ok().and_then(|s| getsockopt(s, sockopt::PeerCredentials).ok());
        if let Ok(channel) = socket.and_then(Channel::new) {
            // A supervisor that cannot be told is killed below.
            let _ = channel.send(&Ask::Down, &[]).await;
        }
        if !self.outlived(ORDERLY).await {
            if let Some(pid) = supervisor.map(|s| s.pid()).filter(|pid| *pid > 0) {
                self.kill(pid).map_err(self.failed())?;
            }
            if !self.outlived(KILLED).await {
                return Err(KeepError::Immortal { lab: self.0.name.clone(), limit: ORDERLY + KILLED });
            }
        }
        // A supervisor that ended in order has removed it.
        self.0.bury().map(|_| ())
    }

    async fn outlived(&self, limit: Duration) -> bool {
        let found = self.0.clone();
        let ended = tokio::task::spawn_blocking(move || found.outlive());
        matches!(tokio::time::timeout(limit, ended).await, Ok(Ok(())))
    }

    /// The descriptor names the process for good; that the lock is held after it was opened proves whose it is.
    fn kill(&self, pid: i32) -> std::io::Result<()> {
        use std::os::fd::{AsRawFd, FromRawFd};
        // SAFETY: pidfd_open(2) makes a new descriptor, which nobody else owns.
        let pidfd = unsafe {
            match libc::syscall(libc::SYS_pidfd_open, pid, 0) {
                -1 => return Err(std::io::Error::last_os_error()),
                fd => OwnedFd::from_raw_fd(fd as i32),
            }
        };
        if !self.0.lives() {
            return Ok(());
        }
        let none = std::ptr::null::<libc::siginfo_t>();
        // SAFETY: a null siginfo is allowed (pidfd_send_signal(2)), and the descriptor is open.
        match unsafe {
            libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_fd().as_raw_fd(), libc::SIGKILL, none, 0)
        } {
            -1 => Err(std::io::Error::last_os_error()),
            _ => Ok(()),
        }
    }
}
