//! All FRRConfigurations of a node become one configuration: a router per VRF, a neighbor per address and VRF. What contradicts is
//! refused. Since what is united is sorted, the order of the objects shows only where a comment says so.

use std::collections::BTreeMap;

use super::compatible::{CONNECT, Contradiction, HOLD, KEEPALIVE, PORT, contradiction};
use super::conf::{Filter, Incoming, Neighbor, Router};
use super::version::Generation;
use crate::metallb::frrconf::Announcement;
use crate::metallb::reject::{Place, Reject};
use crate::path;

/// Two objects do not go together: the later one's place, the earlier one's, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Conflict {
    pub there: Place,
    pub earlier: Place,
    pub reason: String,
    pub hint: Option<String>,
}

impl Conflict {
    /// At the later object.
    pub fn refusal(self) -> Box<Reject> {
        let reject = self.there.reject(self.reason);
        match self.hint {
            Some(hint) => reject.hint(hint),
            None => reject,
        }
    }
}

type Merged<T> = Result<T, Box<Conflict>>;

/// Unites routers, in the order of their objects.
pub(super) fn routers(all: Vec<Router>, generation: Generation) -> Merged<Vec<Router>> {
    let mut merged: BTreeMap<String, Router> = BTreeMap::new();
    for router in all {
        // Merging a router with itself finds its own contradictions, sorts it and drops defaults.
        let router = match generation >= Generation::V0_0_20 {
            true => self::router(router.clone(), router, generation)?,
            false => router,
        };
        match merged.remove(&router.vrf) {
            None => _ = merged.insert(router.vrf.clone(), router),
            Some(earlier) => {
                let united = self::router(earlier, router, generation)?;
                merged.insert(united.vrf.clone(), united);
            }
        }
    }
    Ok(merged.into_values().collect())
}

fn router(mut a: Router, b: Router, generation: Generation) -> Merged<Router> {
    let conflict = |field: &str, reason: String| {
        Err(Box::new(Conflict {
            there: b.written.at(path![field]),
            earlier: a.written.at(path![field]),
            reason,
            hint: None,
        }))
    };
    if a.asn != b.asn {
        let reason = format!("different asns ({} != {}) specified for same vrf: {}", a.asn, b.asn, a.vrf);
        return conflict("asn", reason);
    }
    if !a.id.is_empty() && !b.id.is_empty() && a.id != b.id {
        let reason = format!("different router ids ({} != {}) specified for same vrf: {}", a.id, b.id, a.vrf);
        return conflict("id", reason);
    }
    if a.id.is_empty() {
        a.id = b.id;
    }
    a.networks_v4 = union(a.networks_v4, b.networks_v4);
    a.networks_v6 = union(a.networks_v6, b.networks_v6);
    a.imports = union(a.imports, b.imports);
    let mut neighbors: BTreeMap<String, Neighbor> = BTreeMap::new();
    for n in a.neighbors.into_iter().chain(b.neighbors) {
        let united = match neighbors.remove(&n.host) {
            None => n,
            Some(earlier) => neighbor(earlier, n, generation)?,
        };
        neighbors.insert(united.host.clone(), united);
    }
    a.neighbors = neighbors.into_values().collect();
    Ok(a)
}

fn union(a: Vec<String>, b: Vec<String>) -> Vec<String> {
    let mut all: Vec<String> = a.into_iter().chain(b).collect();
    all.sort();
    all.dedup();
    all
}

/// Graceful restart is that of the first, whatever the second says.
fn neighbor(mut a: Neighbor, b: Neighbor, generation: Generation) -> Merged<Neighbor> {
    compatible(&a, &b, generation)?;
    if a.bfd_profile.is_empty() {
        a.bfd_profile.clone_from(&b.bfd_profile);
    }
    a.announcements = announcements(&a, &b)?;
    a.incoming = incoming(a.incoming, b.incoming);
    if generation >= Generation::V0_0_11 {
        a.port = a.port.filter(|port| *port != PORT);
        a.hold = a.hold.filter(|hold| *hold != HOLD);
        a.keepalive = a.keepalive.filter(|keepalive| *keepalive != KEEPALIVE);
        a.connect = a.connect.filter(|connect| *connect != CONNECT);
    }
    Ok(a)
}

fn compatible(a: &Neighbor, b: &Neighbor, generation: Generation) -> Merged<()> {
    match contradiction(a, b, generation) {
        None => Ok(()),
        Some(Contradiction { field, reason, hint }) => Err(Box::new(Conflict {
            there: b.written.at(path![field]),
            earlier: a.written.at(path![field]),
            reason,
            hint: Some(hint),
        })),
    }
}

fn announcements(a: &Neighbor, b: &Neighbor) -> Merged<Vec<Announcement>> {
    let mut merged: BTreeMap<_, Announcement> = BTreeMap::new();
    for next in a.announcements.iter().chain(&b.announcements) {
        let key = (next.family, next.prefix.as_str());
        let Some(first) = merged.get_mut(&key) else {
            merged.insert(key, next.clone());
            continue;
        };
        if let (Some(one), Some(other)) = (first.local_pref, next.local_pref)
            && one != other
        {
            let reason = format!(
                "could not merge outgoing for neighbor {} vrf {}, err: multiple local prefs ({one} != {other}) specified for prefix {}",
                b.host, b.vrf, next.prefix
            );
            let field = || path!["toAdvertise", "withLocalPref"];
            let (there, earlier) = (b.written.at(field()), a.written.at(field()));
            return Err(Box::new(Conflict { there, earlier, reason, hint: None }));
        }
        first.local_pref = first.local_pref.or(next.local_pref);
        first.communities.merge(next.communities.clone());
        first.large_communities.merge(next.large_communities.clone());
    }
    Ok(merged.into_values().collect())
}

/// `all` wins; else everything that either lets in.
fn incoming(a: Incoming, b: Incoming) -> Incoming {
    if a.all || b.all {
        return Incoming { all: true, ..Incoming::default() };
    }
    let unite = |a: Vec<Filter>, b: Vec<Filter>| {
        let by_key: BTreeMap<String, Filter> = a.into_iter().chain(b).map(|f| (f.key(), f)).collect();
        by_key.into_values().collect()
    };
    Incoming { all: false, v4: unite(a.v4, b.v4), v6: unite(a.v6, b.v6) }
}
