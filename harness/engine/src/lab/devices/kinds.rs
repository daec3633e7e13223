//! The kinds of links, with their options.

use std::net::IpAddr;

use netlink_packet_route::link::{
    BondLacpRate, BondMode, BondXmitHashPolicy, InfoBond, InfoBridge, InfoData, InfoKind, InfoMacVlan,
    InfoVlan, InfoVrf, InfoVxlan, MacVlanMode,
};
use routeproof_model::topology::{self, Bond, HashPolicy, InterfaceKind, MacvlanMode, Vxlan};

/// A kind and its data; `None` for a link that is not made. `index` gives another link's.
pub(super) fn info(
    kind: &InterfaceKind,
    index: &dyn Fn(&str) -> u32,
) -> Option<(InfoKind, Option<InfoData>)> {
    Some(match kind {
        InterfaceKind::Existing => return None,
        InterfaceKind::Vlan { id, .. } => (InfoKind::Vlan, Some(InfoData::Vlan(vec![InfoVlan::Id(*id)]))),
        InterfaceKind::Vrf { table, .. } => {
            (InfoKind::Vrf, Some(InfoData::Vrf(vec![InfoVrf::TableId(*table)])))
        }
        InterfaceKind::Bond(bond) => (InfoKind::Bond, Some(InfoData::Bond(self::bond(bond)))),
        InterfaceKind::Bridge { vlan_aware } => (InfoKind::Bridge, bridge(*vlan_aware)),
        InterfaceKind::Dummy => (InfoKind::Dummy, None),
        InterfaceKind::Macvlan { mode, .. } => {
            let mode = InfoMacVlan::Mode(macvlan_mode(*mode));
            (InfoKind::MacVlan, Some(InfoData::MacVlan(vec![mode])))
        }
        InterfaceKind::Vxlan(vxlan) => (InfoKind::Vxlan, Some(InfoData::Vxlan(self::vxlan(vxlan, index)))),
    })
}

/// A port of a VLAN-aware bridge has no VLAN but those that it is given: Linux would make VLAN 1 its untagged one.
pub(in crate::lab) fn bridge(vlan_aware: bool) -> Option<InfoData> {
    vlan_aware
        .then(|| InfoData::Bridge(vec![InfoBridge::VlanFiltering(true), InfoBridge::VlanDefaultPvid(0)]))
}

fn bond(bond: &Bond) -> Vec<InfoBond> {
    let mode = match bond.mode {
        topology::BondMode::BalanceRr => BondMode::BalanceRr,
        topology::BondMode::ActiveBackup => BondMode::ActiveBackup,
        topology::BondMode::BalanceXor => BondMode::BalanceXor,
        topology::BondMode::Broadcast => BondMode::Broadcast,
        topology::BondMode::Lacp => BondMode::Ieee8023Ad,
        topology::BondMode::BalanceTlb => BondMode::BalanceTlb,
        topology::BondMode::BalanceAlb => BondMode::BalanceAlb,
    };
    let policy = bond.hash_policy.map(|policy| match policy {
        HashPolicy::Layer2 => BondXmitHashPolicy::Layer2,
        HashPolicy::Layer23 => BondXmitHashPolicy::Layer23,
        HashPolicy::Layer34 => BondXmitHashPolicy::Layer34,
    });
    let mut data = vec![InfoBond::Mode(mode), InfoBond::MiiMon(bond.miimon_ms)];
    data.extend(bond.lacp_fast.then_some(InfoBond::AdLacpRate(BondLacpRate::Fast)));
    data.extend(policy.map(InfoBond::XmitHashPolicy));
    data.extend(bond.min_links.map(InfoBond::MinLinks));
    data.extend(bond.system.map(InfoBond::AdActorSystem));
    data
}

fn macvlan_mode(mode: MacvlanMode) -> MacVlanMode {
    match mode {
        MacvlanMode::Bridge => MacVlanMode::Bridge,
        MacvlanMode::Private => MacVlanMode::Private,
        MacvlanMode::Vepa => MacVlanMode::Vepa,
        MacvlanMode::Passthru => MacVlanMode::Passthrough,
    }
}

fn vxlan(vxlan: &Vxlan, index: &dyn Fn(&str) -> u32) -> Vec<InfoVxlan> {
    let remote = match vxlan.remote {
        IpAddr::V4(remote) => InfoVxlan::Group(remote),
        IpAddr::V6(remote) => InfoVxlan::Group6(remote),
    };
    let local = vxlan.local.map(|local| match local {
        IpAddr::V4(local) => InfoVxlan::Local(local),
        IpAddr::V6(local) => InfoVxlan::Local6(local),
    });
    let mut data = vec![InfoVxlan::Id(vxlan.id), remote, InfoVxlan::Port(vxlan.port)];
    data.extend(local);
    data.extend(vxlan.parent.as_deref().map(|parent| InfoVxlan::Link(index(parent))));
    data
}
