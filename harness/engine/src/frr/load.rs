//! Loading an integrated frr.conf through the daemons' own vty sockets.
//!
//! `vtysh -f` does the same: it knows which daemon owns which command and hands the lines out. Doing it here saves
//! the start of vtysh, and a round trip per line. It also saves what vtysh's XFRR_start_configuration and
//! XFRR_end_configuration set off in bgpd from FRR 8 on: until a second after the end, or `bgp route-map delay-timer` (5 s) where
//! a route map has changed, it treats the configuration as unfinished and holds its sessions back (the hook bgp_config_end):
//! a node learns its first route after some 5 s instead of 0.5 s. What this table does not know is left to `vtysh -f`.

use std::collections::HashSet;

use futures::future::try_join_all;
use routeproof_model::frr::{ConfigLine, Rejection, Stanza, StanzaLine, stanzas};
use thiserror::Error;

use super::vty::{LineAnswer, Status, Vty, VtyError};

/// Why a configuration could not be loaded this way. Nothing was sent unless it is [`LoadError::Vty`].
#[derive(Debug, Error)]
pub enum LoadError {
    /// The caller falls back to `vtysh -f`.
    #[error("line {number}: no daemon is known to own {stanza:?}")]
    Unknown { number: usize, stanza: String },
    #[error("line {number}: {stanza:?} belongs to {owners}, of which none runs")]
    NoOwner { number: usize, stanza: String, owners: String },
    #[error("cannot load the configuration")]
    Vty(#[from] VtyError),
}

/// Loads a configuration into the daemons that own its stanzas, all daemons at once.
///
/// Whether mgmtd is among `daemons` selects FRR 10's ownership. Returns what was refused, with the file's line
/// numbers; the caller compares the running configuration afterwards.
///
/// # Errors
/// See [`LoadError`].
pub async fn load(config: &str, daemons: &mut [Vty]) -> Result<Vec<Rejection>, LoadError> {
    let names: Vec<String> = daemons.iter().map(|vty| vty.daemon().to_owned()).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let shares = split(config, &names)?;
    let work = daemons.iter_mut().zip(&shares).filter(|(_, share)| !share.is_empty());
    let verdicts = try_join_all(work.map(|(vty, share)| enter(vty, share))).await?.concat();
    Ok(refused(&verdicts))
}

/// What one daemon said to one line.
#[derive(Clone, Debug)]
struct Verdict {
    daemon: String,
    line: ConfigLine,
    status: Status,
    text: String,
}

async fn enter(vty: &mut Vty, share: &[ConfigLine]) -> Result<Vec<Verdict>, VtyError> {
    let lines: Vec<&str> = share.iter().map(|line| line.text.as_str()).collect();
    let answers = match vty.daemon() {
        "mgmtd" => vty.config_transaction(&lines).await?,
        _ => vty.config(&lines).await?,
    };
    // The answer after the last line is that of mgmtd's transaction.
    let transaction = ConfigLine { number: 0, text: String::new() };
    let verdict = |answer: LineAnswer| Verdict {
        daemon: vty.daemon().to_owned(),
        line: share.get(answer.line).unwrap_or(&transaction).clone(),
        status: answer.status,
        text: answer.text,
    };
    Ok(answers.into_iter().map(verdict).collect())
}

/// The refusals, in the file's order. A route map's lines go to every daemon that has route maps, but some commands
/// (`set community`, `set src`) exist in one of them only: a line that a daemon does not know is refused when no
/// other took it.
fn refused(verdicts: &[Verdict]) -> Vec<Rejection> {
    let taken: HashSet<usize> =
        verdicts.iter().filter(|v| v.status.is_taken()).map(|v| v.line.number).collect();
    let counts = |verdict: &&Verdict| {
        let known_elsewhere = verdict.status == Status::NO_MATCH
            && verdict.line.number != 0
            && taken.contains(&verdict.line.number);
        // mgmtd's word for "everything is as you say already".
        let empty = verdict.text.contains("No changes found to be committed");
        !(verdict.status.is_taken() || known_elsewhere || empty)
    };
    let mut refused: Vec<Rejection> = verdicts.iter().filter(counts).map(rejection).collect();
    refused.sort_by_key(|rejection| rejection.line_number);
    // Several daemons refuse the same line for the same reason; one is enough.
    refused.dedup_by(|next, first| next.line_number.is_some() && next.line_number == first.line_number);
    refused
}

fn rejection(verdict: &Verdict) -> Rejection {
    // A long explanation ends in the sentence that matters.
    let said = verdict.text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("refused");
    let said = said.trim_start_matches("% ").trim_start_matches("Error description: ");
    Rejection {
        line_number: Some(verdict.line.number).filter(|number| *number != 0),
        line: verdict.line.text.clone(),
        reason: format!("{}: {said}", verdict.daemon),
    }
}

/// The lines of each daemon, in `daemons`' order, with explicit `exit`s, which are in no line of the file.
fn split(config: &str, daemons: &[&str]) -> Result<Vec<Vec<ConfigLine>>, LoadError> {
    let mut shares = vec![Vec::new(); daemons.len()];
    let mgmtd = daemons.contains(&"mgmtd");
    for stanza in stanzas(config) {
        let owners = owners(&stanza, mgmtd).ok_or_else(|| LoadError::Unknown {
            number: stanza.header.number,
            stanza: stanza.header.text.clone(),
        })?;
        if owners == Owners::Vtysh {
            continue;
        }
        let lines = spelt_out(&stanza);
        for (share, _) in shares.iter_mut().zip(daemons).filter(|(_, daemon)| owners.has(daemon)) {
            share.extend(lines.iter().cloned());
        }
        if !daemons.iter().any(|daemon| owners.has(daemon)) {
            return Err(LoadError::NoOwner {
                number: stanza.header.number,
                stanza: stanza.header.text,
                owners: owners.named(),
            });
        }
    }
    Ok(shares)
}

/// A stanza as the daemons want it: every section is left explicitly, so that no line lands in an inner one.
fn spelt_out(stanza: &Stanza) -> Vec<ConfigLine> {
    let mut lines = Vec::with_capacity(stanza.lines.len() + 2);
    let mut open = 0;
    for StanzaLine { line, depth, opens } in &stanza.lines {
        leave(&mut lines, open - depth);
        lines.push(line.clone());
        open = depth + usize::from(*opens);
    }
    leave(&mut lines, open);
    lines
}

fn leave(lines: &mut Vec<ConfigLine>, sections: usize) {
    lines.extend((0..sections).map(|_| ConfigLine { number: 0, text: "exit".to_owned() }));
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owners {
    All,
    /// A setting of vtysh itself; nothing to do.
    Vtysh,
    These(&'static [&'static str]),
}

impl Owners {
    fn has(self, daemon: &str) -> bool {
        match self {
            Self::All => true,
            Self::Vtysh => false,
            Self::These(names) => names.contains(&daemon),
        }
    }

