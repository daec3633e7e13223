//! The lines that FRR refused, from what vtysh and frr-reload.py say.

use serde::{Deserialize, Serialize};

/// A line that FRR did not take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rejection {
    /// Its line in the file that we handed over, from 1. `None` when FRR does not tell, or when the number counts
    /// in a scratch file of frr-reload.py.
    pub line_number: Option<usize>,
    /// The line as FRR repeats it; empty when it does not.
    pub line: String,
    pub reason: String,
}

/// Finds the refusals in the output (stdout and stderr) of `vtysh -f`, `vtysh -b` and `frr-reload.py --test|--reload`.
///
/// No rejection does not mean that all was taken: [`super::missing_lines`] and the exit code are the rest of the gate.
pub fn rejections(output: &str) -> Vec<Rejection> {
    let mut reader = Reader { reload: output.contains("Called via \"Namespace("), ..Reader::default() };
    for line in output.lines() {
        reader.read(line.trim_end());
    }
    reader.flush_group();
    reader.found
}

#[derive(Default)]
struct Reader {
    /// This is frr-reload.py's output, where only its check of the whole file counts lines as the file does.
    reload: bool,
    /// The latest explanation of a daemon, which stands before the line that it explains.
    reason: Option<String>,
    /// Inside "% Configuration failed.": a transaction of several lines that failed as one.
    group: Option<Group>,
    found: Vec<Rejection>,
}

#[derive(Default)]
struct Group {
    reason: Option<String>,
    lines: Vec<String>,
}

/// Sentences that end a run and name no line.
const GENERAL: &[&str] = &[
    "failed to connect to any daemons",
    "is not running",
    "Can't open config",
    "we failed to remove this command",
    "Failed to start vtysh",
];

impl Reader {
    fn read(&mut self, line: &str) {
        if let Some(inner) = python_bytes(line) {
            for part in inner.split("\\n").filter(|part| !part.is_empty()) {
                self.numbered(&part.replace("\\'", "'"), true);
            }
        } else if !self.numbered(line, !self.reload) && !self.grouped(line) {
            self.plain(line);
        }
    }

    /// `line N: ...`
    fn numbered(&mut self, line: &str, counts: bool) -> bool {
        let Some((number, rest)) = line.strip_prefix("line ").and_then(|rest| rest.split_once(": ")) else {
            return false;
        };
        let Ok(number) = number.parse::<usize>() else {
            return false;
        };
        let (text, reason) = if let Some((head, text)) = rest.split_once(", line: ") {
            let daemon = head.rsplit(" to ").next().unwrap_or("FRR").to_owned();
            let group = self.group.take().and_then(|group| group.reason);
            let why = group.or_else(|| self.reason.take()).unwrap_or_else(|| "refused".to_owned());
            (text, format!("{daemon}: {why}"))
        } else if let Some((head, text)) = rest.split_once("...: ") {
            (text, without_node(head))
        } else {
            let (head, text) = rest.split_once(": ").unwrap_or((rest, ""));
            (text, without_node(head.trim_start_matches("% ")))
        };
        self.flush_group();
        self.push(Rejection { line_number: counts.then_some(number), line: text.trim().to_owned(), reason });
        true
    }

    /// The paragraphs after "% Configuration failed.".
    fn grouped(&mut self, line: &str) -> bool {
        if matches!(line, "% Configuration failed." | "% Failed to edit configuration.") {
            self.flush_group();
            self.group = Some(Group::default());
            return true;
        }
        let Some(group) = &mut self.group else {
            return false;
        };
        if let Some(command) = line.strip_prefix("- ") {
            group.lines.push(command.trim().to_owned());
        } else if let Some(reason) = line.strip_prefix("Error description: ") {
            group.reason = Some(reason.to_owned());
        } else if ends_group(line) {
            self.flush_group();
            return false;
        } else if group.reason.as_deref().is_none_or(|reason| reason.ends_with(':')) && !is_frame(line) {
            group.reason = Some(line.trim().trim_start_matches("Error: ").to_owned());
        }
        true
    }

    fn plain(&mut self, line: &str) {
        if let Some(reason) = line.strip_prefix("% ") {
            if GENERAL.iter().any(|sentence| reason.contains(sentence)) {
                self.general(reason);
            } else if let Some((_, command)) = reason.split_once("] Unknown command: ") {
                self.push(Rejection {
                    line_number: None,
                    line: command.to_owned(),
                    reason: "Unknown command".to_owned(),
                });
            } else {
                self.reason = Some(reason.to_owned());
            }
        } else if GENERAL.iter().any(|sentence| line.contains(sentence)) {
            self.general(line);
        }
    }

