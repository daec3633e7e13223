#![allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncReadExt, DuplexStream, ReadBuf, ReadHalf, duplex, split};

use super::*;

/// The guest's terminal: counts what the host has sent and the guest has not read.
struct Terminal {
    line: ReadHalf<DuplexStream>,
    unread: Arc<AtomicUsize>,
}

impl AsyncRead for Terminal {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.line).poll_read(cx, buffer);
        self.unread.fetch_sub(buffer.filled().len() - before, Ordering::SeqCst);
        polled
    }
}

/// The host's end: counts what is written.
struct Counted {
    line: tokio::io::WriteHalf<DuplexStream>,
    unread: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        // Counted before it can be read.
        let unread = self.unread.fetch_add(bytes.len(), Ordering::SeqCst) + bytes.len();
        self.most.fetch_max(unread, Ordering::SeqCst);
        let polled = Pin::new(&mut self.line).poll_write(cx, bytes);
        let written = if let Poll::Ready(Ok(written)) = &polled { *written } else { 0 };
        self.unread.fetch_sub(bytes.len() - written, Ordering::SeqCst);
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.line).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.line).poll_shutdown(cx)
    }
}

struct Line {
    host: (Mux, Incoming),
    guest: (Mux, Incoming),
    most: Arc<AtomicUsize>,
}

fn line() -> Line {
    let (at_host, at_guest) = duplex(64 * 1024);
    let ((host_reads, host_writes), (guest_reads, guest_writes)) = (split(at_host), split(at_guest));
    let (unread, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = Counted { line: host_writes, unread: unread.clone(), most: most.clone() };
    let terminal = Terminal { line: guest_reads, unread };
    let host = Mux::start(host_reads, counted, End::Host);
    Line { host, guest: Mux::start(terminal, guest_writes, End::Guest), most }
}

async fn text(mut from: DuplexStream) -> String {
    let mut text = String::new();
    from.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn many_streams_and_never_more_than_the_terminal_takes() {
    let mut line = line();
    let payload = |number: u32| format!("{number} ").repeat(40_000);
    let mut sent = Vec::new();
    for number in 1..=8 {
        let mut stream = line.host.0.stream(number);
        sent.push(tokio::spawn(async move {
            stream.writing.write_all(payload(number).as_bytes()).await.unwrap();
            drop(stream.writing);
            text(stream.reading).await
        }));
    }
    for _ in 1..=8 {
        let number = line.guest.1.opened.recv().await.unwrap();
        let stream = line.guest.0.stream(number);
        // Back as it came, in the other direction at the same time.
        tokio::spawn(async move {
            let (mut reading, mut writing) = (stream.reading, stream.writing);
            tokio::io::copy(&mut reading, &mut writing).await.unwrap();
        });
    }
    for (number, sent) in (1..).zip(sent) {
        assert_eq!(sent.await.unwrap(), payload(number));
    }
    let most = line.most.load(Ordering::SeqCst);
    assert!(most > 1000 && most <= ROOM as usize, "{most}");
}

#[tokio::test]
async fn a_slow_reader_holds_up_no_other_stream() {
    let mut line = line();
    let mut stuck = line.guest.0.stream(1);
    let flood = tokio::spawn(async move {
        let mut written = 0;
        while let Ok(Ok(())) =
            tokio::time::timeout(Duration::from_millis(200), stuck.writing.write_all(&[0; 1024])).await
        {
            written += 1024;
        }
        written
    });
    let unread = line.host.0.stream(1);
    let mut other = line.guest.0.stream(2);
    other.writing.write_all(b"through").await.unwrap();
    drop(other.writing);
    assert_eq!(text(line.host.0.stream(2).reading).await, "through");
    let written = flood.await.unwrap();
    // Its window, the reader's buffer, and what is in the hands of the tasks between.
    assert!((WINDOW..6 * WINDOW).contains(&written), "{written}");
    drop(unread);
    line.guest.0.say(&"done").unwrap();
    assert_eq!(line.host.1.controls.recv().await.unwrap().unwrap(), b"\"done\"");
}

#[tokio::test]
async fn who_writes_hears_that_nobody_reads() {
    let line = line();
    let mut writer = line.guest.0.stream(1);
    drop(line.host.0.stream(1).reading);
    let refused = async { while writer.writing.write_all(&[0; 1024]).await.is_ok() {} };
    tokio::time::timeout(Duration::from_secs(5), refused).await.unwrap();
    // The other direction is as it was.
    let mut back = line.host.0.stream(3);
    back.writing.write_all(b"x").await.unwrap();
    drop(back.writing);
    assert_eq!(text(line.guest.0.stream(3).reading).await, "x");
}

#[tokio::test]
async fn with_the_line_everything_ends() {
    let mut line = line();
    let host = line.host.0.stream(1);
    let mut guest = line.guest.0.stream(1);
    guest.writing.write_all(b"last words").await.unwrap();
    line.guest.0.say(&"last").unwrap();
    line.guest.0.written().await;
    assert_eq!(line.host.1.controls.recv().await.unwrap().unwrap(), b"\"last\"");
    let (at_host, at_guest) = duplex(64);
    let (reads, writes) = split(at_host);
    let (broken, mut incoming) = Mux::start(reads, writes, End::Host);
    let stream = broken.stream(1);
    drop(at_guest);
    assert!(incoming.controls.recv().await.is_none());
    assert_eq!(text(stream.reading).await, "");
    assert_eq!(text(broken.stream(2).reading).await, "");
    drop((host, guest));
}

#[tokio::test]
async fn nothing_is_sent_before_the_guest_has_room() {
    let (at_host, mut at_guest) = duplex(64 * 1024);
    let (reads, writes) = split(at_host);
    let (host, _incoming) = Mux::start(reads, writes, End::Host);
    host.say(&"early").unwrap();
    let mut byte = [0];
    let early = tokio::time::timeout(Duration::from_millis(100), at_guest.read_exact(&mut byte)).await;
    assert!(early.is_err(), "its terminal would echo it");
    let mut room = Vec::new();
    Frame::Room(ROOM).encode(&mut room);
    at_guest.write_all(&room).await.unwrap();
    at_guest.read_exact(&mut byte).await.unwrap();
}
