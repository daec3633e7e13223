//! The addresses of Services: MetalLB's real controller and routeproof's, given the same Services one after the other.

use std::time::Duration;

use routeproof_model::metallb::{Generation, Objects, Release};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use crate::api::Api;
use crate::ours;
use crate::process::{Home, Trouble, io, port, spawn};
use crate::subject::Subject;

/// How long the controller may take over one Service.
const PATIENCE: Duration = Duration::from_secs(20);

/// The addresses that one Service got on both sides; none if it stays pending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Allocated {
    /// `namespace/name`.
    pub service: String,
    pub ours: Vec<String>,
    pub theirs: Vec<String>,
    /// MetalLB looked at the pools in another order, which is random in it.
    pub by_another_order: bool,
}

impl Allocated {
    pub fn agrees(&self) -> bool {
        self.ours == self.theirs
    }
}

/// Gives the Services to both controllers, in order, until they disagree. `base` are all other objects.
///
/// # Errors
/// [`Trouble`]: the controller did not answer.
pub async fn compare(
    subject: &Subject,
    base: &[Value],
    services: &[Value],
) -> Result<Vec<Allocated>, Trouble> {
    let Ok(mut cluster) = ours::apply(subject.release, base) else { return Ok(Vec::new()) };
    let mut served = base.to_vec();
    for object in &mut served {
        // Both refuse what a schema refuses; that is compared elsewhere.
        if subject.schemas.admit(object).is_err() {
            return Ok(Vec::new());
        }
    }
    served.push(json!({"apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": "controller", "namespace": "metallb-system"}}));
    let api = Api::serve(&served).await.map_err(io("opening the API's port"))?;
    let home = Home::new(&api)?;
    let mut command = home.command(&subject.controller, false)?;
    command
        .arg(format!("--port={}", port()))
        .env("METALLB_POD_NAME", "controller")
        .env("METALLB_BGP_TYPE", "frr")
        .stdout(std::process::Stdio::null());
    match subject.release.generation {
        Generation::V0_12 => {
            command.arg("--config=config").arg(format!("--kubeconfig={}", home.kubeconfig.display()))
        }
        _ => command.arg("--webhook-mode=disabled"),
    };
    if subject.release.generation >= Generation::V0_16_0 {
        command.arg(format!("--health-probe-port={}", port()));
    }
    let _controller = spawn(&mut command)?;
    let mut all = Vec::new();
    for service in services {
        // The API server tells everybody.
        let _ = api.create(service);
        let theirs = theirs(&api, service).await.ok_or_else(|| Trouble::Slow {
            program: "the controller",
            said: format!("nothing about {service}, of these pools: {}", Value::from(pools_of(base))),
        })?;
        let (next, done) = ours(subject.release, &cluster, base, service, theirs);
        cluster = next;
        all.push(done);
        if !all.iter().all(Allocated::agrees) {
            break;
        }
    }
    Ok(all)
}

fn key(service: &Value) -> String {
    let text = |field: &str| service["metadata"][field].as_str().unwrap_or_default().to_owned();
    format!("{}/{}", text("namespace"), text("name"))
}

/// What the controller writes into the Service's status; empty when it says that it cannot.
async fn theirs(api: &Api, service: &Value) -> Option<Vec<String>> {
    let (namespace, name) = (&service["metadata"]["namespace"], &service["metadata"]["name"]);
    let path = format!("/api/v1/namespaces/{}/services/{}", namespace.as_str()?, name.as_str()?);
    let events = format!("/api/v1/namespaces/{}/events", namespace.as_str()?);
    let (mut news, until) = (api.news(), Instant::now() + PATIENCE);
    loop {
        news.borrow_and_update();
        let stored = api.get(&path)?;
        let ingress = stored["status"]["loadBalancer"]["ingress"].as_array().cloned().unwrap_or_default();
        let ips: Vec<String> = ingress.iter().filter_map(|i| i["ip"].as_str()).map(str::to_owned).collect();
        if !ips.is_empty() {
            return Some(ips);
        }
        let is_about = |e: &Value| {
            // The one warning that does not say why there is no address.
            e["reason"] != "deprecatedAnnotation"
                && e["involvedObject"]["name"] == *name
                && e["involvedObject"]["namespace"] == *namespace
                && e["type"] == "Warning"
        };
        if api.list(&events).iter().any(is_about) {
            return Some(Vec::new());
        }
        timeout_at(until, news.changed()).await.ok()?.ok()?;
    }
}

