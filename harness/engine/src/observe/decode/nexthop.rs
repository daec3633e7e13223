//! RTM_NEWNEXTHOP and RTM_DELNEXTHOP (linux/nexthop.h), which netlink-packet-route does not know.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use netlink_packet_core::NlasIterator;
use routeproof_model::fact::{GroupMember, NexthopObject, names};

use super::{DeviceNames, text};

/// struct nhmsg: family, scope, protocol, reserved, 32 bits of RTNH_F flags.
const HEADER: usize = 8;

const NHA_ID: u16 = 1;
const NHA_GROUP: u16 = 2;
const NHA_GROUP_TYPE: u16 = 3;
const NHA_BLACKHOLE: u16 = 4;
const NHA_OIF: u16 = 5;
const NHA_GATEWAY: u16 = 6;
const NHA_FDB: u16 = 11;
const NHA_RES_GROUP: u16 = 12;
const NHA_RES_GROUP_BUCKETS: u16 = 1;
const NEXTHOP_GRP_TYPE_RES: u16 = 1;

const RTNH_F_DEAD: u32 = 1;
const RTNH_F_ONLINK: u32 = 4;
const RTNH_F_LINKDOWN: u32 = 16;

pub(super) fn decode(payload: &[u8], device: DeviceNames<'_>) -> Result<NexthopObject, String> {
    let (header, attributes) =
        payload.split_first_chunk::<HEADER>().ok_or("a next-hop message without its header")?;
    let [_, scope, protocol, _, f0, f1, f2, f3] = *header;
    let flags = u32::from_ne_bytes([f0, f1, f2, f3]);
    let mut object = NexthopObject {
        scope: names::scope(scope).into_owned(),
        protocol: names::protocol(protocol).into_owned(),
        onlink: flags & RTNH_F_ONLINK != 0,
        dead: flags & RTNH_F_DEAD != 0,
        linkdown: flags & RTNH_F_LINKDOWN != 0,
        ..NexthopObject::default()
    };
    for attribute in NlasIterator::new(attributes) {
        let attribute = attribute.map_err(text)?;
        let value = attribute.value();
        match attribute.kind() {
            NHA_ID => object.id = u32_of(value, "NHA_ID")?,
            NHA_GROUP => object.group = group(value)?,
            NHA_GROUP_TYPE => object.resilient = u16_of(value, "NHA_GROUP_TYPE")? == NEXTHOP_GRP_TYPE_RES,
            NHA_BLACKHOLE => object.blackhole = true,
            NHA_OIF => object.device = Some(device(u32_of(value, "NHA_OIF")?)),
            NHA_GATEWAY => object.gateway = Some(gateway(value)?),
            NHA_FDB => object.fdb = true,
            NHA_RES_GROUP => object.buckets = buckets(value)?,
            _ => {}
        }
    }
    if object.id == 0 { Err("a next hop without an id".to_owned()) } else { Ok(object) }
}

/// struct nexthop_grp: id, weight - 1, its high byte (Linux 6.12 and later), reserved.
fn group(value: &[u8]) -> Result<Vec<GroupMember>, String> {
    let (members, rest) = value.as_chunks::<8>();
    if !rest.is_empty() {
        return Err(format!("NHA_GROUP of {} bytes", value.len()));
    }
    Ok(members
        .iter()
        .map(|[i0, i1, i2, i3, low, high, ..]| GroupMember {
            id: u32::from_ne_bytes([*i0, *i1, *i2, *i3]),
            weight: u16::from_le_bytes([*low, *high]).saturating_add(1),
        })
        .collect())
}

fn buckets(value: &[u8]) -> Result<Option<u16>, String> {
    for attribute in NlasIterator::new(value) {
        let attribute = attribute.map_err(text)?;
        if attribute.kind() == NHA_RES_GROUP_BUCKETS {
            return u16_of(attribute.value(), "NHA_RES_GROUP_BUCKETS").map(Some);
        }
    }
    Ok(None)
}

fn gateway(value: &[u8]) -> Result<IpAddr, String> {
    if let Ok(octets) = <[u8; 4]>::try_from(value) {
        return Ok(Ipv4Addr::from(octets).into());
    }
    <[u8; 16]>::try_from(value)
        .map(|octets| Ipv6Addr::from(octets).into())
        .map_err(|_| format!("NHA_GATEWAY of {} bytes", value.len()))
}

fn u32_of(value: &[u8], name: &str) -> Result<u32, String> {
    let bytes = value.try_into().map_err(|_| format!("{name} of {} bytes", value.len()))?;
    Ok(u32::from_ne_bytes(bytes))
}

fn u16_of(value: &[u8], name: &str) -> Result<u16, String> {
    let bytes = value.try_into().map_err(|_| format!("{name} of {} bytes", value.len()))?;
    Ok(u16::from_ne_bytes(bytes))
}
