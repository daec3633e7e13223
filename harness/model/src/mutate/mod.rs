//! Mutation: a lab is broken on purpose to show that each expectation of a scenario can fail. What survives everything
//! that should break it proves nothing: it would hold without BGP, too.
//!
//! Pure: which mutations can break which expectation, and the commands that do it. The engine boots and breaks the labs.

mod commands;
mod report;
mod timed;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

pub use commands::commands;
pub use report::{Expectation, Fate, Report, Run, SCHEMA, Shown};
pub use timed::{Flapping, flapping, is_timed, outage};

use crate::fact::{KernelState, Route};
use crate::scenario::{Expect, ExpectRoute, Step, Verb};

/// What is done to a lab in which everything is well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mutation {
    /// The ConfigMap `bgpextras` is deleted and the speakers start again without it.
    DropExtras,
    /// The gateways' bgpd is killed.
    PeerDown,
    /// The node's interfaces go down.
    LinkDown,
    /// The route is deleted from the node's kernel, and zebra is stopped so that it cannot put it back.
    RemoveRoute,
    /// A route with several next hops loses one of them in the kernel.
    RemoveNextHop,
    /// The route becomes a blackhole in the kernel; FRR does not notice.
    Blackhole,
    /// A route that must not be there is put into the node's kernel.
    LeakRoute,
    /// The change from which a convergence counts is not made.
    SkipChange,
    /// On the way to its final state the route goes and comes back, or what is to go comes back and goes.
    Flap,
}

impl Mutation {
    pub const ALL: [Mutation; 9] = [
        Mutation::DropExtras,
        Mutation::PeerDown,
        Mutation::LinkDown,
        Mutation::RemoveRoute,
        Mutation::RemoveNextHop,
        Mutation::Blackhole,
        Mutation::LeakRoute,
        Mutation::SkipChange,
        Mutation::Flap,
    ];

    /// The word used in every output, the same as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Mutation::DropExtras => "drop-extras",
            Mutation::PeerDown => "peer-down",
            Mutation::LinkDown => "link-down",
            Mutation::RemoveRoute => "remove-route",
            Mutation::RemoveNextHop => "remove-next-hop",
            Mutation::Blackhole => "blackhole",
            Mutation::LeakRoute => "leak-route",
            Mutation::SkipChange => "skip-change",
            Mutation::Flap => "flap",
        }
    }
}

/// Expectations that are judged of one state: nothing between them changes the lab.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    /// Their steps' indexes, at least one.
    pub expects: Vec<usize>,
}

impl Phase {
    /// How many steps lead to the state and through its expectations.
    pub fn steps(&self) -> usize {
        self.expects.last().map_or(0, |last| last + 1)
    }
}

/// The phases of a run, in order.
pub fn phases(steps: &[Step]) -> Vec<Phase> {
    let mut phases: Vec<Phase> = Vec::new();
    let mut changed = true;
    for (index, step) in steps.iter().enumerate() {
        match (&step.verb, phases.last_mut()) {
            (Verb::Eventually { .. } | Verb::Holds { .. }, Some(phase)) if !changed => {
                phase.expects.push(index)
            }
            (Verb::Eventually { .. } | Verb::Holds { .. }, _) => phases.push(Phase { expects: vec![index] }),
            (Verb::Observe(_) | Verb::Diagnose(_) | Verb::Settle(_) | Verb::Stream(_), _) => continue,
            _ => {
                changed = true;
                continue;
            }
        }
        changed = false;
    }
    phases
}

/// The expectation of a step, and the prefix that witnesses it.
pub fn expectation(verb: &Verb) -> Option<(&Expect, Option<IpNet>)> {
    match verb {
        Verb::Eventually { expect, .. } => Some((expect, None)),
        Verb::Holds { expect, witness, .. } => Some((expect, *witness)),
        _ => None,
    }
}