/// Applies the Service to our cluster; where the answers differ, also with each pool before those that it is equal to.
fn ours(
    release: &Release,
    before: &Objects,
    base: &[Value],
    service: &Value,
    theirs: Vec<String>,
) -> (Objects, Allocated) {
    let name = key(service);
    let attempt = |pools: &[Value]| {
        let mut cluster = before.clone();
        ours::apply_to(&mut cluster, pools).ok()?;
        ours::apply_to(&mut cluster, std::slice::from_ref(service)).ok()?;
        ours::apply_to(&mut cluster, &pools_of(base)).ok()?;
        let has = |(id, ips): (&_, &[std::net::IpAddr])| {
            let id: &routeproof_model::metallb::ObjectId = id;
            (id.key() == name).then(|| ips.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        let ips = cluster.addresses().find_map(has).unwrap_or_default();
        Some((cluster, ips))
    };
    let done = |ours: Vec<String>, theirs, by_another_order| Allocated {
        service: name.clone(),
        ours,
        theirs,
        by_another_order,
    };
    let Some((first, ips)) = attempt(&[]) else {
        return (before.clone(), done(vec!["refused".to_owned()], theirs, false));
    };
    if ips == theirs {
        return (first, done(ips, theirs, false));
    }
    for preferred in orders(release, base) {
        if let Some((cluster, ips)) = attempt(&preferred).filter(|(_, ips)| *ips == theirs) {
            return (cluster, done(ips, theirs, true));
        }
    }
    (first, done(ips, theirs, false))
}

fn pools_of(base: &[Value]) -> Vec<Value> {
    base.iter().filter(|o| o["kind"] == "IPAddressPool" || o["kind"] == "ConfigMap").cloned().collect()
}

/// For each pool: the pools with those of the same priority taken out of the automatic choice.
fn orders(release: &Release, base: &[Value]) -> Vec<Vec<Value>> {
    if release.generation == Generation::V0_12 {
        return legacy_orders(base);
    }
    let pools = pools_of(base);
    let rank = |pool: &Value| {
        let allocation = pool["spec"].get("serviceAllocation");
        allocation.map(|allocation| allocation["priority"].as_i64().unwrap_or(0))
    };
    let without_rivals = |chosen: &Value| {
        let rival =
            |p: &Value| rank(p) == rank(chosen) && p["metadata"]["name"] != chosen["metadata"]["name"];
        let mut all = pools.clone();
        all.iter_mut().filter(|p| rival(p)).for_each(|p| p["spec"]["autoAssign"] = json!(false));
        all
    };
    pools.iter().map(without_rivals).collect()
}

fn legacy_orders(base: &[Value]) -> Vec<Vec<Value>> {
    let maps = pools_of(base);
    let Some(map) = maps.first() else { return Vec::new() };
    let text = map["data"]["config"].as_str().unwrap_or_default();
    let config: Value = serde_json::from_str(text).unwrap_or_default();
    let count = config["address-pools"].as_array().map_or(0, Vec::len);
    let alone = |chosen: usize| {
        let mut config = config.clone();
        for (i, pool) in config["address-pools"].as_array_mut().into_iter().flatten().enumerate() {
            if i != chosen {
                pool["auto-assign"] = json!(false);
            }
        }
        let mut map = map.clone();
        map["data"]["config"] = json!(config.to_string());
        vec![map]
    };
    (0..count).map(alone).collect()
}
