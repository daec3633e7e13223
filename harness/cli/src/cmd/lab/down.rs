//! `routeproof down`: ends labs.

use clap::Args;
use routeproof_engine::keep::{KeepError, Lab, Labs};

use crate::fail::Failure;
use crate::out;

#[derive(Debug, Args)]
pub struct DownArgs {
    /// The lab's name [default: the only one that is up]
    #[arg(value_name = "NAME", conflicts_with = "all")]
    name: Option<String>,
    /// End every lab of this user
    #[arg(long)]
    all: bool,
}

pub async fn down(args: &DownArgs) -> Result<u8, Failure> {
    let labs = Labs::of_user()?;
    let doomed: Vec<Lab> = match args.all {
        true => labs.all(),
        false => match labs.select(args.name.as_deref()) {
            Ok(lab) => vec![lab],
            // Its supervisor was killed, and the lab with it: what remains is its folder.
            Err(KeepError::NoLab { name, .. }) if labs.bury(&name)? => {
                out::note(format_args!("lab {name} was dead already; removed its state folder"));
                return Ok(0);
            }
            Err(KeepError::Several { alive }) => {
                return Err(Failure::from(KeepError::Several { alive }).only_hint("name one, or `--all`"));
            }
            Err(other) => return Err(other.into()),
        },
    };
    let mut worst = 0;
    for lab in doomed {
        match lab.down().await {
            Ok(()) => out::note(format_args!("lab {} is down", lab.name())),
            Err(e) => worst = worst.max(Failure::from(e).report()),
        }
    }
    Ok(worst)
}
