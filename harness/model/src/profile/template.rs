//! Templates: from an intent to a router's own configuration.

use std::net::IpAddr;

use ipnet::IpNet;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{Environment, UndefinedBehavior, Value};
use serde_json::{Map, Value as Json};
use thiserror::Error;

use super::intent::Intent;

/// What is wrong with a template, or with what it was given.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{template}, line {line}: {what}")]
pub struct TemplateError {
    pub template: String,
    /// Counts from 1.
    pub line: usize,
    pub what: String,
}

/// Fills a template in. An unknown name in it is an error: a misspelt one would otherwise be an empty line.
pub fn render(name: &str, text: &str, values: &Value) -> Result<String, TemplateError> {
    let failed = |e: minijinja::Error| TemplateError {
        template: name.to_string(),
        line: e.line().unwrap_or(1),
        what: e.detail().map_or_else(|| e.kind().to_string(), |detail| format!("{}: {detail}", e.kind())),
    };
    let environment = environment().map_err(failed)?;
    let template = environment.template_from_named_str(name, text).map_err(failed)?;
    template.render(values).map_err(failed)
}

fn environment() -> Result<Environment<'static>, minijinja::Error> {
    let mut environment = Environment::new();
    // Errors name the value, in release builds too.
    environment.set_debug(true);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // Lines of statements leave nothing behind: configurations are read by people, too.
    let syntax =
        SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?;
    environment.set_syntax(syntax);
    environment.add_filter("family", family);
    environment.add_filter("address", address);
    environment.add_filter("netmask", netmask);
    Ok(environment)
}

/// Whether a template can be read at all.
pub fn check(name: &str, text: &str) -> Result<(), TemplateError> {
    let checked = environment().and_then(|all| all.template_from_named_str(name, text).map(|_| ()));
    checked.map_err(|e| TemplateError {
        template: name.to_string(),
        line: e.line().unwrap_or(1),
        what: e.detail().map_or_else(|| e.kind().to_string(), str::to_string),
    })
}

/// The names that templates have: those of the intent's fields with `_` for `-`, each peer's `id` (from 1; dynamic peers count for
/// themselves), the prefixes by family, `instances`, `peer` for a command about one, and what `ports` has.
pub fn values(intent: &Intent, version: &str, peer: Option<usize>, ports: Map<String, Json>) -> Value {
    // An intent is plain data: it always becomes JSON.
    let mut all = snake(serde_json::to_value(intent).unwrap_or_default());
    for list in ["peers", "dynamic_peers"] {
        let items = all[list].as_array_mut().into_iter().flatten();
        for (index, item) in items.enumerate() {
            item["id"] = (index + 1).into();
        }
    }
    all["prefixes_ipv4"] = of_family(&intent.prefixes, false);
    all["prefixes_ipv6"] = of_family(&intent.prefixes, true);
    all["instances"] = instances(intent, &all);
    all["any_bfd"] = intent.peers.iter().any(|peer| peer.bfd).into();
    all["version"] = version.into();
    all["peer"] = peer.map(|index| all["peers"][index].clone()).unwrap_or_default();
    all.as_object_mut().into_iter().for_each(|all| all.extend(ports.clone()));
    Value::from(Serde(all))
}

fn of_family(prefixes: &[IpNet], v6: bool) -> Json {
    serde_json::json!(prefixes.iter().filter(|p| p.addr().is_ipv6() == v6).collect::<Vec<_>>())
}

/// What a router that knows VRFs has one of each for: all that is in no VRF (`vrf` and `table` are none there), then each VRF that has
/// peers.
fn instances(intent: &Intent, all: &Json) -> Json {
    let peers_in = |vrf: &Json| -> Vec<&Json> {
        all["peers"].as_array().into_iter().flatten().filter(|peer| peer["vrf"] == *vrf).collect()
    };
    let none = peers_in(&Json::Null);
    let mut found = Vec::new();
    if !none.is_empty() || !intent.dynamic_peers.is_empty() || !intent.prefixes.is_empty() {
        found.push(serde_json::json!({
            "id": 0, "vrf": null, "table": null, "peers": none, "dynamic_peers": all["dynamic_peers"],
            "prefixes_ipv4": all["prefixes_ipv4"], "prefixes_ipv6": all["prefixes_ipv6"],
        }));
    }
    for (index, vrf) in intent.vrfs.iter().enumerate() {
        let peers = peers_in(&Json::from(vrf.name.as_str()));
        if !peers.is_empty() {
            found.push(serde_json::json!({
                "id": index + 1, "vrf": vrf.name, "table": vrf.table, "peers": peers, "dynamic_peers": [],
                "prefixes_ipv4": of_family(&vrf.prefixes, false), "prefixes_ipv6": of_family(&vrf.prefixes, true),
            }));
        }
    }
    Json::Array(found)
}

/// In a template `-` is a minus.
fn snake(value: Json) -> Json {
    match value {
        Json::Object(fields) => fields.into_iter().map(|(k, v)| (k.replace('-', "_"), snake(v))).collect(),
        Json::Array(items) => items.into_iter().map(snake).collect(),
        other => other,
    }
}

fn invalid(text: &str, what: &str) -> minijinja::Error {
    let detail = format!("`{text}` is not {what}");
    minijinja::Error::new(minijinja::ErrorKind::InvalidOperation, detail)
}

/// `ipv4` or `ipv6`, of an address or a prefix.
fn family(text: &str) -> Result<&'static str, minijinja::Error> {
    let address = text.split('/').next().unwrap_or_default();
    let address: IpAddr = address.parse().map_err(|_| invalid(text, "an address or a prefix"))?;
    Ok(if address.is_ipv6() { "ipv6" } else { "ipv4" })
}

/// A prefix's address.
fn address(text: &str) -> Result<String, minijinja::Error> {
    let net: IpNet = text.parse().map_err(|_| invalid(text, "a prefix"))?;
    Ok(net.addr().to_string())
}

/// A prefix's length as a mask, `255.255.255.0`.
fn netmask(text: &str) -> Result<String, minijinja::Error> {
    let net: IpNet = text.parse().map_err(|_| invalid(text, "a prefix"))?;
    Ok(net.netmask().to_string())
}
