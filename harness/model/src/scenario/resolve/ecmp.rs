//! `ecmp`: names, and numbers that can mean something.

use super::Resolver;
use crate::check::fewest_flows;
use crate::diag::{Diagnostic, Seg};
use crate::scenario::expect::ExpectEcmp;

/// Each is recorded; more would see no finer than a percent of all flows.
const MOST_FLOWS: u32 = 20_000;

impl Resolver<'_> {
    pub(super) fn ecmp(
        &self,
        spread: &ExpectEcmp,
        field: &dyn Fn(&str) -> Vec<Seg>,
    ) -> Result<(), Diagnostic> {
        self.any_node(&spread.node, &field("node"))?;
        self.gateways(&spread.via, &field("via"))?;
        for (i, via) in spread.via.iter().enumerate() {
            if spread.via[..i].contains(via) {
                let at = [field("via"), vec![Seg::Index(i)]].concat();
                return Err(self.source.error_at(&at, format!("gateway `{via}` is given twice")));
            }
        }
        let refuse = |name: &str, why: String| Err(self.source.error_at(&field(name), why));
        if spread.via.is_empty() {
            return refuse("via", "`ecmp` needs at least one gateway".to_string());
        }
        if let Some(weights) = &spread.weights {
            if weights.len() != spread.via.len() {
                let (weights, gateways) = (weights.len(), spread.via.len());
                return refuse("weights", format!("{weights} weights for {gateways} gateways"));
            }
            weights.iter().try_for_each(|weight| self.weight(*weight, &field("weights")))?;
        }
        let weights = (0..spread.via.len()).map(|i| f64::from(spread.weight(i)));
        let total: f64 = weights.clone().sum();
        let fewest = fewest_flows(&weights.map(|weight| weight / total).collect::<Vec<_>>());
        if spread.flows < fewest {
            let few = format!("{} flows are too few to tell that a gateway gets none", spread.flows);
            return refuse("flows", format!("{few}: at least {fewest} are needed here"));
        }
        match spread.flows > MOST_FLOWS {
            true => refuse("flows", format!("at most {MOST_FLOWS} flows")),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::testing;

    fn mistake(spread: &str) -> Option<String> {
        let expect = format!("expect: {{ ecmp: {{ node: n, prefix: 172.16.1.0/24, {spread} }} }}");
        testing::mistake(&expect).map(|error| error.message)
    }

    #[test]
    fn each_mistake_is_named() {
        for good in [
            "via: [gw1, gw2]",
            "via: [gw1], flows: 1",
            "via: [gw1, gw2], weights: [1, 256], flows: 20000, hash-policy: l4",
        ] {
            assert_eq!(mistake(good), None, "{good}");
        }
        let wrong = [
            "via: [gw1, gw3]",
            "via: []",
            "via: [gw1, gw1]",
            "via: [gw1, gw2], weights: [1]",
            "via: [gw1, gw2], weights: [0, 1]",
            "via: [gw1, gw2], flows: 18",
            "via: [gw1, gw2], flows: 20001",
            "via: [gw1, gw2], hash-policy: l5",
            "via: [gw1, gw2], proto: bgp",
        ];
        let all: Vec<String> = wrong.iter().map(|spread| mistake(spread).unwrap()).collect();
        insta::assert_snapshot!(all.join("\n"), @r"
        unknown node `gw3`
        `ecmp` needs at least one gateway
        gateway `gw1` is given twice
        1 weights for 2 gateways
        0 is not a weight: the kernel knows 1 to 256
        18 flows are too few to tell that a gateway gets none: at least 19 are needed here
        at most 20000 flows
        unknown value `l5`
        unknown field `proto`
        ");
    }
}
