//! What a recording has to show of a window, expectation by expectation.

use super::name;
use crate::check::{
    AddressBook, Checked, bond, ecmp, ecmp_route, isolation, no_route, return_path, rib_fib, route, routes,
    session,
};
use crate::fact::{Flows, KernelState, Mono, Returned};
use crate::plan::PlannedRun;
use crate::recording::Recording;
use crate::scenario::{Expect, ExpectEcmp, ExpectIsolation, ExpectReturnPath};

/// A time from which, and one up to which.
type Span = (Mono, Mono);

/// Shows every state of the window to `look`: the kernel's after each event, the daemons' at each change that was seen,
/// zebra's at its end.
pub(super) fn looks(
    run: &PlannedRun,
    recording: &Recording,
    expect: &Expect,
    from: Mono,
    to: Mono,
    mut look: impl FnMut(Checked),
) {
    let node = name(run, expect.node());
    let mut kernel = |check: &dyn Fn(Mono, &KernelState) -> Checked| {
        recording.kernel_states(node, from, to, |at, state| look(check(at, state)));
    };
    match expect {
        Expect::Route(e) => kernel(&|at, state| route(e, state, &recording.book_at(at))),
        Expect::Routes(e) => kernel(&|at, state| routes(e, state, &recording.book_at(at))),
        Expect::NoRoute(e) => kernel(&|_, state| no_route(e, state)),
        Expect::Bond(e) => kernel(&|_, state| bond(e, state)),
        Expect::Session(e) => {
            let before = recording.lost_before(node, from);
            recording.session_states(node, from, to, |sessions, bfd| {
                look(session(e, sessions, bfd, &recording.book, &before));
            });
        }
        // They have histories of their own, not looks.
        Expect::Convergence(_) | Expect::Loss(_) => {}
        Expect::RibFib(e) => match recording.rib_at(node, to) {
            None => look(missing(format!("zebra of {} was not asked", e.node))),
            Some(rib) => {
                recording.kernel_states(node, to, to, |_, state| look(rib_fib(&e.node, rib, state)));
            }
        },
        Expect::ReturnPath(e) => {
            return_paths(recording, e, (node, name(run, &e.client)), (from, to), &mut look);
        }
        Expect::Isolation(e) => isolations(recording, e, node, (from, to), &mut look),
        Expect::Ecmp(e) => flows(recording, e, node, (from, to), &mut look),
    }
}

fn missing(status: String) -> Checked {
    Checked { holds: false, unproved: false, status, evidence: Vec::new() }
}

fn return_paths(
    recording: &Recording,
    expect: &ExpectReturnPath,
    (node, client): (&str, &str),
    (from, to): Span,
    look: &mut impl FnMut(Checked),
) {
    let of_family = |seen: &&Returned| expect.family.is_none_or(|f| f.is_of(seen.client));
    let mut asked = false;
    for seen in recording.returned((node, client, &expect.to), from, to).filter(of_family) {
        asked = true;
        look(return_path(expect, seen, &recording.book_at(seen.exchange.at)));
    }
    if !asked {
        look(missing(format!("{} did not ask {}", expect.client, expect.to)));
    }
}

fn isolations(
    recording: &Recording,
    expect: &ExpectIsolation,
    node: &str,
    (from, to): Span,
    look: &mut impl FnMut(Checked),
) {
    let mut looked = false;
    for seen in recording.isolation(node, from, to) {
        looked = true;
        recording.kernel_states(node, seen.at, seen.at, |_, state| {
            look(isolation(expect, state, seen, &recording.book));
        });
    }
    if !looked {
        look(missing(format!("the segments of {} were not looked at", expect.node)));
    }
}

fn flows(
    recording: &Recording,
    expect: &ExpectEcmp,
    node: &str,
    (from, to): Span,
    look: &mut impl FnMut(Checked),
) {
    let of_it = |flows: &&Flows| flows.prefix == expect.prefix && flows.vrf == expect.vrf;
    let mut counted = false;
    for flows in recording.flows(node, from, to).filter(of_it) {
        counted = true;
        recording.kernel_states(node, flows.at, flows.at, |at, state| {
            look(ecmp(expect, state, flows, &recording.book_at(at)));
        });
    }
    if !counted {
        recording.kernel_states(node, to, to, |at, state| {
            look(uncounted(expect, state, &recording.book_at(at)));
        });
    }
}

/// Flows are sent only once the table is right; without any the expectation is not met.
fn uncounted(expect: &ExpectEcmp, kernel: &KernelState, book: &AddressBook) -> Checked {
    let by_table = ecmp_route(expect, kernel, book);
    match by_table.holds {
        true => Checked { holds: false, status: "no flows were counted".to_string(), ..by_table },
        false => by_table,
    }
}
