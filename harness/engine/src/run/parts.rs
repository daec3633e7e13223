//! A long answer on its way from a task that receives it to a thread that reads it.

use std::io::Read;

use tokio::sync::mpsc::{Receiver, Sender, channel};

/// Parts under way at most; they are of 64 KiB.
const UNDER_WAY: usize = 16;

/// Reads the parts that were sent, one after the other, until the sender is gone. For threads that may block.
#[derive(Debug)]
pub(super) struct Parts {
    receiver: Receiver<Vec<u8>>,
    part: Vec<u8>,
    at: usize,
}

pub(super) fn parts() -> (Sender<Vec<u8>>, Parts) {
    let (sender, receiver) = channel(UNDER_WAY);
    (sender, Parts { receiver, part: Vec::new(), at: 0 })
}

impl Read for Parts {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.at == self.part.len() {
            match self.receiver.blocking_recv() {
                Some(part) => (self.part, self.at) = (part, 0),
                None => return Ok(0),
            }
        }
        let taken = (&self.part[self.at..]).read(buffer)?;
        self.at += taken;
        Ok(taken)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_in_parts_is_read_as_one() {
        let (sender, mut parts) = parts();
        for part in ["one ", "", "answer"] {
            sender.blocking_send(part.as_bytes().to_vec()).unwrap();
        }
        drop(sender);
        let mut text = String::new();
        parts.read_to_string(&mut text).unwrap();
        assert_eq!(text, "one answer");
    }
}
