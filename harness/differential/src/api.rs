//! A stand-in for a Kubernetes API server: list, watch and get of the objects of one case over HTTP, as far as a speaker asks. What
//! a speaker writes (events, statuses) is answered and forgotten.

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, RwLock};

use futures::stream::{self, StreamExt as _};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::resources::{RESOURCES, Resource, discovery};

type Shared = Arc<RwLock<Arc<Vec<Value>>>>;
type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub struct Api {
    pub address: SocketAddr,
    objects: Shared,
    task: JoinHandle<()>,
}

impl Drop for Api {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Api {
    /// Serves `objects` on a free port of the loopback interface. Errors: the port could not be had.
    pub async fn serve(objects: &[Value]) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let objects: Shared = Arc::new(RwLock::new(all(objects)));
        let shared = Arc::clone(&objects);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let objects = Arc::clone(&shared);
                connections.spawn(async move {
                    let service = service_fn(move |request| answer(current(&objects), request));
                    // A client that hangs up is no trouble of ours.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(socket), service)
                        .await;
                });
            }
        });
        Ok(Self { address, objects, task })
    }

    /// Has other objects from now on, for those who list; those who watch are not told.
    pub fn replace(&self, objects: &[Value]) {
        *self.objects.write().unwrap_or_else(std::sync::PoisonError::into_inner) = all(objects);
    }
}

fn all(objects: &[Value]) -> Arc<Vec<Value>> {
    Arc::new(objects.iter().cloned().enumerate().map(stored).collect())
}

fn current(objects: &Shared) -> Arc<Vec<Value>> {
    Arc::clone(&objects.read().unwrap_or_else(std::sync::PoisonError::into_inner))
}

/// What the API server adds to an object.
fn stored((index, mut object): (usize, Value)) -> Value {
    let meta = &mut object["metadata"];
    meta["uid"] = json!(format!("00000000-0000-0000-0000-{index:012}"));
    meta["resourceVersion"] = json!((index + 1).to_string());
    meta["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
    object
}

async fn answer(objects: Arc<Vec<Value>>, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path().to_owned();
    if let Some(document) = discovery(&path) {
        return Ok(reply(StatusCode::OK, &document));
    }
    let query = query(request.uri().query().unwrap_or_default());
    let Some(target) = Target::read(&path) else {
        return Ok(failure(StatusCode::NOT_FOUND, "NotFound", &path));
    };
    if request.method() != Method::GET {
        return Ok(echo(&target, request).await);
    }
    let matching = |o: &&Value| target.matches(o) && selected(o, &query);
    let found: Vec<Value> = objects.iter().filter(matching).cloned().collect();
    Ok(match (&target.name, query.get("watch").map(String::as_str)) {
        (Some(name), _) => match found.first() {
            Some(object) => reply(StatusCode::OK, object),
            None => failure(StatusCode::NOT_FOUND, "NotFound", name),
        },
        (None, Some("true" | "1")) => watch(&target, &query, found),
        (None, _) => reply(
            StatusCode::OK,
            &json!({"kind": format!("{}List", target.resource.kind), "apiVersion": target.resource.api_version(),
                    "metadata": {"resourceVersion": "1000"}, "items": found}),
        ),
    })
}

/// Nothing changes while a case runs: a watch gives what it is asked to begin with, and stays open.
fn watch(target: &Target, query: &HashMap<String, String>, found: Vec<Value>) -> Response<Body> {
    let mut lines = Vec::new();
    let initial = query.get("sendInitialEvents").is_some_and(|v| v == "true");
    // A watch without a version, or from "0", begins with what is there.
    if initial || query.get("resourceVersion").is_none_or(|v| v.is_empty() || v == "0") {
        lines.extend(found.into_iter().map(|o| json!({"type": "ADDED", "object": o})));
    }
    if initial {
        lines.push(json!({"type": "BOOKMARK", "object": {
            "kind": target.resource.kind, "apiVersion": target.resource.api_version(),
            "metadata": {"resourceVersion": "1000", "annotations": {"k8s.io/initial-events-end": "true"}}}}));
    }
    let frames = lines.into_iter().map(|l| Ok(Frame::data(Bytes::from(format!("{l}\n")))));
    let body = StreamBody::new(stream::iter(frames).chain(stream::pending()));
    respond(StatusCode::OK, body.boxed_unsync())
}

/// Answers a write with what was written.
async fn echo(target: &Target, request: Request<Incoming>) -> Response<Body> {
    let status = if request.method() == Method::POST { StatusCode::CREATED } else { StatusCode::OK };
    let bytes = request.into_body().collect().await.map(|b| b.to_bytes()).unwrap_or_default();
    let mut object: Value = serde_json::from_slice(&bytes).unwrap_or_else(|_| json!({}));
    object["kind"] = json!(target.resource.kind);
    object["apiVersion"] = json!(target.resource.api_version());
    object["metadata"]["resourceVersion"] = json!("1001");
    if let Some(name) = &target.name {
        object["metadata"]["name"] = json!(name);
    }
    reply(status, &object)
}

fn reply(status: StatusCode, value: &Value) -> Response<Body> {
    respond(status, Full::new(Bytes::from(value.to_string())).boxed_unsync())
}

fn failure(status: StatusCode, reason: &str, what: &str) -> Response<Body> {
    let message = format!("{what}: {reason}");
    let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason,
                      "message": message, "code": status.as_u16()});
    reply(status, &body)
}

