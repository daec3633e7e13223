//! The text of frr.conf, byte for byte as the templates of each [`Generation`] give it: empty lines and lines of two spaces included,
//! because the reloader compares texts and people compare files.

mod filters;
mod router;

use std::fmt::Write as _;

use super::frrconf::FrrConf;
use super::release::Generation;
use super::resolve::BfdProfile;

/// Whether [`text`] knows the layout.
pub(super) fn is_known(generation: Generation) -> bool {
    matches!(
        generation,
        Generation::V0_13_0 | Generation::V0_13_8 | Generation::V0_13_10 | Generation::V0_13_11
    )
}

/// The file. Only for a generation that [`is_known`].
pub(super) fn text(conf: &FrrConf, generation: Generation) -> String {
    let mut out = String::new();
    if generation < Generation::V0_13_8 {
        out.push('\n');
    }
    header(&mut out, conf);
    let mut counter = Counter::default();
    for neighbor in conf.routers.iter().flat_map(|r| &r.neighbors) {
        match generation {
            Generation::V0_13_0 => filters::v0_13_0(&mut out, neighbor, &mut counter),
            _ => filters::v0_13_8(&mut out, neighbor, &mut counter, generation),
        }
    }
    out.push_str("\n\n");
    for router in &conf.routers {
        match generation {
            Generation::V0_13_0 => router::v0_13_0(&mut out, router),
            _ => router::v0_13_8(&mut out, router),
        }
    }
    bfd(&mut out, &conf.bfd_profiles);
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

/// Numbers the entries of route maps: restarts whenever the name differs from the one before.
#[derive(Debug, Default)]
struct Counter {
    name: String,
    last: u32,
}

impl Counter {
    fn next(&mut self, name: &str) -> u32 {
        if self.name != name {
            name.clone_into(&mut self.name);
            self.last = 0;
        }
        self.last += 1;
        self.last
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

fn header(out: &mut String, conf: &FrrConf) {
    let _ = write!(out, "log file /etc/frr/frr.log {}", conf.log_level);
    line!(out, "log timestamp precision 3");
    if conf.log_level == "debugging" {
        for what in DEBUG {
            line!(out, "debug {what}");
        }
    }
    line!(out, "hostname {}", conf.hostname);
    line!(out, "ip nht resolve-via-default");
    line!(out, "ipv6 nht resolve-via-default");
}

/// Each value ends in a line of four spaces, which the next value or profile closes.
fn bfd(out: &mut String, profiles: &[BfdProfile]) {
    if profiles.is_empty() {
        return;
    }
    line!(out, "bfd");
    for p in profiles {
        line!(out, "  profile {}", p.name);
        line!(out, "    ");
        let flag = |set: bool, word: &str| set.then(|| word.to_owned());
        let number = |value: Option<u32>, word: &str| value.map(|v| format!("{word} {v}"));
        let values = [
            number(p.receive, "receive-interval"),
            number(p.transmit, "transmit-interval"),
            number(p.multiplier, "detect-multiplier"),
            flag(p.echo_mode, "echo-mode"),
            number(p.echo, "echo-interval"),
            flag(p.passive, "passive-mode"),
            number(p.minimum_ttl, "minimum-ttl"),
        ];
        for value in values.into_iter().flatten() {
            let _ = write!(out, "{value}\n    ");
        }
    }
}
