//! The order in which interfaces are made: each after its parent and its master, otherwise as they are written.

use super::types::{Interface, InterfaceKind};

/// What must be there before an interface is made. A bond takes its first member's MAC address, and a VLAN its parent's:
/// members of a parent come first, too.
fn needed<'i>(interface: &'i Interface, all: &'i [Interface]) -> impl Iterator<Item = &'i str> {
    let parent = interface.parent();
    let members = all.iter().filter(move |other| parent.is_some() && other.master.as_deref() == parent);
    let of_parent = members.filter(|member| member.name != interface.name).map(|member| member.name.as_str());
    parent.into_iter().chain(interface.master.as_deref()).chain(of_parent)
}

/// Circles must have been refused: what is in one stays where it is.
pub(super) fn ordered(mut waiting: Vec<Interface>) -> Vec<Interface> {
    // Masters first: whoever reads the result sees what the others belong to.
    waiting.sort_by_key(|i| match i.kind {
        InterfaceKind::Vrf { .. } | InterfaceKind::Bridge { .. } => 0,
        InterfaceKind::Bond(_) => 1,
        _ => 2,
    });
    let mut done: Vec<Interface> = Vec::new();
    while !waiting.is_empty() {
        let is_waiting = |name: &str| waiting.iter().any(|other| other.name == name);
        let ready = waiting.iter().position(|i| !needed(i, &waiting).any(is_waiting));
        done.push(waiting.remove(ready.unwrap_or(0)));
    }
    done
}

/// The first interface that is on top of itself: a VLAN is on its parent, a bond or bridge on its members.
pub(super) fn in_a_circle(all: &[Interface]) -> Option<&Interface> {
    let below = |name: &str| {
        let parent = all.iter().find(|i| i.name == name).and_then(Interface::parent);
        let members = all.iter().filter(|i| i.master.as_deref() == Some(name)).map(|i| i.name.as_str());
        parent.into_iter().chain(members).collect::<Vec<_>>()
    };
    all.iter().find(|start| {
        let mut seen = Vec::new();
        let mut stack = below(&start.name);
        while let Some(name) = stack.pop() {
            if name == start.name {
                return true;
            }
            if !seen.contains(&name) {
                seen.push(name);
                stack.extend(below(name));
            }
        }
        false
    })
}
