//! Objects with one thing changed that a schema speaks of.

use serde_json::{Value, json};

/// An object, and what was changed in it.
#[derive(Clone, Debug)]
pub struct Broken {
    pub object: Value,
    /// `/spec/peerPort = 16385`
    pub what: String,
}

/// One step towards a value.
#[derive(Clone, Debug)]
enum Step {
    Field(String),
    First,
}

/// Every change of `spec` of a sample.
pub fn all(schema: &Value, sample: &Value) -> Vec<Broken> {
    let mut changes = Vec::new();
    walk(schema, &mut vec![Step::Field("spec".to_owned())], &mut changes);
    changes.into_iter().map(|(way, value)| changed(sample, &way, value)).collect()
}

/// A place and its value there; `None` takes it away.
type Change = (Vec<Step>, Option<Value>);

fn walk(schema: &Value, way: &mut Vec<Step>, changes: &mut Vec<Change>) {
    changes.extend(values(schema).into_iter().map(|value| (way.clone(), Some(value))));
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        let mut at = way.clone();
        at.push(Step::Field(name.to_owned()));
        changes.push((at, None));
    }
    for (name, sub) in schema["properties"].as_object().into_iter().flatten() {
        way.push(Step::Field(name.clone()));
        walk(sub, way, changes);
        way.pop();
    }
    if schema["items"].is_object() {
        way.push(Step::First);
        walk(&schema["items"], way, changes);
        way.pop();
    }
}

/// Values that a schema may or may not forbid.
fn values(schema: &Value) -> Vec<Value> {
    let mut all = match schema["type"].as_str() {
        Some("integer") => vec![json!("text"), json!(-1), json!(0), json!(4_294_967_296_i64)],
        Some("boolean") => vec![json!("text"), json!(1)],
        Some("string") => vec![json!(5), json!("no-such-thing")],
        Some("array") => vec![json!("text"), json!([])],
        Some("object") => vec![json!("text"), json!([])],
        _ => Vec::new(),
    };
    for bound in ["minimum", "maximum"] {
        if let Some(n) = schema[bound].as_i64() {
            all.extend([json!(n - 1), json!(n), json!(n + 1)]);
        }
    }
    if schema["x-kubernetes-validations"].is_array() && schema["type"] == "string" {
        all.extend(["0s", "1s", "65535s", "65536s", "1500ms", "2m"].map(Value::from));
    }
    if schema["format"] == "cidr" {
        all.extend(["10.0.0.0", "10.0.0.0/33", "10.0.0.1/8"].map(Value::from));
    }
    all
}

fn changed(sample: &Value, way: &[Step], value: Option<Value>) -> Broken {
    let mut object = sample.clone();
    let place: String = way.iter().fold(String::new(), |text, step| match step {
        Step::Field(name) => format!("{text}/{name}"),
        Step::First => format!("{text}/0"),
    });
    let what = match &value {
        Some(value) => format!("{place} = {value}"),
        None => format!("{place} left out"),
    };
    put(&mut object, way, value);
    Broken { object, what }
}

/// Makes what is missing on the way.
fn put(at: &mut Value, way: &[Step], value: Option<Value>) {
    let Some((step, rest)) = way.split_first() else { return };
    if let (Step::Field(name), [], None) = (step, rest, &value) {
        at.as_object_mut().map(|fields| fields.remove(name));
        return;
    }
    let below = match step {
        Step::Field(name) => &mut at[name],
        Step::First => {
            if at.as_array().is_none_or(Vec::is_empty) {
                *at = json!([null]);
            }
            &mut at[0]
        }
    };
    match (rest, value) {
        ([], Some(value)) => *below = value,
        (rest, value) => put(below, rest, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_one_thing_at_a_time() {
        let schema = json!({"type": "object", "required": ["name"], "properties": {
            "name": {"type": "string"}, "list": {"type": "array", "items": {"type": "integer", "maximum": 7}}}});
        let whats: Vec<String> =
            all(&schema, &json!({"spec": {"name": "a"}})).into_iter().map(|b| b.what).collect();
        for what in ["/spec/name left out", "/spec/list/0 = 8", "/spec/name = 5", "/spec = []"] {
            assert!(whats.iter().any(|w| w == what), "{what} of {whats:?}");
        }
        let eighth =
            all(&schema, &json!({"spec": {"name": "a"}})).into_iter().find(|b| b.what == "/spec/list/0 = 8");
        assert_eq!(eighth.unwrap().object, json!({"spec": {"name": "a", "list": [8]}}));
    }
}
