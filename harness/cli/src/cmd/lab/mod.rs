//! Commands on kept labs: `down`, `exec`, `expect`, `shell`, `inspect`.

mod down;
mod exec;
mod expect;
mod inspect;
mod shell;

pub use down::{DownArgs, down};
pub use exec::{ExecArgs, exec};
pub use expect::{ExpectArgs, expect};
pub use inspect::{InspectArgs, inspect};
pub use shell::{ShellArgs, shell};

use clap::Args;
use routeproof_engine::keep::{Lab, Labs};

use crate::fail::Failure;

/// Which lab.
#[derive(Clone, Debug, Args)]
pub struct LabArgs {
    /// The lab, when several are up
    #[arg(long, value_name = "NAME")]
    lab: Option<String>,
}

impl LabArgs {
    pub fn select(&self) -> Result<Lab, Failure> {
        Ok(Labs::of_user()?.select(self.lab.as_deref())?)
    }
}
