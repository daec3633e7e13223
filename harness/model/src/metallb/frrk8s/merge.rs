//! All FRRConfigurations of a node become one configuration: a router per VRF, a neighbor per address and VRF. What contradicts is
//! refused. Since what is united is sorted, the order of the objects shows only where a comment says so.

use std::collections::BTreeMap;

use super::conf::{Filter, Incoming, Neighbor, Router};
use super::version::Generation;
use crate::metallb::frrconf::Announcement;
use crate::metallb::reject::{Place, Reject};
use crate::path;

/// What FRR does anyway: a value that equals it is the same as none. Seconds, but for the port.
const PORT: u16 = 179;
const HOLD: u64 = 180;
const KEEPALIVE: u64 = 60;
const CONNECT: u64 = 60;

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

/// The rules of a release, each with the field it is about and what both say.
fn compatible(a: &Neighbor, b: &Neighbor, generation: Generation) -> Merged<()> {
    let key = match generation >= Generation::V0_0_20 {
        true => a.id(),
        false => format!("neighbor {} at vrf {}", a.host, a.vrf),
    };
    // Up to v0.0.10 the defaults are compared in nanoseconds: an explicit 180s is not the same as none.
    let known = |default: u64| (generation >= Generation::V0_0_11).then_some(default);
    let time = |value: Option<u64>| value.map(|v| format!("{v}s"));
    let flag = |value: bool| Some(value.to_string());
    let text = |value: &str| Some(value.to_owned()).filter(|v| !v.is_empty());
    let bfd_differs = a.bfd_profile != b.bfd_profile
        && !(generation >= Generation::V0_0_25 && (a.bfd_profile.is_empty() || b.bfd_profile.is_empty()));
    let per_family = generation >= Generation::V0_0_20;
    let port = |n: &Neighbor| Some(n.port.map_or_else(|| "179 (the default)".to_owned(), |p| p.to_string()));
    let asn = |n: &Neighbor| Some(n.asn.to_string());
    let rules = [
        (a.asn != b.asn, "multiple asns", "asn", [asn(a), asn(b)]),
        (a.port.unwrap_or(PORT) != b.port.unwrap_or(PORT), "multiple ports", "port", [port(a), port(b)]),
        (
            a.source != b.source,
            "multiple source addresses",
            "sourceaddress",
            [text(&a.source), text(&b.source)],
        ),
        // Secrets are not shown.
        (a.password != b.password, "multiple passwords", "password", [None, None]),
        (bfd_differs, "multiple bfd profiles", "bfdProfile", [text(&a.bfd_profile), text(&b.bfd_profile)]),
        (
            a.ebgp_multihop != b.ebgp_multihop,
            "conflicting ebgp-multihop",
            "ebgpMultiHop",
            [flag(a.ebgp_multihop), flag(b.ebgp_multihop)],
        ),
        (
            per_family && a.families != b.families,
            "conflicting advertiseDualStack",
            "dualStackAddressFamily",
            [a, b].map(|n| flag(n.families == super::conf::Families::Dual)),
        ),
        (
            !per_family && a.disable_mp != b.disable_mp,
            "conflicting disableMP",
            "disableMP",
            [flag(a.disable_mp), flag(b.disable_mp)],
        ),
        (
            differ(a.hold, b.hold, known(HOLD)),
            "multiple hold times",
            "holdTime",
            [time(a.hold), time(b.hold)],
        ),
        (
            differ(a.keepalive, b.keepalive, known(KEEPALIVE)),
            "multiple keepalive times",
            "keepaliveTime",
            [time(a.keepalive), time(b.keepalive)],
        ),
        (
            differ(a.connect, b.connect, known(CONNECT)),
            "multiple connect times",
            "connectTime",
            [time(a.connect), time(b.connect)],
        ),
        (
            a.local_as != b.local_as,
            "multiple localASNs",
            "localASN",
            [a, b].map(|n| n.local_as.map(|asn| asn.to_string())),
        ),
    ];
    let Some((_, what, field, says)) = rules.into_iter().find(|(broken, ..)| *broken) else {
        return Ok(());
    };
    Err(Box::new(Conflict {
        there: b.written.at(path![field]),
        earlier: a.written.at(path![field]),
        reason: format!("{what} specified for {key}"),
        hint: says.iter().any(Option::is_some).then(|| {
            let [earlier, later] = says.map(|said| said.unwrap_or_else(|| "nothing".to_owned()));
            format!(
                "`{field}` must be the same: {} `{}` says {earlier}, {} `{}` says {later}",
                "FRRConfiguration", a.written.id.name, "FRRConfiguration", b.written.id.name
            )
        }),
    }))
}

/// `None` is the default, if there is a known one.
fn differ(a: Option<u64>, b: Option<u64>, default: Option<u64>) -> bool {
    a.or(default) != b.or(default)
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
