//! What a run asks of its gateways that their routers cannot do, or do not tell.

use super::ability::Ability;
use super::file::Told;
use super::router::Router;
use crate::plan::PlannedRun;
use crate::scenario::{Expect, ExpectSession, Fault, Verb};

/// Something that is missing: a run that needs it is skipped with the reason, and never passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beyond {
    /// `fib of gobgp 3.36`.
    pub capability: String,
    pub detail: String,
}

/// What the labs are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stand {
    Namespaces,
    Containers,
}

/// The first thing that a run asks in vain; known before anything is booted.
pub fn beyond(run: &PlannedRun, stand: Stand) -> Option<Beyond> {
    let of_router = run.routers.iter().find_map(|(node, router)| {
        let beyond = match (router.is_of_containerlab(), stand) {
            (true, Stand::Containers) => of_container(run, node, router),
            (true, Stand::Namespaces) => Some(not_here(router, "; `--backend containerlab` runs it")),
            (false, _) => router.not_run_here.is_some().then(|| not_here(router, "")),
        };
        if beyond.is_some() {
            return beyond;
        }
        let (ability, reason) = router.lacks().into_iter().next()?;
        Some(lacking(router, ability, reason))
    });
    of_router.or_else(|| run.steps.iter().find_map(|step| of_step(run, &step.verb)))
}

fn not_here(router: &Router, but: &str) -> Beyond {
    let reason = router.not_run_here.as_deref().unwrap_or("only containerlab starts it");
    Beyond { capability: router.title(), detail: format!("it cannot be run here: {reason}{but}") }
}

/// What a topology or a step does in a gateway that is a container of containerlab's: its own programs are in charge there.
fn of_container(run: &PlannedRun, name: &str, router: &Router) -> Option<Beyond> {
    let node = run.topology.node(name)?;
    let missing = |what: &str, detail: String| {
        Some(Beyond { capability: format!("{what} of {}", router.title()), detail })
    };
    if let Some(interface) = node.interfaces.first() {
        let detail = format!(
            "the topology declares {}, which only the router's configuration could make",
            interface.name
        );
        return missing("declared interfaces", detail);
    }
    if let Some(line) = node.other_line().filter(|_| router.configures_addresses()) {
        return missing(
            "exec lines",
            format!("`{line}` would change a kernel that does not forward its packets"),
        );
    }
    let bypassed = router.configures_addresses();
    run.steps.iter().find_map(|step| match &step.verb {
        Verb::Fault(fault) if run.topology.find(fault.node()).is_some_and(|n| n.name == name) => {
            match fault {
                Fault::Unplug { .. } | Fault::PlugIn { .. } | Fault::Exec { .. } => None,
                // As of any router whose profile says how.
                Fault::Withdraw { .. } | Fault::Announce { .. } => None,
                _ => missing(
                    &format!("`{}`", fault.name()),
                    "nothing stops or changes parts of its container".to_string(),
                ),
            }
        }
        verb if bypassed && is_about_packets(verb) => {
            let detail =
                "packets are sent and counted in a gateway's kernel, which this router's may pass by"
                    .to_string();
            missing(&format!("`{}`", step.name), detail)
        }
        _ => None,
    })
}

fn is_about_packets(verb: &Verb) -> bool {
    match verb {
        Verb::Stream(_) => true,
        Verb::Eventually { expect, .. } | Verb::Holds { expect, .. } => {
            matches!(expect, Expect::Ecmp(_) | Expect::ReturnPath(_) | Expect::Isolation(_) | Expect::Loss(_))
        }
        _ => false,
    }
}

fn lacking(router: &Router, ability: Ability, reason: &str) -> Beyond {
    Beyond { capability: format!("{ability} of {}", router.title()), detail: reason.to_string() }
}

fn of_step(run: &PlannedRun, verb: &Verb) -> Option<Beyond> {
    let router = |name: &str| {
        let owner = name.parse().ok().and_then(|address| run.topology.owner_of(address));
        run.routers.get(&owner.or_else(|| run.topology.find(name))?.name)
    };
    match verb {
        // What is absent counts only if the gateway says that it sends it.
        Verb::Holds { expect: Expect::NoRoute(absent), .. }
            if absent.peer.as_deref().and_then(router).is_some_and(|router| !router.tells_advertised()) =>
        {
            absent.peer.as_deref().and_then(router).map(no_adj_rib_out)
        }
        Verb::Diagnose(d) if router(&d.peer).is_some_and(|router| !router.tells_advertised()) => {
            router(&d.peer).map(no_adj_rib_out)
        }
        Verb::Eventually { expect, .. } | Verb::Holds { expect, .. } => {
            of_expect(router(expect.node())?, expect)
        }
        Verb::Fault(fault) => of_fault(router(fault.node())?, fault),
        _ => None,
    }
}

fn no_adj_rib_out(router: &Router) -> Beyond {
    let detail = "its profile does not say how to ask for what it sends".to_string();
    Beyond { capability: format!("advertised routes of {}", router.title()), detail }
}

fn of_expect(router: &Router, expect: &Expect) -> Option<Beyond> {
    let ability = match expect {
        Expect::Session(session) => {
            let untold = asked(session).find(|told| !router.tells(*told))?;
            let what = format!("{} of sessions of {}", untold.name(), router.title());
            let detail = "its profile reads no such thing from the router's answers".to_string();
            return Some(Beyond { capability: what, detail });
        }
        Expect::RibFib(_) if router.driver == super::Driver::Frr => return None,
        Expect::RibFib(_) => {
            let detail = "only FRR's zebra is asked what it has installed".to_string();
            return Some(Beyond { capability: format!("rib-fib of {}", router.title()), detail });
        }
        Expect::Ecmp(_) => Ability::FibEcmp,
        Expect::Route(_) | Expect::Routes(_) | Expect::NoRoute(_) | Expect::Convergence(_) => Ability::Fib,
        Expect::Loss(_) | Expect::ReturnPath(_) | Expect::Isolation(_) | Expect::Bond(_) => return None,
    };
    router.cannot.get(&ability).map(|reason| lacking(router, ability, reason))
}

/// What an expectation wants to know of a session beyond its state.
fn asked(session: &ExpectSession) -> impl Iterator<Item = Told> {
    let counts = session.prefixes.as_ref();
    let all = [
        (Told::Uptime, session.uptime_at_least.is_some()),
        (Told::Prefixes, counts.is_some_and(|counts| counts.received.is_some() || counts.accepted.is_some())),
        (Told::Sent, counts.is_some_and(|counts| counts.sent.is_some())),
        (Told::Flaps, session.flaps.is_some()),
        (Told::LastReset, session.last_reset.is_some()),
        (Told::Capabilities, !session.capabilities.is_empty()),
        (Told::Bfd, session.bfd.is_some()),
        (Told::GracefulRestart, session.graceful_restart.is_some()),
    ];
    all.into_iter().filter(|(_, is_asked)| *is_asked).map(|(told, _)| told)
}

fn of_fault(router: &Router, fault: &Fault) -> Option<Beyond> {
    let by_frr = matches!(fault, Fault::Configure { .. } | Fault::ResetSession { .. });
    let by_reload = matches!(fault, Fault::Withdraw { .. } | Fault::Announce { .. });
    let missing = by_frr || (by_reload && router.reload.is_none());
    (router.driver != super::Driver::Frr && missing).then(|| Beyond {
        capability: format!("`{}` of {}", fault.name(), router.title()),
        detail: "its profile does not say how that is done".to_string(),
    })
}
