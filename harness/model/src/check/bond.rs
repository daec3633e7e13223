//! `bond`: which members of a bond are in use.

use std::collections::BTreeSet;

use super::{Checked, evidence};
use crate::fact::{KernelState, Link};
use crate::scenario::ExpectBond;

pub fn bond(expect: &ExpectBond, kernel: &KernelState) -> Checked {
    let (node, name) = (&expect.node, &expect.interface);
    let missing = |status: String| Checked { holds: false, unproved: false, status, evidence: Vec::new() };
    let Some(bond) = kernel.link(name).filter(|link| link.kind == "bond") else {
        return missing(format!("{node} has no bond {name}"));
    };
    let members: Vec<&Link> = kernel.links().filter(|link| link.master == Some(bond.index)).collect();
    // A link that is down is told of as active until the next look at its carrier.
    let is_active = |link: &&&Link| link.bond_active == Some(true) && link.up && link.carrier;
    let active: BTreeSet<&str> = members.iter().filter(is_active).map(|link| link.name.as_str()).collect();
    let wanted: BTreeSet<&str> = expect.active.iter().map(String::as_str).collect();
    let listed = |names: &BTreeSet<&str>| match names.is_empty() {
        true => "no member".to_string(),
        false => names.iter().copied().collect::<Vec<_>>().join(" and "),
    };
    let not_used: Vec<&str> =
        members.iter().map(|link| link.name.as_str()).filter(|name| !active.contains(name)).collect();
    let rest = if not_used.is_empty() { String::new() } else { format!(", and not {}", not_used.join(", ")) };
    let status = format!("{name} of {node} uses {}{rest}", listed(&active));
    let evidence = members.iter().map(|link| evidence("bond-member", node, link)).collect();
    Checked { holds: active == wanted, unproved: false, status, evidence }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::{Change, KernelEvent, Mono, Object};

    #[test]
    fn members_in_use_are_those_that_are_up_and_active() {
        let mut kernel = KernelState::default();
        let mut tell = |index, name: &str, kind: &str, master, bond_active, carrier| {
            let (name, kind) = (name.to_string(), kind.to_string());
            let link = Link { index, name, kind, master, bond_active, carrier, up: true, ..Link::default() };
            kernel.apply(&KernelEvent { at: Mono(1), change: Change::New(Object::Link(link)) });
        };
        tell(1, "bond0", "bond", None, None, true);
        tell(2, "eth1", "veth", Some(1), Some(true), true);
        tell(3, "eth2", "veth", Some(1), Some(false), true);
        tell(4, "eth3", "veth", Some(1), Some(true), false);
        tell(5, "eth4", "veth", None, Some(true), true);
        let of = |interface: &str, active: &[&str]| {
            let active = active.iter().map(|name| name.to_string()).collect();
            bond(&ExpectBond { node: "n".into(), interface: interface.into(), active }, &kernel)
        };
        assert!(of("bond0", &["eth1"]).holds);
        let both = of("bond0", &["eth1", "eth2"]);
        assert!(!both.holds && !both.unproved);
        assert_eq!(both.status, "bond0 of n uses eth1, and not eth2, eth3");
        assert!(!of("bond0", &[]).holds);
        assert_eq!(of("eth1", &["eth1"]).status, "n has no bond eth1");
    }
}