    fn named(self) -> String {
        match self {
            Self::These(names) => names.join(" or "),
            Self::All | Self::Vtysh => "any daemon".to_owned(),
        }
    }
}

/// FRR 10 configures zebra and staticd through mgmtd; before, each daemon is its own.
fn owners(stanza: &Stanza, mgmtd: bool) -> Option<Owners> {
    if !stanza.known {
        return None;
    }
    let words: Vec<&str> = stanza.header.text.split(' ').collect();
    let words = match &words[..] {
        ["no", rest @ ..] => rest,
        all => all,
    };
    let either = |old: &'static [&'static str], new: &'static [&'static str]| {
        Some(Owners::These(if mgmtd { new } else { old }))
    };
    match words {
        // vtysh keeps these to itself; the daemons go by the system's host name.
        ["hostname" | "domainname", ..] | ["service", "integrated-vtysh-config"] => Some(Owners::Vtysh),
        ["log" | "frr", ..] | ["line", "vty"] => Some(Owners::All),
        ["debug", "zebra", ..] | ["zebra", "nexthop" | "nexthop-group", ..] => {
            Some(Owners::These(&["zebra"]))
        }
        ["debug", "bgp", ..] | ["router", "bgp", ..] => Some(Owners::These(&["bgpd"])),
        [
            "bgp",
            "as-path" | "community-list" | "large-community-list" | "extcommunity-list" | "route-map",
            ..,
        ] => Some(Owners::These(&["bgpd"])),
        ["debug", "bfd", ..] | ["bfd"] => Some(Owners::These(&["bfdd"])),
        ["route-map", ..] => either(&["zebra", "bgpd"], &["mgmtd", "bgpd"]),
        ["ip" | "ipv6", "prefix-list" | "access-list", ..] | ["access-list", ..] => {
            either(&["zebra", "bgpd", "bfdd"], &["mgmtd", "bgpd", "bfdd"])
        }
        ["ip" | "ipv6", "nht" | "router-id" | "protocol", ..] | ["router-id", ..] => {
            either(&["zebra"], &["mgmtd"])
        }
        ["ip" | "ipv6", "route", ..] => either(&["staticd"], &["mgmtd"]),
        ["interface", _] if body_is(stanza, INTERFACE) => either(&["zebra"], &["mgmtd"]),
        ["vrf", _] if body_is(stanza, &["ip route", "ipv6 route"]) => either(&["staticd"], &["mgmtd"]),
        _ => None,
    }
}

/// The settings of an interface that belong to zebra alone.
const INTERFACE: &[&str] = &["ip address", "ipv6 address", "ipv6 nd", "description", "shutdown"];