fn respond(status: StatusCode, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let json = hyper::header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, json);
    response
}

/// What a path names.
struct Target {
    resource: &'static Resource,
    namespace: Option<String>,
    name: Option<String>,
}

impl Target {
    /// `/api/v1/...` or `/apis/GROUP/VERSION/...`, then `[namespaces/NS/]PLURAL[/NAME[/status]]`.
    fn read(path: &str) -> Option<Self> {
        let mut segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        let api = match segments.first()? {
            &"api" => segments.drain(..2.min(segments.len())).nth(1)?.to_owned(),
            _ if segments.len() > 2 => segments.drain(..3).skip(1).collect::<Vec<_>>().join("/"),
            _ => return None,
        };
        let namespace = (segments.len() > 2 && segments[0] == "namespaces").then(|| segments[1].to_owned());
        if namespace.is_some() {
            segments.drain(..2);
        }
        let plural = segments.first()?;
        let resource = RESOURCES.iter().find(|r| r.plural == *plural && r.api_version() == api)?;
        Some(Self { resource, namespace, name: segments.get(1).map(|s| (*s).to_owned()) })
    }

    fn matches(&self, object: &Value) -> bool {
        let meta = &object["metadata"];
        Resource::of(object).is_some_and(|r| r.plural == self.resource.plural)
            && self.namespace.as_deref().is_none_or(|ns| meta["namespace"] == ns)
            && self.name.as_deref().is_none_or(|name| meta["name"] == name)
    }
}

/// By `fieldSelector` (`metadata.name=X,metadata.namespace=Y`).
fn selected(object: &Value, query: &HashMap<String, String>) -> bool {
    let selector = query.get("fieldSelector").map(String::as_str).unwrap_or_default();
    selector.split(',').filter_map(|term| term.split_once('=')).all(|(field, value)| {
        let field = field.strip_prefix("metadata.").unwrap_or(field);
        object["metadata"][field] == value.trim_start_matches('=')
    })
}

fn query(text: &str) -> HashMap<String, String> {
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(k, v)| (k.to_owned(), v.replace("%3D", "=").replace("%2C", ","))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_paths() {
        let read = |path| Target::read(path).map(|t| (t.resource.kind, t.namespace, t.name));
        let some = |s: &str| Some(s.to_owned());
        assert_eq!(read("/api/v1/nodes"), Some(("Node", None, None)));
        assert_eq!(read("/api/v1/namespaces"), Some(("Namespace", None, None)));
        assert_eq!(
            read("/api/v1/namespaces/shop/services/web/status"),
            Some(("Service", some("shop"), some("web")))
        );
        assert_eq!(read("/apis/metallb.io/v1beta2/bgppeers"), Some(("BGPPeer", None, None)));
        assert_eq!(read("/apis/metallb.io/v1beta9/bgppeers").map(|t| t.0), None);
    }
}
