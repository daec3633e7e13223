//! Sets of Kubernetes objects as users might apply them, valid for the most part, for one release.

mod cluster;
mod fields;
mod routing;

use proptest::prelude::*;
use routeproof_model::metallb::Generation;
use serde_json::{Value, json};

/// The objects of one case, in the order in which they are applied.
pub fn case(generation: Generation) -> BoxedStrategy<Vec<Value>> {
    let parts = vec![
        cluster::nodes(),
        cluster::namespaces(),
        cluster::secrets(),
        routing::bfd_profiles(),
        routing::communities(generation),
        routing::pools(generation),
        routing::peers(generation),
        routing::advertisements(generation),
        cluster::services(generation),
        cluster::extras(),
    ];
    parts.prop_map(|parts| parts.into_iter().flatten().collect()).boxed()
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

    /// A generator whose cases are all refused proves nothing.
    #[test]
    fn most_cases_are_accepted() {
        let mut runner = TestRunner::deterministic();
        for generation in [Generation::V0_13_10, Generation::V0_16_0] {
            let accepted = (0..100)
                .filter(|_| {
                    crate::ours::apply(&case(generation).new_tree(&mut runner).unwrap().current()).is_ok()
                })
                .count();
            assert!((40..100).contains(&accepted), "{generation:?}: {accepted} of 100");
        }
    }
}
