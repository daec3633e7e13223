//! MetalLB's validating webhooks: the real controller, asked about each object as the API server asks it when the object is created
//! beside all the others.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize as _;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::api::Api;
use crate::process::{Trouble, io, kubeconfig, spawn};
use crate::resources::Resource;

/// Controller-runtime's default port, which the controller does not let us choose.
const PORT: u16 = 9443;
/// How long the controller may take to listen.
const PATIENCE: Duration = Duration::from_secs(30);

/// How to run the controller of a release.
#[derive(Clone, Debug)]
pub struct Controller {
    pub binary: PathBuf,
    /// Its ValidatingWebhookConfiguration: which path is asked about which resource.
    pub manifest: PathBuf,
}

/// A running controller; it ends when this is dropped.
#[derive(Debug)]
pub struct Webhooks {
    /// What the controller lists; one case at a time.
    api: Mutex<Api>,
    client: reqwest::Client,
    /// resource -> path
    paths: BTreeMap<String, String>,
    _child: Child,
    _folder: TempDir,
}

impl Controller {
    /// Starts the controller as webhooks only, and waits until they listen.
    ///
    /// # Errors
    /// [`Trouble`], with what was tried.
    pub async fn start(&self) -> Result<Webhooks, Trouble> {
        let paths = paths(&self.manifest)?;
        let folder = tempfile::tempdir().map_err(io("making a folder for the controller"))?;
        let pod = json!({"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "controller", "namespace": "metallb-system"}});
        let api = Api::serve(&[pod]).await.map_err(io("opening the API's port"))?;
        // Where controller-runtime looks below TMPDIR; v0.16 does not heed --cert-dir.
        let certificates = folder.path().join("k8s-webhook-server/serving-certs");
        std::fs::create_dir_all(&certificates).map_err(io("making a folder for certificates"))?;
        certificate(&certificates).await?;
        let config = folder.path().join("kubeconfig");
        std::fs::write(&config, kubeconfig(&api)).map_err(io("writing the kubeconfig"))?;
        let log =
            std::fs::File::create(folder.path().join("log")).map_err(io("writing the controller's log"))?;
        let mut command = Command::new(&self.binary);
        command
            .args(["--webhook-mode=onlywebhook", "--disable-cert-rotation", "--port=19998"])
            .arg(format!("--cert-dir={}", certificates.display()))
            .env_clear()
            .env("TMPDIR", folder.path())
            .env("KUBECONFIG", config)
            .env("METALLB_NAMESPACE", "metallb-system")
            .env("METALLB_POD_NAME", "controller")
            .env("METALLB_BGP_TYPE", "frr")
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(io("writing the controller's log"))?)
            .stderr(log)
            .kill_on_drop(true);
        let mut child = spawn(&mut command)?;
        listening(&mut child, &folder.path().join("log")).await?;
        Ok(Webhooks { api: Mutex::new(api), client: client()?, paths, _child: child, _folder: folder })
    }
}

/// A key and a certificate for the webhooks; nobody checks who signed it.
async fn certificate(folder: &Path) -> Result<(), Trouble> {
    let mut openssl = Command::new("openssl");
    openssl
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
        .args(["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-keyout", "tls.key", "-out", "tls.crt"])
        .current_dir(folder);
    #[allow(clippy::disallowed_methods, reason = "a test tool of its own: the engine's exec knows labs only")]
    let done = openssl.output().await.map_err(io("running openssl"))?;
    match done.status.success() {
        true => Ok(()),
        false => Err(Trouble::Webhooks(format!("openssl: {}", String::from_utf8_lossy(&done.stderr)))),
    }
}

/// Waits until the port answers or the controller ends.
async fn listening(child: &mut Child, log: &Path) -> Result<(), Trouble> {
    let trouble = |what: &str| {
        let said = std::fs::read_to_string(log).unwrap_or_default();
        Trouble::Webhooks(format!("{what}; it said: {said}"))
    };
    let until = Instant::now() + PATIENCE;
    let mut tick = tokio::time::interval(Duration::from_millis(50));
    while Instant::now() < until {
        if tokio::net::TcpStream::connect(("127.0.0.1", PORT)).await.is_ok() {
            return Ok(());
        }
        if child.try_wait().map_err(io("waiting for the controller"))?.is_some() {
            return Err(trouble("the controller ended"));
        }
        tick.tick().await;
    }
    Err(trouble("the controller does not listen"))
}

fn client() -> Result<reqwest::Client, Trouble> {
    // Another provider may be there already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // The certificate is our own, made above, and the traffic stays on a loopback interface that nobody else has.
    let built = reqwest::Client::builder().danger_accept_invalid_certs(true).no_proxy().build();
    built.map_err(|e| Trouble::Webhooks(format!("making an HTTPS client: {e}")))
}

/// resource -> path of its webhook
fn paths(manifest: &Path) -> Result<BTreeMap<String, String>, Trouble> {
    let text = std::fs::read_to_string(manifest).map_err(io(format!("reading {}", manifest.display())))?;
    let mut all = BTreeMap::new();
    for document in serde_yaml::Deserializer::from_str(&text) {
        let config = Value::deserialize(document)
            .map_err(|e| Trouble::Webhooks(format!("reading {}: {e}", manifest.display())))?;
        for webhook in config["webhooks"].as_array().into_iter().flatten() {
            let path = webhook["clientConfig"]["service"]["path"].as_str().unwrap_or_default();
            let rules = webhook["rules"].as_array().into_iter().flatten();
            for resource in rules.flat_map(|r| r["resources"].as_array().into_iter().flatten()) {
                all.insert(resource.as_str().unwrap_or_default().to_owned(), path.to_owned());
            }
        }
    }
    Ok(all)
}

impl Webhooks {
    /// Why one of the objects is refused, if one is.
    ///
    /// # Errors
    /// The controller does not answer.
    pub async fn refusal(&self, objects: &[Value]) -> Result<Option<String>, Trouble> {
        let api = self.api.lock().await;
        for (i, object) in objects.iter().enumerate() {
            let Some(resource) = Resource::of(object) else { continue };
            let Some(path) = self.paths.get(resource.plural) else { continue };
            let others: Vec<Value> =
                objects.iter().enumerate().filter(|(n, _)| *n != i).map(|(_, o)| o.clone()).collect();
            api.replace(&others);
            let answer = self.ask(path, &review(resource, object)).await?;
            if answer["response"]["allowed"] != true {
                let status = &answer["response"]["status"];
                let why = status["message"].as_str().or(status["reason"].as_str()).unwrap_or("no reason");
                return Ok(Some(format!("{}: {why}", object["metadata"]["name"])));
            }
        }
        Ok(None)
    }

    async fn ask(&self, path: &str, review: &Value) -> Result<Value, Trouble> {
        let trouble = |e: reqwest::Error| Trouble::Webhooks(format!("asking {path}: {e:?}"));
        let request = self.client.post(format!("https://127.0.0.1:{PORT}{path}"));
        let request = request.header("content-type", "application/json").body(review.to_string());
        let text = request.send().await.map_err(trouble)?.text().await.map_err(trouble)?;
        serde_json::from_str(&text).map_err(|e| Trouble::Webhooks(format!("asking {path}: {e}: {text}")))
    }
}

fn review(resource: &Resource, object: &Value) -> Value {
    let kind = json!({"group": resource.group, "version": resource.version, "kind": resource.kind});
    let name = json!({"group": resource.group, "version": resource.version, "resource": resource.plural});
    json!({"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "request": {
        "uid": "00000000-0000-0000-0000-000000000001", "operation": "CREATE", "kind": kind, "resource": name,
        "name": object["metadata"]["name"], "namespace": object["metadata"]["namespace"],
        "userInfo": {"username": "routeproof"}, "object": object, "oldObject": null, "dryRun": false}})
}