    fn general(&mut self, reason: &str) {
        self.push(Rejection { line_number: None, line: String::new(), reason: reason.trim().to_owned() });
    }

    /// A failed transaction refuses all its lines.
    fn flush_group(&mut self) {
        let Some(group) = self.group.take() else {
            return;
        };
        let reason = group.reason.unwrap_or_else(|| "Configuration failed".to_owned());
        if group.lines.is_empty() {
            self.push(Rejection { line_number: None, line: String::new(), reason });
            return;
        }
        for line in group.lines {
            self.push(Rejection { line_number: None, line, reason: reason.clone() });
        }
    }

    /// Every daemon that FRR 10 asks repeats the refusal.
    fn push(&mut self, rejection: Rejection) {
        if !self.found.contains(&rejection) {
            self.found.push(rejection);
        }
    }
}

/// `b'...'`, in which frr-reload.py prints what vtysh said to it.
fn python_bytes(line: &str) -> Option<&str> {
    let inner = line.strip_prefix("b'").and_then(|rest| rest.strip_suffix('\''));
    inner.or_else(|| line.strip_prefix("b\"").and_then(|rest| rest.strip_suffix('"')))
}

/// Removes vtysh's node number: `Unknown command[25]`.
fn without_node(text: &str) -> String {
    text.split_once('[').map_or(text, |(head, _)| head).trim().to_owned()
}

/// Headings inside a failed transaction's report.
fn is_frame(line: &str) -> bool {
    line.is_empty()
        || line.starts_with("Error type:")
        || line.starts_with("The following commands")
        || line.starts_with(" YANG path")
}

/// Output of another process or of frr-reload.py's log.
fn ends_group(line: &str) -> bool {
    line.starts_with('[') || line.starts_with("% ") || line.starts_with("rc ") || line.starts_with("20")
}

#[cfg(test)]
mod tests {
    use super::super::answer::fixtures::{fixture, versions};
    use super::*;

    fn shown(output: &str) -> String {
        let line = |r: &Rejection| {
            format!("{} {:?}: {}", r.line_number.map_or("-".into(), |n| n.to_string()), r.line, r.reason)
        };
        rejections(output).iter().map(line).collect::<Vec<_>>().join("\n")
    }

    fn in_each(recordings: [(&str, &str); 3]) -> String {
        recordings.map(|(version, text)| format!("{version}\n{}", shown(text))).join("\n")
    }

