//! A node's interfaces together: whether what each names is there, and whether two want the same.

use super::Ground;
use super::label::Entry;
use super::order::in_a_circle;
use super::types::*;
use crate::diag::Diagnostic;

/// Checks what interfaces say of each other, and gives members their masters.
pub(super) fn together(
    entries: &[Entry<'_>],
    interfaces: &mut Vec<Interface>,
    ground: &Ground<'_>,
) -> Result<(), Diagnostic> {
    for (entry, interface) in entries.iter().zip(&*interfaces) {
        vrf(entry, interface, interfaces)?;
        parent(entry, interface, interfaces, ground)?;
    }
    twice(entries, interfaces)?;
    members(entries, interfaces, ground)?;
    if let Some(circle) = in_a_circle(interfaces).and_then(|i| entries.iter().find(|e| e.name == i.name)) {
        let message = format!("`{}` would be on top of itself", circle.name);
        return Err(circle.error("", message).hint("its parents and masters lead back to it"));
    }
    for (entry, interface) in entries.iter().zip(&*interfaces) {
        of_a_vrf(entry, interface, ground)?;
        mtu(entry, interface, interfaces, ground)?;
    }
    ports(entries, interfaces, ground)
}

fn is_vrf(interface: &Interface) -> bool {
    matches!(interface.kind, InterfaceKind::Vrf { .. })
}

fn vrf(entry: &Entry<'_>, interface: &Interface, all: &[Interface]) -> Result<(), Diagnostic> {
    let Some(vrf) = &interface.master else { return Ok(()) };
    if is_vrf(interface) {
        return Err(entry.error("vrf", format!("`{}` is a VRF; it cannot be in another", entry.name)));
    }
    match all.iter().find(|i| i.name == *vrf) {
        Some(device) if is_vrf(device) => Ok(()),
        Some(_) => Err(entry.error("vrf", format!("`{vrf}` is no VRF"))),
        None => {
            let error = entry.error("vrf", format!("there is no VRF `{vrf}`"));
            let known = all.iter().filter(|i| is_vrf(i)).map(|i| i.name.as_str());
            Err(error.suggest(vrf, known).hint(format!("`{vrf}: {{ type: vrf, table: 100 }}` makes it")))
        }
    }
}

fn parent(
    entry: &Entry<'_>,
    interface: &Interface,
    all: &[Interface],
    ground: &Ground<'_>,
) -> Result<(), Diagnostic> {
    let Some(parent) = interface.parent() else { return Ok(()) };
    let known = || ground.ends.iter().map(|end| &end.name).chain(all.iter().map(|i| &i.name));
    match all.iter().find(|i| i.name == parent) {
        _ if parent == entry.name => {
            Err(entry.error("parent", format!("`{parent}` cannot be its own parent")))
        }
        Some(device) if is_vrf(device) => {
            let error = entry.error("parent", format!("`{parent}` is a VRF, which carries no frames"));
            Err(error.hint(format!("`vrf: {parent}` puts the interface into it")))
        }
        None if !known().any(|name| name == parent) => {
            let error = entry.error("parent", format!("`{}` has no interface `{parent}`", ground.node));
            let known = known().map(String::as_str).filter(|name| *name != entry.name);
            Err(error.suggest(parent, known).hint("a parent is a link's end, or declared here, too"))
        }
        _ => Ok(()),
    }
}

/// Two VRFs with one table, two VLANs of one id on one parent, two VXLANs of one id.
fn twice(entries: &[Entry<'_>], all: &[Interface]) -> Result<(), Diagnostic> {
    for (i, (entry, interface)) in entries.iter().zip(all).enumerate() {
        let earlier = |same: &dyn Fn(&Interface) -> bool| all[..i].iter().find(|other| same(other));
        match &interface.kind {
            InterfaceKind::Vrf { table, .. } => {
                let same = |other: &Interface| matches!(&other.kind, InterfaceKind::Vrf { table: t, .. } if t == table);
                if let Some(other) = earlier(&same) {
                    let message = format!("table {table} is already the table of the VRF `{}`", other.name);
                    return Err(entry.error("table", message).hint("each VRF has a table of its own"));
                }
            }
            InterfaceKind::Vlan { parent, id } => {
                let same = |other: &Interface| other.kind == interface.kind;
                if let Some(other) = earlier(&same) {
                    let message = format!("VLAN {id} of `{parent}` is already `{}`", other.name);
                    return Err(entry.error("id", message));
                }
            }
            InterfaceKind::Vxlan(vxlan) => {
                let same = |other: &Interface| matches!(&other.kind, InterfaceKind::Vxlan(v) if (v.id, v.port) == (vxlan.id, vxlan.port));
                if let Some(other) = earlier(&same) {
                    let message = format!("network {} is already `{}`", vxlan.id, other.name);
                    return Err(entry.error("id", message));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Gives the members of bonds and bridges their master; links' ends that have no entry get one.
fn members(entries: &[Entry<'_>], all: &mut Vec<Interface>, ground: &Ground<'_>) -> Result<(), Diagnostic> {
    for entry in entries {
        for (i, member) in entry.fields.members.iter().flatten().enumerate() {
            let wrong = |message: String| entry.error_in("members", i, message);
            let of_link = ground.end(member);
            let Some(index) = all.iter().position(|other| other.name == *member).or_else(|| {
                of_link?;
                all.push(Interface::new(member, InterfaceKind::Existing));
                Some(all.len() - 1)
            }) else {
                let known = ground.ends.iter().map(|end| end.name.as_str());
                let error = wrong(format!("`{}` has no interface `{member}`", ground.node));
                return Err(error.suggest(member, known));
            };
            let interface = &mut all[index];
            if *member == entry.name || is_vrf(interface) || member == "lo" {
                return Err(wrong(format!("`{member}` cannot be a member of `{}`", entry.name)));
            }
            if let Some(master) = &interface.master {
                if *master == entry.name {
                    return Err(wrong(format!("`{member}` is a member twice")));
                }
                let error = wrong(format!("`{member}` already belongs to `{master}`"));
                let in_vrf = entries.iter().any(|e| e.name == *member && e.fields.vrf.is_some());
                let hint = format!(
                    "`vrf: {master}` belongs to `{}`, which carries what its members get",
                    entry.name
                );
                return Err(if in_vrf { error.hint(hint) } else { error });
            }
            let addressed =
                !interface.addresses.is_empty() || of_link.is_some_and(|end| !end.addresses.is_empty());
            if addressed {
                let message =
                    format!("`{member}` is a member of `{}`, so it cannot have an address", entry.name);
                return Err(wrong(message).hint(format!("give the address to `{}`", entry.name)));
            }
            interface.master = Some(entry.name.clone());
        }
    }
    // A VLAN on a member would bypass its bond.
    let is_bond =
        |name: &str| entries.iter().any(|e| e.name == name && e.fields.type_.as_deref() == Some("bond"));
    for (entry, interface) in entries.iter().zip(&*all) {
        let parent = interface.parent().and_then(|parent| all.iter().find(|i| i.name == parent));
        if let Some((parent, bond)) =
            parent.and_then(|p| Some((p, p.master.as_deref()?))).filter(|(_, m)| is_bond(m))
        {
            let message = format!("`{}` is a member of `{bond}`", parent.name);
            return Err(entry.error("parent", message).hint(format!("`parent: {bond}`")));
        }
    }
    Ok(())
}

fn of_a_vrf(entry: &Entry<'_>, interface: &Interface, ground: &Ground<'_>) -> Result<(), Diagnostic> {
    let end = ground.end(&entry.name).filter(|end| !end.is_dummy);
    let forgotten = end.and_then(|end| end.addresses.iter().find(|net| net.addr().is_ipv6()));
    match (entry.fields.vrf.as_ref(), forgotten) {
        (Some(vrf), Some(net)) => {
            let message =
                format!("`{}` would lose {net}, which its link gives it, when it joins `{vrf}`", entry.name);
            Err(entry.error("vrf", message).hint("write the address here, under `addresses`"))
        }
        _ if interface.kind == InterfaceKind::Existing
            && interface.mac.is_some()
            && end.is_some_and(|e| e.mac.is_some()) =>
        {
            Err(entry.error("mac", format!("the link of `{}` gives it a MAC address already", entry.name)))
        }
        _ => Ok(()),
    }
}

fn mtu(
    entry: &Entry<'_>,
    interface: &Interface,
    all: &[Interface],
    ground: &Ground<'_>,
) -> Result<(), Diagnostic> {
    let of = |name: &str| {
        let declared = all.iter().find(|i| i.name == name).and_then(|i| i.mtu);
        declared.or_else(|| ground.end(name).and_then(|end| end.mtu))
    };
    let Some(mtu) = interface.mtu else { return Ok(()) };
    if let (InterfaceKind::Vlan { parent, .. }, Some(below)) =
        (&interface.kind, interface.parent().and_then(of))
        && mtu > below
    {
        return Err(entry.error("mtu", format!("{mtu} is more than the {below} bytes of `{parent}`")));
    }
    let has_ipv6 = interface.addresses.iter().any(|net| net.addr().is_ipv6());
    match has_ipv6 && mtu < 1280 {
        true => Err(entry.error("mtu", "IPv6 needs an MTU of 1280 bytes (RFC 8200, section 5)")),
        false => Ok(()),
    }
}

/// VLANs belong to ports of bridges; a bridge whose ports have some is VLAN-aware, and then all of them have.
fn ports(entries: &[Entry<'_>], all: &mut Vec<Interface>, ground: &Ground<'_>) -> Result<(), Diagnostic> {
    if ground.is_bridge {
        // Every port that no bond has is the bridge's.
        for end in ground.ends {
            if !all.iter().any(|i| i.name == end.name) && !entries.is_empty() {
                all.push(Interface::new(&end.name, InterfaceKind::Existing));
            }
        }
        all.iter_mut().filter(|i| i.master.is_none()).for_each(|i| i.master = Some(ground.node.to_owned()));
        if !entries.is_empty() {
            all.push(Interface::new(ground.node, InterfaceKind::Bridge { vlan_aware: false }));
        }
    }
    let bridges: Vec<usize> =
        (0..all.len()).filter(|i| matches!(all[*i].kind, InterfaceKind::Bridge { .. })).collect();
    let is_bridge = |name: &str| bridges.iter().any(|i| all[*i].name == name);
    for entry in entries.iter().filter(|e| e.fields.untagged.is_some() || e.fields.tagged.is_some()) {
        let interface = all.iter().find(|i| i.name == entry.name);
        if !interface.is_some_and(|i| is_bridge(&i.name) || i.master.as_deref().is_some_and(is_bridge)) {
            let key = if entry.fields.tagged.is_some() { "tagged" } else { "untagged" };
            let error = entry.error_at_key(key, format!("`{}` is no port of a bridge", entry.name));
            return Err(error.hint("a VLAN's own interface is `type: vlan`"));
        }
    }
    for index in bridges {
        let name = all[index].name.clone();
        let of_bridge = |i: &&Interface| i.name == name || i.master.as_ref() == Some(&name);
        let is_aware = all.iter().filter(of_bridge).any(|i| i.vlans.is_some());
        let bare = all.iter().find(|i| i.master.as_ref() == Some(&name) && i.vlans.is_none());
        if let (true, Some(bare)) = (is_aware, bare) {
            let message = format!("the port `{}` of `{name}` has no VLAN, and others have", bare.name);
            let at = entries.iter().find(|e| e.name == bare.name).or(entries.first());
            let hint = "nothing would pass it: `untagged: 100`, or `tagged: [100, 200]` for a trunk";
            return at.map_or(Ok(()), |entry| Err(entry.error("", message).hint(hint)));
        }
        all[index].kind = InterfaceKind::Bridge { vlan_aware: is_aware };
    }
    Ok(())
}
