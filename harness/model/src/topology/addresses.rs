//! The addresses that a topology gives out: on links, and by `exec` lines that run `ip addr add`.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

use ipnet::IpNet;

use super::interfaces::Place;
use super::words::words;
use crate::diag::{Diagnostic, Source};

/// An address on an interface. `device` is `None` when the command does not name one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Assigned {
    pub(crate) net: IpNet,
    pub(crate) device: Option<String>,
}

/// What a command adds: `ip addr add` in iproute2's spellings, also inside `sh -c '...'`.
pub(crate) fn added_by(argv: &[String]) -> Vec<Assigned> {
    simple_commands(argv).iter().filter_map(|c| ip_addr_add(c)).collect()
}

/// The command itself, or those of the script that it hands to a shell.
pub(crate) fn simple_commands(argv: &[String]) -> Vec<Vec<String>> {
    match shell_script(argv) {
        Some(script) => script.lines().flat_map(commands).collect(),
        None => vec![argv.to_vec()],
    }
}

/// The script of `sh -c SCRIPT` (`bash -ec SCRIPT`, ...).
fn shell_script(argv: &[String]) -> Option<&str> {
    let (shell, rest) = argv.split_first()?;
    let shell = shell.rsplit('/').next()?;
    let flag = rest.iter().position(|a| a.starts_with('-') && !a.starts_with("--") && a.ends_with('c'))?;
    matches!(shell, "sh" | "bash" | "ash" | "dash").then(|| rest.get(flag + 1).map(String::as_str))?
}

/// The simple commands of one line of a script, by its separators; what it takes to see `ip addr add A && ip addr add B`.
fn commands(line: &str) -> Vec<Vec<String>> {
    let mut commands = vec![Vec::new()];
    for word in words(line).unwrap_or_default() {
        let bare = word.strip_suffix(';').unwrap_or(&word);
        let separates = matches!(bare, "&&" | "||" | "|" | "&");
        if !bare.is_empty() && !separates {
            commands.last_mut().into_iter().for_each(|c| c.push(bare.to_owned()));
        }
        if separates || bare.len() < word.len() {
            commands.push(Vec::new());
        }
    }
    commands
}

/// Reads `ip [OPTIONS] addr {add|replace} ADDR[/LEN] dev IFACE ...`; iproute2 accepts any prefix of its words.
fn ip_addr_add(argv: &[String]) -> Option<Assigned> {
    let (ip, rest) = argv.split_first()?;
    if ip.rsplit('/').next() != Some("ip") {
        return None;
    }
    let mut args = rest.iter().map(String::as_str).peekable();
    while let Some(option) = args.next_if(|a| a.starts_with('-')) {
        if matches!(option, "-f" | "-family" | "--family") {
            args.next();
        }
    }
    let (object, verb) = (args.next()?, args.next()?);
    let abbreviates = |word: &str, of: &str| !word.is_empty() && of.starts_with(word);
    if !abbreviates(object, "address") || !["add", "replace", "change"].iter().any(|of| abbreviates(verb, of))
    {
        return None;
    }
    let (mut net, mut device) = (None, None);
    while let Some(arg) = args.next() {
        match arg {
            "dev" => device = device.or_else(|| args.next().map(str::to_owned)),
            "local" => net = net.or_else(|| args.next().and_then(parse_net)),
            "peer" | "remote" | "broadcast" | "brd" | "anycast" | "label" | "scope" | "metric"
            | "priority" | "preference" | "valid_lft" | "preferred_lft" | "proto" => drop(args.next()),
            other => net = net.or_else(|| parse_net(other)),
        }
    }
    Some(Assigned { net: net?, device })
}

