//! Many streams over the one line between host and guest.
//!
//! Each stream has a window of its own, so that one whose reader is slow holds up no other. The guest's end of the line is
//! a terminal that stops reading for good at 4096 unread bytes (drivers/tty, `tty_throttle`; UML never unthrottles): the host
//! sends no more than the guest has made [`Frame::Room`] for, and nothing at all before the guest has put its terminal
//! into raw mode and said so, by its first `Room`.

mod frame;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use frame::{Frame, HEADER};
use serde::Serialize;
pub use stream::Stream;
use stream::{Inner, WINDOW};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;

/// What the guest lets the host have on the line; half of what would be the end of it.
const ROOM: u32 = 2048;

/// Room is given back in such portions: each is a frame of its own.
const PORTION: usize = 512;

/// Bytes of a stream in one frame: from the host a fraction of the room, from the guest what is cheap to copy.
const PIECES: [usize; 2] = [900, 16 * 1024];

/// A frame is not worth a system call or two.
const BUFFER: usize = 16 * 1024;

/// Frames that wait are written together up to so many bytes.
const BATCH: usize = 32 * 1024;

/// Which end of the line this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    Host,
    Guest,
}

/// One end of the line; cheap to clone.
#[derive(Clone, Debug)]
pub struct Mux(Arc<Shared>);

/// What comes by itself. Dropping it closes this end of the line.
#[derive(Debug)]
pub struct Incoming {
    /// What the other end itself says. It ends with the line, or with an error if there is something else on it.
    pub controls: mpsc::UnboundedReceiver<io::Result<Vec<u8>>>,
    /// Streams that the other end has opened.
    pub opened: mpsc::UnboundedReceiver<u32>,
    /// The tasks that read and write.
    pub line: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    end: End,
    frames: mpsc::UnboundedSender<Order>,
    streams: Mutex<Streams>,
}

#[derive(Debug, Default)]
struct Streams {
    known: HashMap<u32, Inner>,
    /// The line has ended: what is opened now is at its end.
    over: bool,
}

/// For the task that writes.
#[derive(Debug)]
enum Order {
    Frame(Frame),
    /// Tell when all that came before is written.
    Written(oneshot::Sender<()>),
}

impl Mux {
    /// Must be called within a tokio runtime.
    pub fn start(
        reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + Unpin + 'static,
        end: End,
    ) -> (Mux, Incoming) {
        let (frames, orders) = mpsc::unbounded_channel();
        let mux = Mux(Arc::new(Shared { end, frames, streams: Mutex::default() }));
        let (to_controls, controls) = mpsc::unbounded_channel();
        let (to_opened, opened) = mpsc::unbounded_channel();
        let room = Arc::new(Semaphore::new(0));
        if end == End::Guest {
            mux.send(Frame::Room(ROOM));
        }
        let mut line = JoinSet::new();
        line.spawn(write(writer, orders, (end == End::Host).then(|| room.clone())));
        let shared = mux.clone();
        line.spawn(async move {
            let reader = BufReader::with_capacity(BUFFER, reader);
            let read = shared.read(reader, &to_controls, &to_opened, &room).await;
            room.close();
            shared.streams().end();
            if let Err(e) = read {
                let _ = to_controls.send(Err(e));
            }
        });
        (mux, Incoming { controls, opened, line })
    }

    /// Says something of no stream. Not lost unless the line ends; from the host it must be short.
    pub fn say(&self, what: &impl Serialize) -> io::Result<()> {
        self.send(Frame::Control(serde_json::to_vec(what)?));
        Ok(())
    }

    /// Resolves when all that was said is on the line.
    pub async fn written(&self) {
        let (tell, told) = oneshot::channel();
        let _ = self.0.frames.send(Order::Written(tell));
        let _ = told.await;
    }

    /// A stream by its number: a new one, or one that the other end has opened, which can be had once.
    pub fn stream(&self, number: u32) -> Stream {
        let mut streams = self.streams();
        if streams.over {
            return Stream::ended();
        }
        self.open(&mut streams, number).take().unwrap_or_else(Stream::ended)
    }

