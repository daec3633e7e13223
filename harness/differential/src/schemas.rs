//! What the API server refuses of single objects by a release's CRDs and webhooks, routeproof must refuse, and nothing else: each thing
//! that a schema speaks of is changed in an object that is right.

use routeproof_model::metallb::Mode;
use serde::Serialize;
use serde_json::{Value, json};

use crate::ours::{self, NODE};
use crate::process::Trouble;
use crate::subject::Subject;
use crate::verdict::Verdict;
use crate::webhooks::Webhooks;

/// What became of the changed objects of a release.
#[derive(Debug, Default, Serialize)]
pub struct Tally {
    pub refused: u32,
    pub accepted: u32,
    pub disagreements: Vec<Disagreement>,
}

/// An object that the two sides take differently.
#[derive(Clone, Debug, Serialize)]
pub struct Disagreement {
    pub kind: String,
    pub what: String,
    /// The reason, if the side refuses it.
    pub ours: Option<String>,
    pub theirs: Option<String>,
}

/// Tries every change.
///
/// # Errors
/// A program does not answer.
pub async fn run(subject: &Subject, webhooks: Option<&Webhooks>) -> Result<Tally, Trouble> {
    let mut tally = Tally::default();
    for sample in samples(subject.mode) {
        let sample = subject.schemas.pruned(&sample);
        let mut objects = subject.schemas.broken(&sample);
        objects.push(crate::schema::Broken { object: sample.clone(), what: "nothing".to_owned() });
        for changed in objects {
            let ours = ours(subject, &changed.object);
            let mut theirs = api(subject, webhooks, &changed.object).await?;
            if is_old(&changed.object) && theirs.is_none() {
                // The stand-in cannot convert it, so that neither webhook nor speaker could read it.
                continue;
            }
            if theirs.is_none() && ours.is_some() {
                theirs = programs(subject, &changed.object).await?;
            }
            match (&ours, &theirs) {
                (Some(_), Some(_)) => tally.refused += 1,
                (None, None) => tally.accepted += 1,
                _ => tally.disagreements.push(Disagreement {
                    kind: sample["kind"].as_str().unwrap_or_default().to_owned(),
                    what: changed.what,
                    ours,
                    theirs,
                }),
            }
        }
    }
    Ok(tally)
}

/// A version that the API server converts before it asks webhooks.
fn is_old(object: &Value) -> bool {
    object["apiVersion"] == "metallb.io/v1beta1" && object["kind"] == "BGPPeer"
}

fn cluster(object: &Value) -> Vec<Value> {
    let node = json!({"apiVersion": "v1", "kind": "Node",
        "metadata": {"name": NODE, "labels": {"kubernetes.io/hostname": NODE, "rack": "a"}}});
    vec![node, object.clone()]
}

/// Our reason against it.
fn ours(subject: &Subject, object: &Value) -> Option<String> {
    let cluster = ours::apply(subject.release, &cluster(object));
    match ours::verdict(subject.release, subject.mode, &cluster) {
        Verdict::Refused(reason) => Some(reason),
        _ => None,
    }
}

/// What the node's programs have against what the API server takes. They stop where an object does not fit their types.
async fn programs(subject: &Subject, object: &Value) -> Result<Option<String>, Trouble> {
    match subject.verdict(&cluster(object)).await {
        Ok(Verdict::Refused(reason)) => Ok(Some(reason)),
        Ok(_) => Ok(None),
        Err(Trouble::Slow { program, .. }) => Ok(Some(format!("{program} cannot read it"))),
        Err(e) => Err(e),
    }
}

/// The API server's.
async fn api(
    subject: &Subject,
    webhooks: Option<&Webhooks>,
    object: &Value,
) -> Result<Option<String>, Trouble> {
    let mut admitted = object.clone();
    if let Err(reason) = subject.schemas.admit(&mut admitted) {
        return Ok(Some(reason));
    }
    match webhooks.filter(|_| !is_old(object)) {
        Some(webhooks) => webhooks.refusal(&cluster(&admitted)).await,
        None => Ok(None),
    }
}

/// Objects that every release takes, when they are without what its CRDs do not know.
fn samples(mode: Mode) -> Vec<Value> {
    let metallb = |kind: &str, version: &str, spec: Value| {
        json!({"apiVersion": format!("metallb.io/{version}"), "kind": kind, "spec": spec,
               "metadata": {"name": "sample", "namespace": "metallb-system"}})
    };
    if mode == Mode::FrrK8s {
        return vec![frr_configuration()];
    }
    vec![
        metallb(
            "BGPPeer",
            "v1beta2",
            json!({"myASN": 64513, "peerASN": 64512, "peerAddress": "10.0.0.1",
            "peerPort": 179, "holdTime": "90s", "keepaliveTime": "30s", "connectTime": "10s", "routerID": "10.1.1.1",
            "sourceAddress": "10.0.0.2", "ebgpMultiHop": true, "password": "secret",
            "nodeSelectors": [{"matchLabels": {"rack": "a"}}]}),
        ),
        metallb("BGPPeer", "v1beta1", json!({"myASN": 64513, "peerASN": 64512, "peerAddress": "10.0.0.1"})),
        metallb(
            "IPAddressPool",
            "v1beta1",
            json!({"addresses": ["10.1.0.0/24"], "autoAssign": true,
            "avoidBuggyIPs": true, "serviceAllocation": {"priority": 1, "namespaces": ["a"],
            "serviceSelectors": [{"matchLabels": {"a": "b"}}]}}),
        ),
        metallb(
            "BGPAdvertisement",
            "v1beta1",
            json!({"aggregationLength": 32, "aggregationLengthV6": 128,
            "localPref": 100, "communities": ["65000:1"], "ipAddressPools": ["p"], "peers": ["a"],
            "nodeSelectors": [{"matchLabels": {"rack": "a"}}]}),
        ),
        metallb("Community", "v1beta1", json!({"communities": [{"name": "gold", "value": "65000:1"}]})),
        metallb(
            "BFDProfile",
            "v1beta1",
            json!({"receiveInterval": 300, "transmitInterval": 300,
            "detectMultiplier": 3, "echoInterval": 50, "echoMode": false, "passiveMode": true, "minimumTtl": 254}),
        ),
    ]
}

fn frr_configuration() -> Value {
    let neighbor = json!({"asn": 64512, "address": "10.0.0.1", "port": 179, "holdTime": "90s", "keepaliveTime": "30s",
        "connectTime": "10s", "toAdvertise": {"allowed": {"prefixes": ["10.1.0.0/24"], "mode": "filtered"},
            "withLocalPref": [{"localPref": 100, "prefixes": ["10.1.0.0/24"]}],
            "withCommunity": [{"community": "65000:1", "prefixes": ["10.1.0.0/24"]}]},
        "toReceive": {"allowed": {"mode": "filtered", "prefixes": [{"prefix": "172.16.0.0/16", "le": 24, "ge": 20}]}}});
    json!({"apiVersion": "frrk8s.metallb.io/v1beta1", "kind": "FRRConfiguration",
        "metadata": {"name": "sample", "namespace": "metallb-system"},
        "spec": {"bgp": {"routers": [{"asn": 64513, "prefixes": ["10.1.0.0/24"], "neighbors": [neighbor]}],
                         "bfdProfiles": [{"name": "fast", "receiveInterval": 300}]},
                 "raw": {"priority": 5, "rawConfig": "! raw"}, "nodeSelector": {"matchLabels": {"kubernetes.io/hostname": NODE}}}})
}
