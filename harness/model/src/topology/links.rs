//! Links: brief (`endpoints: ["a:eth1", "b:eth1"]`) and extended (`type: veth`).

use std::collections::HashMap;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::addresses::{Assigned, Register};
use super::file::{EndpointFile, FullEndpoint, LinkFile};
use super::interfaces::{self, Place};
use super::layers::Placed;
use super::names;
use super::support::Warnings;
use super::types::{Endpoint, Link, Node, Role};
use crate::diag::{Diagnostic, Seg, Source};
use crate::path;

mod dummy;

/// containerlab's other link types, and what reaches beyond the lab in the brief form.
const OTHER_TYPES: [&str; 6] = ["host", "mgmt-net", "macvlan", "vxlan", "vxlan-stitch", "veth-stitch"];
const CLOSED: &str = "a lab is closed: its links join its own nodes, by `type: veth` or without a type";
const OUTSIDE: [&str; 3] = ["host", "macvlan", "mgmt-net"];

/// Reads one link after another; remembers which interfaces and addresses are taken.
#[derive(Debug)]
pub(super) struct Cabling<'a> {
    pub(super) source: &'a Source,
    pub(super) nodes: &'a [Node],
    /// The names of the `k8s-kind` nodes, which are no link's end.
    pub(super) clusters: &'a [&'a str],
    /// Of a node; ports of bridges, which share the namespace of the lab, under no node.
    pub(super) taken: HashMap<(Option<usize>, String), Vec<Seg>>,
    pub(super) register: &'a mut Register,
    /// Ends of `type: dummy` links, each with the index of its node.
    pub(super) dummies: Vec<(usize, interfaces::End)>,
    pub(super) warnings: &'a mut Warnings,
}

/// How a link is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// `endpoints: ["a:eth1", "b:eth1"]`
    Brief,
    /// `type: veth`, with mappings as endpoints.
    Extended,
    /// `type: dummy`
    Dummy,
}

/// An end before its names are looked up, with the way to each part.
struct End<'f> {
    node: &'f str,
    interface: &'f str,
    at: Vec<Seg>,
    node_at: Vec<Seg>,
    interface_at: Vec<Seg>,
    mac: Option<&'f str>,
    ipv4: Option<Placed<'f>>,
    ipv6: Option<Placed<'f>>,
}

