//! `routeproof shell`: a shell in a node, on a terminal of its own.

use std::io::{self, IsTerminal};

use clap::Args;
use routeproof_engine::keep::{Command, KeepError, Lab, Terminal};

use super::LabArgs;
use super::exec::not_started;
use crate::fail::Failure;

#[derive(Debug, Args)]
pub struct ShellArgs {
    /// The node, by its name in the topology
    #[arg(value_name = "NODE")]
    node: String,
    #[command(flatten)]
    lab: LabArgs,
}

/// In the order of preference, with the prompt that each understands.
const SHELLS: [(&str, &str); 2] = [("/bin/bash", r"\u@\h:\w\$ "), ("/bin/sh", "$ ")];

pub async fn shell(args: ShellArgs) -> Result<u8, Failure> {
    let lab = args.lab.select()?;
    let mut missing = None;
    for (shell, prompt) in SHELLS {
        let argv = vec![shell.to_string(), "-i".to_string()];
        let env = [("PS1".to_string(), prompt.to_string())].into_iter().collect();
        let command = Command { argv, env, ..Command::default() };
        match attach(&lab, &args.node, command).await? {
            Err(e @ KeepError::NotStarted { code: 127, .. }) => missing = Some(e),
            Err(other) => return not_started(other),
            Ok(code) => return Ok(code),
        }
    }
    missing.map_or(Ok(0), not_started)
}

/// Runs a command on a terminal of its own.
pub async fn in_terminal(lab: &Lab, node: &str, command: Command) -> Result<u8, Failure> {
    match attach(lab, node, command).await? {
        Ok(code) => Ok(code),
        Err(e) => not_started(e),
    }
}

async fn attach(lab: &Lab, node: &str, mut command: Command) -> Result<Result<u8, KeepError>, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::input("stdin is not a terminal")
            .hint(format!("`routeproof exec {node} -- COMMAND` needs none")));
    }
    command.terminal = true;
    let term = std::env::var("TERM").unwrap_or_else(|_| "vt100".to_string());
    command.env.entry("TERM".to_string()).or_insert(term);
    let terminal = Terminal::open(lab)?;
    let running = match terminal.exec(lab, node, &command).await {
        Ok(running) => running,
        Err(e) => return Ok(Err(e)),
    };
    Ok(Ok(terminal.attach(running).await?.clamp(0, 255) as u8))
}
