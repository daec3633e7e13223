//! What befalls a guest.

use std::io;
use std::path::PathBuf;

use super::order::End;

/// Why a run on the guest kernel has no verdict.
#[derive(Debug, thiserror::Error)]
pub enum GuestError {
    #[error("cannot {what} for the guest kernel")]
    Start {
        what: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("the guest kernel {} cannot be executed", program.display())]
    NotStarted {
        program: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot start a guest kernel below {}: the path has a quotation mark or is not UTF-8", .0.display())]
    Path(PathBuf),
    /// The guest ended without a verdict.
    #[error("the guest kernel {}{}", ended(*end), last(console))]
    Ended { end: Option<End>, console: Vec<String> },
    #[error("the guest kernel has said nothing for {seconds} s{}", last(console))]
    Silent { seconds: u64, console: Vec<String> },
    #[error("the guest answers another question than it was asked")]
    Confused,
    #[error("cannot read what the guest says")]
    Channel(#[source] io::Error),
}

fn ended(end: Option<End>) -> String {
    match end {
        Some(End::Exited(code)) => format!("ended with exit code {code} and without a verdict"),
        Some(End::Signaled(libc::SIGABRT)) => "panicked".to_string(),
        Some(End::Signaled(signal)) => format!("was killed by signal {signal}"),
        Some(End::NotStarted(errno)) => {
            format!("cannot be executed: {}", io::Error::from_raw_os_error(errno))
        }
        None => "and its keeper were killed".to_string(),
    }
}

fn last(console: &[String]) -> String {
    if console.is_empty() {
        String::new()
    } else {
        format!("; its console's last lines: {}", console.join(" | "))
    }
}
