//! One interface after another, by itself: its name, its type and the values of its keys.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Ground;
use super::file::{EXISTING, KEYS, RuleFile, TYPES};
use super::label::Entry;
use super::types::*;
use crate::diag::Diagnostic;
use crate::topology::names;

/// Highest VLAN id (IEEE 802.1Q: 0 and 4095 are reserved).
const LAST_VLAN: u64 = 4094;

/// An interface without what it takes from others: members say which bond or bridge they belong to.
pub(super) fn interface(entry: &Entry<'_>, ground: &Ground<'_>) -> Result<Interface, Diagnostic> {
    let type_ = type_of(entry, ground)?;
    foreign_keys(entry, type_)?;
    if ground.is_bridge {
        of_a_bridge(entry, type_, ground)?;
    }
    let mut interface = Interface::new(&entry.name, kind(entry, type_, ground)?);
    interface.master = entry.fields.vrf.clone();
    interface.mtu = entry.fields.mtu.map(|mtu| self::mtu(entry, mtu)).transpose()?;
    interface.mac = entry.fields.mac.as_deref().map(|text| mac(entry, "mac", text)).transpose()?;
    for (i, text) in entry.fields.addresses.iter().flatten().enumerate() {
        let net = text.parse::<IpNet>().map_err(|_| {
            let message = format!("`{text}` is not an address with a prefix length");
            entry.error_in("addresses", i, message).hint("such as `10.0.0.1/24` or `2001:db8::1/64`")
        })?;
        interface.addresses.push(net);
    }
    let netem = entry.fields.netem.as_ref().map(|written| written.resolve()).transpose();
    interface.netem = netem.map_err(|(field, wrong)| match field {
        "" => entry.error_at_key("netem", wrong),
        field => entry.error(&format!("netem.{field}"), wrong),
    })?;
    interface.vlans = vlans(entry)?;
    Ok(interface)
}

fn type_of<'e>(entry: &'e Entry<'_>, ground: &Ground<'_>) -> Result<&'e str, Diagnostic> {
    let (name, end) = (&entry.name, ground.end(&entry.name));
    let is_there = end.is_some() || name == "lo" && !ground.is_bridge;
    match entry.fields.type_.as_deref() {
        None if is_there => Ok(EXISTING),
        None => {
            let message = format!("`{}` has no interface `{name}`", ground.node);
            let known = ground.ends.iter().map(|end| end.name.as_str());
            let types = if ground.is_bridge { "bond".to_owned() } else { TYPES.join(", ") };
            let hint = format!("a link ends there, or it is made by a `type`: {types}");
            Err(entry.error("", message).suggest(name, known).hint(hint))
        }
        Some(type_) if !TYPES.contains(&type_) => {
            let error = entry.error("type", format!("unknown type of interface `{type_}`"));
            Err(error.suggest(type_, TYPES).hint(format!("the types are {}", TYPES.join(", "))))
        }
        Some("dummy") if end.is_some_and(|end| end.is_dummy) => Ok(EXISTING),
        Some(type_) if is_there => {
            let message = format!("`{name}` is there already, so it cannot be made as {type_}");
            Err(entry.error("type", message).hint("give the new interface a name of its own"))
        }
        Some(type_) => match names::interface_name(name) {
            Ok(()) => Ok(type_),
            Err((wrong, _)) => Err(entry.error("", wrong)),
        },
    }
}

fn foreign_keys(entry: &Entry<'_>, type_: &str) -> Result<(), Diagnostic> {
    match KEYS.iter().find(|(_, is_set, types)| is_set(&entry.fields) && !types.contains(&type_)) {
        None => Ok(()),
        Some((key, _, types)) => {
            let what = if type_ == EXISTING { "an interface without a type" } else { type_ };
            let message = format!("`{key}` does not belong to {what}");
            Err(entry.error_at_key(key, message).hint(format!("it belongs to {}", types.join(", "))))
        }
    }
}

