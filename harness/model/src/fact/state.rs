//! What all events of a node add up to.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::routes::{Effect, How, RouteKey, RouteTable, Row};
use super::{
    Address, Change, Gap, GapReason, KernelEvent, Kind, Link, Mono, Neighbour, NextHop, NexthopObject,
    Object, Route, Rule,
};

/// The tables of one node's kernel as far as we know them. Copies are cheap: they share the routes.
#[derive(Clone, Debug, Default)]
pub struct KernelState {
    pub(super) links: BTreeMap<u32, Link>,
    pub(super) addresses: BTreeMap<(String, IpNet), Address>,
    pub(super) neighbours: BTreeMap<(String, IpAddr, bool), Neighbour>,
    pub(super) rules: BTreeSet<Rule>,
    pub(super) nexthops: BTreeMap<u32, NexthopObject>,
    pub(super) routes: RouteTable,
    gap: Option<Gap>,
    read: bool,
    /// Differences of a reading that are still to come.
    unsettled: usize,
    /// When [`KernelState::begin_dump`] was called, and the keys that events named since: for these the events are
    /// the truth.
    pub(super) dump_began: Option<(Mono, HashSet<Key>)>,
}

/// What [`KernelState::apply`] found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    pub changed: bool,
    /// Tables to read afresh: on this change the kernel drops or alters entries without a message of their own, or
    /// the change contradicts what we hold.
    pub stale: BTreeSet<Kind>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    Link(u32),
    Address(String, IpNet),
    Neighbour(String, IpAddr, bool),
    Rule(Box<Rule>),
    Nexthop(u32),
    Route(RouteKey),
}

impl KernelState {
    /// Adds one event. A replayed recording goes through here just as live messages do.
    pub fn apply(&mut self, event: &KernelEvent) -> Applied {
        if let (Some((_, touched)), Some(object)) =
            (&mut self.dump_began, event.change.appeared().or(event.change.gone()))
        {
            touched.insert(Key::of(object));
        }
        self.unsettled = match &event.change {
            Change::Resync { differences, .. } => *differences,
            _ => self.unsettled.saturating_sub(1),
        };
        match &event.change {
            Change::New(object) => self.put(object, How::New),
            Change::Append(object) => self.put(object, How::Append),
            Change::Replace(object) => self.put(object, How::Replace),
            Change::Del(object) => self.del(object),
            Change::Gap(reason) => {
                let gap = Gap { since: event.at, last: event.at, reason: reason.clone() };
                let gap = self.gap.get_or_insert(gap);
                gap.last = event.at;
                if reason.is_loss() && !gap.reason.is_loss() {
                    gap.reason = reason.clone();
                }
                let stale = match reason {
                    GapReason::Overrun | GapReason::Undecodable { .. } => Kind::all(),
                    GapReason::DumpFailed { .. } | GapReason::Stopped { .. } => BTreeSet::new(),
                };
                Applied { changed: true, stale }
            }
            Change::Resync { kinds, since, .. } => {
                let all = Kind::ALL.iter().all(|kind| kinds.contains(kind));
                let healed = all && self.gap.take_if(|gap| gap.last <= *since).is_some();
                let first = all && !std::mem::replace(&mut self.read, true);
                changed(healed || first)
            }
        }
    }

    fn put(&mut self, object: &Object, how: How) -> Applied {
        match object {
            Object::Link(link) => self.put_link(link),
            Object::Address(address) => {
                changed(replaced(self.addresses.insert(address.key(), address.clone()), address))
            }
            Object::Neighbour(neighbour) => {
                changed(replaced(self.neighbours.insert(neighbour.key(), neighbour.clone()), neighbour))
            }
            Object::Rule(rule) => changed(self.rules.insert(rule.clone())),
            Object::Nexthop(nexthop) => self.put_nexthop(nexthop),
            Object::Route(route) => self.routes.insert(route, how).into_applied(object.kind()),
        }
    }

    fn put_link(&mut self, link: &Link) -> Applied {
        let old = self.links.insert(link.index, link.clone());
        let placeholder = unnamed_device(link.index);
        let old_name = old.as_ref().map_or(placeholder.as_str(), |old| old.name.as_str());
        if old_name != link.name {
            self.rename_device(old_name, &link.name);
        }
        // The kernel marks and drops routes over a link whose state or master changes, mostly without a word.
        let moved = old
            .as_ref()
            .is_some_and(|old| (old.up, old.carrier, old.master) != (link.up, link.carrier, link.master));
        Applied { changed: replaced(old, link), stale: if moved { over_links() } else { BTreeSet::new() } }
    }

