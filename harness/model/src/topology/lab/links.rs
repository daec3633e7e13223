//! Links of every type that containerlab has.

use std::collections::HashMap;

use super::types::{LabEnd, LabLink, LabNode, LinkKind, Outside, Part};
use crate::diag::{Diagnostic, Seg, Source};
use crate::path;
use crate::topology::file::{EndpointFile, FullEndpoint, LinkFile};

/// What each type may have besides `type`, `mtu`, `vars` and `labels`.
const KEYS: [(&str, &[LinkKind]); 12] = {
    use LinkKind::*;
    const TUNNELS: &[LinkKind] = &[Vxlan, VxlanStitch];
    [
        ("endpoints", &[Veth, VethStitch]),
        ("endpoint", &[Host, MgmtNet, Macvlan, Vxlan, VxlanStitch, Dummy]),
        ("host-interface", &[Host, MgmtNet, Macvlan]),
        ("mode", &[Macvlan]),
        ("remote", TUNNELS),
        ("vni", TUNNELS),
        ("dst-port", TUNNELS),
        ("src-port", TUNNELS),
        ("udp-port", TUNNELS),
        ("parent-interface", TUNNELS),
        ("ipv4", &LinkKind::ALL),
        ("ipv6", &LinkKind::ALL),
    ]
};
const MACVLAN_MODES: [&str; 5] = ["bridge", "vepa", "passthru", "private", "source"];
/// Where the interfaces of the machine itself live; bridges have their ports there.
const ROOT: usize = usize::MAX;

#[derive(Debug)]
pub(super) struct Cabling<'a> {
    source: &'a Source,
    nodes: &'a [LabNode],
    by_name: HashMap<&'a str, usize>,
    taken: HashMap<(usize, String), Vec<Seg>>,
    pub(super) warnings: Vec<Diagnostic>,
}

impl<'a> Cabling<'a> {
    pub(super) fn new(source: &'a Source, nodes: &'a [LabNode]) -> Self {
        let by_name = nodes.iter().enumerate().map(|(i, n)| (n.name.as_str(), i)).collect();
        Self { source, nodes, by_name, taken: HashMap::new(), warnings: Vec::new() }
    }

    pub(super) fn link(&mut self, index: usize, link: &LinkFile) -> Result<LabLink, Diagnostic> {
        let at = path!["topology", "links", index];
        let written = link.type_.as_deref().map(|t| t.trim().to_lowercase()).unwrap_or_default();
        if matches!(written.as_str(), "" | "brief") {
            return self.brief(link, &at);
        }
        let Some(kind) = LinkKind::ALL.into_iter().find(|kind| kind.word() == written) else {
            let error = self.source.error_at(&join(&at, "type"), format!("unknown link type `{written}`"));
            let known = LinkKind::ALL.map(LinkKind::word);
            return Err(error.suggest(&written, known).hint(format!("the types are {}", known.join(", "))));
        };
        self.refuse_foreign_keys(link, kind, &at)?;
        match kind {
            LinkKind::Veth | LinkKind::VethStitch => self.cable(link, kind, &at),
            _ => self.stub(link, kind, &at),
        }
    }

    fn refuse_foreign_keys(&self, link: &LinkFile, kind: LinkKind, at: &[Seg]) -> Result<(), Diagnostic> {
        let set = |key: &str| match key {
            "endpoints" => link.endpoints.is_some(),
            "endpoint" => link.endpoint.is_some(),
            "host-interface" => link.host_interface.is_some(),
            "mode" => link.mode.is_some(),
            "remote" => link.remote.is_some(),
            "vni" => link.vni.is_some(),
            "dst-port" => link.dst_port.is_some(),
            "src-port" => link.src_port.is_some(),
            "udp-port" => link.udp_port.is_some(),
            "parent-interface" => link.parent_interface.is_some(),
            _ => false,
        };
        match KEYS.iter().find(|(key, kinds)| set(key) && !kinds.contains(&kind)) {
            Some((key, _)) => {
                let message = format!("`{key}` does not belong to a {} link", kind.word());
                let has = KEYS.iter().filter(|(_, kinds)| kinds.contains(&kind)).map(|(key, _)| *key);
                let hint = format!("such a link has {}", has.collect::<Vec<_>>().join(", "));
                Err(self.source.error_at_key(&join(at, *key), message).hint(hint))
            }
            None => Ok(()),
        }
    }

