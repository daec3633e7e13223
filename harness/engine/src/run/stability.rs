//! Signs that a router is broken inside: crashes, and what its logs say.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use regex::{Captures, Regex, RegexBuilder};
use routeproof_model::plan::{Plan, PlannedRun};
use routeproof_model::result::{Outcome, ResultFile, RunResult};

/// What programs say when they fall over, in the words of C, Go, Python, FRR, BIRD and OpenBSD.
const SIGNS: &str = r"segmentation fault|received signal [0-9]+ at .*aborting|segfault|core dumped|\bpanic\b|assertion .* failed|traceback \(most recent call last\)|<BUG>|\bfatal in\b|stack smashing|AddressSanitizer";

/// A daemon's end that nobody asked for, in the words of `RouterError` and `FrrError`; of a router in a container of its own its node's, in
/// those of `Death`.
const DEATH: &str = r"node (?<node>[^\s:]+)(: \S+ (has ended with|ended at once with) (signal|exit code)|(?<whole> has died))";

/// Each sign once, with the run and the file that it is in. `plan` and `result` are of one invocation.
pub fn instability(plan: &Plan, result: &ResultFile, directory: &Path) -> Vec<String> {
    let (Ok(death), Ok(signs)) = (Regex::new(DEATH), RegexBuilder::new(SIGNS).case_insensitive(true).build())
    else {
        return vec!["the patterns of broken routers cannot be read".to_string()];
    };
    let mut found = Vec::new();
    for (planned, run) in plan.runs.iter().zip(&result.runs) {
        let title = title(planned);
        found.extend(deaths(run, planned, &death).map(|what| format!("{title}: {what}")));
        let Some(folder) = &run.directory else { continue };
        for gateway in planned.routers.keys() {
            found.extend(in_logs(&directory.join(folder).join("nodes").join(gateway), &signs, &title));
        }
    }
    found
}

/// Scenario and axes, as in a report of the router's: it is the gateway of all of them.
fn title(planned: &PlannedRun) -> String {
    let axes = planned.axes.iter().filter(|(name, _)| *name != "gateway");
    axes.fold(planned.scenario.clone(), |title, (name, value)| format!("{title} {name}={value}"))
}

/// A daemon of the router's that ended, and what the run waited for just then. One of a cluster node is none of the router's.
fn deaths(run: &RunResult, planned: &PlannedRun, death: &Regex) -> Option<String> {
    let why = run.reason.as_deref().filter(|_| run.outcome > Outcome::Skipped)?;
    let is_of_router = |found: &Captures<'_>| {
        let router = planned.routers.get(&found["node"]);
        router.is_some_and(|router| found.name("whole").is_none() || router.is_of_containerlab())
    };
    let found = death.captures(why).filter(is_of_router)?;
    let (start, what) = found.get(0).map(|whole| (whole.start(), &why[whole.start()..]))?;
    Some(match why[..start].trim_end_matches([':', ' ']) {
        "" => what.to_string(),
        step => format!("{what} (in the step: {step})"),
    })
}

fn in_logs(folder: &Path, signs: &Regex, title: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let logs = entries.filter(|path| path.extension().is_some_and(|end| end == "log"));
    let mut found = BTreeSet::new();
    for log in logs {
        let text = fs::read(&log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let name = log.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let lines = text.lines().filter(|line| signs.is_match(line));
        found.extend(lines.map(|line| format!("{title}: {name}: {}", line.trim())));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_that_tell_of_a_crash_are_found_and_others_not() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        write("bird.log", "bird: Started\nbird: <BUG> that cannot be\n");
        write("bgpd.log", "session engine exiting\nPF_KEY not available, disabling ipsec\n");
        write("exabgp.log", "Traceback (most recent call last):\n  File x\nTypeError: 'RouteRefresh'\n");
        write(
            "frr.log",
            "BGP: Received signal 11 at 1796083208 (si_addr 0x0, PC 0x7f); aborting...\nTerminating on signal\n",
        );
        write("notes.txt", "panic\n");
        let signs = RegexBuilder::new(SIGNS).case_insensitive(true).build().unwrap();
        let found: Vec<_> = in_logs(folder.path(), &signs, "run").into_iter().collect();
        assert_eq!(
            found,
            [
                "run: bird.log: bird: <BUG> that cannot be",
                "run: exabgp.log: Traceback (most recent call last):",
                "run: frr.log: BGP: Received signal 11 at 1796083208 (si_addr 0x0, PC 0x7f); aborting..."
            ]
        );
    }

    /// The run's reason, and what is made of it when the router is `gw1`.
    #[test]
    fn a_death_is_the_routers_only_if_its_daemon_died() {
        let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios/gateways-learn");
        let loaded = crate::run::load(&scenario).unwrap();
        let (planned, death) = (&loaded.runs[0], Regex::new(DEATH).unwrap());
        let told = |outcome: &str, reason: &str| {
            let json = serde_json::json!({
                "scenario": "s", "requirements": [], "axes": {}, "outcome": outcome, "duration_ms": 1, "reason": reason,
                "observed": {}, "expected": {}, "steps": [], "artifacts": [],
            });
            deaths(&serde_json::from_value(json).unwrap(), planned, &death)
        };
        let why = "worker has 172.16.1.0/24: node gw1: bgpd has ended with signal 11";
        let said = "node gw1: bgpd has ended with signal 11 (in the step: worker has 172.16.1.0/24)";
        assert_eq!(told("broken", why).as_deref(), Some(said));
        assert_eq!(
            told("broken", "node gw1: bird ended at once with exit code 1: syntax").as_deref(),
            Some("node gw1: bird ended at once with exit code 1: syntax")
        );
        assert_eq!(told("broken", "node gw1: bird refuses its configuration: syntax error"), None);
        assert_eq!(
            told("broken", "step: node k8s-worker: bgpd has ended with signal 11"),
            None,
            "a cluster node's"
        );
        // A lab's node may be killed by anybody; a container ends with its router.
        assert_eq!(told("broken", "node gw1 has died: somebody or something killed its first process"), None);
        assert_eq!(title(planned), "gateways-learn family=ipv4 frr=8.4.4");
    }
}
