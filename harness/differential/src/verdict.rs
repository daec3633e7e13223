//! What became of a set of objects, and whether two answers agree.

use serde::Serialize;
use serde_json::Value;

/// One side's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The text of frr.conf and, in frr-k8s mode, the spec of the FRRConfiguration that MetalLB writes.
    Conf { generated: Option<Value>, conf: String },
    /// The configuration is in force, and nothing is written: v0.12 on a node without sessions and BFD profiles.
    Silent,
    /// No configuration, with the reason: refused for good, or until another object comes.
    Refused(String),
}

impl Verdict {
    pub fn conf(conf: String) -> Self {
        Self::Conf { generated: None, conf }
    }

    /// What people compare: both texts, one below the other.
    pub fn text(&self) -> Option<String> {
        let Self::Conf { generated, conf } = self else { return None };
        let generated = generated.as_ref().map(|spec| serde_yaml::to_string(spec).unwrap_or_default());
        Some(generated.map_or_else(|| conf.clone(), |spec| format!("{spec}---\n{conf}")))
    }
}

/// How two answers compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Agreement {
    /// The same bytes.
    Bytes,
    /// The same lines in another order: MetalLB's own order is random up to v0.13.10.
    ModuloOrder,
    /// Both refuse.
    Refusal,
    None,
}

/// Compares two answers; `random_order` allows for MetalLB's random order of Services and advertisements.
pub fn compare(ours: &Verdict, theirs: &Verdict, random_order: bool) -> Agreement {
    match (ours, theirs) {
        (Verdict::Conf { .. }, Verdict::Conf { .. }) if ours == theirs => Agreement::Bytes,
        (Verdict::Conf { conf: a, .. }, Verdict::Conf { conf: b, .. })
            if random_order && sorted(a) == sorted(b) =>
        {
            Agreement::ModuloOrder
        }
        // FRR keeps what it boots with: a file that says nothing.
        (Verdict::Conf { conf, .. }, Verdict::Silent)
            if !conf.contains("router bgp") && !conf.contains("\nbfd") =>
        {
            Agreement::Bytes
        }
        (Verdict::Refused(_), Verdict::Refused(_)) => Agreement::Refusal,
        _ => Agreement::None,
    }
}

/// The lines without the sequence numbers of the out route maps, which follow from the order.
fn sorted(conf: &str) -> Vec<String> {
    let plain = |line: &str| match line.split_once("-out permit ") {
        Some((map, _)) => format!("{map}-out permit N"),
        None => line.to_owned(),
    };
    let mut lines: Vec<String> = conf.lines().map(plain).collect();
    lines.sort();
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_counts_only_where_it_is_metallbs() {
        let conf = |t: &str| Verdict::conf(t.to_owned());
        let (a, b) = (conf("x\nroute-map g-out permit 1\ny\n"), conf("y\nroute-map g-out permit 2\nx\n"));
        assert_eq!(compare(&a, &a, false), Agreement::Bytes);
        assert_eq!(compare(&a, &b, false), Agreement::None);
        assert_eq!(compare(&a, &b, true), Agreement::ModuloOrder);
        assert_eq!(compare(&a, &conf("x\ny\nroute-map h-out permit 1\n"), true), Agreement::None);
    }

    #[test]
    fn reasons_may_differ_verdicts_may_not() {
        let refused = |t: &str| Verdict::Refused(t.to_owned());
        assert_eq!(compare(&refused("a"), &refused("b"), false), Agreement::Refusal);
        assert_eq!(compare(&refused("a"), &Verdict::conf(String::new()), true), Agreement::None);
    }
}
