//! Leaks that an expectation declares: they are to be there, as far as they go and no farther.

use ipnet::IpNet;

use super::matrix::{Finding, Standing};
use super::pair::Pair;
use super::{crossings, is_of, tables};
use crate::check::AddressBook;
use crate::fact::{Isolation, KernelState, names};

/// Whether packets to an address, or routes to a prefix, may take the way across.
pub(super) fn covers(pair: &Pair<'_>, prefix: IpNet) -> bool {
    pair.leaks.iter().any(|leak| leak.contains(&prefix))
}

/// What the table shows of declared leaks: a route across for each of their prefixes. `None` without such leaks.
pub(super) fn in_table(pair: &Pair<'_>, kernel: &KernelState, book: &AddressBook) -> Option<Finding> {
    let missing = pair.leaks.iter().find(|leak| !tables::leads_across(pair, **leak, kernel, book));
    (!pair.leaks.is_empty()).then(|| match missing {
        None => Finding::good(Standing::Declared),
        Some(leak) => {
            let table = names::table(pair.from.table);
            Finding::absent(format!(
                "table {table} of {} has no route to {leak} that leads into {}",
                pair.from.name, pair.to.name
            ))
        }
    })
}

/// What the kernel answers for addresses of declared leaks, of those that were asked for.
pub(super) fn in_lookups(pair: &Pair<'_>, seen: &Isolation) -> Option<Finding> {
    let mut asked = crossings(pair, seen).filter(|c| covers(pair, IpNet::from(c.dst))).peekable();
    asked.peek()?;
    let across =
        |route: &crate::fact::Route| route.nexthops.iter().any(|hop| is_of(&pair.to, hop.device.as_deref()));
    let missing = asked.find(|c| !c.chosen.as_ref().is_ok_and(across));
    Some(match missing {
        None => Finding::good(Standing::Declared),
        Some(crossing) => Finding::absent(format!(
            "the kernel does not send what comes in by {} for {} into {}",
            pair.from.segment.interface, crossing.dst, pair.to.name
        )),
    })
}

/// The look's finding with what was declared: a leak beyond that stays one, and a missing witness says why.
pub(super) fn with(found: Finding, declared: Option<Finding>) -> Finding {
    match (found.standing, declared) {
        (Standing::Isolated, Some(declared)) => declared,
        (Standing::Unproved, Some(declared)) if declared.standing == Standing::Absent => declared,
        _ => found,
    }
}
