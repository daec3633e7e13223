//! The gate behind every load and reload: a line that FRR refused, or does not have afterwards, ends the run.

use routeproof_model::frr::{MissingKind, MissingLine, Rejection, bgp_part, missing_lines};

use super::error::RunError;
use super::node::Node;

/// Compares what was loaded with what runs. `refused` are the lines that FRR did not take; `reloaded` says that
/// frr-reload.py did it, after which an entry that the file spells twice may hold either spelling: that is worth a note,
/// and what it means is for the scenario to judge.
pub async fn gate(
    node: &Node,
    conf: &str,
    refused: &[Rejection],
    reloaded: bool,
) -> Result<Vec<String>, RunError> {
    if let Some(rejected) = refused.first() {
        return Err(error(node, format!("FRR rejects `{}`: {}", rejected.line.trim(), rejected.reason)));
    }
    let running = node.running_config().await?;
    let whole: String = running.iter().map(|(_, text)| text.as_str()).collect();
    let mut notes = judge(node, conf, &whole, missing_lines(conf, &whole), reloaded)?;
    // The others' copies of a route map filter nothing: bgpd must have its own.
    if let Some((_, bgpd)) = running.iter().find(|(daemon, _)| daemon == "bgpd") {
        let of_bgpd = judge(node, conf, bgpd, missing_lines(&bgp_part(conf), bgpd), reloaded)?;
        notes.extend(of_bgpd.into_iter().filter(|note| !notes.contains(note)).collect::<Vec<_>>());
    }
    Ok(notes)
}

fn judge(
    node: &Node,
    conf: &str,
    running: &str,
    missing: Vec<MissingLine>,
    reloaded: bool,
) -> Result<Vec<String>, RunError> {
    let mut notes = Vec::new();
    for missing in missing {
        let line = missing.line_number_in_wanted;
        match &missing.kind {
            _ if missing.is_overridden() => {}
            MissingKind::Superseded { by } if reloaded => {
                let (last, first) =
                    (missing.line.trim(), conf.lines().nth(by - 1).unwrap_or_default().trim());
                notes.push(format!(
                    "{}: the last word of its frr.conf is `{last}`, but `{first}` is in effect",
                    node.name
                ));
            }
            _ => {
                save(node, "running-config.at-the-gate", running);
                let text = missing.line.trim();
                return Err(error(
                    node,
                    format!("`{text}` (line {line} of its frr.conf) is not in the running configuration"),
                ));
            }
        }
    }
    Ok(notes)
}

fn error(node: &Node, what: String) -> RunError {
    RunError::Config {
        node: node.name.clone(),
        what,
        hints: vec![format!("files: {}", node.folder.display())],
    }
}

/// Kept for people; a full disk shows in the report's own error.
pub fn save(node: &Node, name: &str, text: &str) {
    let _ = std::fs::write(node.folder.join(name), text);
}
