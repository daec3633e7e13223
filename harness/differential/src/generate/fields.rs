//! Objects field by field.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

/// A field that may be missing.
pub type Field = (&'static str, BoxedStrategy<Option<Value>>);

/// An object of some of the fields.
pub fn object(fields: Vec<Field>) -> BoxedStrategy<Value> {
    let (names, values): (Vec<_>, Vec<_>) = fields.into_iter().unzip();
    let build = move |values: Vec<Option<Value>>| {
        let present = names.iter().zip(values).filter_map(|(n, v)| Some(((*n).to_owned(), v?)));
        Value::Object(present.collect::<Map<_, _>>())
    };
    values.prop_map(build).boxed()
}

/// One of `values` in `percent` of the objects; earlier ones are simpler.
pub fn some(percent: u8, values: Value) -> BoxedStrategy<Option<Value>> {
    some_of(percent, one(values))
}

pub fn some_of(percent: u8, values: BoxedStrategy<Value>) -> BoxedStrategy<Option<Value>> {
    match percent {
        0 => Just(None).boxed(),
        100.. => values.prop_map(Some).boxed(),
        _ => proptest::option::weighted(f64::from(percent) / 100.0, values).boxed(),
    }
}

/// One of `good`, in one object of a hundred one of `bad`.
pub fn mostly(good: Value, bad: Value) -> BoxedStrategy<Value> {
    prop_oneof![99 => one(good), 1 => one(bad)].boxed()
}

pub fn one(values: Value) -> BoxedStrategy<Value> {
    let Value::Array(values) = values else { return Just(values).boxed() };
    select(values).boxed()
}

/// Up to four, seldom none.
pub fn several<T: std::fmt::Debug + 'static>(
    of: impl Strategy<Value = T> + Clone + 'static,
) -> BoxedStrategy<Vec<T>> {
    prop_oneof![1 => vec(of.clone(), 0..=1), 12 => vec(of, 1..=4)].boxed()
}

/// Up to `most` of `values` in `percent` of the objects, each once; now and then one of them twice.
pub fn list(percent: u8, most: usize, values: BoxedStrategy<Value>) -> BoxedStrategy<Option<Value>> {
    let repeat = proptest::bool::weighted(0.01);
    let picked = (vec(values, 1..=most), repeat).prop_map(|(all, repeat)| {
        let mut seen = Vec::new();
        for value in all {
            if repeat || !seen.contains(&value) {
                seen.push(value);
            }
        }
        Value::Array(seen)
    });
    some_of(percent, picked.boxed())
}

/// Label selectors over the labels of [`labels`].
pub fn selectors(percent: u8) -> BoxedStrategy<Option<Value>> {
    let all = json!([
        {"matchLabels": {"rack": "a"}},
        {"matchLabels": {"rack": "b"}},
        {},
        {"matchLabels": {"rack": "a", "tier": "front"}},
        {"matchExpressions": [{"key": "rack", "operator": "In", "values": ["b", "a"]}]},
        {"matchExpressions": [{"key": "rack", "operator": "NotIn", "values": ["a"]}]},
        {"matchExpressions": [{"key": "tier", "operator": "Exists"}]},
        {"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]},
        {"matchLabels": {"kubernetes.io/hostname": "worker"}},
        {"matchLabels": {"kubernetes.io/hostname": "other"}}
    ]);
    list(percent, 2, mostly(all, json!([{"matchExpressions": [{"key": "rack", "operator": "In"}]}])))
}

pub fn labels() -> BoxedStrategy<Value> {
    object(vec![("rack", some(60, json!(["a", "b"]))), ("tier", some(40, json!(["front", "back"])))])
}
