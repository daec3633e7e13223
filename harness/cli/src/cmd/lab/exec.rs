//! `routeproof exec`: a command in a node, with our own standard streams.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsFd;

use clap::Args;
use nix::sys::signal::Signal;
use routeproof_engine::keep::{Command, KeepError, Running, Streams};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use super::LabArgs;
use crate::fail::{Failure, INTERRUPTED};

#[derive(Debug, Args)]
pub struct ExecArgs {
    /// The node, by its name in the topology
    #[arg(value_name = "NODE")]
    node: String,
    /// The command and its arguments
    #[arg(value_name = "COMMAND", required = true, last = true)]
    command: Vec<String>,
    /// Set an environment variable; may be given several times
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// The folder to run it in [default: /]
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    /// Give it a terminal, for what draws on the screen
    #[arg(short, long)]
    tty: bool,
    #[command(flatten)]
    lab: LabArgs,
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_string(), value.to_string())),
        _ => Err("expected KEY=VALUE".to_string()),
    }
}

/// The exit code is the command's, as a shell reports it.
pub async fn exec(args: ExecArgs) -> Result<u8, Failure> {
    let lab = args.lab.select()?;
    let env: BTreeMap<String, String> = args.env.into_iter().collect();
    let command = Command { argv: args.command, env, folder: args.workdir, terminal: args.tty };
    if args.tty {
        return super::shell::in_terminal(&lab, &args.node, command).await;
    }
    // Before the command starts: a ctrl-C from now on is the command's.
    let mut signals = signals().map_err(|e| Failure::broken(format!("cannot listen for signals: {e}")))?;
    let (stdin, stdout, stderr) = (io::stdin(), io::stdout(), io::stderr());
    let streams = Streams { stdin: stdin.as_fd(), stdout: stdout.as_fd(), stderr: stderr.as_fd() };
    match lab.exec(&args.node, &command, streams).await {
        Ok(running) => follow(running, &mut signals).await,
        Err(e) => not_started(e),
    }
}

/// Passes signals on; a second ctrl-C kills what does not heed the first.
async fn follow(running: Running, signals: &mut mpsc::Receiver<Signal>) -> Result<u8, Failure> {
    let mut interrupts = 0;
    loop {
        tokio::select! {
            code = running.wait() => return Ok(code?.clamp(0, 255) as u8),
            Some(signal) = signals.recv() => {
                interrupts += usize::from(signal == Signal::SIGINT);
                if interrupts > 1 {
                    return Ok(INTERRUPTED);
                }
                running.signal(signal);
            }
        }
    }
}

/// A command that is not there, or cannot be executed, is reported with the code that a shell would give.
pub fn not_started(error: KeepError) -> Result<u8, Failure> {
    match error {
        KeepError::NotStarted { code, .. } => {
            Failure::broken(error).report();
            Ok(code.clamp(0, 255) as u8)
        }
        other => Err(other.into()),
    }
}

fn signals() -> io::Result<mpsc::Receiver<Signal>> {
    let (sender, receiver) = mpsc::channel(4);
    for kind in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT] {
        let (mut signals, sender) = (signal(SignalKind::from_raw(kind as i32))?, sender.clone());
        tokio::spawn(async move {
            while signals.recv().await.is_some() {
                if sender.send(kind).await.is_err() {
                    return;
                }
            }
        });
    }
    Ok(receiver)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_have_a_name() {
        assert_eq!(variable("A=b=c"), Ok(("A".to_string(), "b=c".to_string())));
        assert_eq!(variable("A="), Ok(("A".to_string(), String::new())));
        assert!(variable("A").is_err() && variable("=b").is_err());
    }
}
