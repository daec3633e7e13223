//! Between a descriptor (a pipe, a socket, a terminal's master) and a stream.

use std::io;
use std::os::fd::OwnedFd;

use tokio::io::unix::AsyncFd;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, Interest};
use tokio::sync::watch;

use crate::lab::register;

const PIECE: usize = 16 * 1024;

/// Passes on what can be read, to its end; once `finish` is true, only what is there already.
pub async fn out_of(fd: OwnedFd, mut to: DuplexStream, mut finish: watch::Receiver<bool>) -> io::Result<()> {
    let fd = register(fd, Interest::READABLE)?;
    let mut buffer = vec![0; PIECE];
    loop {
        let read = match nix::unistd::read(fd.get_ref(), &mut buffer) {
            Ok(count) => count,
            Err(nix::errno::Errno::EAGAIN) if *finish.borrow() => 0,
            Err(nix::errno::Errno::EAGAIN) => {
                tokio::select! {
                    ready = wait(&fd) => ready?,
                    _ = finish.wait_for(|finish| *finish) => {}
                    // The far end does not want it any more.
                    () = unwanted(&mut to) => return Ok(()),
                }
                continue;
            }
            // EIO: of a terminal, every slave is closed.
            Err(_) => 0,
        };
        if read == 0 || to.write_all(&buffer[..read]).await.is_err() {
            return Ok(());
        }
    }
}

/// Passes on what the stream brings, to its end, or until nobody reads it.
pub async fn into(mut from: DuplexStream, fd: OwnedFd) -> io::Result<()> {
    let fd = register(fd, Interest::WRITABLE)?;
    let mut buffer = vec![0; PIECE];
    loop {
        let count = tokio::select! {
            read = from.read(&mut buffer) => read?,
            // Of a pipe: it has no reader.
            ready = fd.ready(Interest::ERROR) => match ready {
                Ok(_) => 0,
                Err(e) => return Err(e),
            },
        };
        if count == 0 {
            return Ok(());
        }
        let mut rest = &buffer[..count];
        while !rest.is_empty() {
            let write = |fd: &OwnedFd| Ok(nix::unistd::write(fd, rest)?);
            match fd.async_io(Interest::WRITABLE, write).await {
                Ok(written) => rest = &rest[written..],
                Err(_) => return Ok(()),
            }
        }
    }
}

async fn wait(fd: &AsyncFd<OwnedFd>) -> io::Result<()> {
    fd.readable().await?.clear_ready();
    Ok(())
}

/// Resolves when nobody reads what is written.
async fn unwanted(to: &mut DuplexStream) {
    let mut nothing = [0];
    // The other half of what we write to sends nothing, so that this ends only with it.
    let _ = to.read(&mut nothing).await;
}
