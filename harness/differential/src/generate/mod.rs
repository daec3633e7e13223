//! Sets of Kubernetes objects as users might apply them, valid for the most part, for one release.

mod cluster;
mod fields;
mod frr_k8s;
mod legacy;
mod routing;
mod services;

use proptest::prelude::*;
use routeproof_model::metallb::{Generation, Mode};
use serde_json::{Value, json};

/// The objects of one case, in the order in which they are applied.
pub fn case(generation: Generation, mode: Mode) -> BoxedStrategy<Vec<Value>> {
    let mut parts = vec![cluster::nodes(), cluster::namespaces(), cluster::secrets()];
    match generation {
        Generation::V0_12 => parts.push(legacy::config()),
        _ => parts.extend([
            routing::bfd_profiles(),
            routing::communities(generation),
            routing::pools(generation),
            routing::peers(generation),
            routing::advertisements(generation),
        ]),
    }
    parts.push(cluster::services(generation));
    match mode {
        Mode::Frr => parts.push(cluster::extras()),
        Mode::FrrK8s => parts.push(frr_k8s::configurations(generation)),
    }
    parts.prop_map(|parts| parts.into_iter().flatten().collect()).boxed()
}

/// Pools and the Services that want their addresses.
#[derive(Clone, Debug)]
pub struct Allocation {
    pub base: Vec<Value>,
    /// In the order in which they are created.
    pub services: Vec<Value>,
}

/// One case for the controllers.
pub fn allocation(generation: Generation) -> BoxedStrategy<Allocation> {
    let pools = match generation {
        Generation::V0_12 => services::legacy_pools(),
        _ => services::pools(generation),
    };
    (vec![cluster::namespaces(), pools], services::services(generation))
        .prop_map(|(base, services)| Allocation { base: base.into_iter().flatten().collect(), services })
        .boxed()
}

type Objects = BoxedStrategy<Vec<Value>>;

/// Objects of one kind in MetalLB's namespace, named after `names` in turn.
fn named(
    api: &'static str,
    kind: &'static str,
    names: &'static [&'static str],
    specs: impl Strategy<Value = Vec<(Value, Value)>> + 'static,
) -> Objects {
    let object = move |(i, (labels, spec)): (usize, (Value, Value))| {
        let metadata =
            json!({"name": names[i % names.len()], "namespace": "metallb-system", "labels": labels});
        json!({"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec})
    };
    specs.prop_map(move |all| all.into_iter().enumerate().map(object).collect()).boxed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    use routeproof_model::metallb::Release;

    use crate::verdict::Verdict;

    /// A generator whose cases are all refused proves nothing.
    #[test]
    fn most_cases_are_accepted() {
        let mut runner = TestRunner::deterministic();
        for (version, mode) in [
            ("v0.12.1", Mode::Frr),
            ("v0.13.10", Mode::Frr),
            ("v0.16.0", Mode::Frr),
            ("v0.16.0", Mode::FrrK8s),
        ] {
            let release = Release::find(version).unwrap();
            let is_accepted = |objects: Vec<Value>| {
                let verdict = crate::ours::verdict(release, mode, &crate::ours::apply(release, &objects));
                matches!(verdict, Verdict::Conf { .. })
            };
            let strategy = case(release.generation, mode);
            let accepted =
                (0..100).filter(|_| is_accepted(strategy.new_tree(&mut runner).unwrap().current())).count();
            assert!((12..100).contains(&accepted), "{release} {}: {accepted} of 100", mode.name());
        }
    }
}