/// `ADDR/LEN`, or `ADDR` alone, which iproute2 takes as a host address.
fn parse_net(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// Every address that is given out, for [`Register::check`].
#[derive(Debug, Default)]
pub(super) struct Register {
    given: Vec<Given>,
}

#[derive(Debug)]
struct Given {
    address: IpAddr,
    node: String,
    device: String,
    at: Place,
}

impl Given {
    fn holder(&self) -> String {
        format!("{}:{}", self.node, self.device)
    }
}

impl Register {
    /// Notes that `node` has `assigned`, written at `at`. Link-local, loopback and anycast addresses (a host prefix on
    /// `lo` or a dummy) may repeat.
    pub(super) fn add(&mut self, node: &str, assigned: &Assigned, at: Place) {
        let address = assigned.net.addr();
        let device = assigned.device.as_deref().unwrap_or("?");
        let anycast = assigned.net.prefix_len() == assigned.net.max_prefix_len()
            && (device == "lo" || device.starts_with("dummy"));
        if anycast || address.is_loopback() || matches!(address, IpAddr::V6(a) if is_link_local(a)) {
            return;
        }
        let (node, device) = (node.to_owned(), device.to_owned());
        self.given.push(Given { address, node, device, at });
    }

    /// Errors: two interfaces have an address, so that one would answer for the other. `vrf` gives the VRF that a node's
    /// device is in, or leads to; in two of them an address may be twice.
    pub(super) fn check(
        &self,
        source: &Source,
        vrf: &dyn Fn(&str, &str) -> Option<String>,
    ) -> Result<(), Diagnostic> {
        let mut seen: HashMap<IpAddr, Vec<&Given>> = HashMap::new();
        let apart = |one: &Given, other: &Given| {
            let of = |given: &Given| vrf(&given.node, &given.device);
            matches!((of(one), of(other)), (Some(one), Some(other)) if one != other)
        };
        for given in &self.given {
            let holders = seen.entry(given.address).or_default();
            let same = |first: &&&Given| first.holder() != given.holder() && !apart(first, given);
            if let Some(first) = holders.iter().find(same) {
                let line = first.at.line(source);
                let (address, holder, first) = (given.address, given.holder(), first.holder());
                let what = format!("{address} on {holder} is already the address of {first} (line {line})");
                let error = given.at.error(source, what);
                return Err(error.hint("give each interface an address of its own"));
            }
            holders.push(given);
        }
        Ok(())
    }
}

fn is_link_local(addr: Ipv6Addr) -> bool {
    addr.segments()[0] & 0xffc0 == 0xfe80
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(line: &str) -> Vec<String> {
        let show = |a: Assigned| format!("{} {}", a.net, a.device.unwrap_or("-".into()));
        added_by(&words(line).expect("words")).into_iter().map(show).collect()
    }

    #[test]
    fn the_spellings_of_ip_addr_add() {
        for line in [
            "ip addr add 10.0.0.1/24 dev eth1",
            "ip a a dev eth1 10.0.0.1/24",
            "/sbin/ip -4 address replace local 10.0.0.1/24 brd + dev eth1 scope global",
            "ip -family inet addr add 10.0.0.1/24 broadcast 10.0.0.255 dev eth1 label eth1:0",
            "sh -c 'ip addr add 10.0.0.1/24 dev eth1'",
            "bash -ec \"ip link set eth1 up; ip addr add 10.0.0.1/24 dev eth1; true\"",
        ] {
            assert_eq!(added(line), ["10.0.0.1/24 eth1"], "{line}");
        }
        assert_eq!(added("ip -6 addr add 2001:db8::1/64 dev eth1 nodad"), ["2001:db8::1/64 eth1"]);
        assert_eq!(added("ip addr add 10.0.0.1 dev lo"), ["10.0.0.1/32 lo"]);
        let two =
            "sh -c 'ip addr add 10.0.0.1/24 dev a && ip addr add 10.0.1.1/24 dev b\nip a a ::1/128 dev lo'";
        assert_eq!(added(two), ["10.0.0.1/24 a", "10.0.1.1/24 b", "::1/128 lo"]);
    }

    #[test]
    fn other_commands_add_nothing() {
        for line in [
            "ip addr del 10.0.0.1/24 dev eth1",
            "ip addr show",
            "ip addr",
            "ip route add 10.0.0.0/24 via 10.0.0.1",
            "ip",
            "ip link add br0 type bridge",
            "echo ip addr add 10.0.0.1/24 dev eth1",
            "ip addr add nonsense dev eth1",
            "sh -c",
            "sh script.sh",
        ] {
            assert!(added(line).is_empty(), "{line}");
        }
    }
}