fn body_is(stanza: &Stanza, settings: &[&str]) -> bool {
    stanza.lines.iter().skip(1).all(|StanzaLine { line, .. }| {
        let text = line.text.strip_prefix("no ").unwrap_or(&line.text);
        settings.iter().any(|setting| text == *setting || text.starts_with(&format!("{setting} ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "hostname n\nlog syslog\nno zebra nexthop kernel enable\nip nht resolve-via-default\nip router-id 1.1.1.1\n\
        ip protocol bgp route-map a\nroute-map a permit 10\n  match metric 1\nroute-map b deny 20\n\
        ip prefix-list p permit any\nip route 10.0.0.0/8 Null0\nrouter bgp 1\n neighbor 1.1.1.1 remote-as 2\n\
        \x20address-family ipv4 unicast\n  network 10.0.0.0/8\n exit-address-family\n neighbor 1.1.1.1 port 179\n\
        bfd\n profile x\n  passive-mode\n profile y\n";

    fn shown(daemons: &[&str]) -> String {
        let shares = split(CONFIG, daemons).unwrap();
        let one = |(daemon, share): (&&str, Vec<ConfigLine>)| {
            format!(
                "{daemon}: {}",
                share.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join("; ")
            )
        };
        daemons.iter().zip(shares).map(one).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn who_gets_what() {
        insta::assert_snapshot!(shown(&["zebra", "staticd", "bgpd", "bfdd"]), @r"
        zebra: log syslog; no zebra nexthop kernel enable; ip nht resolve-via-default; ip router-id 1.1.1.1; ip protocol bgp route-map a; route-map a permit 10; match metric 1; exit; route-map b deny 20; exit; ip prefix-list p permit any
        staticd: log syslog; ip route 10.0.0.0/8 Null0
        bgpd: log syslog; route-map a permit 10; match metric 1; exit; route-map b deny 20; exit; ip prefix-list p permit any; router bgp 1; neighbor 1.1.1.1 remote-as 2; address-family ipv4 unicast; network 10.0.0.0/8; exit; neighbor 1.1.1.1 port 179; exit
        bfdd: log syslog; ip prefix-list p permit any; bfd; profile x; passive-mode; exit; profile y; exit; exit
        ");
        insta::assert_snapshot!(shown(&["mgmtd", "zebra", "staticd", "bgpd", "bfdd"]), @r"
        mgmtd: log syslog; ip nht resolve-via-default; ip router-id 1.1.1.1; ip protocol bgp route-map a; route-map a permit 10; match metric 1; exit; route-map b deny 20; exit; ip prefix-list p permit any; ip route 10.0.0.0/8 Null0
        zebra: log syslog; no zebra nexthop kernel enable
        staticd: log syslog
        bgpd: log syslog; route-map a permit 10; match metric 1; exit; route-map b deny 20; exit; ip prefix-list p permit any; router bgp 1; neighbor 1.1.1.1 remote-as 2; address-family ipv4 unicast; network 10.0.0.0/8; exit; neighbor 1.1.1.1 port 179; exit
        bfdd: log syslog; ip prefix-list p permit any; bfd; profile x; passive-mode; exit; profile y; exit; exit
        ");
    }

    #[test]
    fn what_nobody_owns_is_an_error_before_anything_is_sent() {
        let unknown = |text: &str| split(text, &["zebra", "bgpd"]).unwrap_err().to_string();
        insta::assert_snapshot!(unknown("hostname n\nrouter ospf\n network 10.0.0.0/8 area 0\n"), @r#"line 2: no daemon is known to own "router ospf""#);
        insta::assert_snapshot!(unknown("route-mapp a permit 10\n match metric 1\n"), @r#"line 1: no daemon is known to own "route-mapp a permit 10""#);
        insta::assert_snapshot!(unknown("router bgp 1\n addres-family ipv4\n  network 10.0.0.0/8\n"), @r#"line 1: no daemon is known to own "router bgp 1""#);
        insta::assert_snapshot!(unknown("interface eth1\n ip ospf cost 1\n"), @r#"line 1: no daemon is known to own "interface eth1""#);
        insta::assert_snapshot!(unknown("ip route 10.0.0.0/8 Null0\n"), @r#"line 1: "ip route 10.0.0.0/8 Null0" belongs to staticd, of which none runs"#);
    }

    #[test]
    fn a_line_is_refused_when_no_daemon_knows_it() {
        let verdict = |daemon: &str, number, status, text: &str| Verdict {
            daemon: daemon.to_owned(),
            line: ConfigLine { number, text: format!("line {number}") },
            status,
            text: text.to_owned(),
        };
        let failed = "% Configuration failed.\n\nError type: validation\nError description: no such range\n";
        let verdicts = [
            verdict("zebra", 1, Status::NO_MATCH, "% [ZEBRA] Unknown command: line 1\n"),
            verdict("bgpd", 1, Status::SUCCESS, ""),
            verdict("bgpd", 2, Status::NO_MATCH, "% [BGP] Unknown command: line 2\n"),
            verdict("zebra", 3, Status(13), failed),
            verdict("bgpd", 3, Status(13), failed),
            verdict("bgpd", 0, Status::NO_MATCH, "% [BGP] Unknown command: exit\n"),
            verdict("mgmtd", 0, Status(13), "% No changes found to be committed!\n"),
        ];
        let shown = |r: Rejection| format!("{:?} {}", r.line_number, r.reason);
        insta::assert_snapshot!(refused(&verdicts).into_iter().map(shown).collect::<Vec<_>>().join("\n"), @r"
        None bgpd: [BGP] Unknown command: exit
        Some(2) bgpd: [BGP] Unknown command: line 2
        Some(3) zebra: no such range
        ");
    }
}