    fn open<'a>(&self, streams: &'a mut Streams, number: u32) -> &'a mut Inner {
        let piece = PIECES[usize::from(self.0.end == End::Guest)];
        streams.known.entry(number).or_insert_with(|| Inner::start(self.clone(), number, piece))
    }

    fn send(&self, frame: Frame) {
        // Without a writer the line has ended, which readers are told.
        let _ = self.0.frames.send(Order::Frame(frame));
    }

    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.0.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn read(
        &self,
        mut reader: impl AsyncRead + Unpin,
        controls: &mpsc::UnboundedSender<io::Result<Vec<u8>>>,
        opened: &mpsc::UnboundedSender<u32>,
        room: &Semaphore,
    ) -> io::Result<()> {
        let mut since = 0;
        while let Some((frame, size)) = Frame::read(&mut reader).await? {
            since += size;
            if self.0.end == End::Guest && since >= PORTION {
                self.send(Frame::Room(since as u32));
                since = 0;
            }
            match frame {
                Frame::Control(bytes) => drop(controls.send(Ok(bytes))),
                Frame::Room(bytes) => room.add_permits(bytes as usize),
                Frame::Credit(stream, bytes) => {
                    if let Some(inner) = self.streams().known.get(&stream) {
                        inner.credit(bytes);
                    }
                }
                Frame::Stop(stream) => {
                    if let Some(inner) = self.streams().known.get(&stream) {
                        inner.stop();
                    }
                }
                Frame::Data(stream, bytes) => self.deliver(stream, Some(bytes), opened),
                Frame::End(stream) => self.deliver(stream, None, opened),
            }
        }
        Ok(())
    }

    fn deliver(&self, stream: u32, bytes: Option<Vec<u8>>, opened: &mpsc::UnboundedSender<u32>) {
        let mut streams = self.streams();
        let news = !streams.known.contains_key(&stream);
        self.open(&mut streams, stream).deliver(bytes);
        streams.forget_if_over(stream);
        drop(streams);
        if news {
            let _ = opened.send(stream);
        }
    }

    /// All that this end had for the stream is on its way.
    fn sent_all(&self, stream: u32) {
        self.send(Frame::End(stream));
        let mut streams = self.streams();
        if let Some(inner) = streams.known.get_mut(&stream) {
            inner.sent_all();
        }
        streams.forget_if_over(stream);
    }
}

impl Streams {
    /// After both ends have ended it nothing comes any more that would be its own.
    fn forget_if_over(&mut self, stream: u32) {
        if self.known.get(&stream).is_some_and(Inner::is_over) {
            self.known.remove(&stream);
        }
    }

    fn end(&mut self) {
        self.over = true;
        self.known.drain().for_each(|(_, inner)| inner.cut());
    }
}

/// Writes frames, those of the host as room comes.
async fn write(
    mut line: impl AsyncWrite + Unpin,
    mut orders: mpsc::UnboundedReceiver<Order>,
    room: Option<Arc<Semaphore>>,
) {
    let mut buffer = Vec::new();
    while let Some(mut order) = orders.recv().await {
        let mut written = Vec::new();
        loop {
            match order {
                Order::Frame(frame) => frame.encode(&mut buffer),
                Order::Written(tell) => written.push(tell),
            }
            // The host's frames go one by one: each waits for its own room.
            let more = (room.is_none() && buffer.len() < BATCH).then(|| orders.try_recv().ok()).flatten();
            match more {
                Some(next) => order = next,
                None => break,
            }
        }
        if let Some(room) = &room {
            let Ok(permit) = room.acquire_many(buffer.len() as u32).await else { return };
            permit.forget();
        }
        if line.write_all(&buffer).await.is_err() || line.flush().await.is_err() {
            return;
        }
        buffer.clear();
        for tell in written {
            let _ = tell.send(());
        }
    }
}

const _: () = assert!(PIECES[0] + HEADER + PORTION <= ROOM as usize && WINDOW >= PIECES[1]);
