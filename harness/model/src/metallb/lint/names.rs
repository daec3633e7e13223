//! Names that MetalLB renders, or may come to render.

use std::collections::HashSet;

use super::catalogue::Rule;
use super::finding::Draft;
use super::parse::Extras;
use super::peers::{Owner, Peers};
use crate::metallb::release::{Generation, Release};
use crate::metallb::speaker::family_of;

/// Which release's a name is.
enum Claim {
    /// Every frr.conf of this release has it.
    Rendered,
    /// Some of this release's, or of another's, have it.
    Possible(&'static str),
}

/// Prefix lists and route maps of the extras whose names are MetalLB's.
pub(super) fn check(extras: &Extras, peers: &Peers, release: &Release, out: &mut Vec<Draft>) {
    let mut said: HashSet<&str> = HashSet::new();
    for list in &extras.lists {
        if !said.insert(&list.name) {
            continue;
        }
        let claim = peers.by_id.keys().find_map(|id| claim(&list.name, id, peers, release));
        let fix = "give the list a name of its own, for instance `allowed-in`";
        match claim {
            Some(Claim::Rendered) => out.push(
                Draft::new(
                    Rule::NameCollision,
                    list.place,
                    format!("MetalLB renders a prefix list `{}` itself", list.name),
                )
                .because("FRR puts both into one list, so that these lines change what the node announces to the peer")
                .fix(fix),
            ),
            Some(Claim::Possible(when)) => out.push(
                Draft::new(
                    Rule::ReservedName,
                    list.place,
                    format!("MetalLB may come to render a prefix list `{}` itself", list.name),
                )
                .because(format!("{when}; FRR would put both into one list"))
                .fix(fix),
            ),
            None => {}
        }
    }
    for entry in &extras.entries {
        if let Owner::Out(peer) = peers.owner(&entry.map) {
            out.push(
                Draft::new(
                    Rule::NameCollision,
                    entry.name_place,
                    format!("`{}` is MetalLB's: it says what BGPPeer `{}` is told", entry.map, peer.name),
                )
                .because("MetalLB numbers its entries 1, 2, 3, ...; this one changes what the node announces")
                .fix(format!("write `{}-in` for what the node accepts", peer.id)),
            );
        }
    }
}

fn claim(list: &str, id: &str, peers: &Peers, release: &Release) -> Option<Claim> {
    let rest = list.strip_prefix(id)?.strip_prefix('-')?;
    let per_family = release.generation >= Generation::V0_15_0;
    let own = peers.by_id.get(id)?.address.map(family_of);
    match rest {
        "allowed-ipv4" | "allowed-ipv6" if per_family => Some(Claim::Rendered),
        "allowed-ipv4" | "allowed-ipv6" => Some(Claim::Possible("releases from v0.15.0 on do")),
        "pl-ipv4" | "pl-ipv6" if per_family => Some(Claim::Possible("releases before v0.15.0 do")),
        "pl-ipv4" | "pl-ipv6" if own.is_some_and(|f| rest.ends_with(f.name())) => Some(Claim::Rendered),
        "pl-ipv4" | "pl-ipv6" => None,
        _ if rest.ends_with("-localpref-prefixes") => {
            Some(Claim::Possible("a BGPAdvertisement with this `localPref` makes it do so"))
        }
        _ if rest.ends_with("-community-prefixes") => {
            Some(Claim::Possible("a BGPAdvertisement with this community makes it do so"))
        }
        _ => None,
    }
}
