//! Kept labs in a guest kernel: the supervisor stays on the host, where its clients are, and passes on what they ask.
//!
//! ```text
//! client ──socket, descriptors──> supervisor ──streams of one line──> guest's worker ──socket, descriptors──> answers
//! ```
//! Descriptors cannot enter a guest. A file that travels with an answer is copied; a command's standard streams are pumped,
//! and its terminal is one of the guest's. So what answers in the guest is what answers on the host.

mod guest;
mod host;
mod message;
mod pump;

pub(super) use guest::{Door, clients, reports};
pub(super) use host::{Client, reported};

/// What `up` is told.
const UP: u32 = 0;

/// The streams of a client, from `STREAMS` times its number on: messages, then the command's.
const STREAMS: u32 = 4;
const STDIN: u32 = 1;
const STDOUT: u32 = 2;
const STDERR: u32 = 3;
/// Both directions of a command's terminal.
const TERMINAL: u32 = 1;