    /// `endpoints: ["a:eth1", "b:eth1"]`, where an end may be `host:`, `mgmt-net:` or `macvlan:`.
    fn brief(&mut self, link: &LinkFile, at: &[Seg]) -> Result<LabLink, Diagnostic> {
        self.refuse_foreign_keys(link, LinkKind::Veth, at)?;
        let [first, second] = self.two(link, at)?;
        let list = join(at, "endpoints");
        let split = |index: usize, end: &EndpointFile| match end {
            EndpointFile::Full(_) => {
                let message = "an endpoint with fields needs `type: veth` in its link";
                Err(self.source.error_at(&join(&list, index), message))
            }
            EndpointFile::Brief(text) => {
                let (node, interface) = text.split_once(':').unwrap_or_default();
                match interface.is_empty() || node.is_empty() {
                    true => {
                        let message = format!("`{text}` is not an endpoint");
                        Err(self.source.error_at(&join(&list, index), message).hint("write `node:interface`"))
                    }
                    false => Ok((node.to_owned(), interface.to_owned())),
                }
            }
        };
        let ends = [split(0, first)?, split(1, second)?];
        let outside = |name: &str| match name.trim().to_lowercase().as_str() {
            "host" => Some(LinkKind::Host),
            "mgmt-net" => Some(LinkKind::MgmtNet),
            "macvlan" => Some(LinkKind::Macvlan),
            _ => None,
        };
        let special = ends.iter().enumerate().find_map(|(i, (node, _))| Some((i, outside(node)?)));
        if let Some((i, kind)) = special {
            let (node, interface) = &ends[1 - i];
            let end = self.end(node, interface, &join(&list, 1 - i))?;
            let parent = ends[i].1.clone();
            if kind == LinkKind::Host {
                self.take(ROOT, &parent, &join(&list, i))?;
            }
            return Ok(LabLink {
                kind,
                ends: vec![end],
                outside: Some(Outside::Interface(parent)),
                mtu: link.mtu,
            });
        }
        let mut pair = Vec::new();
        for (i, (node, interface)) in ends.iter().enumerate() {
            pair.push(self.end(node, interface, &join(&list, i))?);
        }
        self.addresses(link, &mut pair, at)?;
        Ok(LabLink { kind: LinkKind::Veth, ends: pair, outside: None, mtu: link.mtu })
    }

    /// Two ends as mappings.
    fn cable(&mut self, link: &LinkFile, kind: LinkKind, at: &[Seg]) -> Result<LabLink, Diagnostic> {
        let ends = self.two(link, at)?;
        let mut pair = Vec::new();
        for (i, end) in ends.into_iter().enumerate() {
            let at = join(&join(at, "endpoints"), i);
            match end {
                EndpointFile::Full(full) => pair.push(self.full(full, &at)?),
                EndpointFile::Brief(_) => {
                    let message = format!("with `type: {}` an endpoint is a mapping", kind.word());
                    let hint = "`- {node: a, interface: eth1}`, or leave out the type";
                    return Err(self.source.error_at(&at, message).hint(hint));
                }
            }
        }
        self.addresses(link, &mut pair, at)?;
        Ok(LabLink { kind, ends: pair, outside: None, mtu: link.mtu })
    }

    /// One end in the lab; the other is somewhere else, or nowhere.
    fn stub(&mut self, link: &LinkFile, kind: LinkKind, at: &[Seg]) -> Result<LabLink, Diagnostic> {
        let lacks = |key: &str| self.source.error_at(at, format!("a {} link needs `{key}`", kind.word()));
        let Some(endpoint) = &link.endpoint else {
            return Err(lacks("endpoint").hint("`endpoint: {node: a, interface: eth1}`"));
        };
        let outside = match kind {
            LinkKind::Dummy => None,
            LinkKind::Vxlan | LinkKind::VxlanStitch => Some(Outside::Tunnel {
                remote: link.remote.clone().ok_or_else(|| lacks("remote"))?,
                vni: link.vni.ok_or_else(|| lacks("vni"))?,
            }),
            _ => {
                Some(Outside::Interface(link.host_interface.clone().ok_or_else(|| lacks("host-interface"))?))
            }
        };
        if let Some(mode) =
            link.mode.as_deref().filter(|mode| !mode.is_empty() && !MACVLAN_MODES.contains(mode))
        {
            let error = self.source.error_at(&join(at, "mode"), format!("unknown macvlan mode `{mode}`"));
            return Err(error
                .suggest(mode, MACVLAN_MODES)
                .hint(format!("the modes are {}", MACVLAN_MODES.join(", "))));
        }
        let end = self.full(endpoint, &join(at, "endpoint"))?;
        if let (LinkKind::Host, Some(Outside::Interface(name))) = (kind, &outside) {
            self.take(ROOT, name, &join(at, "host-interface"))?;
        }
        Ok(LabLink { kind, ends: vec![end], outside, mtu: link.mtu })
    }