    #[test]
    fn vtysh_with_many_mistakes() {
        insta::assert_snapshot!(shown(fixture!("7.5.1/vtysh-bad.txt")), @r#"
        3 "route-mapp 192.168.1.5-in permit 20": Unknown command
        5 "match ip adress prefix-list allowed": Unknown command
        9 "neighbor 10.9.9.9 port 179": bgpd: Specify remote-as or peer-group commands first
        10 "neighbor 999.1.1.1 remote-as 1": bgpd: Create the peer-group or interface first
        12 "neighbor 192.168.1.5 bogus": Unknown command
        15 "neighbor 192.168.1.7 activate": bgpd: Specify remote-as or peer-group commands first
        16 "netwrk 10.0.0.0/8": Unknown command
        18 "match ip address prefix-list allowed": Unknown command
        19 "ip prefix-list bad permit 10.0.0.0/33": Unknown command
        20 "ip prefix-list bad2 permit 10.0.0.0/16 le 8": zebra: Invalid prefix range for 10.0.0.0/16: Make sure that mask length <= ge <= le
        21 "network 10.0.0.0/8": Unknown command
        22 "route-map x permit": Command incomplete
        23 "ip route 10.0.0.0/8": Command incomplete
        "#);
        insta::assert_snapshot!(shown(fixture!("8.4.4/vtysh-bad.txt")), @r#"
        3 "route-mapp 192.168.1.5-in permit 20": Unknown command
        5 "match ip adress prefix-list allowed": Unknown command
        9 "neighbor 10.9.9.9 port 179": bgpd: Specify remote-as or peer-group commands first
        10 "neighbor 999.1.1.1 remote-as 1": bgpd: Create the peer-group or interface first
        12 "neighbor 192.168.1.5 bogus": Unknown command
        15 "neighbor 192.168.1.7 activate": bgpd: Specify remote-as or peer-group commands first
        16 "netwrk 10.0.0.0/8": Unknown command
        18 "match ip address prefix-list allowed": Unknown command
        19 "ip prefix-list bad permit 10.0.0.0/33": Unknown command
        21 "network 10.0.0.0/8": Unknown command
        22 "route-map x permit": Command incomplete
        23 "ip route 10.0.0.0/8": Command incomplete
        - "ip prefix-list ok permit 10.0.0.0/8": Invalid prefix range for 10.0.0.0/16: Make sure that mask length <= ge <= le
        - "route-map 192.168.1.5-in permit 20": Invalid prefix range for 10.0.0.0/16: Make sure that mask length <= ge <= le
        - "match ip address prefix-list": Invalid prefix range for 10.0.0.0/16: Make sure that mask length <= ge <= le
        - "ip prefix-list bad2 permit 10.0.0.0/16 le 8": Invalid prefix range for 10.0.0.0/16: Make sure that mask length <= ge <= le
        "#);
        insta::assert_snapshot!(shown(fixture!("10.3/vtysh-bad.txt")), @r#"
        3 "route-mapp 192.168.1.5-in permit 20": Unknown command
        5 "match ip adress prefix-list allowed": Unknown command
        12 "neighbor 192.168.1.5 bogus": Unknown command
        16 "netwrk 10.0.0.0/8": Unknown command
        18 "match ip address prefix-list allowed": Unknown command
        19 "ip prefix-list bad permit 10.0.0.0/33": Unknown command
        21 "network 10.0.0.0/8": Unknown command
        22 "route-map x permit": Command incomplete
        23 "ip route 10.0.0.0/8": Command incomplete
        - "": Invalid prefix range for 10.0.0.0/16: Make sure that mask length <= ge <= le
        9 "neighbor 10.9.9.9 port 179": bgpd: Specify remote-as or peer-group commands first
        10 "neighbor 999.1.1.1 remote-as 1": bgpd: Create the peer-group or interface first
        - "ip prefix-list ok permit 10.0.0.0/8": Invalid prefix range for 10.0.0.0/16: Make sure that mask length <= ge <= le
        - "ip prefix-list bad2 permit 10.0.0.0/16 le 8": Invalid prefix range for 10.0.0.0/16: Make sure that mask length <= ge <= le
        15 "neighbor 192.168.1.7 activate": bgpd: Specify remote-as or peer-group commands first
        "#);
    }

    #[test]
    fn one_typing_error_is_one_rejection() {
        for (version, text) in versions!("vtysh-badx.txt") {
            assert_eq!(
                shown(text),
                "5 \"match ip adress prefix-list allowed\": Unknown command",
                "{version}"
            );
        }
    }

    #[test]
    fn what_only_the_daemons_refuse() {
        insta::assert_snapshot!(in_each(versions!("vtysh-badn.txt")), @r#"
        7.5.1
        4 "neighbor 10.9.9.9 port 179": bgpd: Specify remote-as or peer-group commands first
        5 "ip prefix-list bad2 permit 10.0.0.0/16 le 8": zebra: Invalid prefix range for 10.0.0.0/16: Make sure that mask length <= ge <= le
        8.4.4
        4 "neighbor 10.9.9.9 port 179": bgpd: Specify remote-as or peer-group commands first
        - "ip prefix-list bad2 permit 10.0.0.0/16 le 8": Invalid prefix range for 10.0.0.0/16: Make sure that mask length <= ge <= le
        10.3
        - "": Invalid prefix range for 10.0.0.0/16: Make sure that mask length <= ge <= le
        4 "neighbor 10.9.9.9 port 179": bgpd: Specify remote-as or peer-group commands first
        - "ip prefix-list bad2 permit 10.0.0.0/16 le 8": Invalid prefix range for 10.0.0.0/16: Make sure that mask length <= ge <= le
        "#);
    }

    #[test]
    fn reload() {
        for (version, text) in versions!("test-bad.txt") {
            assert_eq!(
                shown(text),
                "3 \"route-mapp 192.168.1.5-in permit 20\": Unknown command",
                "{version}"
            );
        }
        for (version, text) in versions!("reload-badn.txt") {
            let found = rejections(text);
            assert_eq!(found[0].line, "neighbor 10.9.9.9 port 179", "{version}");
            assert!(
                found.iter().any(|r| r.line == "ip prefix-list bad2 permit 10.0.0.0/16 le 8"),
                "{version}"
            );
            assert!(found.iter().all(|r| r.line_number.is_none()), "{version}: lines of a scratch file");
        }
        for (version, text) in versions!("reload-rl2.txt") {
            assert_eq!(rejections(text), [], "{version}");
        }
    }

    #[test]
    fn remarks_are_no_refusals() {
        let said = "Graceful restart configuration changed, reset this peer to take effect\nThe route-map 'out' does not exist.\n\
                    % Echo mode works correctly for IPv4, but only works when the peer is also FRR for IPv6.\n[1|bgpd] done\n";
        assert_eq!(rejections(said), []);
        assert_eq!(
            shown("Exiting: failed to connect to any daemons.\n"),
            "- \"\": Exiting: failed to connect to any daemons."
        );
    }
}
