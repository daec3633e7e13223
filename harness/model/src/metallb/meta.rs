//! What every Kubernetes object has: metadata, and the label selectors that pick objects by it.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// Labels or annotations.
pub type Labels = BTreeMap<String, String>;

/// The parts of `metadata` that matter here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    pub name: String,
    pub namespace: Option<String>,
    pub labels: Labels,
    pub annotations: Labels,
}

/// `metadata` as written. The server-side fields are named so that an exported object is accepted and a typo is not.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct MetaFile {
    pub name: Option<String>,
    pub namespace: Option<String>,
    pub labels: Option<Labels>,
    pub annotations: Option<Labels>,
    #[serde(rename = "generateName")]
    pub generate_name: Option<String>,
    #[serde(rename = "uid")]
    _uid: Option<IgnoredAny>,
    #[serde(rename = "resourceVersion")]
    _resource_version: Option<IgnoredAny>,
    #[serde(rename = "generation")]
    _generation: Option<IgnoredAny>,
    #[serde(rename = "creationTimestamp")]
    _creation_timestamp: Option<IgnoredAny>,
    #[serde(rename = "deletionTimestamp")]
    _deletion_timestamp: Option<IgnoredAny>,
    #[serde(rename = "deletionGracePeriodSeconds")]
    _deletion_grace_period_seconds: Option<IgnoredAny>,
    #[serde(rename = "ownerReferences")]
    _owner_references: Option<IgnoredAny>,
    #[serde(rename = "finalizers")]
    _finalizers: Option<IgnoredAny>,
    #[serde(rename = "managedFields")]
    _managed_fields: Option<IgnoredAny>,
    #[serde(rename = "selfLink")]
    _self_link: Option<IgnoredAny>,
}

/// A Kubernetes `LabelSelector`; an empty one matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LabelSelector {
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    pub match_labels: Labels,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub match_expressions: Vec<Requirement>,
}

/// One line of `matchExpressions`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Requirement {
    pub key: String,
    pub operator: Operator,
    #[serde(default)]
    pub values: Vec<String>,
}

/// The operators of a label selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
}

impl LabelSelector {
    pub fn matches(&self, labels: &Labels) -> bool {
        self.match_labels.iter().all(|(k, v)| labels.get(k) == Some(v))
            && self.match_expressions.iter().all(|r| r.matches(labels))
    }

    /// The first expression whose values do not fit its operator, and Kubernetes' reason.
    pub(super) fn values_misfit(&self) -> Option<(usize, String)> {
        self.match_expressions.iter().enumerate().find_map(|(i, r)| match r.operator {
            Operator::In | Operator::NotIn if r.values.is_empty() => {
                Some((i, format!("`values` must not be empty with operator {:?}", r.operator)))
            }
            Operator::Exists | Operator::DoesNotExist if !r.values.is_empty() => {
                Some((i, format!("`values` must be empty with operator {:?}", r.operator)))
            }
            _ => None,
        })
    }

    /// The reason Kubernetes or MetalLB would give for refusing this selector.
    fn problem(&self) -> Option<String> {
        if let Some((_, reason)) = self.values_misfit() {
            return Some(reason);
        }
        for (i, r) in self.match_expressions.iter().enumerate() {
            if let Some(v) = first_duplicate(&r.values) {
                return Some(format!(
                    "duplicate definition of match expression value in label selector \"{v}\""
                ));
            }
            if self.match_expressions[i + 1..].iter().any(|other| other.same_as(r)) {
                return Some(format!("duplicate definition of match expressions \"{r}\""));
            }
        }
        None
    }

    fn same_as(&self, other: &Self) -> bool {
        self.match_labels == other.match_labels
            && self.match_expressions.len() == other.match_expressions.len()
            && self.match_expressions.iter().zip(&other.match_expressions).all(|(a, b)| a.same_as(b))
    }
}

impl Requirement {
    fn matches(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.key);
        match self.operator {
            Operator::In => value.is_some_and(|v| self.values.contains(v)),
            // A missing label satisfies NotIn, as in Kubernetes.
            Operator::NotIn => value.is_none_or(|v| !self.values.contains(v)),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
        }
    }

    fn same_as(&self, other: &Self) -> bool {
        let sorted = |r: &Self| {
            let mut v = r.values.clone();
            v.sort();
            v
        };
        self.key == other.key && self.operator == other.operator && sorted(self) == sorted(other)
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?} [{}]", self.key, self.operator, self.values.join(" "))
    }
}

/// Checks a list of selectors the way MetalLB does; `field` is its name in the manifest. `Err` is (index, reason).
pub(super) fn check_selectors(selectors: &[LabelSelector], field: &str) -> Result<(), (usize, String)> {
    for (i, s) in selectors.iter().enumerate() {
        if let Some(reason) = s.problem() {
            return Err((i, reason));
        }
        if let Some(later) = selectors[i + 1..].iter().position(|other| other.same_as(s)) {
            return Err((i + 1 + later, format!("duplicate definition of {field}")));
        }
    }
    Ok(())
}

/// Whether one of `selectors` matches; MetalLB reads an empty list as "all".
pub(super) fn any_or_all(selectors: &[LabelSelector], labels: &Labels) -> bool {
    selectors.is_empty() || selectors.iter().any(|s| s.matches(labels))
}

/// The first value that occurs twice.
pub(super) fn first_duplicate(values: &[String]) -> Option<&String> {
    values.iter().enumerate().find(|(i, v)| values[..*i].contains(v)).map(|(_, v)| v)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(text: &str) -> LabelSelector {
        crate::yaml::parse(&crate::diag::Source::new("selector.yaml", text)).unwrap()
    }

    #[test]
    fn matches_like_kubernetes() {
        let labels = Labels::from([("rack".into(), "a".into()), ("gpu".into(), String::new())]);
        for (text, expected) in [
            ("{}", true),
            ("matchLabels: {rack: a}", true),
            ("matchLabels: {rack: a, gpu: x}", false),
            ("matchExpressions: [{key: rack, operator: In, values: [b, a]}]", true),
            ("matchExpressions: [{key: zone, operator: NotIn, values: [b]}]", true),
            ("matchExpressions: [{key: gpu, operator: Exists}]", true),
            ("matchExpressions: [{key: gpu, operator: DoesNotExist}]", false),
        ] {
            assert_eq!(selector(text).matches(&labels), expected, "{text}");
        }
    }

    #[test]
    fn finds_duplicates_in_any_order_of_values() {
        let list = [
            selector("matchExpressions: [{key: rack, operator: In, values: [a, b]}]"),
            selector("matchExpressions: [{key: rack, operator: In, values: [b, a]}]"),
        ];
        assert_eq!(
            check_selectors(&list, "nodeSelectors"),
            Err((1, "duplicate definition of nodeSelectors".into()))
        );
    }

    #[test]
    fn refuses_operators_without_their_values() {
        let list = [selector("matchExpressions: [{key: rack, operator: In}]")];
        assert_eq!(
            check_selectors(&list, "nodeSelectors").unwrap_err().1,
            "`values` must not be empty with operator In"
        );
    }
}
