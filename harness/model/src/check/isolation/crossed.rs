//! Links that lead where another segment's should: VLANs that are swapped or joined on the way.

use crate::fact::{HostPort, Isolation, Shooter, Shot};
use crate::scenario::ExpectIsolation;

/// What the node sent to a segment's host by the segment's interface, and where it arrived instead. Addresses do not matter
/// for it: the frame goes to the host's link-layer address, and both VLANs of a trunk have the same.
pub(super) fn crossed(expect: &ExpectIsolation, seen: &Isolation) -> Option<String> {
    let witness = |shot: &&Shot| shot.sender == Shooter::Node && shot.from == shot.to;
    seen.probes.iter().filter(witness).find_map(|shot| {
        let (other, at) = astray(shot, seen)?;
        let interface = &expect.segments.get(&shot.from)?.interface;
        Some(format!(
            "VLANs are swapped or joined: what {} sends to {} by {interface} arrives at {} ({}), which is the port of {other} \
             and not of {}",
            expect.node, shot.dst, at.node, at.interface, shot.from
        ))
    })
}

/// The segment whose port a frame ended at, though it was sent into another.
fn astray<'a>(shot: &Shot, seen: &'a Isolation) -> Option<(&'a String, &'a HostPort)> {
    let own = seen.ports.get(&shot.from);
    let other = |(segment, port): &(&String, &HostPort)| **segment != shot.from && Some(*port) != own;
    seen.ports.iter().filter(other).find(|(_, port)| shot.arrived.contains(*port))
}
