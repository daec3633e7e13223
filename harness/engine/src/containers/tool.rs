//! Programs of others on PATH, which make and remove containers; what they print is kept.

use std::path::Path;

use tokio::io::AsyncWriteExt as _;

use super::error::ContainerError;
use crate::daemons::last_words;
use crate::exec;

/// Runs one to its end. What it prints goes to `NAME.log` in the folder.
pub async fn run(
    name: &str,
    arguments: &[&str],
    environment: &[(&str, &str)],
    folder: &Path,
) -> Result<(), ContainerError> {
    let command = format!("{name} {}", arguments.join(" "));
    let log = folder.join(format!("{name}.log"));
    let output = exec::program(name, arguments, environment).await;
    let output = output.map_err(|source| ContainerError::Run { command: command.clone(), source })?;
    let said = [output.stdout, output.stderr].concat();
    let file = tokio::fs::OpenOptions::new().create(true).append(true).open(&log).await;
    if let Ok(mut file) = file {
        // A full disk shows in the report's own error.
        let _ = file.write_all(format!("$ {command}\n").as_bytes()).await;
        let _ = file.write_all(&said).await;
        let _ = file.flush().await;
    }
    match output.status.success() {
        true => Ok(()),
        false => Err(ContainerError::Failed {
            command,
            exit: output.status.to_string(),
            said: last_words(&String::from_utf8_lossy(&said)),
            log: log.display().to_string(),
        }),
    }
}
