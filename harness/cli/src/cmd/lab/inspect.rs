//! `routeproof inspect`: a node's kernel, or the labs that are up.

use std::time::Duration;

use clap::Args;
use comfy_table::{Table, presets};
use futures::future::join_all;
use routeproof_engine::keep::{Lab, LabStatus, Labs, NodeStatus};

use super::LabArgs;
use crate::fail::Failure;
use crate::out;
use crate::render;

#[derive(Debug, Args)]
pub struct InspectArgs {
    /// The node, by its name in the topology; without one, the labs that are up
    #[arg(value_name = "NODE")]
    node: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lab: LabArgs,
}

pub async fn inspect(args: &InspectArgs) -> Result<u8, Failure> {
    match &args.node {
        Some(node) => {
            let inspection = args.lab.select()?.inspect(node).await?;
            match args.json {
                true => out::text(render::inspect::json(&inspection).map_err(Failure::broken)?)?,
                false => out::text(render::inspect::tables(&inspection))?,
            }
            Ok(0)
        }
        None => list(args).await,
    }
}

async fn list(args: &InspectArgs) -> Result<u8, Failure> {
    let labs = Labs::of_user()?;
    let chosen: Vec<Lab> = match &args.lab.lab {
        Some(_) => vec![args.lab.select()?],
        None => labs.all(),
    };
    let mut worst = 0;
    let mut shown = Vec::new();
    for status in join_all(chosen.iter().map(Lab::status)).await {
        match status {
            Ok(status) => shown.push(status),
            Err(e) => worst = worst.max(Failure::from(e).report()),
        }
    }
    if args.json {
        out::json(&shown)?;
        return Ok(worst);
    }
    out::text(shown.iter().map(section).collect::<Vec<_>>().join("\n"))?;
    if chosen.is_empty() {
        out::note(format_args!("no lab is up"));
    }
    for dead in labs.dead() {
        out::note(format_args!(
            "lab {} is dead: its supervisor was killed; `routeproof sweep` cleans up",
            dead.name
        ));
    }
    Ok(worst)
}

/// A lab as people read it.
fn section(lab: &LabStatus) -> String {
    let uptime = rough(Duration::from_secs(lab.uptime_s));
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(["node", "alias", "role", "image", "state", "sessions"]);
    table.add_rows(lab.nodes.iter().map(row));
    table.column_iter_mut().for_each(|column| {
        column.set_padding((0, 2));
    });
    let lines: String = table.trim_fmt().lines().map(|line| format!("  {}\n", line.trim_end())).collect();
    let guest = lab.guest.as_ref().map(|kernel| format!(", on the guest kernel {kernel}"));
    format!(
        "LAB {} from {}, up for {uptime}{}\n{lines}  files: {}\n",
        lab.name,
        lab.topology.display(),
        guest.unwrap_or_default(),
        lab.directory.display()
    )
}

fn row(node: &NodeStatus) -> [String; 6] {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_string());
    [
        node.name.clone(),
        or_dash(node.alias.clone()),
        node.role.to_string(),
        or_dash(node.image.clone()),
        node.state.clone(),
        or_dash(node.sessions.map(|s| format!("{} of {} Established", s.established, s.total))),
    ]
}

/// `3 s`, `4 min`, `2 h 5 min`.
fn rough(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use routeproof_engine::keep::Sessions;
    use routeproof_model::topology::Role;

    use super::*;

    #[test]
    fn a_lab_reads_like_this() {
        let node = |name: &str, role, sessions| NodeStatus {
            name: name.to_string(),
            alias: None,
            role,
            image: Some("frr:8.4.4".to_string()),
            state: "running".to_string(),
            sessions,
        };
        let lab = LabStatus {
            schema: "routeproof/lab/v1".to_string(),
            name: "one-gateway".to_string(),
            topology: "/t/one-gateway.clab.yml".into(),
            guest: None,
            directory: "/runs/1/000-one-gateway".into(),
            pid: 7,
            uptime_s: 125,
            nodes: vec![
                NodeStatus {
                    alias: Some("worker".to_string()),
                    ..node("k8s-worker", Role::ClusterNode, Some(Sessions { total: 2, established: 1 }))
                },
                NodeStatus { image: None, ..node("lan", Role::Bridge, None) },
                NodeStatus {
                    state: "node gw1 has died: its processes are gone".to_string(),
                    ..node("gw1", Role::Gateway, None)
                },
            ],
        };
        insta::assert_snapshot!(section(&lab), @r"
        LAB one-gateway from /t/one-gateway.clab.yml, up for 2 min
          node        alias   role          image      state                                      sessions
          k8s-worker  worker  cluster node  frr:8.4.4  running                                    1 of 2 Established
          lan         -       bridge        -          running                                    -
          gw1         -       gateway       frr:8.4.4  node gw1 has died: its processes are gone  -
          files: /runs/1/000-one-gateway
        ");
    }

    #[test]
    fn times_are_short() {
        let shown = [0, 119, 120, 7199, 7500].map(|s| rough(Duration::from_secs(s)));
        assert_eq!(shown, ["0 s", "119 s", "2 min", "119 min", "2 h 5 min"]);
    }
}
