//! A step in one line, for people.

use std::path::{Path, PathBuf};

use super::expect::{Expect, ExpectRoute};
use super::session::{ExpectBfd, ExpectSession};
use super::step::{Signature, Verb};
use crate::fact::names;

/// The step in one line. Paths are shown relative to the scenario's folder.
pub fn name_of(verb: &Verb, dir: &Path) -> String {
    let short = |paths: &[PathBuf]| {
        let names: Vec<String> =
            paths.iter().map(|p| p.strip_prefix(dir).unwrap_or(p).display().to_string()).collect();
        names.join(" and ")
    };
    match verb {
        Verb::Apply { manifests } => format!("apply {}", short(manifests)),
        Verb::Delete { manifests } => format!("delete {}", short(manifests)),
        Verb::RestartSpeaker(r) => format!("restart the speaker of {}", r.node),
        Verb::Settle(s) => format!("settle: no route-map change pending on {}", s.node),
        Verb::Fault(fault) => fault.name(),
        Verb::Stream(s) => {
            let every = humantime::format_duration(s.every);
            format!("stream {}: {} to {}, {} flows, each every {every}", s.name, s.from, s.to, s.flows)
        }
        Verb::Observe(o) => format!("observe {} on {}", o.prefix, o.node),
        Verb::Diagnose(d) => {
            let name = match d.signature {
                Signature::FrrOrdering => "frr-ordering",
                Signature::ExtrasAlternation => "extras-alternation",
            };
            format!("diagnose {name} on {}", d.node)
        }
        Verb::Eventually { expect, .. } => expect_name(expect),
        Verb::Holds { expect, window, .. } => {
            format!("{} for {}", expect_name(expect), humantime::format_duration(*window))
        }
    }
}

fn expect_name(expect: &Expect) -> String {
    match expect {
        Expect::Session(s) => {
            let vrf = in_vrf(s.vrf.as_ref());
            format!("session {} -> {}{vrf} is {}{}", who(&s.node), s.peer, s.state, session_details(s))
        }
        Expect::Route(r) => {
            let via = if r.via.is_empty() { String::new() } else { format!(" via {}", r.via.join(" and ")) };
            format!("{} has {}{}{via}", who(&r.node), r.prefix, in_vrf(r.vrf.as_ref()))
        }
        Expect::Routes(r) => {
            let via = if r.via.is_empty() { String::new() } else { format!(" via {}", r.via.join(" and ")) };
            let proto = r.proto.as_ref().map(|p| format!(" of protocol {p}")).unwrap_or_default();
            let inside = r.inside.map(|prefix| format!(" inside {prefix}")).unwrap_or_default();
            format!("{} has {} routes{proto}{inside}{via}", who(&r.node), r.count)
        }
        Expect::Ecmp(e) => {
            let vrf = in_vrf(e.vrf.as_ref());
            format!("{} spreads {}{vrf} over {}", e.node, e.prefix, e.via.join(" and "))
        }
        Expect::Convergence(c) => {
            let to = match (c.absent, c.via.is_empty()) {
                (true, _) => "to no route".to_string(),
                (false, true) => String::new(),
                (false, false) => format!("to {}", c.via.join(" and ")),
            };
            let limit = c.at_most.map(|most| format!(" within {}", humantime::format_duration(most)));
            let vrf = in_vrf(c.vrf.as_ref());
            format!("{}{vrf} of {} converges {to}{}", c.prefix, c.node, limit.unwrap_or_default())
        }
        Expect::Loss(l) => {
            let out =
                l.at_most.map(|most| format!("is out for {} at most", humantime::format_duration(most)));
            let lost = l.lost_at_most.map(|most| format!("loses {most} packets at most"));
            let words: Vec<String> = out.into_iter().chain(lost).collect();
            format!("stream {} {}", l.stream, words.join(" and "))
        }
        Expect::ReturnPath(r) => {
            let family = r.family.map(|family| format!(" over {}", family.as_str())).unwrap_or_default();
            let dev = r.dev.as_deref().unwrap_or("the interface of the requests");
            let via = r.via.as_ref().map(|via| format!(" to {via}")).unwrap_or_default();
            let lost = if r.answered { "" } else { ", and are lost" };
            format!("replies of {} to {}{family} leave {} by {dev}{via}{lost}", r.to, r.client, r.node)
        }
        Expect::Isolation(i) => {
            let segments: Vec<&str> = i.segments.keys().map(String::as_str).collect();
            format!("{} keeps {} apart", i.node, segments.join(" and "))
        }
        Expect::Bond(b) => {
            let active = if b.active.is_empty() { "no member".to_string() } else { b.active.join(" and ") };
            format!("{} of {} uses {active}", b.interface, b.node)
        }
        Expect::RibFib(r) => format!("FRR and the kernel of {} agree", who(&r.node)),
        Expect::NoRoute(n) => {
            let what = n.prefix.map_or_else(|| "any route".to_string(), |p| p.to_string());
            let longer = if n.or_longer { " or longer" } else { "" };
            let table = match n.table {
                _ if n.vrf.is_some() => in_vrf(n.vrf.as_ref()),
                None => " in any table".to_string(),
                Some(ExpectRoute::MAIN) => String::new(),
                Some(table) => format!(" in table {}", names::table(table)),
            };
            let proto = n.proto.as_ref().map(|p| format!(" of protocol {p}")).unwrap_or_default();
            format!("{} has not {what}{longer}{proto}{table}", n.node)
        }
    }
}

fn who(node: &str) -> &str {
    if node == Expect::ALL { "every cluster node" } else { node }
}

fn in_vrf(vrf: Option<&String>) -> String {
    vrf.map(|vrf| format!(" in VRF {vrf}")).unwrap_or_default()
}

/// What is expected of a session besides its state, by the words of the file.
fn session_details(s: &ExpectSession) -> String {
    let mut words = Vec::new();
    words.extend(
        s.uptime_at_least.map(|time| format!("up for at least {}", humantime::format_duration(time))),
    );
    words.extend(s.bfd.map(|bfd| match bfd {
        ExpectBfd::Up => "with BFD up".to_string(),
        ExpectBfd::Down => "with BFD down".to_string(),
        ExpectBfd::Init => "with BFD init".to_string(),
        ExpectBfd::AdminDown => "with BFD admin-down".to_string(),
        ExpectBfd::None => "without BFD".to_string(),
    }));
    words.extend((!s.capabilities.is_empty()).then(|| {
        let names: Vec<&str> = s.capabilities.iter().map(|capability| capability.name()).collect();
        format!("with {}", names.join(" and "))
    }));
    if let Some(prefixes) = &s.prefixes {
        let counts =
            [("received", prefixes.received), ("accepted", prefixes.accepted), ("sent", prefixes.sent)];
        words
            .extend(counts.iter().filter_map(|(what, count)| Some(format!("{} prefixes {what}", (*count)?))));
    }
    words.extend(s.graceful_restart.as_ref().map(|_| "with graceful restart as said".to_string()));
    words.extend(s.last_reset.as_ref().map(|reason| format!("last reset `{reason}`")));
    words.extend(s.flaps.map(|flaps| format!("flaps {flaps}")));
    words.into_iter().map(|word| format!(", {word}")).collect()
}