impl Cabling<'_> {
    /// The cable that a link is; `None` for a dummy, which is none.
    pub(super) fn link(&mut self, index: usize, link: &LinkFile) -> Result<Option<Link>, Diagnostic> {
        let at = path!["topology", "links", index];
        let form = self.link_type(link, &at)?;
        self.refuse_foreign_keys(link, form, &at)?;
        if link.vars.is_some() {
            self.warnings.note("vars", "it feeds containerlab's template engine", join(&at, "vars"));
        }
        if link.labels.is_some() {
            self.warnings.note("labels", "links are not containers", join(&at, "labels"));
        }
        if form == Form::Dummy {
            return self.dummy(link, &at).map(|()| None);
        }
        let ends = self.ends(link, &at, form == Form::Extended)?;
        let endpoints = [self.endpoint(&ends[0])?, self.endpoint(&ends[1])?];
        Ok(Some(Link { endpoints, mtu: self.mtu(link, &at)? }))
    }

    fn link_type(&self, link: &LinkFile, at: &[Seg]) -> Result<Form, Diagnostic> {
        let Some(written) = link.type_.as_deref() else { return Ok(Form::Brief) };
        let at = join(at, "type");
        match written.trim().to_lowercase().as_str() {
            "" | "brief" => Ok(Form::Brief),
            "veth" => Ok(Form::Extended),
            "dummy" => Ok(Form::Dummy),
            "veth-stitch" => {
                let error =
                    self.source.error_at(&at, "a link of type `veth-stitch` runs through the host's network");
                Err(error.unsupported().hint("use `type: veth`"))
            }
            other if OTHER_TYPES.contains(&other) => {
                let error = self.source.error_at(&at, format!("a link of type `{other}` leaves the lab"));
                Err(error.unsupported().hint(CLOSED))
            }
            other => {
                let known = OTHER_TYPES.iter().copied().chain(["veth", "dummy"]);
                let unknown = self.source.error_at(&at, format!("unknown link type `{other}`"));
                Err(unknown
                    .suggest(other, known)
                    .hint("supported: `veth`, `dummy`, or no type for `endpoints: [\"a:eth1\", \"b:eth1\"]`"))
            }
        }
    }

    fn refuse_foreign_keys(&self, link: &LinkFile, form: Form, at: &[Seg]) -> Result<(), Diagnostic> {
        let is_dummy = form == Form::Dummy;
        let (kind, has) = match is_dummy {
            true => ("dummy", "it has one end: `endpoint`"),
            false => ("veth", "a link joins two `endpoints`"),
        };
        let foreign = [
            ("endpoint", link.endpoint.is_some() && !is_dummy),
            ("endpoints", link.endpoints.is_some() && is_dummy),
            ("host-interface", link.host_interface.is_some()),
            ("mode", link.mode.is_some()),
            ("remote", link.remote.is_some()),
            ("vni", link.vni.is_some()),
            ("dst-port", link.dst_port.is_some()),
            ("src-port", link.src_port.is_some()),
            ("udp-port", link.udp_port.is_some()),
            ("parent-interface", link.parent_interface.is_some()),
        ];
        match foreign.iter().find(|(_, present)| *present) {
            Some((key, _)) => Err(self
                .source
                .error_at_key(&join(at, *key), format!("`{key}` does not belong to a {kind} link"))
                .hint(has)),
            None => Ok(()),
        }
    }

    fn mtu(&self, link: &LinkFile, at: &[Seg]) -> Result<Option<u32>, Diagnostic> {
        match link.mtu {
            Some(mtu) if !(68..=65535).contains(&mtu) => Err(self
                .source
                .error_at(&join(at, "mtu"), format!("an MTU lies between 68 and 65535 bytes, not at {mtu}"))),
            mtu => Ok(mtu),
        }
    }

    fn ends<'f>(
        &mut self,
        link: &'f LinkFile,
        at: &[Seg],
        explicit: bool,
    ) -> Result<[End<'f>; 2], Diagnostic> {
        let Some(endpoints) = &link.endpoints else {
            return Err(self
                .source
                .error_at(at, "a link needs two endpoints")
                .hint("`endpoints: [\"a:eth1\", \"b:eth1\"]`"));
        };
        let list = join(at, "endpoints");
        let [first, second] = endpoints.as_slice() else {
            let message = format!("a link has two endpoints, this one has {}", endpoints.len());
            let error = self.source.error_at_key(&list, message);
            return Err(match endpoints.len() {
                0 | 1 => error,
                _ => error.hint("for a segment that more than two share, add a node of `kind: bridge` and link each to it"),
            });
        };
        let mut ends =
            [self.end(first, join(&list, 0), explicit)?, self.end(second, join(&list, 1), explicit)?];
        self.link_addresses("ipv4", link.ipv4.as_deref(), at, &mut ends, |end| &mut end.ipv4)?;
        self.link_addresses("ipv6", link.ipv6.as_deref(), at, &mut ends, |end| &mut end.ipv6)?;
        Ok(ends)
    }

    fn end<'f>(
        &mut self,
        written: &'f EndpointFile,
        at: Vec<Seg>,
        explicit: bool,
    ) -> Result<End<'f>, Diagnostic> {
        match written {
            EndpointFile::Brief(_) if explicit => Err(self
                .source
                .error_at(&at, "with `type: veth` an endpoint is a mapping")
                .hint("`- {node: a, interface: eth1}`, or leave out the type")),
            EndpointFile::Full(_) if !explicit => {
                Err(self.source.error_at(&at, "an endpoint with fields needs `type: veth` in its link"))
            }
            EndpointFile::Brief(text) => match text.split_once(':') {
                Some((node, interface)) if !node.is_empty() && !interface.is_empty() => {
                    let (node_at, interface_at) = (at.clone(), at.clone());
                    Ok(End { node, interface, at, node_at, interface_at, mac: None, ipv4: None, ipv6: None })
                }
                _ => Err(self
                    .source
                    .error_at(&at, format!("`{text}` is not an endpoint"))
                    .hint("write `node:interface`")),
            },
            EndpointFile::Full(full) => {
                if full.vars.is_some() {
                    self.warnings.note("vars", "it feeds containerlab's template engine", join(&at, "vars"));
                }
                Ok(self.full(full, at))
            }
        }
    }

    fn full<'f>(&self, full: &'f FullEndpoint, at: Vec<Seg>) -> End<'f> {
        let address = |key: &str, value: &'f Option<String>| {
            value.as_deref().filter(|v| !v.is_empty()).map(|v| (v, join(&at, key)))
        };
        End {
            node: &full.node,
            interface: &full.interface,
            node_at: join(&at, "node"),
            interface_at: join(&at, "interface"),
            mac: full.mac.as_deref(),
            ipv4: address("ipv4", &full.ipv4),
            ipv6: address("ipv6", &full.ipv6),
            at,
        }
    }

    /// Hands the link's `ipv4`/`ipv6` list to its ends; an empty string skips an end.
    fn link_addresses<'f>(
        &self,
        key: &str,
        list: Option<&'f [String]>,
        at: &[Seg],
        ends: &mut [End<'f>],
        slot: for<'e> fn(&'e mut End<'f>) -> &'e mut Option<Placed<'f>>,
    ) -> Result<(), Diagnostic> {
        let list = list.unwrap_or_default();
        let list_at = join(at, key);
        if list.len() > ends.len() {
            let has = if ends.len() == 1 { "this link has one end" } else { "a link has two ends" };
            return Err(self.source.error_at_key(&list_at, format!("{has}, but `{key}` has {}", list.len())));
        }
        for (i, (address, end)) in list.iter().zip(ends).enumerate() {
            if address.is_empty() {
                continue;
            }
            if slot(end).is_some() {
                let message = format!("this end already has an `{key}` of its own");
                return Err(self.source.error_at(&join(&list_at, i), message));
            }
            *slot(end) = Some((address.as_str(), join(&list_at, i)));
        }
        Ok(())
    }

    fn endpoint(&mut self, end: &End<'_>) -> Result<Endpoint, Diagnostic> {
        let node = self.node(end)?;
        self.interface(end, node)?;
        let name = &self.nodes[node].name;
        let is_bridge = self.nodes[node].role == Role::Bridge;
        if let (true, Some((_, at))) = (is_bridge, end.ipv4.as_ref().or(end.ipv6.as_ref())) {
            return Err(self
                .source
                .error_at(at, format!("`{name}` is a bridge; its ports have no addresses")));
        }
        let ipv4 = end
            .ipv4
            .as_ref()
            .map(|(text, at)| self.address::<Ipv4Net>(text, at, "IPv4", "10.0.0.1/24"))
            .transpose()?;
        let ipv6 = end
            .ipv6
            .as_ref()
            .map(|(text, at)| self.address::<Ipv6Net>(text, at, "IPv6", "2001:db8::1/64"))
            .transpose()?;
        let nets = [(ipv4.map(IpNet::V4), &end.ipv4), (ipv6.map(IpNet::V6), &end.ipv6)];
        for (net, written) in nets {
            if let (Some(net), Some((_, at))) = (net, written) {
                let assigned = Assigned { net, device: Some(end.interface.to_owned()) };
                self.register.add(name, &assigned, Place::Path(at.clone()));
            }
        }
        let mac = end.mac.map(|text| self.mac(text, &join(&end.at, "mac"))).transpose()?;
        Ok(Endpoint { node, interface: end.interface.to_owned(), mac, ipv4, ipv6 })
    }

    fn address<N: std::str::FromStr>(
        &self,
        text: &str,
        at: &[Seg],
        family: &str,
        example: &str,
    ) -> Result<N, Diagnostic> {
        text.parse().map_err(|_| {
            let message = format!("`{text}` is not an {family} address with a prefix length");
            self.source.error_at(at, message).hint(format!("such as `{example}`"))
        })
    }

    fn node(&self, end: &End<'_>) -> Result<usize, Diagnostic> {
        if let Some(index) = self.nodes.iter().position(|n| n.name == end.node) {
            return Ok(index);
        }
        if OUTSIDE.contains(&end.node) {
            return Err(self
                .source
                .error_at(&end.node_at, format!("a link to `{}` leaves the lab", end.node))
                .unsupported()
                .hint(CLOSED));
        }
        if self.clusters.contains(&end.node) {
            let prefix = format!("{}-", end.node);
            let members: Vec<&str> =
                self.nodes.iter().map(|n| n.name.as_str()).filter(|n| n.starts_with(&prefix)).collect();
            let error = self.source.error_at(
                &end.node_at,
                format!("`{}` is a whole cluster; link to one of its nodes", end.node),
            );
            let error = error.unsupported();
            return Err(match members.is_empty() {
                true => {
                    error.hint(format!("add its nodes as `kind: ext-container`, such as `{prefix}worker`"))
                }
                false => error.hint(format!("its nodes here are {}", members.join(", "))),
            });
        }
        let error = self.source.error_at(&end.node_at, format!("there is no node `{}`", end.node));
        Err(match self.nodes.iter().find(|n| n.alias.as_deref() == Some(end.node)) {
            Some(node) => error.hint(format!("did you mean `{}`?", node.name)),
            None => error.suggest(end.node, self.nodes.iter().map(|n| n.name.as_str())),
        })
    }

    fn interface(&mut self, end: &End<'_>, node: usize) -> Result<(), Diagnostic> {
        let (name, owner) = (end.interface, &self.nodes[node]);
        if let Err((wrong, with_example)) = names::interface_name(name) {
            let error = self.source.error_at(&end.interface_at, wrong).unsupported();
            return Err(if with_example { error.hint("such as `eth1`") } else { error });
        }
        if name == "eth0" && owner.role != Role::Bridge {
            return Err(self
                .source
                .error_at(&end.interface_at, "`eth0` belongs to the management network in containerlab")
                .unsupported()
                .hint("count links from `eth1`, so that the topology works on every backend"));
        }
        let is_port = owner.role == Role::Bridge;
        let key = (Some(node).filter(|_| !is_port), name.to_owned());
        match self.taken.get(&key) {
            None => {
                self.taken.insert(key, end.interface_at.clone());
                Ok(())
            }
            Some(first) => {
                let line = crate::yaml::locate(self.source, 0, first, false).map_or(0, |m| m.line);
                let message = match is_port {
                    true => format!("a bridge has a port {name} already (line {line})"),
                    false => format!("the interface {}:{name} already has a link (line {line})", owner.name),
                };
                let hint = match is_port {
                    true => {
                        "ports of all bridges are in one namespace, as on a host: each needs a name of its own"
                    }
                    false => "an interface is the end of one link",
                };
                Err(self.source.error_at(&end.interface_at, message).hint(hint))
            }
        }
    }

    fn mac(&self, text: &str, at: &[Seg]) -> Result<[u8; 6], Diagnostic> {
        names::mac(text).map_err(|(wrong, with_example)| {
            let error = self.source.error_at(at, wrong);
            if with_example { error.hint("such as `02:00:00:00:00:01`") } else { error }
        })
    }
}

fn join(at: &[Seg], seg: impl Into<Seg>) -> Vec<Seg> {
    at.iter().cloned().chain([seg.into()]).collect()
}
