//! What became of a set of objects, and whether two answers agree.

use serde::Serialize;

/// One side's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The text of frr.conf.
    Conf(String),
    /// No configuration, with the reason: refused for good, or until another object comes.
    Refused(String),
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
        (Verdict::Conf(a), Verdict::Conf(b)) if a == b => Agreement::Bytes,
        (Verdict::Conf(a), Verdict::Conf(b)) if random_order && sorted(a) == sorted(b) => {
            Agreement::ModuloOrder
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
        let conf = |t: &str| Verdict::Conf(t.to_owned());
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
        assert_eq!(compare(&refused("a"), &Verdict::Conf(String::new()), true), Agreement::None);
    }
}
