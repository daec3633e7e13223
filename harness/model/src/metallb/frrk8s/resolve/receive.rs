//! `toReceive`: what is taken from a neighbor.

use ipnet::IpNet;

use super::family;
use crate::metallb::frrconf::Family;
use crate::metallb::frrk8s::conf::{Filter, Incoming};
use crate::metallb::frrk8s::specs::{AllowMode, PrefixSelectorSpec, ReceiveSpec};
use crate::metallb::reject::{Place, Reject};
use crate::path;

pub(super) fn incoming(place: &Place, to_receive: &ReceiveSpec) -> Result<Incoming, Box<Reject>> {
    let allowed = &to_receive.allowed;
    if allowed.mode == AllowMode::All {
        return Ok(Incoming { all: true, ..Incoming::default() });
    }
    let filters = allowed
        .prefixes
        .iter()
        .enumerate()
        .map(|(i, selector)| filter(&place.at(path!["toReceive", "allowed", "prefixes", i]), selector));
    let mut filters = filters.collect::<Result<Vec<_>, _>>()?;
    filters.sort();
    let (v4, v6) = filters.into_iter().partition(|f| f.family == Family::Ipv4);
    Ok(Incoming { all: false, v4, v6 })
}

/// Prefix length <= ge <= le, where they are given.
fn filter(place: &Place, selector: &PrefixSelectorSpec) -> Result<Filter, Box<Reject>> {
    let PrefixSelectorSpec { prefix, le, ge } = selector;
    let reject =
        |field: &str, why: String| place.at(path![field]).reject(format!("invalid selector lengths: {why}"));
    let net: IpNet = prefix.parse().map_err(|_| {
        place.at(path!["prefix"]).reject(format!("failed to parse prefix {prefix}: invalid CIDR address"))
    })?;
    let mask = u32::from(net.prefix_len());
    if let (Some(ge), Some(le)) = (ge, le)
        && ge > le
    {
        return Err(reject("ge", format!("ge {ge} is bigger than le {le}"))
            .hint("`ge` is the shortest prefix length that passes, `le` the longest"));
    }
    for (field, length) in [("le", le), ("ge", ge)] {
        if let Some(length) = length.filter(|length| mask > *length) {
            return Err(reject(field, format!("cidr mask {mask} is bigger than {field} {length}")));
        }
    }
    Ok(Filter { family: family(net.addr()), prefix: prefix.clone(), le: *le, ge: *ge })
}