    fn put_nexthop(&mut self, nexthop: &NexthopObject) -> Applied {
        let old = self.nexthops.insert(nexthop.id, nexthop.clone());
        // Routes by an object that becomes a hole, or stops being one, change their type.
        let turned = old.as_ref().is_some_and(|old| old.blackhole != nexthop.blackhole);
        let stale = if turned { [Kind::Routes4, Kind::Routes6].into() } else { BTreeSet::new() };
        Applied { changed: replaced(old, nexthop), stale }
    }

    fn del(&mut self, object: &Object) -> Applied {
        let stale_on_loss = match object {
            Object::Link(_) => over_links(),
            Object::Address(address) if address.address.addr().is_ipv4() => {
                [Kind::Routes4, Kind::Addresses].into()
            }
            Object::Address(_) => [Kind::Routes6].into(),
            Object::Nexthop(_) => [Kind::Nexthops, Kind::Routes4, Kind::Routes6].into(),
            Object::Neighbour(_) | Object::Rule(_) | Object::Route(_) => BTreeSet::new(),
        };
        let lost = match object {
            Object::Link(link) => self.links.remove(&link.index).is_some(),
            Object::Address(address) => self.addresses.remove(&address.key()).is_some(),
            Object::Neighbour(neighbour) => self.neighbours.remove(&neighbour.key()).is_some(),
            Object::Rule(rule) => self.rules.remove(rule),
            Object::Nexthop(nexthop) => self.nexthops.remove(&nexthop.id).is_some(),
            Object::Route(route) => return self.routes.remove(route).into_applied(object.kind()),
        };
        Applied { changed: lost, stale: stale_on_loss }
    }

    fn rename_device(&mut self, old: &str, new: &str) {
        self.routes.rename_device(old, new);
        for nexthop in self.nexthops.values_mut().filter(|nexthop| nexthop.device.as_deref() == Some(old)) {
            nexthop.device = Some(new.to_owned());
        }
        for mut address in take_where(&mut self.addresses, |address| address.device == old) {
            address.device = new.to_owned();
            self.addresses.insert(address.key(), address);
        }
        for mut neighbour in take_where(&mut self.neighbours, |neighbour| neighbour.device == old) {
            neighbour.device = new.to_owned();
            self.neighbours.insert(neighbour.key(), neighbour);
        }
    }

    /// Forgets a table, to read it again.
    pub fn clear(&mut self, kind: Kind) {
        match kind {
            Kind::Links => self.links.clear(),
            Kind::Addresses => self.addresses.clear(),
            Kind::Neighbours => self.neighbours.clear(),
            Kind::Rules => self.rules.clear(),
            Kind::Nexthops => self.nexthops.clear(),
            Kind::Routes4 => self.routes.clear(|key| key.prefix.addr().is_ipv4()),
            Kind::Routes6 => self.routes.clear(|key| key.prefix.addr().is_ipv6()),
        }
    }

    /// Fills in what a message leaves to look up: the next hops of a route by next-hop object.
    pub fn resolve(&self, change: &mut Change) {
        if let Some(Object::Route(route)) = change.object_mut()
            && let Some(id) = route.nhid
        {
            route.nexthops = self.hops_of(id, &route.nexthops);
        }
    }

    /// The name of a device, or `if7` for an index that we have no link for.
    pub fn device_name(&self, index: u32) -> String {
        self.links.get(&index).map_or_else(|| unnamed_device(index), |link| link.name.clone())
    }

    pub fn links(&self) -> impl Iterator<Item = &Link> {
        self.links.values()
    }

    pub fn link(&self, name: &str) -> Option<&Link> {
        self.links.values().find(|link| link.name == name)
    }

