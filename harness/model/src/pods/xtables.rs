//! A node's rules for Services, as kernels without nf_tables' families take them: the tables of ip_tables and ip6_tables, in
//! the binary form of `IPT_SO_SET_REPLACE` (linux/netfilter_ipv4/ip_tables.h and its neighbours).
//!
//! They say what [`super::ruleset`] says, with kube-proxy's own means: a mark for masquerading, the `statistic` match to
//! spread requests, DNAT.

use std::net::IpAddr;

use super::proxy::MASQUERADE;
use crate::metallb::{Backend, Frontend};

/// Hooks by their numbers: linux/netfilter.h.
const PREROUTING: usize = 0;
const INPUT: usize = 1;
const OUTPUT: usize = 3;
const POSTROUTING: usize = 4;

/// What a rule without a target of its own says (linux/netfilter.h: the verdict's number, negated, less one).
const ACCEPT: i32 = -2;
const DROP: i32 = -1;

/// A table for the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    pub ipv6: bool,
    pub name: &'static str,
    pub rules: u32,
    /// Bit per hook.
    pub hooks: u32,
    /// Where each hook's rules begin, and where its policy stands.
    pub entries: [u32; 5],
    pub policies: [u32; 5],
    pub bytes: Vec<u8>,
}

/// A match or target: `struct xt_entry_match`, `struct xt_entry_target`.
struct Part {
    name: &'static str,
    revision: u8,
    data: Vec<u8>,
}

/// The tables of `node`, of both families. They replace what the tables held.
pub fn tables(node: &str, frontends: &[Frontend]) -> Vec<Table> {
    [false, true]
        .into_iter()
        .flat_map(|ipv6| [raw(node, frontends, ipv6), nat(node, frontends, ipv6)])
        .collect()
}

fn of_family(frontends: &[Frontend], ipv6: bool) -> impl Iterator<Item = &Frontend> {
    frontends.iter().filter(move |frontend| frontend.address.is_ipv6() == ipv6)
}

/// Requests for which the node has no pod are lost before anything else is done with them.
fn raw(node: &str, frontends: &[Frontend], ipv6: bool) -> Table {
    let mut table = Table::new("raw", ipv6);
    let idle = of_family(frontends, ipv6).filter(|frontend| frontend.backends_of(node).next().is_none());
    let drops = idle.map(|frontend| rule(ipv6, Some(frontend), vec![ports(frontend)], verdict(DROP)));
    table.hook(PREROUTING, drops.collect());
    table.hook(OUTPUT, Vec::new());
    table.finish()
}

fn nat(node: &str, frontends: &[Frontend], ipv6: bool) -> Table {
    let mut table = Table::new("nat", ipv6);
    let to_pods = || of_family(frontends, ipv6).flat_map(|frontend| service(frontend, node)).collect();
    let masquerade = rule(ipv6, None, vec![marked()], masquerade(ipv6));
    table.hook(PREROUTING, to_pods());
    table.hook(INPUT, Vec::new());
    table.hook(OUTPUT, to_pods());
    table.hook(POSTROUTING, vec![masquerade]);
    table.finish()
}

/// Sending a request back out of the node would leave its reply to somebody else, unless it looks like the node's own.
fn service(frontend: &Frontend, node: &str) -> Vec<Vec<u8>> {
    let ipv6 = frontend.address.is_ipv6();
    let backends: Vec<&Backend> = frontend.backends_of(node).collect();
    let mark = (!frontend.local).then(|| rule(ipv6, Some(frontend), vec![ports(frontend)], mark()));
    let to_pods = backends.iter().enumerate().map(|(position, backend)| {
        let left = backends.len() - position;
        let matches = std::iter::once(ports(frontend)).chain((left > 1).then(|| one_of(left)));
        rule(ipv6, Some(frontend), matches.collect(), dnat(backend))
    });
    mark.into_iter().chain(to_pods).collect()
}

impl Table {
    fn new(name: &'static str, ipv6: bool) -> Table {
        Table { ipv6, name, rules: 0, hooks: 0, entries: [0; 5], policies: [0; 5], bytes: Vec::new() }
    }

    /// The next hook's rules, then its policy: whatever reaches it goes on.
    fn hook(&mut self, hook: usize, rules: Vec<Vec<u8>>) {
        self.hooks |= 1 << hook;
        self.entries[hook] = self.bytes.len() as u32;
        rules.into_iter().for_each(|rule| self.add(&rule));
        self.policies[hook] = self.bytes.len() as u32;
        self.add(&rule(self.ipv6, None, Vec::new(), verdict(ACCEPT)));
    }

    fn add(&mut self, rule: &[u8]) {
        self.bytes.extend(rule);
        self.rules += 1;
    }

