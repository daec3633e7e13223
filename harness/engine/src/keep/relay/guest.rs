//! The guest's side: each client of the host gets a socket to the lab, as it would on the host.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use nix::fcntl::OFlag;
use nix::pty::{Winsize, openpty};
use nix::unistd::pipe2;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::message::{self, Carried};
use super::{STDERR, STDIN, STDOUT, STREAMS, TERMINAL, UP, pump};
use crate::guest::{Mux, Stream};
use crate::keep::channel::Channel;
use crate::keep::protocol::{Answer, Ask, Report, Size};
use crate::keep::terminal::set_size;
use crate::lab::wire;

/// Where clients come in.
pub type Door = mpsc::UnboundedReceiver<Channel>;

/// Lets in whoever opens a stream, until the line ends. Must be called within a runtime.
pub fn clients(mux: Mux, mut opened: mpsc::UnboundedReceiver<u32>) -> Door {
    let (sender, door) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut connections = JoinSet::new();
        while let Some(stream) = opened.recv().await {
            if stream == UP || stream % STREAMS != 0 {
                continue;
            }
            while connections.try_join_next().is_some() {}
            let (mux, sender) = (mux.clone(), sender.clone());
            connections.spawn(async move {
                if let Err(e) = connection(&mux, stream, &sender).await {
                    eprintln!("routeproof: a client's connection: {e}");
                }
            });
        }
    });
    door
}

/// Passes reports on to `up`; what it gives is a socket as `up` itself would have.
pub fn reports(mux: &Mux) -> io::Result<Channel> {
    let (ours, theirs) = wire::pair()?;
    let (ours, theirs) = (Channel::new(ours)?, Channel::new(theirs)?);
    let Stream { mut reading, mut writing } = mux.stream(UP);
    tokio::spawn(async move {
        let told = async {
            while let Ok(Some((report, _))) = ours.receive::<Report>().await {
                if message::write(&mut writing, &report, Carried::Nothing, &[]).await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = told => {}
            // `up` has gone: it sends nothing.
            _ = message::read::<()>(&mut reading) => {}
        }
    });
    Ok(theirs)
}

/// What runs for one connection.
struct Relayed<'a> {
    mux: &'a Mux,
    base: u32,
    /// Output that is still to be passed on.
    output: Mutex<JoinSet<io::Result<()>>>,
    input: Mutex<JoinSet<io::Result<()>>>,
    /// The command has ended: nothing more will be printed.
    finish: watch::Sender<bool>,
    terminal: Mutex<Option<Arc<OwnedFd>>>,
}

async fn connection(mux: &Mux, base: u32, door: &mpsc::UnboundedSender<Channel>) -> io::Result<()> {
    let Stream { mut reading, mut writing } = mux.stream(base);
    let (ours, theirs) = wire::pair()?;
    let (ours, theirs) = (Channel::new(ours)?, Channel::new(theirs)?);
    if door.send(theirs).is_err() {
        // The lab is ending, and with it the stream, which tells the client.
        return Ok(());
    }
    let relayed = Relayed {
        mux,
        base,
        output: Mutex::default(),
        input: Mutex::default(),
        finish: watch::channel(false).0,
        terminal: Mutex::default(),
    };
    let asked = async {
        while let Some((ask, carried, _)) = message::read::<Ask>(&mut reading).await? {
            if let Ask::Resize(size) = &ask {
                relayed.resize(*size)?;
                continue;
            }
            let fds = relayed.descriptors(&ask, carried)?;
            ours.send(&ask, &wire::borrow(&fds)).await?;
        }
        Ok(())
    };
    let answered = async {
        while let Some((answer, fds)) = ours.receive::<Answer>().await? {
            if answer.ends_command() {
                relayed.finish().await;
            }
            let mut file = Vec::new();
            let carried = match fds.into_iter().next() {
                Some(fd) => File::from(fd).read_to_end(&mut file).map(|_| Carried::File)?,
                None => Carried::Nothing,
            };
            message::write(&mut writing, &answer, carried, &file).await?;
        }
        Ok(())
    };
    tokio::select! {
        done = asked => done,
        done = answered => done,
    }
}

impl Relayed<'_> {
    fn descriptors(&self, ask: &Ask, carried: Carried) -> io::Result<Vec<OwnedFd>> {
        let stream = |which: u32| self.mux.stream(self.base + which);
        let (mut input, mut output) = (lock(&self.input), lock(&self.output));
        let finish = || self.finish.subscribe();
        match carried {
            Carried::Nothing | Carried::File => Ok(Vec::new()),
            Carried::Streams => {
                let [stdin, stdout, stderr] =
                    [pipe2(OFlag::O_CLOEXEC)?, pipe2(OFlag::O_CLOEXEC)?, pipe2(OFlag::O_CLOEXEC)?];
                input.spawn(pump::into(stream(STDIN).reading, stdin.1));
                output.spawn(pump::out_of(stdout.0, stream(STDOUT).writing, finish()));
                output.spawn(pump::out_of(stderr.0, stream(STDERR).writing, finish()));
                Ok(vec![stdin.0, stdout.1, stderr.1])
            }
            Carried::Terminal => {
                let size = if let Ask::Exec { size, .. } = ask { *size } else { None };
                let pty = openpty(size.map(Winsize::from).as_ref(), None)?;
                let both = stream(TERMINAL);
                input.spawn(pump::into(both.reading, pty.master.try_clone()?));
                output.spawn(pump::out_of(pty.master.try_clone()?, both.writing, finish()));
                *lock(&self.terminal) = Some(Arc::new(pty.master));
                Ok(vec![pty.slave.try_clone()?, pty.slave.try_clone()?, pty.slave])
            }
        }
    }

    fn resize(&self, size: Size) -> io::Result<()> {
        let Some(terminal) = lock(&self.terminal).clone() else { return Ok(()) };
        let size = Winsize::from(size);
        // SAFETY: the kernel reads a winsize, which is what the pointer is to.
        unsafe { set_size(terminal.as_fd().as_raw_fd(), &raw const size) }?;
        Ok(())
    }

    /// What the command has printed goes out before its end is told.
    async fn finish(&self) {
        let _ = self.finish.send(true);
        let mut output = std::mem::take(&mut *lock(&self.output));
        while output.join_next().await.is_some() {}
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