/// A segment's interfaces are ports.
fn of_a_bridge(entry: &Entry<'_>, type_: &str, ground: &Ground<'_>) -> Result<(), Diagnostic> {
    let node = ground.node;
    if !matches!(type_, "bond" | EXISTING) {
        let message = format!("`{node}` is a bridge: it has ports and bonds of ports, and no {type_}");
        return Err(entry.error("type", message));
    }
    let keys = [("vrf", entry.fields.vrf.is_some()), ("addresses", entry.fields.addresses.is_some())];
    match keys.iter().find(|(_, is_set)| *is_set) {
        None => Ok(()),
        Some((key, _)) => {
            Err(entry.error_at_key(key, format!("`{node}` is a bridge; its ports have no `{key}`")))
        }
    }
}

fn kind(entry: &Entry<'_>, type_: &str, ground: &Ground<'_>) -> Result<InterfaceKind, Diagnostic> {
    let (name, fields) = (&entry.name, &entry.fields);
    let needs = |key: &str, example: &str| {
        let error = entry.error("", format!("the {type_} `{name}` has no `{key}`"));
        error.hint(format!("`{key}: {example}`"))
    };
    let parent = || fields.parent.clone().ok_or_else(|| needs("parent", "eth1"));
    Ok(match type_ {
        "vlan" => {
            let id = fields.id.ok_or_else(|| needs("id", "100"))?;
            InterfaceKind::Vlan { parent: parent()?, id: vlan(entry, id, entry.place("id", None))? }
        }
        "vrf" => {
            let table = fields.table.ok_or_else(|| needs("table", "100"))?;
            let rules = fields.rules.iter().flatten().enumerate();
            let rules = rules.map(|(i, rule)| self::rule(entry, i, rule)).collect::<Result<_, _>>()?;
            InterfaceKind::Vrf { table: self::table(entry, table)?, rules }
        }
        "bond" => InterfaceKind::Bond(bond(entry)?),
        "bridge" => InterfaceKind::Bridge { vlan_aware: false },
        "macvlan" => {
            let mode = fields
                .mode
                .as_deref()
                .map(|mode| word(entry, "mode", mode, MacvlanMode::ALL, MacvlanMode::word));
            let mode = mode.transpose()?.unwrap_or(MacvlanMode::Bridge);
            InterfaceKind::Macvlan { parent: parent()?, mode }
        }
        "vxlan" => InterfaceKind::Vxlan(vxlan(entry)?),
        "dummy" => InterfaceKind::Dummy,
        _ if ground.end(name).is_some_and(|end| end.is_dummy) => InterfaceKind::Dummy,
        _ => InterfaceKind::Existing,
    })
}

/// An enum's variant by iproute2's word.
fn word<T: Copy>(
    entry: &Entry<'_>,
    key: &str,
    written: &str,
    all: &[T],
    of: fn(T) -> &'static str,
) -> Result<T, Diagnostic> {
    all.iter().copied().find(|variant| of(*variant) == written).ok_or_else(|| {
        let known: Vec<&str> = all.iter().map(|variant| of(*variant)).collect();
        let error = entry.error(key, format!("unknown {key} `{written}`"));
        error.suggest(written, known.iter().copied()).hint(format!("known here: {}", known.join(", ")))
    })
}

