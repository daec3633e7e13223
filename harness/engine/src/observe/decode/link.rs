//! RTM_NEWLINK and RTM_DELLINK.

use netlink_packet_core::{NlasIterator, Parseable};
use netlink_packet_route::AddressFamily;
use netlink_packet_route::link::{
    BondPortState, InfoBondPort, InfoData, InfoPortData, InfoVlan, InfoVrf, LinkAttribute, LinkFlags,
    LinkInfo, LinkLayerType, LinkMessage,
};
use routeproof_model::fact::Link;

use super::{mac, text};

const HEADER: usize = 16;

/// IFLA_ADDRESS, IFNAME, MTU, LINK, MASTER, OPERSTATE, LINKINFO, LINK_NETNSID.
const WANTED: [u16; 8] = [1, 3, 4, 5, 10, 16, 18, 37];

/// A link; none for a message about the same device as a bridge port or as an IPv6 interface.
pub(super) fn decode(payload: &[u8]) -> Result<Option<Link>, String> {
    let message = LinkMessage::parse(&wanted(payload)?).map_err(text)?;
    if message.header.interface_family != AddressFamily::Unspec {
        return Ok(None);
    }
    let flags = message.header.flags;
    let mut link = Link {
        index: message.header.index,
        kind: match message.header.link_layer_type {
            LinkLayerType::Loopback => "loopback".to_owned(),
            _ => "device".to_owned(),
        },
        up: flags.contains(LinkFlags::Up),
        carrier: flags.contains(LinkFlags::LowerUp),
        operstate: "unknown".to_owned(),
        ..Link::default()
    };
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name = name,
            LinkAttribute::Mtu(mtu) => link.mtu = mtu,
            LinkAttribute::Address(bytes) => link.mac = mac(&bytes),
            LinkAttribute::Controller(master) => link.master = Some(master),
            LinkAttribute::Link(peer) => link.peer = (peer != 0).then_some(peer),
            LinkAttribute::LinkNetNsId(id) => link.peer_netns = Some(id),
            LinkAttribute::OperState(state) => link.operstate = state.to_string().to_lowercase(),
            LinkAttribute::LinkInfo(infos) => infos.into_iter().for_each(|info| add_info(&mut link, info)),
            _ => {}
        }
    }
    if link.name.is_empty() {
        return Err("a link without a name".to_owned());
    }
    Ok(Some(link))
}

fn add_info(link: &mut Link, info: LinkInfo) {
    match info {
        LinkInfo::Kind(kind) => link.kind = kind.to_string(),
        LinkInfo::Data(InfoData::Vrf(data)) => {
            link.vrf_table = data.iter().find_map(|info| match info {
                InfoVrf::TableId(table) => Some(*table),
                _ => None,
            });
        }
        LinkInfo::Data(InfoData::Vlan(data)) => {
            link.vlan = data.iter().find_map(|info| match info {
                InfoVlan::Id(id) => Some(*id),
                _ => None,
            });
        }
        LinkInfo::PortData(InfoPortData::BondPort(data)) => {
            link.bond_active = data.iter().find_map(|info| match info {
                InfoBondPort::BondPortState(state) => Some(*state == BondPortState::Active),
                _ => None,
            });
        }
        _ => {}
    }
}

/// The message with only the attributes that a [`Link`] is made of: a link carries dozens more (statistics, one
/// configuration block per address family), and each kernel version adds some that a decoder may refuse.
fn wanted(payload: &[u8]) -> Result<Vec<u8>, String> {
    let (header, attributes) = payload.split_at_checked(HEADER).ok_or("a link message without its header")?;
    let mut kept = header.to_vec();
    for attribute in NlasIterator::new(attributes) {
        let attribute = attribute.map_err(text)?;
        if WANTED.contains(&attribute.kind()) {
            kept.extend_from_slice(&attribute.length().to_ne_bytes());
            kept.extend_from_slice(&attribute.kind().to_ne_bytes());
            kept.extend_from_slice(attribute.value());
            kept.resize(kept.len().next_multiple_of(4), 0);
        }
    }
    Ok(kept)
}
