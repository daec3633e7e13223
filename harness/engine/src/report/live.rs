//! The live view on standard error. It has its own thread: a terminal that somebody stopped with ctrl-S must not
//! stop the runs.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::os::fd::AsFd;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use routeproof_model::event::Event;

use super::plain::Plain;
use super::progress::Progress;

/// How often the clocks at the bottom move.
const TICK: Duration = Duration::from_millis(100);
/// After so long without a line the plain view says what is waited for.
const QUIET: Duration = Duration::from_secs(20);
/// For output that has no width.
const DEFAULT_COLUMNS: usize = 80;

/// How much of a live view there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LiveOptions {
    /// Moving lines on a terminal, else plain lines.
    Auto,
    /// Plain lines also on a terminal (`--progress plain`).
    Plain,
}

/// A sink for [`crate::event::EventBus::add_sink`] that shows events on standard error. When the bus drops it, it
/// clears its moving lines and waits until all that it had to say is said.
pub fn live_sink(options: LiveOptions) -> impl FnMut(&Event, &str) -> io::Result<()> + Send + 'static {
    let (sender, events) = channel();
    let moving = options == LiveOptions::Auto && can_move();
    let work = move || if moving { show_moving(&events) } else { show_plain(&events) };
    let thread = std::thread::Builder::new().name("live-view".into()).spawn(work);
    let mut view = LiveView { sender: Some(sender), thread: thread.ok() };
    move |event, _| view.send(event)
}

struct LiveView {
    sender: Option<Sender<Event>>,
    thread: Option<JoinHandle<()>>,
}

impl LiveView {
    fn send(&mut self, event: &Event) -> io::Result<()> {
        let sender = self.sender.as_ref().ok_or(ErrorKind::BrokenPipe)?;
        sender
            .send(event.clone())
            .map_err(|_| io::Error::new(ErrorKind::BrokenPipe, "the live view has ended"))
    }
}

impl Drop for LiveView {
    fn drop(&mut self) {
        drop(self.sender.take());
        if let Some(thread) = self.thread.take() {
            // A panic in there has been reported by the panic hook; the runs do not depend on it.
            let _ = thread.join();
        }
    }
}

fn can_move() -> bool {
    io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

fn show_plain(events: &Receiver<Event>) {
    let mut plain = Plain::default();
    let mut latest = (0, Instant::now());
    loop {
        let line = match events.recv_timeout(QUIET.saturating_sub(latest.1.elapsed())) {
            Ok(event) => plain.take(&event).inspect(|_| latest = (event.at_ms, Instant::now())),
            Err(RecvTimeoutError::Timeout) => {
                latest = (latest.0 + QUIET.as_millis() as u64, Instant::now());
                plain.waiting(latest.0)
            }
            Err(RecvTimeoutError::Disconnected) => return,
        };
        if let Some(line) = line {
            // Nobody is left to tell when standard error is gone.
            let _ = writeln!(io::stderr(), "{line}");
        }
    }
}

fn show_moving(events: &Receiver<Event>) {
    let mut progress = Progress::default();
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{msg}") {
        bar.set_style(style);
    }
    // The events' clock, continued between events.
    let mut latest = (0, Instant::now());
    let mut shown = String::new();
    loop {
        match events.recv_timeout(TICK) {
            Ok(event) => {
                latest = (event.at_ms, Instant::now());
                if let Some(line) = progress.take(&event) {
                    bar.println(coloured(&line.render(size().0)));
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        let now_ms = latest.0 + u64::try_from(latest.1.elapsed().as_millis()).unwrap_or(0);
        let (columns, rows) = size();
        // One column and one row stay free: a full last column makes some terminals wrap, a full screen scroll.
        let text = coloured(&progress.lines(now_ms, columns - 1, rows - 1).join("\n"));
        if text != shown {
            bar.set_message(text.clone());
            shown = text;
        }
    }
    bar.finish_and_clear();
    // Between what happened and the table that follows.
    let _ = writeln!(io::stderr());
}

/// Without escape sequences where the user does not want them (`NO_COLOR`, `CLICOLOR=0`).
fn coloured(text: &str) -> String {
    match anstream::AutoStream::choice(&io::stderr()) {
        anstream::ColorChoice::Never => anstream::adapter::strip_str(text).to_string(),
        _ => text.to_owned(),
    }
}

/// Columns and rows of the terminal on standard error, at least 20 x 4.
fn size() -> (usize, usize) {
    window(&io::stderr()).unwrap_or((DEFAULT_COLUMNS, 24))
}

/// Columns of standard output's terminal, for what is laid out for it; 80 where it is none.
pub fn terminal_width() -> usize {
    window(&io::stdout()).map_or(DEFAULT_COLUMNS, |(columns, _)| columns)
}

nix::ioctl_read_bad!(window_size, libc::TIOCGWINSZ, libc::winsize);

fn window(stream: &impl AsFd) -> Option<(usize, usize)> {
    use std::os::fd::AsRawFd;
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the descriptor is borrowed and so open, and TIOCGWINSZ (tty_ioctl(4)) writes one winsize.
    unsafe { window_size(stream.as_fd().as_raw_fd(), &raw mut size) }.ok()?;
    // A terminal that was never told its size says 0.
    (size.ws_col > 0 && size.ws_row > 0)
        .then(|| (usize::from(size.ws_col).max(20), usize::from(size.ws_row).max(4)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::event::EventBus;
    use crate::report::sample;

    #[test]
    fn the_view_ends_with_the_bus() {
        let mut bus = EventBus::new();
        bus.add_sink("live view", live_sink(LiveOptions::Plain));
        bus.events().warn("this line belongs to a test");
        assert!(bus.finish().problems.is_empty());
    }

    #[test]
    fn a_view_that_died_is_an_error_and_no_panic() {
        let (sender, events) = channel();
        drop(events);
        let mut view = LiveView { sender: Some(sender), thread: None };
        let error = view.send(&sample::mixed().events[0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }
}