fn bond(entry: &Entry<'_>) -> Result<Bond, Diagnostic> {
    let fields = &entry.fields;
    let Some(mode) = fields.mode.as_deref() else {
        let known: Vec<&str> = BondMode::ALL.iter().map(|mode| mode.word()).collect();
        let error = entry.error("", format!("the bond `{}` has no `mode`", entry.name));
        return Err(error.hint(format!("the modes are {}", known.join(", "))));
    };
    let mode = word(entry, "mode", mode, BondMode::ALL, BondMode::word)?;
    let members = fields.members.clone().unwrap_or_default();
    if members.is_empty() {
        let error = entry.error("", format!("the bond `{}` has no members", entry.name));
        return Err(error.hint("`members: [eth1, eth2]`"));
    }
    use BondMode::*;
    let only = [
        ("lacp-rate", fields.lacp_rate.is_some(), [Lacp].as_slice()),
        ("system", fields.system.is_some(), &[Lacp]),
        ("hash-policy", fields.hash_policy.is_some(), &[Lacp, BalanceXor, BalanceTlb]),
        ("primary", fields.primary.is_some(), &[ActiveBackup, BalanceTlb, BalanceAlb]),
    ];
    if let Some((key, ..)) = only.iter().find(|(_, is_set, modes)| *is_set && !modes.contains(&mode)) {
        return Err(entry.error_at_key(key, format!("a bond of mode {} has no `{key}`", mode.word())));
    }
    if let Some(primary) = fields.primary.as_ref().filter(|primary| !members.contains(primary)) {
        let error = entry.error("primary", format!("`{primary}` is not a member of `{}`", entry.name));
        return Err(error.suggest(primary, members.iter().map(String::as_str)));
    }
    let hash = fields.hash_policy.as_deref();
    Ok(Bond {
        mode,
        miimon_ms: miimon(entry)?,
        lacp_fast: lacp_rate(entry)?,
        hash_policy: hash
            .map(|h| word(entry, "hash-policy", h, HashPolicy::ALL, HashPolicy::word))
            .transpose()?,
        primary: fields.primary.clone(),
        min_links: fields.min_links,
        system: fields.system.as_deref().map(|text| mac(entry, "system", text)).transpose()?,
        members,
    })
}

/// Without looking at the carrier (the kernel's default) a bond would never leave a link that has failed.
fn miimon(entry: &Entry<'_>) -> Result<u32, Diagnostic> {
    let Some(text) = entry.fields.miimon.as_deref() else { return Ok(100) };
    let time = humantime::parse_duration(text).ok().map(|time| time.as_millis());
    match time.and_then(|ms| u32::try_from(ms).ok()).filter(|ms| (1..=60_000).contains(ms)) {
        Some(ms) => Ok(ms),
        None => {
            let message = format!("`{text}` is not a time between 1ms and 1m");
            Err(entry.error("miimon", message).hint("such as `50ms`"))
        }
    }
}

fn lacp_rate(entry: &Entry<'_>) -> Result<bool, Diagnostic> {
    match entry.fields.lacp_rate.as_deref() {
        None | Some("slow") => Ok(false),
        Some("fast") => Ok(true),
        Some(other) => Err(entry.error("lacp-rate", format!("`{other}` is neither `slow` nor `fast`"))),
    }
}

fn vxlan(entry: &Entry<'_>) -> Result<Vxlan, Diagnostic> {
    let fields = &entry.fields;
    let needs = |key: &str| entry.error("", format!("the vxlan `{}` has no `{key}`", entry.name));
    let address = |key: &str, text: &str| {
        text.parse::<IpAddr>().map_err(|_| entry.error(key, format!("`{text}` is not an IP address")))
    };
    let id = fields.id.ok_or_else(|| needs("id").hint("`id: 100`"))?;
    let id = u32::try_from(id).ok().filter(|id| *id < 1 << 24).ok_or_else(|| {
        entry.error("id", format!("a VXLAN network identifier has 24 bits; {id} is more than 16777215"))
    })?;
    let remote = fields.remote.as_deref().ok_or_else(|| needs("remote").hint("`remote: 10.0.0.2`"))?;
    let remote = address("remote", remote)?;
    let local = fields.local.as_deref().map(|text| address("local", text)).transpose()?;
    if let Some(local) = local.filter(|local| local.is_ipv4() != remote.is_ipv4()) {
        return Err(entry.error("local", format!("{local} and {remote} are not of one family")));
    }
    if remote.is_multicast() && fields.parent.is_none() {
        return Err(entry.error("remote", "a multicast group needs the `parent` that it is reached by"));
    }
    Ok(Vxlan { id, parent: fields.parent.clone(), local, remote, port: fields.port.unwrap_or(4789) })
}