    fn two<'f>(&self, link: &'f LinkFile, at: &[Seg]) -> Result<[&'f EndpointFile; 2], Diagnostic> {
        match link.endpoints.as_deref() {
            Some([first, second]) => Ok([first, second]),
            None => {
                let error = self.source.error_at(at, "a link needs two endpoints");
                Err(error.hint("`endpoints: [\"a:eth1\", \"b:eth1\"]`"))
            }
            Some(others) => {
                let message = format!("a link has two endpoints, this one has {}", others.len());
                Err(self.source.error_at_key(&join(at, "endpoints"), message))
            }
        }
    }

    fn full(&mut self, full: &FullEndpoint, at: &[Seg]) -> Result<LabEnd, Diagnostic> {
        let mut end = self.end(&full.node, &full.interface, at)?;
        end.ipv4 = self.address(full.ipv4.as_deref(), "IPv4", &join(at, "ipv4"))?;
        end.ipv6 = self.address(full.ipv6.as_deref(), "IPv6", &join(at, "ipv6"))?;
        Ok(end)
    }

    fn end(&mut self, node: &str, interface: &str, at: &[Seg]) -> Result<LabEnd, Diagnostic> {
        let Some(&index) = self.by_name.get(node) else {
            let error = self.source.error_at(at, format!("there is no node `{node}`"));
            return Err(error.suggest(node, self.by_name.keys().copied()));
        };
        if interface.is_empty() || interface.contains(char::is_whitespace) {
            return Err(self.source.error_at(at, format!("`{interface}` is not an interface")));
        }
        self.take(index, interface, at)?;
        // Ports of the host's bridges are the host's interfaces: two bridges cannot have one of the same name.
        let is_bridge = self.nodes[index].part == Part::Bridge && !node.contains('|');
        // One word about it is enough; each costs a look into the text.
        if is_bridge
            && self.warnings.is_empty()
            && let Err(twice) = self.take(ROOT, interface, at)
        {
            let hint = "bridges and `host` share the host's interfaces; the embedded lab does not mind";
            self.warnings.push(twice.hint(hint).warning());
        }
        Ok(LabEnd { index, node: node.to_owned(), interface: interface.to_owned(), ipv4: None, ipv6: None })
    }

    fn take(&mut self, owner: usize, interface: &str, at: &[Seg]) -> Result<(), Diagnostic> {
        let Some(first) = self.taken.get(&(owner, interface.to_owned())) else {
            self.taken.insert((owner, interface.to_owned()), at.to_vec());
            return Ok(());
        };
        let line = crate::yaml::locate(self.source, 0, first, false).map_or(0, |m| m.line);
        let name = self.nodes.get(owner).map_or("host", |n| &n.name);
        let message = format!("the interface {name}:{interface} already has a link (line {line})");
        Err(self.source.error_at(at, message).hint("an interface is the end of one link"))
    }

    /// The link's `ipv4` and `ipv6`, one for each end; an empty text skips an end.
    fn addresses(&self, link: &LinkFile, ends: &mut [LabEnd], at: &[Seg]) -> Result<(), Diagnostic> {
        for (key, list) in [("ipv4", &link.ipv4), ("ipv6", &link.ipv6)] {
            let list = list.as_deref().unwrap_or_default();
            if list.len() > ends.len() {
                let message = format!("a link has two ends, but `{key}` has {}", list.len());
                return Err(self.source.error_at_key(&join(at, key), message));
            }
            for (i, (text, end)) in list.iter().zip(ends.iter_mut()).enumerate() {
                let at = join(&join(at, key), i);
                match key {
                    "ipv4" => end.ipv4 = self.address(Some(text), "IPv4", &at)?.or(end.ipv4),
                    _ => end.ipv6 = self.address(Some(text), "IPv6", &at)?.or(end.ipv6),
                }
            }
        }
        Ok(())
    }

    fn address<N: std::str::FromStr>(
        &self,
        text: Option<&str>,
        family: &str,
        at: &[Seg],
    ) -> Result<Option<N>, Diagnostic> {
        let Some(text) = text.map(str::trim).filter(|text| !text.is_empty()) else { return Ok(None) };
        let message = || format!("`{text}` is not an {family} address with a prefix length");
        text.parse().map(Some).map_err(|_| self.source.error_at(at, message()))
    }
}

fn join(at: &[Seg], seg: impl Into<Seg>) -> Vec<Seg> {
    at.iter().cloned().chain([seg.into()]).collect()
}