    /// Every table ends with a rule that nothing reaches.
    fn finish(mut self) -> Table {
        let mut name = b"ERROR".to_vec();
        name.resize(30, 0);
        let end = rule(self.ipv6, None, Vec::new(), Part { name: "ERROR", revision: 0, data: name });
        self.add(&end);
        self
    }
}

/// `struct ipt_entry` or `struct ip6t_entry`, with what follows it.
fn rule(ipv6: bool, frontend: Option<&Frontend>, matches: Vec<Part>, target: Part) -> Vec<u8> {
    let mut bytes = addresses(ipv6, frontend.map(|frontend| frontend.address));
    let protocol = frontend.map_or(0, |frontend| number(&frontend.protocol));
    // Without an interface: two names and two masks of 16 bytes.
    bytes.resize(bytes.len() + 64, 0);
    bytes.extend(protocol.to_ne_bytes());
    // For IPv6 a flag says that the protocol counts.
    let flags = if ipv6 { &[0, u8::from(protocol != 0), 0, 0, 0, 0][..] } else { &[0, 0][..] };
    bytes.extend(flags);
    let header = bytes.len() + if ipv6 { 32 } else { 28 };
    let matches: Vec<u8> = matches.iter().flat_map(Part::encode).collect();
    let target = target.encode();
    // nfcache
    bytes.extend([0; 4]);
    bytes.extend(((header + matches.len()) as u16).to_ne_bytes());
    bytes.extend(((header + matches.len() + target.len()) as u16).to_ne_bytes());
    // comefrom, and two counters of eight bytes
    bytes.resize(header, 0);
    bytes.extend(matches);
    bytes.extend(target);
    bytes
}

/// Source and destination, then their masks.
fn addresses(ipv6: bool, destination: Option<IpAddr>) -> Vec<u8> {
    let size = if ipv6 { 16 } else { 4 };
    let any = vec![0; size];
    let (address, mask) = match destination {
        Some(IpAddr::V4(address)) => (address.octets().to_vec(), vec![255; size]),
        Some(IpAddr::V6(address)) => (address.octets().to_vec(), vec![255; size]),
        None => (any.clone(), any.clone()),
    };
    [any.clone(), address, any, mask].concat()
}

fn number(protocol: &str) -> u16 {
    match protocol {
        "tcp" => 6,
        "udp" => 17,
        "sctp" => 132,
        _ => 0,
    }
}

impl Part {
    fn new(name: &'static str, revision: u8, data: Vec<u8>) -> Part {
        Part { name, revision, data }
    }

    fn encode(&self) -> Vec<u8> {
        let size = (32 + self.data.len()).next_multiple_of(8);
        let mut bytes = (size as u16).to_ne_bytes().to_vec();
        bytes.extend(self.name.as_bytes());
        bytes.resize(31, 0);
        bytes.push(self.revision);
        bytes.extend(&self.data);
        bytes.resize(size, 0);
        bytes
    }
}

fn verdict(code: i32) -> Part {
    Part::new("", 0, code.to_ne_bytes().to_vec())
}

/// `struct xt_multiport_v1`: it knows ports of all of a Service's protocols.
fn ports(frontend: &Frontend) -> Part {
    let (destination, count) = (1, 1);
    let mut data = vec![destination, count];
    data.extend(frontend.port.to_ne_bytes());
    data.resize(48, 0);
    Part::new("multiport", 1, data)
}

/// `struct xt_statistic_info`: every so many-th request, at random, in 2^31ths; then the kernel's own pointer.
fn one_of(many: usize) -> Part {
    let mut data = vec![0; 4];
    data.extend(((1u64 << 31) / many as u64).to_ne_bytes());
    data.resize(24, 0);
    Part::new("statistic", 0, data)
}

/// `struct xt_mark_tginfo2`: value, and the bits that it replaces.
fn mark() -> Part {
    Part::new("MARK", 2, [MASQUERADE.to_ne_bytes(), MASQUERADE.to_ne_bytes()].concat())
}

/// `struct xt_mark_mtinfo1`.
fn marked() -> Part {
    let mut data = [MASQUERADE.to_ne_bytes(), MASQUERADE.to_ne_bytes()].concat();
    data.resize(12, 0);
    Part::new("mark", 1, data)
}

/// `struct nf_nat_range`: addresses and ports, from and to.
fn dnat(backend: &Backend) -> Part {
    let mut address = match backend.address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    address.resize(16, 0);
    let port = backend.port.to_be_bytes();
    // NF_NAT_RANGE_MAP_IPS, NF_NAT_RANGE_PROTO_SPECIFIED
    let data = [&3u32.to_ne_bytes()[..], &address, &address, &port, &port].concat();
    Part::new("DNAT", 1, data)
}

