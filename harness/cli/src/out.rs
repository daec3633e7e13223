//! Standard output and standard error: the only place in this binary that writes to them.
//!
//! A reader that has enough (`routeproof plan | head`) is no error: what it does not want is dropped, and the exit code
//! stays the command's own, so that `run | head` under `pipefail` still tells whether the runs passed.

use std::fmt::Display;
use std::io::{self, ErrorKind, Write};

use crate::fail::Failure;

/// Writes a line of data. Errors: standard output is there and cannot be written, for instance on a full disk.
pub fn line(text: impl Display) -> Result<(), Failure> {
    text_to(anstream::stdout(), format_args!("{text}\n"))
}

/// Writes data that has its own line ends.
pub fn text(text: impl Display) -> Result<(), Failure> {
    text_to(anstream::stdout(), text)
}

/// Writes a value as JSON.
pub fn json(value: &impl serde::Serialize) -> Result<(), Failure> {
    line(serde_json::to_string_pretty(value).map_err(Failure::broken)?)
}

/// Tells people something on standard error. When that is gone, nobody is left to tell.
pub fn note(text: impl Display) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

fn text_to(mut out: impl Write, text: impl Display) -> Result<(), Failure> {
    match write!(out, "{text}").and_then(|()| out.flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(unwritable(&e)),
        _ => Ok(()),
    }
}

fn unwritable(e: &io::Error) -> Failure {
    Failure::broken(format!("cannot write to standard output: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Refusing(ErrorKind);

    impl Write for Refusing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn only_a_reader_that_left_is_no_error() {
        text_to(Refusing(ErrorKind::BrokenPipe), "x").expect("quiet");
        let failure = text_to(Refusing(ErrorKind::StorageFull), "x").expect_err("a full disk is told");
        assert_eq!(failure.code, crate::fail::BROKEN);
    }
}