/// Whether a lab is worth booting for it; what the kernel holds then may still make it pointless ([`applies`]).
pub fn may_apply(mutation: Mutation, verb: &Verb) -> bool {
    let Some((expect, witness)) = expectation(verb) else { return false };
    match (mutation, expect) {
        // A lab is broken at the node that an expectation looks at; of all nodes, others of the scenario look at one.
        _ if expect.node() == Expect::ALL => false,
        (_, Expect::Convergence(e)) => timed::breaks_convergence(mutation, e),
        (_, Expect::Loss(e)) => timed::breaks_loss(mutation, e),
        (Mutation::SkipChange | Mutation::Flap, _) => false,
        (Mutation::LeakRoute, expect) => {
            matches!(expect, Expect::NoRoute(_) | Expect::RibFib(_) | Expect::Isolation(_))
        }
        (Mutation::PeerDown | Mutation::LinkDown, Expect::Session(s)) => {
            s.state.eq_ignore_ascii_case("established")
        }
        // That its witnesses can go shows nothing of leaks.
        (_, Expect::Isolation(_)) => false,
        // No mutation is about the links below a bond.
        (_, Expect::Bond(_)) => false,
        (_, Expect::Session(_)) => false,
        // Without the session the service's address is not announced, without the link nothing comes or goes.
        (Mutation::PeerDown | Mutation::LinkDown, Expect::ReturnPath(_)) => true,
        (_, Expect::ReturnPath(_)) => false,
        (Mutation::RemoveNextHop, Expect::Route(r)) => r.via.len() + r.nexthops.len() > 1,
        (Mutation::RemoveNextHop, Expect::Routes(r)) => r.via.len() > 1,
        (_, Expect::Route(_) | Expect::Routes(_) | Expect::Ecmp(_)) => true,
        (Mutation::PeerDown | Mutation::LinkDown, Expect::NoRoute(n)) => {
            witness.is_some() || n.peer.is_some()
        }
        (Mutation::DropExtras | Mutation::RemoveRoute, Expect::NoRoute(_)) => witness.is_some(),
        (_, Expect::NoRoute(_)) => false,
        (Mutation::RemoveNextHop | Mutation::Blackhole, Expect::RibFib(_)) => true,
        (_, Expect::RibFib(_)) => false,
    }
}

/// Whether the mutation ought to break the expectation, given what the node's kernel holds before it.
///
/// Taking away a route that BGP did not bring shows nothing, unless the scenario asks for such a route by its protocol:
/// a connected route goes with its interface, whatever the router does.
pub fn applies(mutation: Mutation, verb: &Verb, kernel: &KernelState) -> bool {
    if !may_apply(mutation, verb) {
        return false;
    }
    let targets = targets(verb, kernel);
    let several = |route: &Route| route.nexthops.len() > 1;
    match (mutation, expectation(verb).map(|(expect, _)| expect)) {
        (Mutation::RemoveNextHop, _) => targets.iter().any(several),
        (
            Mutation::LinkDown | Mutation::RemoveRoute | Mutation::Blackhole,
            Some(Expect::Route(_) | Expect::Routes(_) | Expect::Ecmp(_)),
        ) => !targets.is_empty(),
        (Mutation::RemoveRoute, Some(Expect::NoRoute(_))) => !targets.is_empty(),
        (Mutation::Blackhole, Some(Expect::RibFib(_))) => !targets.is_empty(),
        (Mutation::Blackhole | Mutation::Flap, Some(Expect::Convergence(e))) => {
            e.absent || !targets.is_empty()
        }
        _ => true,
    }
}

/// The kernel's routes that the expectation stands on.
pub(crate) fn targets(verb: &Verb, kernel: &KernelState) -> Vec<Route> {
    let by_bgp = |route: &Route| route.protocol == "bgp";
    match expectation(verb) {
        Some((Expect::Route(e), _)) => {
            let table = e.vrf.as_ref().map_or(Some(e.table), |vrf| kernel.vrf_table(vrf));
            let meant =
                |r: &Route| Some(r.table) == table && (by_bgp(r) || e.proto.as_ref() == Some(&r.protocol));
            kernel.routes_to(e.prefix).filter(meant).collect()
        }
        // One is enough: the count is exact, and so is what each must be.
        Some((Expect::Routes(e), _)) => {
            let of = |protocol: &str| e.proto.as_deref().unwrap_or("bgp") == protocol;
            let first = kernel.alike(ExpectRoute::MAIN, of, e.inside).into_iter().next();
            first.map(|alike| alike.such_as).into_iter().collect()
        }
        Some((Expect::Ecmp(e), _)) => {
            let table = e.vrf.as_ref().map_or(Some(254), |vrf| kernel.vrf_table(vrf));
            kernel.routes_to(e.prefix).filter(|r| Some(r.table) == table && by_bgp(r)).collect()
        }
        Some((Expect::Convergence(e), _)) => {
            let table = e.vrf.as_ref().map_or(Some(e.table), |vrf| kernel.vrf_table(vrf));
            let meant = |r: &Route| {
                Some(r.table) == table && e.proto.as_ref().is_none_or(|proto| *proto == r.protocol)
            };
            kernel.routes_to(e.prefix).filter(meant).collect()
        }
        Some((Expect::NoRoute(e), Some(witness))) => {
            let of_vrf = e.vrf.as_ref().map(|vrf| kernel.vrf_table(vrf));
            let meant = |r: &Route| by_bgp(r) && of_vrf.is_none_or(|table| Some(r.table) == table);
            kernel.routes_to(witness).filter(meant).collect()
        }
        Some((Expect::RibFib(_), _)) => kernel.routes().filter(by_bgp).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests;