    /// The routing table of a VRF device.
    pub fn vrf_table(&self, vrf: &str) -> Option<u32> {
        self.link(vrf)?.vrf_table
    }

    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.addresses.values()
    }

    pub fn neighbours(&self) -> impl Iterator<Item = &Neighbour> {
        self.neighbours.values()
    }

    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter()
    }

    pub fn nexthop_objects(&self) -> impl Iterator<Item = &NexthopObject> {
        self.nexthops.values()
    }

    /// Every route of every table, by prefix. Each is built for the caller: for one prefix ask
    /// [`KernelState::routes_to`].
    pub fn routes(&self) -> impl Iterator<Item = Route> {
        self.routes.iter().map(|(key, row)| self.route_of(key, row))
    }

    /// The routes to exactly this prefix, in all tables.
    pub fn routes_to(&self, prefix: IpNet) -> impl Iterator<Item = Route> {
        self.routes.to_prefix(prefix.trunc()).map(|(key, row)| self.route_of(key, row))
    }

    /// The routes of a table to longer prefixes inside of one, of the protocols that are asked for.
    pub fn routes_inside(
        &self,
        prefix: IpNet,
        table: u32,
        of: impl Fn(&str) -> bool,
    ) -> impl Iterator<Item = Route> {
        let inside = self.routes.inside(prefix.trunc());
        let asked = inside.filter(move |(key, row)| key.table == table && of(row.protocol()));
        asked.map(|(key, row)| self.route_of(key, row))
    }

    /// The route to exactly this prefix that a table prefers: the one of the lowest metric.
    pub fn route(&self, table: u32, prefix: IpNet) -> Option<Route> {
        self.routes_to(prefix).find(|route| route.table == table)
    }

    pub fn route_count(&self) -> usize {
        self.routes.lists().map(|(_, rows)| rows.len()).sum()
    }

    /// Whether the kernel was ever in this state. The differences that a reading found are applied one by one, and nobody
    /// knows in which order they came to be: only after the last of them the state is one to judge.
    pub fn is_settled(&self) -> bool {
        self.unsettled == 0
    }

    /// All tables were read once.
    pub fn is_read(&self) -> bool {
        self.read
    }

    /// Since when and why the state may be wrong; none when all is known.
    pub fn gap(&self) -> Option<&Gap> {
        self.gap.as_ref()
    }

    pub(super) fn route_of(&self, key: &RouteKey, row: &Row) -> Route {
        let hops = match row.nhid {
            Some(id) => self.hops_of(id, &row.hops),
            None => (*row.hops).clone(),
        };
        row.to_route(key, hops)
    }

    /// The members of a next-hop object or group, in the health that the route's own message gave. An object that we
    /// do not know leaves what the route itself said.
    fn hops_of(&self, id: u32, inline: &BTreeSet<NextHop>) -> BTreeSet<NextHop> {
        let Some(object) = self.nexthops.get(&id) else { return inline.clone() };
        let mut members = Vec::new();
        if object.group.is_empty() {
            members.push((object, 1));
        }
        members.extend(object.group.iter().filter_map(|m| Some((self.nexthops.get(&m.id)?, m.weight))));
        let healthy = members.into_iter().filter(|(member, _)| !member.blackhole);
        NextHop::set(healthy.map(|(member, weight)| {
            let mut hop = NextHop {
                gateway: member.gateway,
                device: member.device.clone(),
                weight,
                onlink: member.onlink,
                dead: member.dead,
                linkdown: member.linkdown,
            };
            if let Some(told) = inline.iter().find(|told| told.same_way(&hop)) {
                hop.dead |= told.dead;
                hop.linkdown |= told.linkdown;
            }
            hop
        }))
    }
}

/// What hangs on links: the kernel flushes next-hop objects without a message when their device goes down.
fn over_links() -> BTreeSet<Kind> {
    [Kind::Addresses, Kind::Neighbours, Kind::Nexthops, Kind::Routes4, Kind::Routes6].into()
}

fn unnamed_device(index: u32) -> String {
    format!("if{index}")
}

fn changed(changed: bool) -> Applied {
    Applied { changed, stale: BTreeSet::new() }
}

fn replaced<T: PartialEq>(old: Option<T>, new: &T) -> bool {
    old.as_ref() != Some(new)
}

fn take_where<K: Ord + Clone, V>(map: &mut BTreeMap<K, V>, which: impl Fn(&V) -> bool) -> Vec<V> {
    let keys: Vec<K> = map.iter().filter(|(_, value)| which(value)).map(|(key, _)| key.clone()).collect();
    keys.iter().filter_map(|key| map.remove(key)).collect()
}

impl Effect {
    fn into_applied(self, kind: Kind) -> Applied {
        Applied {
            changed: self == Effect::Changed,
            stale: if self == Effect::Contradiction { [kind].into() } else { BTreeSet::new() },
        }
    }
}

impl Key {
    pub fn of(object: &Object) -> Key {
        match object {
            Object::Link(link) => Key::Link(link.index),
            Object::Address(address) => Key::Address(address.device.clone(), address.address),
            Object::Neighbour(n) => Key::Neighbour(n.device.clone(), n.address, n.proxy),
            Object::Rule(rule) => Key::Rule(Box::new(rule.clone())),
            Object::Nexthop(nexthop) => Key::Nexthop(nexthop.id),
            Object::Route(route) => Key::Route(RouteKey::of(route)),
        }
    }
}

impl Address {
    pub(super) fn key(&self) -> (String, IpNet) {
        (self.device.clone(), self.address)
    }
}

impl Neighbour {
    pub(super) fn key(&self) -> (String, IpAddr, bool) {
        (self.device.clone(), self.address, self.proxy)
    }
}
