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
        for (i, via) in spread.via.iter().enumerate() {
            let at = [field("via"), vec![Seg::Index(i)]].concat();
            self.peer(via, &at)?;
            if spread.via[..i].contains(via) {
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
            // RTA_MULTIPATH has eight bits for a weight less one.
            if let Some(wrong) = weights.iter().find(|weight| !(1..=256).contains(*weight)) {
                return refuse("weights", format!("{wrong} is not a weight: the kernel knows 1 to 256"));
            }
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
