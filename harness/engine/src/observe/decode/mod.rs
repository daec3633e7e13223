//! Netlink messages into facts. The types of the netlink crates stay in here.
//!
//! Nothing here panics or drops a message in silence: a message is a change, is knowingly not ours (bridge
//! forwarding entries, multicast routing), or is an error that names its type.

mod envelope;
mod link;
mod nexthop;
mod route;
mod small;

#[cfg(test)]
mod tests;

use routeproof_model::fact::{Change, GapReason, Object};

pub(super) use envelope::{Envelope, envelopes, error_of};

pub(super) const RTM_NEWLINK: u16 = 16;
pub(super) const RTM_GETLINK: u16 = 18;
pub(super) const RTM_GETADDR: u16 = 22;
pub(super) const RTM_NEWROUTE: u16 = 24;
pub(super) const RTM_GETROUTE: u16 = 26;
pub(super) const RTM_GETNEIGH: u16 = 30;
pub(super) const RTM_GETRULE: u16 = 34;
pub(super) const RTM_NEWNEXTHOP: u16 = 104;
pub(super) const RTM_GETNEXTHOP: u16 = 106;

const RTM_DELLINK: u16 = 17;
const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;
const RTM_DELROUTE: u16 = 25;
const RTM_NEWNEIGH: u16 = 28;
const RTM_DELNEIGH: u16 = 29;
const RTM_NEWRULE: u16 = 32;
const RTM_DELRULE: u16 = 33;
const RTM_DELNEXTHOP: u16 = 105;
const RTM_NEWNEXTHOPBUCKET: u16 = 116;
const RTM_DELNEXTHOPBUCKET: u16 = 117;

const NLM_F_REPLACE: u16 = 0x100;
const NLM_F_APPEND: u16 = 0x800;

/// Finds the name of a device by its index.
pub(super) type DeviceNames<'a> = &'a dyn Fn(u32) -> String;

/// The change that a message tells; none when the message is not about a node's IP configuration.
pub(super) fn change(message: &Envelope<'_>, names: DeviceNames<'_>) -> Result<Option<Change>, GapReason> {
    let object = object(message, names)
        .map_err(|error| GapReason::Undecodable { message_type: message.message_type, error })?;
    Ok(object.map(|object| match message.message_type {
        RTM_DELLINK | RTM_DELADDR | RTM_DELROUTE | RTM_DELNEIGH | RTM_DELRULE | RTM_DELNEXTHOP => {
            Change::Del(object)
        }
        _ if message.flags & NLM_F_REPLACE != 0 => Change::Replace(object),
        _ if message.flags & NLM_F_APPEND != 0 => Change::Append(object),
        _ => Change::New(object),
    }))
}

/// The route in an answer to RTM_GETROUTE, which may be a lookup's result instead of an entry of a table.
pub(super) fn answered_route(
    message: &Envelope<'_>,
    names: DeviceNames<'_>,
) -> Result<Option<routeproof_model::fact::Route>, String> {
    route::decode(message.payload, names, true)
}

fn object(message: &Envelope<'_>, names: DeviceNames<'_>) -> Result<Option<Object>, String> {
    let payload = message.payload;
    Ok(match message.message_type {
        RTM_NEWLINK | RTM_DELLINK => link::decode(payload)?.map(Object::Link),
        RTM_NEWADDR | RTM_DELADDR => small::address(payload, names)?.map(Object::Address),
        RTM_NEWNEIGH | RTM_DELNEIGH => small::neighbour(payload, names)?.map(Object::Neighbour),
        RTM_NEWRULE | RTM_DELRULE => small::rule(payload)?.map(Object::Rule),
        RTM_NEWROUTE | RTM_DELROUTE => route::decode(payload, names, false)?.map(Object::Route),
        RTM_NEWNEXTHOP | RTM_DELNEXTHOP => Some(Object::Nexthop(nexthop::decode(payload, names)?)),
        // Requests to a user-space resolver, and buckets of resilient groups, come by the same multicast groups.
        RTM_GETNEIGH | RTM_NEWNEXTHOPBUCKET | RTM_DELNEXTHOPBUCKET => None,
        _ => return Err("a type that was not asked for".to_owned()),
    })
}

fn text(error: netlink_packet_core::DecodeError) -> String {
    error.to_string()
}

fn mac(bytes: &[u8]) -> Option<String> {
    let set = bytes.iter().any(|byte| *byte != 0);
    set.then(|| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":"))
}
