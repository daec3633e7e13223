//! What is expected of many routes, and of many nodes.

use super::Resolver;
use crate::diag::{Diagnostic, Seg};
use crate::fact::names::Word;
use crate::scenario::expect::Expect;
use crate::scenario::routes::ExpectRoutes;
use crate::topology::Role;

impl Resolver<'_> {
    /// Unless a node has that name.
    pub(super) fn is_of_all(&self, expect: &Expect) -> bool {
        expect.node() == Expect::ALL && self.topology.find(Expect::ALL).is_none()
    }

    /// What is expected of every cluster node makes sense on any of them.
    pub(super) fn of_all(&self, expect: &Expect, at: &[Seg], node: &[Seg]) -> Result<(), Diagnostic> {
        let Some(first) = self.topology.nodes.iter().find(|node| node.role == Role::ClusterNode) else {
            return Err(self.source.error_at(node, "the topology has no cluster nodes"));
        };
        match expect.on(&first.name) {
            Some(one) => self.expectation(&one, at),
            None => {
                let why = format!("`{}` is of one node", expect.word());
                Err(self
                    .source
                    .error_at(node, why)
                    .hint("`node: all` goes with session, route, routes and rib-fib"))
            }
        }
    }

    pub(super) fn routes(
        &self,
        routes: &ExpectRoutes,
        field: &dyn Fn(&str) -> Vec<Seg>,
    ) -> Result<(), Diagnostic> {
        self.any_node(&routes.node, &field("node"))?;
        self.gateways(&routes.via, &field("via"))?;
        self.not_empty(&routes.via, &field("via"), "no routes at all are `count: 0`")?;
        self.kernel_word(routes.proto.as_ref(), Word::Protocol, &field("proto"))?;
        match routes.proto.is_none() && routes.inside.is_none() {
            true => {
                let error =
                    self.source.error_at(&field("count"), "`routes` needs `proto`, `inside`, or both");
                Err(error.hint("else the routes of the node's own interfaces are counted, too"))
            }
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::testing;

    fn mistake(step: &str) -> Option<String> {
        testing::mistake(step).map(|error| error.to_string())
    }

    #[test]
    fn of_all_nodes_is_what_may_be_and_in_words() {
        let steps = "
  - expect: { routes: { node: all, count: 10000, via: [gw1, gw2], proto: bgp } }
  - expect: { routes: { node: n, count: { at-least: 1 }, inside: 100.64.0.0/10 } }
  - expect: { session: { node: all, peer: gw1 } }
  - expect: { route: { node: all, prefix: 172.16.1.0/24, via: [gw1] } }
  - expect: { rib-fib: { node: all } }";
        let scenario = testing::scenario(steps).unwrap_or_else(|e| panic!("{e}"));
        let names: Vec<&str> = scenario.runs[0].steps.iter().map(|step| step.name.as_str()).collect();
        insta::assert_snapshot!(names.join("\n"), @r"
        every cluster node has 10000 routes of protocol bgp via gw1 and gw2
        n has at least 1 routes inside 100.64.0.0/10
        session every cluster node -> gw1 is established
        every cluster node has 172.16.1.0/24 via gw1
        FRR and the kernel of every cluster node agree
        ");
    }

    #[test]
    fn what_means_nothing_is_refused() {
        let wrong = [
            "expect: { routes: { node: n, count: 3 } }",
            "expect: { routes: { node: n, count: few, proto: bgp } }",
            "expect: { routes: { node: n, count: 3, proto: bgp, via: [] } }",
            "expect: { routes: { node: n, count: 3, proto: bgp, via: [gw3] } }",
            "expect: { routes: { node: n, count: 3, proto: bgp, inside: 10.0.0.1/8 } }",
            "expect: { routes: { node: alle, count: 3, proto: bgp } }",
            "{ expect: { routes: { node: all, count: 3, proto: bgp } }, holds: 1s }",
            "expect: { ecmp: { node: all, prefix: 172.16.1.0/24, via: [gw1, gw2] } }",
            "expect: { session: { node: all, peer: gw3 } }",
        ];
        insta::assert_snapshot!(wrong.map(|step| mistake(step).unwrap_or_default()).join("\n"), @r"
        /t/scenario.yaml:6:41: `routes` needs `proto`, `inside`, or both
        /t/scenario.yaml:6:41: expected a number, or { at-least: N, at-most: M }, found the text `few`
        /t/scenario.yaml:6:61: an empty list says nothing: without it any will do
        /t/scenario.yaml:6:62: unknown node `gw3`
        /t/scenario.yaml:6:64: `10.0.0.1/8` is an address in the prefix 10.0.0.0/8
        /t/scenario.yaml:6:31: unknown node `alle`
        /t/scenario.yaml:6:71: `node: all` goes with `within`
        /t/scenario.yaml:6:29: `ecmp` is of one node
        /t/scenario.yaml:6:43: unknown node `gw3`
        ");
    }
}
