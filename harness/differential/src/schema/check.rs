//! What a schema forbids.

use std::net::IpAddr;

use serde_json::Value;

use super::rules::{self, Rule};

/// The words that [`check`] heeds, and those that forbid nothing.
const KNOWN: &[&str] = &[
    "type",
    "enum",
    "minimum",
    "maximum",
    "required",
    "properties",
    "items",
    "minItems",
    "maxItems",
    "format",
    "x-kubernetes-validations",
    "description",
    "default",
    "additionalProperties",
    "x-kubernetes-list-type",
    "x-kubernetes-map-type",
    "x-kubernetes-list-map-keys",
    "nullable",
    "title",
];

/// The first thing that a schema forbids, with its place.
pub fn check(schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let fits = match schema["type"].as_str() {
        Some("object") => value.is_object(),
        Some("array") => value.is_array(),
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64() || value.is_u64(),
        Some("boolean") => value.is_boolean(),
        _ => true,
    };
    if !fits {
        return Err(format!("{at}: {value} is no {}", schema["type"]));
    }
    if let (Some(allowed), false) = (schema["enum"].as_array(), value.is_null())
        && !allowed.contains(value)
    {
        return Err(format!("{at}: {value} is none of {}", schema["enum"]));
    }
    bounds(schema, value, at)?;
    for rule in rules(schema) {
        if !rules::find(rule).is_none_or(|rule: Rule| rule(value)) {
            return Err(format!("{at}: {value} breaks the rule {rule}"));
        }
    }
    let required = schema["required"].as_array().into_iter().flatten();
    if let Some(missing) = required.filter_map(Value::as_str).find(|name| value.get(name).is_none()) {
        return Err(format!("{at}: `{missing}` is missing"));
    }
    for (name, sub) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(child) = value.get(name) {
            check(sub, child, &format!("{at}/{name}"))?;
        }
    }
    let entries = value.as_object().into_iter().flatten();
    if schema["additionalProperties"].is_object() {
        for (name, child) in entries {
            check(&schema["additionalProperties"], child, &format!("{at}/{name}"))?;
        }
    }
    let mut items = value.as_array().into_iter().flatten().enumerate();
    items.try_for_each(|(i, item)| check(&schema["items"], item, &format!("{at}/{i}")))
}

fn bounds(schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let within = |n: i64, least: Option<i64>, most: Option<i64>| {
        least.is_none_or(|least| n >= least) && most.is_none_or(|most| n <= most)
    };
    if let Some(n) = value.as_i64() {
        let (least, most) = (schema["minimum"].as_i64(), schema["maximum"].as_i64());
        if !within(n, least, most) {
            return Err(format!("{at}: {n} is not between {} and {}", schema["minimum"], schema["maximum"]));
        }
    }
    if let Some(items) = value.as_array() {
        let count = i64::try_from(items.len()).unwrap_or(i64::MAX);
        if !within(count, schema["minItems"].as_i64(), schema["maxItems"].as_i64()) {
            return Err(format!("{at}: {count} items are too few or too many"));
        }
    }
    match (schema["format"].as_str(), value.as_str()) {
        (Some("cidr"), Some(text)) if !is_cidr(text) => Err(format!("{at}: {value} is no CIDR")),
        _ => Ok(()),
    }
}

/// As Go's `net.ParseCIDR` has it; host bits are allowed.
fn is_cidr(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else { return false };
    let Ok(address) = address.parse::<IpAddr>() else { return false };
    let digits = !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit());
    let most = if address.is_ipv4() { 32 } else { 128 };
    digits && length.parse::<u32>().is_ok_and(|length| length <= most)
}

fn rules(schema: &Value) -> impl Iterator<Item = &str> {
    let all = schema["x-kubernetes-validations"].as_array().into_iter().flatten();
    all.filter_map(|rule| rule["rule"].as_str())
}

/// Whether everything that a schema says is checked. Errors: what is not. The formats of numbers are not: API servers heed them only
/// since Kubernetes 1.36.
pub fn is_known(schema: &Value) -> Result<(), String> {
    for word in schema.as_object().into_iter().flatten().map(|(word, _)| word) {
        if !KNOWN.contains(&word.as_str()) {
            return Err(format!("the word `{word}`"));
        }
    }
    if let Some(format) = schema["format"].as_str().filter(|f| !["int32", "int64", "cidr"].contains(f)) {
        return Err(format!("the format `{format}`"));
    }
    if let Some(rule) = rules(schema).find(|rule| rules::find(rule).is_none()) {
        return Err(format!("the rule `{rule}`"));
    }
    let below = schema["properties"].as_object().into_iter().flatten().map(|(_, sub)| sub);
    let parts =
        [&schema["items"], &schema["additionalProperties"]].into_iter().filter(|part| part.is_object());
    below.chain(parts).try_for_each(is_known)
}
