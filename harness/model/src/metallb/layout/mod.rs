//! The text of frr.conf, byte for byte as the templates of each [`Generation`] give it: empty lines and lines of two spaces included,
//! because the reloader compares texts and people compare files.

mod filters;
mod frrk8s;
mod per_family;
mod router;
mod sequenced;
mod v0_12;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::frrconf::FrrConf;
use super::release::Generation;
use super::resolve::BfdProfile;

pub(super) use frrk8s::text as frrk8s_text;

/// The file.
pub(super) fn text(conf: &FrrConf, generation: Generation) -> String {
    let mut out = String::new();
    if generation < Generation::V0_13_8 {
        out.push('\n');
    }
    header(&mut out, generation >= Generation::V0_16_0, &conf.log_level, &conf.hostname);
    let mut counter = Counter::new(generation);
    filters::append(&mut out, conf, &mut counter, generation);
    out.push_str("\n\n");
    for router in &conf.routers {
        match generation {
            Generation::V0_12 => v0_12::router(&mut out, router),
            Generation::V0_13_0 => router::v0_13_0(&mut out, router),
            _ => router::v0_13_8(&mut out, router, generation),
        }
    }
    let echo = if generation < Generation::V0_14_6 { Echo::One } else { Echo::ReceiveFirst };
    bfd(&mut out, &conf.bfd_profiles, echo);
    if let Some(extras) = conf.extras.as_ref().filter(|_| generation >= Generation::V0_13_10) {
        out.push('\n');
        out.push_str(extras);
    }
    // The old template ended without a newline of its own.
    if generation >= Generation::V0_13_8 || !conf.bfd_profiles.is_empty() {
        out.push('\n');
    }
    out
}

/// Appends a line that begins with a newline, which is how the pieces of the templates join.
macro_rules! line {
    ($out:expr, $($arg:tt)*) => {{
        $out.push('\n');
        // Writing to a String cannot fail.
        let _ = write!($out, $($arg)*);
    }};
}
use line;

/// Numbers the entries of route maps and, since v0.14.0, of prefix lists: one counter per name. Before, there was one
/// counter only, which restarted whenever the name differed from the one before.
#[derive(Debug)]
struct Counter {
    forgets: bool,
    last: BTreeMap<String, u32>,
}

impl Counter {
    fn new(generation: Generation) -> Self {
        Self { forgets: generation < Generation::V0_14_0, last: BTreeMap::new() }
    }

    /// One counter per name.
    fn per_name() -> Self {
        Self { forgets: false, last: BTreeMap::new() }
    }

    fn next(&mut self, name: &str) -> u32 {
        if let Some(last) = self.last.get_mut(name) {
            *last += 1;
            return *last;
        }
        if self.forgets {
            self.last.clear();
        }
        self.last.insert(name.to_owned(), 1);
        1
    }
}

const DEBUG: [&str; 13] = [
    "zebra events",
    "zebra nht",
    "zebra kernel",
    "zebra rib",
    "zebra nexthop",
    "bgp neighbor-events",
    "bgp updates",
    "bgp keepalives",
    "bgp nht",
    "bgp zebra",
    "bfd network",
    "bfd peer",
    "bfd zebra",
];

fn header(out: &mut String, to_stdout: bool, log_level: &str, hostname: &str) {
    let log = if to_stdout { "stdout" } else { "file /etc/frr/frr.log" };
    let _ = write!(out, "log {log} {log_level}");
    line!(out, "log timestamp precision 3");
    if log_level == "debugging" {
        for what in DEBUG {
            line!(out, "debug {what}");
        }
    }
    line!(out, "hostname {hostname}");
    line!(out, "ip nht resolve-via-default");
    line!(out, "ipv6 nht resolve-via-default");
}

/// FRR split its echo interval in two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Echo {
    One,
    ReceiveFirst,
    TransmitFirst,
}

/// Each value ends in a line of four spaces, which the next value or profile closes.
fn bfd(out: &mut String, profiles: &[BfdProfile], echo: Echo) {
    if profiles.is_empty() {
        return;
    }
    line!(out, "bfd");
    for p in profiles {
        line!(out, "  profile {}", p.name);
        line!(out, "    ");
        let flag = |set: bool, word: &str| set.then(|| word.to_owned());
        let number = |value: Option<u32>, word: &str| value.map(|v| format!("{word} {v}"));
        let (receive, transmit) =
            (number(p.echo, "echo receive-interval"), number(p.echo, "echo transmit-interval"));
        let [echo, second_echo] = match echo {
            Echo::One => [number(p.echo, "echo-interval"), None],
            Echo::ReceiveFirst => [receive, transmit],
            Echo::TransmitFirst => [transmit, receive],
        };
        let values = [
            number(p.receive, "receive-interval"),
            number(p.transmit, "transmit-interval"),
            number(p.multiplier, "detect-multiplier"),
            flag(p.echo_mode, "echo-mode"),
            echo,
            second_echo,
            flag(p.passive, "passive-mode"),
            number(p.minimum_ttl, "minimum-ttl"),
        ];
        for value in values.into_iter().flatten() {
            let _ = write!(out, "{value}\n    ");
        }
    }
}
