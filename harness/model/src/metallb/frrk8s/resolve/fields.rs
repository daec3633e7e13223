//! Fields that an frr-k8s does not have.

use crate::metallb::frrk8s::specs::{NeighborSpec, RouterSpec};
use crate::metallb::frrk8s::version::{FrrK8s, Generation};
use crate::metallb::reject::{Place, Reject};
use crate::path;

/// A field, whether it is set, the first shipped release that has it, and the first that has it at all.
type Field = (&'static str, bool, Generation, &'static str);

pub(super) fn of_router(place: &Place, r: &RouterSpec, frr_k8s: &FrrK8s) -> Result<(), Box<Reject>> {
    check(place, &[("imports", !r.imports.is_empty(), Generation::V0_0_14, "v0.0.14")], frr_k8s)
}

pub(super) fn of_neighbor(place: &Place, n: &NeighborSpec, frr_k8s: &FrrK8s) -> Result<(), Box<Reject>> {
    let fields = [
        ("connectTime", n.connect_time.is_some(), Generation::V0_0_10, "v0.0.10"),
        ("disableMP", n.disable_mp, Generation::V0_0_11, "v0.0.11"),
        ("sourceaddress", !n.source_address.is_empty(), Generation::V0_0_13, "v0.0.12"),
        ("enableGracefulRestart", n.enable_graceful_restart, Generation::V0_0_14, "v0.0.14"),
        ("dynamicASN", !n.dynamic_asn.is_empty(), Generation::V0_0_16, "v0.0.15"),
        ("interface", !n.interface.is_empty(), Generation::V0_0_20, "v0.0.17"),
        ("dualStackAddressFamily", n.dual_stack_address_family, Generation::V0_0_20, "v0.0.19"),
        ("localASN", n.local_asn.is_some(), Generation::V0_0_25, "v0.0.24"),
    ];
    check(place, &fields, frr_k8s)
}

fn check(place: &Place, fields: &[Field], frr_k8s: &FrrK8s) -> Result<(), Box<Reject>> {
    match fields.iter().find(|(_, set, generation, _)| *set && frr_k8s.generation < *generation) {
        None => Ok(()),
        Some((field, _, _, since)) => Err(place
            .at(path![*field])
            .reject(format!("{frr_k8s}, which this MetalLB ships, has no field `{field}`"))
            .hint(format!(
                "`{field}` exists since frr-k8s {since}; choose a newer `metallb.version` or leave it out"
            ))),
    }
}
