//! The API server's client: kube's requests, over sockets that are opened in the control plane's namespace, be it a lab's node or a container.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, HOST, HeaderValue};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use kube::core::Status;
use kube::core::params::{DeleteParams, GetParams, ListParams, Patch, PatchParams};
use kube::core::subresource::LogParams;
use routeproof_model::cluster::{API_PORT, resource};
use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio_rustls::TlsConnector;

use super::credentials::{self, Secrets};
use super::error::ClusterError;
use crate::lab::NodeHandle;
use crate::probe::socket::tcp_connect;

/// Where kubeadm puts them, and where its API server listens (kubernetes.io, "kubeadm init").
const ADMIN_CONF: &str = "/etc/kubernetes/admin.conf";
const KUBEADM_PORT: u16 = 6443;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

/// A client that may do everything.
#[derive(Clone)]
pub struct Api {
    plane: NodeHandle,
    at: SocketAddr,
    tls: TlsConnector,
    /// Where no client certificate says who asks.
    bearer: Option<String>,
}

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api").finish_non_exhaustive()
    }
}

impl Api {
    /// Of a control plane that we start.
    pub fn new(plane: &NodeHandle, secrets: &Secrets) -> Api {
        let tls = TlsConnector::from(secrets.client.clone());
        let at = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), API_PORT);
        Api { plane: plane.clone(), at, tls, bearer: Some(format!("Bearer {}", secrets.token)) }
    }

    /// Of one that kubeadm has made on a node: its administrator's credentials are in a file there.
    pub async fn of_kubeadm(plane: &NodeHandle) -> Result<Api, ClusterError> {
        let config = plane.read(ADMIN_CONF).await?;
        let client = credentials::of_kubeconfig(ADMIN_CONF, config)?;
        let at = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), KUBEADM_PORT);
        Ok(Api { plane: plane.clone(), at, tls: TlsConnector::from(Arc::new(client)), bearer: None })
    }

    /// Sends a request on a connection of its own: there are few of them.
    async fn send(&self, request: Request<Vec<u8>>) -> Result<(StatusCode, Bytes), AnyError> {
        let address = self.at;
        let stream = tcp_connect(&self.plane, None, address).await?;
        let stream = self.tls.connect(ServerName::from(address.ip()), stream).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        // It ends with the answer; what goes wrong with it, the answer's reader is told.
        tokio::spawn(connection);
        let mut request = request.map(|body| Full::new(Bytes::from(body)));
        let headers = request.headers_mut();
        headers.insert(HOST, HeaderValue::from_str(&address.to_string())?);
        if let Some(bearer) = &self.bearer {
            headers.insert(AUTHORIZATION, HeaderValue::from_str(bearer)?);
        }
        let answer = sender.send_request(request).await?;
        Ok((answer.status(), answer.into_body().collect().await?.to_bytes()))
    }

    /// Whether it is ready, or how it is instead.
    pub async fn ready(&self) -> Result<(), String> {
        let request = Request::get("/readyz").body(Vec::new()).map_err(|e| e.to_string())?;
        match self.send(request).await {
            Ok((StatusCode::OK, _)) => Ok(()),
            Ok((status, body)) => Err(format!("{status}: {}", String::from_utf8_lossy(&body).trim())),
            Err(e) => Err(e.to_string()),
        }
    }

    /// Applies an object on the server's side; what `manager` applied of it before and does not now is taken away. Its status, if it has
    /// one, is a part of it.
    ///
    /// # Errors
    /// [`ClusterError::Refused`] with the reason of a schema, a webhook or the server itself.
    pub async fn apply(&self, object: &Value, manager: &str) -> Result<(), ClusterError> {
        let (path, name) = (at(object)?, name(object));
        let (how, patch) = (PatchParams::apply(manager).force(), Patch::Apply(object));
        self.ask(object, path.patch(name, &how, &patch)).await?;
        if object.get("status").is_some_and(|status| !status.is_null()) {
            self.ask(object, path.patch_subresource("status", name, &how, &patch)).await?;
        }
        Ok(())
    }

    pub async fn delete(&self, object: &Value) -> Result<(), ClusterError> {
        let request = at(object)?.delete(name(object), &DeleteParams::default());
        self.ask(object, request).await.map(drop)
    }

    /// The object as the server has it.
    pub async fn get(&self, object: &Value) -> Result<Value, ClusterError> {
        self.ask(object, at(object)?.get(name(object), &GetParams::default())).await
    }

    /// The objects of a kind and namespace, of which this one is an example, that have these labels (`key=value,...`).
    pub async fn list(&self, example: &Value, labels: &str) -> Result<Vec<Value>, ClusterError> {
        let request = at(example)?.list(&ListParams::default().labels(labels));
        let mut list = self.ask(example, request).await?;
        Ok(list["items"].as_array_mut().map(std::mem::take).unwrap_or_default())
    }

    /// The last lines that a container of a pod has printed.
    pub async fn log(&self, pod: &Value, container: &str, lines: i64) -> Result<String, ClusterError> {
        let wanted = LogParams { container: Some(container.to_string()), tail_lines: Some(lines), ..LogParams::default() };
        let failed = |source: AnyError| ClusterError::Api { object: named(pod), source };
        let request = at(pod)?.logs(name(pod), &wanted).map_err(|e| failed(e.into()))?;
        let (_, body) = self.send(request).await.map_err(failed)?;
        Ok(String::from_utf8_lossy(&body).into_owned())
    }

    async fn ask(
        &self,
        object: &Value,
        request: Result<Request<Vec<u8>>, kube::core::request::Error>,
    ) -> Result<Value, ClusterError> {
        let failed = |source: AnyError| ClusterError::Api { object: named(object), source };
        let (status, body) = self.send(request.map_err(|e| failed(e.into()))?).await.map_err(failed)?;
        if status.is_success() {
            return serde_json::from_slice(&body).map_err(|e| failed(e.into()));
        }
        let said = serde_json::from_slice::<Status>(&body).map(|status| status.message);
        let reason = said.unwrap_or_else(|_| format!("{status}: {}", String::from_utf8_lossy(&body)));
        Err(ClusterError::Refused { object: named(object), reason })
    }
}

/// Requests about objects of this one's kind and namespace.
fn at(object: &Value) -> Result<kube::core::Request, ClusterError> {
    let namespace = object["metadata"]["namespace"].as_str();
    Ok(kube::core::Request::new(resource(object)?.path(namespace)))
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

fn named(object: &Value) -> String {
    format!("{} {}", object["kind"].as_str().unwrap_or_default(), name(object))
}