fn table(entry: &Entry<'_>, written: u64) -> Result<u32, Diagnostic> {
    // linux/rtnetlink.h: RT_TABLE_DEFAULT, RT_TABLE_MAIN, RT_TABLE_LOCAL.
    let named = [(0, "unspecified"), (253, "default"), (254, "main"), (255, "local")];
    match (named.iter().find(|(number, _)| *number == written), u32::try_from(written)) {
        (None, Ok(table)) => Ok(table),
        (Some((_, name)), _) => {
            Err(entry.error("table", format!("table {written} is the kernel's own (`{name}`)")))
        }
        _ => Err(entry.error("table", format!("a table's number has 32 bits; {written} is more"))),
    }
}

fn rule(entry: &Entry<'_>, index: usize, written: &RuleFile) -> Result<VrfRule, Diagnostic> {
    let error = |message: String| entry.error_in("rules", index, message);
    let prefix = |text: &Option<String>| {
        let read = |text: &String| {
            let net = text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
            net.map(|net| net.trunc())
                .map_err(|_| error(format!("`{text}` is not a prefix such as 10.0.0.0/8")))
        };
        text.as_ref().map(read).transpose()
    };
    let (from, to) = (prefix(&written.from)?, prefix(&written.to)?);
    if let (Some(from), Some(to)) = (from, to)
        && from.addr().is_ipv4() != to.addr().is_ipv4()
    {
        return Err(error(format!("{from} and {to} are not of one family")));
    }
    if from.is_none() && to.is_none() && written.iif.is_none() {
        let error = error("this rule takes every packet".to_owned());
        return Err(error.hint("say which: `from`, `to` or `iif`"));
    }
    Ok(VrfRule { priority: written.priority, from, to, iif: written.iif.clone() })
}

fn mtu(entry: &Entry<'_>, written: u64) -> Result<u32, Diagnostic> {
    match u32::try_from(written) {
        Ok(mtu) if (68..=65535).contains(&mtu) => Ok(mtu),
        _ => {
            let message = format!("an MTU lies between 68 and 65535 bytes, not at {written}");
            Err(entry.error("mtu", message))
        }
    }
}

fn mac(entry: &Entry<'_>, key: &str, text: &str) -> Result<[u8; 6], Diagnostic> {
    names::mac(text).map_err(|(wrong, _)| entry.error(key, wrong).hint("such as `02:00:00:00:00:01`"))
}

fn vlans(entry: &Entry<'_>) -> Result<Option<PortVlans>, Diagnostic> {
    let fields = &entry.fields;
    if fields.untagged.is_none() && fields.tagged.is_none() {
        return Ok(None);
    }
    let untagged = fields.untagged.map(|id| vlan(entry, id, entry.place("untagged", None))).transpose()?;
    let mut tagged = Vec::new();
    for (i, id) in fields.tagged.iter().flatten().enumerate() {
        let id = vlan(entry, *id, entry.place("tagged", Some(i)))?;
        if tagged.contains(&id) || untagged == Some(id) {
            return Err(entry.error_in("tagged", i, format!("the port has VLAN {id} twice")));
        }
        tagged.push(id);
    }
    Ok(Some(PortVlans { untagged, tagged }))
}

fn vlan(entry: &Entry<'_>, id: u64, at: super::label::Place) -> Result<u16, Diagnostic> {
    match u16::try_from(id) {
        Ok(id) if (1..=LAST_VLAN).contains(&u64::from(id)) => Ok(id),
        _ => Err(at.error(entry.source(), format!("a VLAN id lies between 1 and {LAST_VLAN}, not at {id}"))),
    }
}
