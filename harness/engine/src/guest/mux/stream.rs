//! One stream: what its owner reads and writes, and the two tasks that carry it.

use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::{Semaphore, mpsc, watch};

use super::Mux;
use super::frame::Frame;

/// Bytes of a stream that may be under way in one direction, unread.
pub const WINDOW: usize = 32 * 1024;

/// A stream in the hands of its owner. Dropping a half tells the other end.
#[derive(Debug)]
pub struct Stream {
    /// At its end when the other end has nothing more, or the line has ended.
    pub reading: DuplexStream,
    /// Fails when the other end does not read any more, or the line has ended.
    pub writing: DuplexStream,
}

/// The line's side of it.
#[derive(Debug)]
pub struct Inner {
    /// Until its owner has fetched it.
    stream: Option<Stream>,
    /// What came for the reader; `None` once the other end has ended.
    arrived: Option<mpsc::UnboundedSender<Vec<u8>>>,
    /// What may still be sent.
    credit: Arc<Semaphore>,
    stopped: watch::Sender<bool>,
    sent_all: bool,
}

impl Stream {
    /// One that has ended already.
    pub fn ended() -> Stream {
        Stream { reading: duplex(1).0, writing: duplex(1).0 }
    }
}

impl Inner {
    pub fn start(mux: Mux, number: u32, piece: usize) -> Inner {
        let (reading, to_reader) = duplex(WINDOW);
        let (writing, from_writer) = duplex(piece);
        let (arrived, queue) = mpsc::unbounded_channel();
        let (stopped, stop) = watch::channel(false);
        let credit = Arc::new(Semaphore::new(WINDOW));
        tokio::spawn(deliver(mux.clone(), number, queue, to_reader));
        tokio::spawn(carry(mux, number, from_writer, credit.clone(), stop, piece));
        let stream = Some(Stream { reading, writing });
        Inner { stream, arrived: Some(arrived), credit, stopped, sent_all: false }
    }

    pub fn take(&mut self) -> Option<Stream> {
        self.stream.take()
    }

    /// Takes in what came; `None`: nothing more will.
    pub fn deliver(&mut self, bytes: Option<Vec<u8>>) {
        match bytes {
            // A reader that has gone does not hear it; the other end has been told to stop.
            Some(bytes) => drop(self.arrived.as_ref().map(|queue| queue.send(bytes))),
            None => self.arrived = None,
        }
    }

    pub fn credit(&self, bytes: u32) {
        self.credit.add_permits(bytes as usize);
    }

    /// The other end does not read any more.
    pub fn stop(&self) {
        let _ = self.stopped.send(true);
    }

    pub fn sent_all(&mut self) {
        self.sent_all = true;
    }

    pub fn is_over(&self) -> bool {
        self.sent_all && self.arrived.is_none()
    }

    /// The line has ended.
    pub fn cut(self) {
        self.stop();
        self.credit.close();
    }
}

/// Brings what came to the reader, and makes room for more when it has been read.
async fn deliver(mux: Mux, number: u32, mut queue: mpsc::UnboundedReceiver<Vec<u8>>, mut to: DuplexStream) {
    while let Some(bytes) = queue.recv().await {
        if to.write_all(&bytes).await.is_err() {
            mux.send(Frame::Stop(number));
            // What is under way is nobody's.
            while queue.recv().await.is_some() {}
            return;
        }
        mux.send(Frame::Credit(number, bytes.len() as u32));
    }
}

/// Carries what is written, as far as the other end wants it.
async fn carry(
    mux: Mux,
    number: u32,
    mut from: DuplexStream,
    credit: Arc<Semaphore>,
    mut stop: watch::Receiver<bool>,
    piece: usize,
) {
    let mut buffer = vec![0; piece];
    loop {
        let read = tokio::select! {
            read = from.read(&mut buffer) => read,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let Ok(count @ 1..) = read else { break };
        let permit = tokio::select! {
            permit = credit.acquire_many(count as u32) => permit,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let Ok(permit) = permit else { break };
        permit.forget();
        mux.send(Frame::Data(number, buffer[..count].to_vec()));
    }
    drop(from);
    mux.sent_all(number);
}
