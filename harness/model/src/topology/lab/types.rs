//! The values that [`super::read`] gives.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use ipnet::{Ipv4Net, Ipv6Net};
use serde::Serialize;

use crate::diag::Diagnostic;
use crate::topology::{Interface, Wait, commands};

/// A lab of any kinds; defaults, kinds and groups are folded in, every end of a link exists.
#[derive(Clone, Debug, Serialize)]
pub struct Lab {
    pub name: String,
    pub file: PathBuf,
    /// In the order of the file.
    pub nodes: Vec<LabNode>,
    pub links: Vec<LabLink>,
    #[serde(skip)]
    pub warnings: Vec<Diagnostic>,
}

#[derive(Clone, Debug, Serialize)]
pub struct LabNode {
    pub name: String,
    pub kind: String,
    pub part: Part,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// What the node declares, links of `type: dummy` included.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub interfaces: Vec<Interface>,
    /// Commands as argv; lines with open quotes are left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exec: Vec<Vec<String>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub wait_for: Vec<Wait>,
}

impl LabNode {
    /// The declared interfaces as command lines, then the `exec` lines.
    pub fn lines(&self) -> Vec<Vec<String>> {
        [self.declared(), self.exec.clone()].concat()
    }

    /// The declared interfaces as command lines.
    pub fn declared(&self) -> Vec<Vec<String>> {
        commands((self.part == Part::Bridge).then_some(self.name.as_str()), &self.interfaces)
    }
}

/// What a node is to a reader of a drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Part {
    /// A whole kind cluster, whose nodes are nodes of their own.
    Cluster,
    ClusterNode,
    /// A router that the embedded lab can run.
    Gateway,
    /// A vendor's router or appliance.
    Router,
    Client,
    /// A segment: a bridge of any make.
    Bridge,
    /// A container from elsewhere.
    External,
    /// The machine that runs the lab.
    Host,
}

impl Part {
    /// By the kind alone; images and labels may say more.
    pub(super) fn of(kind: &str) -> Part {
        match kind {
            "linux" => Part::Client,
            "frr" => Part::Gateway,
            "bridge" | "ovs-bridge" => Part::Bridge,
            "k8s-kind" => Part::Cluster,
            "ext-container" => Part::External,
            "host" => Part::Host,
            _ => Part::Router,
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Part::Cluster => "cluster",
            Part::ClusterNode => "cluster node",
            Part::Gateway => "gateway",
            Part::Router => "router",
            Part::Client => "client",
            Part::Bridge => "bridge",
            Part::External => "container",
            Part::Host => "host",
        })
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkKind {
    Veth,
    VethStitch,
    Host,
    MgmtNet,
    Macvlan,
    Vxlan,
    VxlanStitch,
    Dummy,
}

impl LinkKind {
    pub const ALL: [LinkKind; 8] = [
        LinkKind::Veth,
        LinkKind::VethStitch,
        LinkKind::Host,
        LinkKind::MgmtNet,
        LinkKind::Macvlan,
        LinkKind::Vxlan,
        LinkKind::VxlanStitch,
        LinkKind::Dummy,
    ];

    /// containerlab's word.
    pub fn word(self) -> &'static str {
        match self {
            LinkKind::Veth => "veth",
            LinkKind::VethStitch => "veth-stitch",
            LinkKind::Host => "host",
            LinkKind::MgmtNet => "mgmt-net",
            LinkKind::Macvlan => "macvlan",
            LinkKind::Vxlan => "vxlan",
            LinkKind::VxlanStitch => "vxlan-stitch",
            LinkKind::Dummy => "dummy",
        }
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct LabLink {
    #[serde(rename = "type")]
    pub kind: LinkKind,
    /// Two ends in the lab, or one: then the link leads [`LabLink::outside`], or (a dummy) nowhere.
    pub ends: Vec<LabEnd>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outside: Option<Outside>,
    /// In bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
}

#[derive(Clone, Debug, Serialize)]
pub struct LabEnd {
    /// Index into [`Lab::nodes`].
    #[serde(skip)]
    pub index: usize,
    pub node: String,
    pub interface: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv4: Option<Ipv4Net>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv6: Option<Ipv6Net>,
}

/// Where a link leads that leaves the lab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outside {
    /// An interface of the machine that runs the lab, of its management bridge, or the parent of a macvlan.
    Interface(String),
    /// A VXLAN tunnel's other end.
    Tunnel { remote: String, vni: u32 },
}
