//! Signs that a router is broken inside: crashes, and what its logs say.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use regex::{Regex, RegexBuilder};
use routeproof_model::plan::Plan;
use routeproof_model::result::{Outcome, ResultFile};

/// What programs say when they fall over, in the words of C, Go, Python, BIRD and OpenBSD.
const SIGNS: &str = r"segmentation fault|segfault|core dumped|\bpanic\b|assertion .* failed|traceback \(most recent call last\)|<BUG>|\bfatal in\b|stack smashing|AddressSanitizer";

/// A daemon's end that nobody asked for, in the words of `RouterError` and `FrrError`.
const DEATH: &str = r"node \S+: \S+ (has ended with|ended at once with) (signal|exit code)";

/// Each sign once, with the run and the file that it is in. `plan` and `result` are of one invocation.
pub fn instability(plan: &Plan, result: &ResultFile, directory: &Path) -> Vec<String> {
    let (Ok(death), Ok(signs)) = (Regex::new(DEATH), RegexBuilder::new(SIGNS).case_insensitive(true).build())
    else {
        return vec!["the patterns of broken routers cannot be read".to_string()];
    };
    let mut found = Vec::new();
    for (planned, run) in plan.runs.iter().zip(&result.runs) {
        let slug = planned.slug();
        if run.outcome == Outcome::Broken {
            found.extend(
                run.reason.iter().filter(|why| death.is_match(why)).map(|why| format!("{slug}: {why}")),
            );
        }
        let Some(folder) = &run.directory else { continue };
        for gateway in planned.routers.keys() {
            found.extend(in_logs(&directory.join(folder).join("nodes").join(gateway), &signs, &slug));
        }
    }
    found
}

fn in_logs(folder: &Path, signs: &Regex, slug: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let logs = entries.filter(|path| path.extension().is_some_and(|end| end == "log"));
    let mut found = BTreeSet::new();
    for log in logs {
        let text = fs::read(&log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let name = log.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let lines = text.lines().filter(|line| signs.is_match(line));
        found.extend(lines.map(|line| format!("{slug}: {name}: {}", line.trim())));
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
        write("notes.txt", "panic\n");
        let signs = RegexBuilder::new(SIGNS).case_insensitive(true).build().unwrap();
        let found: Vec<_> = in_logs(folder.path(), &signs, "run").into_iter().collect();
        assert_eq!(
            found,
            [
                "run: bird.log: bird: <BUG> that cannot be",
                "run: exabgp.log: Traceback (most recent call last):"
            ]
        );
        let death = Regex::new(DEATH).unwrap();
        assert!(death.is_match("step: node gw1: gobgpd has ended with signal 11"));
        assert!(!death.is_match("node gw1: bird refuses its configuration: syntax error"));
    }
}