/// `struct nf_nat_ipv4_multi_range_compat` of one empty range, or an empty `struct nf_nat_range`.
fn masquerade(ipv6: bool) -> Part {
    let mut data = u32::from(!ipv6).to_ne_bytes().to_vec();
    data.resize(if ipv6 { 40 } else { 20 }, 0);
    Part::new("MASQUERADE", 0, data)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]
mod tests {
    use super::*;

    fn frontend(address: &str, local: bool, pods: &[(&str, &str)]) -> Frontend {
        let backend = |(node, address): &(&str, &str)| Backend {
            address: address.parse().unwrap(),
            port: 8080,
            node: Some(node.to_string()),
        };
        Frontend {
            service: "default/web".into(),
            address: address.parse().unwrap(),
            protocol: "tcp".into(),
            port: 80,
            local,
            backends: pods.iter().map(backend).collect(),
        }
    }

    /// The rules as the kernel walks them: where each begins, and the names of its matches and its target.
    fn walk(table: &Table) -> Vec<String> {
        let u16_at = |at: usize| usize::from(u16::from_ne_bytes([table.bytes[at], table.bytes[at + 1]]));
        let name = |at: usize| {
            let name = &table.bytes[at + 2..at + 31];
            String::from_utf8_lossy(name.split(|byte| *byte == 0).next().unwrap()).into_owned()
        };
        let (offsets, header) = if table.ipv6 { (140, 168) } else { (88, 112) };
        let (mut at, mut rules) = (0, Vec::new());
        while at < table.bytes.len() {
            let (target, next) = (u16_at(at + offsets), u16_at(at + offsets + 2));
            let (mut part, mut words) = (at + header, Vec::new());
            while part < at + target {
                words.push(name(part));
                part += u16_at(part);
            }
            assert_eq!(part, at + target, "the matches fill the space before the target");
            assert_eq!(target + u16_at(part), next, "the target fills the rest");
            assert_eq!(next % 8, 0);
            let ends = |of: &[u32; 5], what: &str| {
                let hooks = (0..5).filter(|hook| table.hooks & 1 << hook != 0 && of[*hook] == at as u32);
                hooks.map(|hook| format!("{what}{hook} ")).collect::<String>()
            };
            words.push(match name(part).as_str() {
                "" => i32::from_ne_bytes(table.bytes[part + 32..part + 36].try_into().unwrap()).to_string(),
                target => target.to_string(),
            });
            rules.push(format!(
                "{}{}{}",
                ends(&table.entries, "hook "),
                ends(&table.policies, "policy "),
                words.join(" ")
            ));
            at += next;
        }
        assert_eq!(rules.len(), table.rules as usize);
        rules
    }

    #[test]
    fn requests_are_marked_spread_and_translated() {
        let pods = [("a", "10.244.0.10"), ("b", "10.244.1.10"), ("b", "10.244.1.11")];
        let all = tables(
            "a",
            &[frontend("192.0.2.1", false, &pods), frontend("2001:db8::1", true, &[("a", "fd00::10")])],
        );
        let text: Vec<String> = all
            .iter()
            .map(|table| {
                format!(
                    "{}{}\n  {}",
                    table.name,
                    if table.ipv6 { "6" } else { "4" },
                    walk(table).join("\n  ")
                )
            })
            .collect();
        insta::assert_snapshot!(text.join("\n"), @r"
        raw4
          hook 0 policy 0 -2
          hook 3 policy 3 -2
          ERROR
        nat4
          hook 0 multiport MARK
          multiport statistic DNAT
          multiport statistic DNAT
          multiport DNAT
          policy 0 -2
          hook 1 policy 1 -2
          hook 3 multiport MARK
          multiport statistic DNAT
          multiport statistic DNAT
          multiport DNAT
          policy 3 -2
          hook 4 mark MASQUERADE
          policy 4 -2
          ERROR
        raw6
          hook 0 policy 0 -2
          hook 3 policy 3 -2
          ERROR
        nat6
          hook 0 multiport DNAT
          policy 0 -2
          hook 1 policy 1 -2
          hook 3 multiport DNAT
          policy 3 -2
          hook 4 mark MASQUERADE
          policy 4 -2
          ERROR
        ");
    }

    #[test]
    fn without_a_pod_here_requests_are_lost() {
        let all = tables("c", &[frontend("192.0.2.1", true, &[("a", "10.244.0.10")])]);
        assert_eq!(walk(&all[0])[0], "hook 0 multiport -1");
        assert_eq!(walk(&all[1]).len(), 6, "no rule but masquerading");
    }
}
