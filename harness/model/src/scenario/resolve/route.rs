//! `route`: names, and words that a route of the kernel can have.

use super::{Resolver, key};
use crate::diag::{Diagnostic, Seg};
use crate::fact::names::Word;
use crate::scenario::expect::ExpectRoute;

impl Resolver<'_> {
    pub(super) fn route(
        &self,
        route: &ExpectRoute,
        field: &dyn Fn(&str) -> Vec<Seg>,
    ) -> Result<(), Diagnostic> {
        self.any_node(&route.node, &field("node"))?;
        self.gateways(&route.via, &field("via"))?;
        let hint = "a route by a device alone is `nexthops: [{ dev: eth1 }]`, one that leads nowhere `type: blackhole`, and \
                    none at all `no-route`";
        self.not_empty(&route.via, &field("via"), hint)?;
        self.not_empty(&route.nexthops, &field("nexthops"), hint)?;
        for (i, hop) in route.nexthops.iter().enumerate() {
            let at = |name: &str| [field("nexthops"), vec![Seg::Index(i), key(name)]].concat();
            hop.via.as_ref().map_or(Ok(()), |via| self.peer(via, &at("via")))?;
            hop.weight.map_or(Ok(()), |weight| self.weight(weight, &at("weight")))?;
        }
        self.kernel_word(route.proto.as_ref(), Word::Protocol, &field("proto"))?;
        self.kernel_word(route.kind.as_ref(), Word::Kind, &field("type"))?;
        self.kernel_word(route.scope.as_ref(), Word::Scope, &field("scope"))?;
        let either = |one: &str, other: &str| {
            Err(self.source.error_at(&field(one), format!("`{one}` and `{other}` say the same: one of them")))
        };
        match route {
            _ if !route.via.is_empty() && !route.nexthops.is_empty() => either("via", "nexthops"),
            _ if route.vrf.is_some() && route.table != ExpectRoute::MAIN => either("vrf", "table"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::testing;

    /// The error, with its place.
    fn mistake(step: &str) -> Option<String> {
        testing::mistake(step).map(|error| error.to_string())
    }

    fn route(fields: &str) -> Option<String> {
        mistake(&format!("expect: {{ route: {{ node: n, {fields} }} }}"))
    }

    #[test]
    fn words_of_the_kernel_are_checked() {
        let fine = [
            "prefix: 172.16.1.0/24, via: [gw1], proto: bgp, type: unicast, scope: global",
            "prefix: 172.16.1.0/24, proto: '77', table: 100",
            "prefix: 172.16.1.0/24, table: main",
            "prefix: 'fc00::/64', nexthops: [{ via: gw1, dev: eth1, weight: 256 }], vrf: red",
        ];
        assert_eq!(fine.map(route), [None, None, None, None]);
        let wrong = [
            "prefix: 172.16.1.1/24",
            "prefix: 172.16.1.0/24, proto: bpg",
            "prefix: 172.16.1.0/24, proto: '186'",
            "prefix: 172.16.1.0/24, type: blackhol",
            "prefix: 172.16.1.0/24, scope: galaxy",
            "prefix: 172.16.1.0/24, nexthops: [{ via: gw1, weight: 0 }]",
            "prefix: 172.16.1.0/24, vrf: red, table: 10",
            "prefix: 172.16.1.0/24, via: [gw1], nexthops: [{ via: gw1 }]",
            "prefix: 172.16.1.0/24, via: []",
            "prefix: 172.16.1.0/24, table: red",
            "prefix: 172.16.1.0/24, table: any",
            "prefix: 172.16.1.0/24, table: 0",
        ];
        insta::assert_snapshot!(wrong.map(|fields| route(fields).unwrap()).join("\n"), @r#"
        /t/scenario.yaml:6:41: `172.16.1.1/24` is an address in the prefix 172.16.1.0/24
        /t/scenario.yaml:6:63: unknown protocol `bpg`
        /t/scenario.yaml:6:63: unknown protocol `186`
        /t/scenario.yaml:6:62: unknown type of route `blackhol`
        /t/scenario.yaml:6:63: unknown scope `galaxy`
        /t/scenario.yaml:6:87: 0 is not a weight: the kernel knows 1 to 256
        /t/scenario.yaml:6:61: `vrf` and `table` say the same: one of them
        /t/scenario.yaml:6:61: `via` and `nexthops` say the same: one of them
        /t/scenario.yaml:6:61: an empty list says nothing: without it any will do
        /t/scenario.yaml:6:63: `red` is no table: a number, `main`, `local` or `default`; a VRF's table is `vrf: NAME`
        /t/scenario.yaml:6:63: a route is in one table: `any` goes with `no-route` only
        /t/scenario.yaml:6:63: the number 0 is not allowed here: expected the number of a kernel table, or `main`, `local` or `default`
        "#);
    }

    #[test]
    fn expectations_that_cannot_mean_anything_are_refused() {
        let wrong = [
            "{ expect: { no-route: { node: n, prefix: 172.16.1.0/24 } }, holds: 1s, witness: 172.16.1.0/24 }",
            "{ expect: { no-route: { node: n, prefix: 172.16.1.0/24 } }, holds: 1s, witness: 172.16.2.1/24 }",
            "{ expect: { no-route: { node: n, proto: bgpd } }, holds: 1s, witness: 172.16.2.0/24 }",
            "{ expect: { no-route: { node: n, prefix: 172.16.0.0/16, or-longer: true } }, holds: 1s, witness: 172.16.1.0/24 }",
            "{ expect: { no-route: { node: n, proto: bgp, or-longer: true } }, holds: 1s, witness: 172.16.1.0/24 }",
            "fault: { exec: { node: n, command: [] } }",
            "fault: { exec: { node: n, command: [ip route flush table main] } }",
            "expect: { session: { node: n, peer: gw1, prefixes: { family: ipv4 } } }",
            "fault: { netem: { node: n, interface: eth1, loss: 500% } }",
            "fault: { netem: { node: n, interface: eth1, delay: soon } }",
        ];
        insta::assert_snapshot!(wrong.map(|step| mistake(step).unwrap()).join("\n"), @r#"
        /t/scenario.yaml:6:85: the witness must be there and the same prefix must not
        /t/scenario.yaml:6:85: `172.16.2.1/24` is an address in the prefix 172.16.2.0/24
        /t/scenario.yaml:6:45: unknown protocol `bgpd`
        /t/scenario.yaml:6:102: the witness must be there and what is inside the prefix must not
        /t/scenario.yaml:6:61: `or-longer` goes with `prefix`
        /t/scenario.yaml:6:40: `command` is empty
        /t/scenario.yaml:6:40: `ip route flush table main` is no program: each word is an item of the list
        /t/scenario.yaml:6:56: `prefixes` without a count says nothing
        /t/scenario.yaml:6:55: `500%` is not a share such as 5%
        /t/scenario.yaml:6:56: `soon` is not a duration such as 20ms
        "#);
        assert_eq!(mistake("fault: { netem: { node: n, interface: eth1, loss: 5%, delay: 20ms } }"), None);
    }
}
