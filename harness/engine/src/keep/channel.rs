//! One end of a packet socket, on the runtime.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::lab::wire;

#[derive(Debug)]
pub(super) struct Channel(AsyncFd<OwnedFd>);

impl Channel {
    pub fn new(socket: OwnedFd) -> io::Result<Channel> {
        Ok(Channel(wire::register(socket, Interest::READABLE | Interest::WRITABLE)?))
    }

    pub async fn send<T: Serialize>(&self, message: &T, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        self.0.async_io(Interest::WRITABLE, |fd| wire::send(fd.as_fd(), message, fds)).await
    }

    /// Sends if that needs no waiting: for callers that cannot wait, about what can be missed.
    pub fn try_send<T: Serialize>(&self, message: &T) {
        let _ = wire::send(self.0.get_ref().as_fd(), message, &[]);
    }

    /// The next message; `None` when the other side has closed, or died.
    pub async fn receive<T: DeserializeOwned>(&self) -> io::Result<Option<(T, Vec<OwnedFd>)>> {
        let received = self.0.async_io(Interest::READABLE, |fd| wire::recv(fd.as_fd())).await;
        match received {
            // With unread data on the other side its end shows as a reset.
            Err(e) if e.kind() == io::ErrorKind::ConnectionReset => Ok(None),
            other => other,
        }
    }

    /// Says that nothing more will be sent; the other side's messages can still be received.
    pub fn finish(&self) {
        use nix::sys::socket::{Shutdown, shutdown};
        use std::os::fd::AsRawFd;
        // The other side may have closed already, which is as good.
        let _ = shutdown(self.0.get_ref().as_raw_fd(), Shutdown::Write);
    }

    /// Resolves when the other side has closed. What it sends meanwhile is lost.
    pub async fn closed(&self) {
        while let Ok(Some(_)) = self.receive::<serde_json::Value>().await {}
    }
}

/// The value in a file that travelled with a message.
pub(super) fn read_file<T: DeserializeOwned>(fd: OwnedFd) -> io::Result<T> {
    Ok(serde_json::from_reader(io::BufReader::new(std::fs::File::from(fd)))?)
}

/// A file with a value, for what may be larger than a packet.
pub(super) fn in_file<T: Serialize>(value: &T) -> io::Result<OwnedFd> {
    wire::sealed("routeproof", &serde_json::to_vec(value)?)
}
