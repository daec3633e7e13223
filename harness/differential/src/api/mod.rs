//! A stand-in for a Kubernetes API server: the objects of one case over HTTP, to list, watch and get as far as MetalLB and frr-k8s ask,
//! and to write.

mod protobuf;
mod store;
mod target;

use std::collections::HashMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::stream::{self, StreamExt as _};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use store::Refusal;
use store::{Store, merged};
pub use target::Target;
use target::{query, selected};

use crate::resources::discovery;

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// A running server; it ends when this is dropped.
#[derive(Debug)]
pub struct Api {
    pub address: SocketAddr,
    shared: Shared,
    task: JoinHandle<()>,
}

impl Drop for Api {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone, Debug)]
struct Shared(Arc<Mutex<Store>>);

impl Shared {
    fn store(&self) -> MutexGuard<'_, Store> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Api {
    /// Serves `objects` on a free port of the loopback interface. Errors: the port could not be had.
    pub async fn serve(objects: &[Value]) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let shared = Shared(Arc::new(Mutex::new(Store::new(objects))));
        let served = shared.clone();
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let shared = served.clone();
                connections.spawn(async move {
                    let service = service_fn(move |request| answer(shared.clone(), request));
                    // A client that hangs up is no trouble of ours.
                    let _ = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(socket), service)
                        .await;
                });
            }
        });
        Ok(Self { address, shared, task })
    }

    /// Has other objects from now on, for those who list; those who watch are not told.
    pub fn replace(&self, objects: &[Value]) {
        self.shared.store().replace(objects);
    }

    /// Adds an object as a user does.
    pub fn create(&self, object: &Value) -> Result<(), Refusal> {
        self.shared.store().create(object.clone()).map(|_| ())
    }

    /// The object at a path, if it is there.
    pub fn get(&self, path: &str) -> Option<Value> {
        let target = Target::read(path)?;
        self.shared.store().list(|o| target.matches(o)).into_iter().next()
    }

    /// The objects below a path.
    pub fn list(&self, path: &str) -> Vec<Value> {
        Target::read(path).map_or_else(Vec::new, |target| self.shared.store().list(|o| target.matches(o)))
    }

    /// Changes with every write.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.shared.store().news()
    }
}

async fn answer(shared: Shared, request: Request<Incoming>) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path().to_owned();
    if let Some(document) = discovery(&path) {
        return Ok(reply(StatusCode::OK, &document));
    }
    let query = query(request.uri().query().unwrap_or_default());
    let Some(target) = Target::read(&path) else {
        return Ok(failure(StatusCode::NOT_FOUND, "NotFound", &path));
    };
    if request.method() != Method::GET {
        return Ok(write(&shared, &target, request).await);
    }
    if target.name.is_none() && query.get("watch").is_some_and(|w| w == "true" || w == "1") {
        return Ok(watch_response(shared, target, query));
    }
    let store = shared.store();
    let found = store.list(|o| target.matches(o) && selected(o, &query));
    let found: Vec<Value> = found.into_iter().map(|o| target.shown(o)).collect();
    Ok(match &target.name {
        Some(name) => match found.first() {
            Some(object) => reply(StatusCode::OK, object),
            None => failure(StatusCode::NOT_FOUND, "NotFound", name),
        },
        None => reply(
            StatusCode::OK,
            &json!({"kind": format!("{}List", target.resource.kind), "apiVersion": target.resource.api_version(),
                    "metadata": {"resourceVersion": store.version().to_string()}, "items": found}),
        ),
    })
}

/// What there is to begin with, if it is asked for, then each event.
fn watch_response(shared: Shared, target: Target, query: HashMap<String, String>) -> Response<Body> {
    let asked = query.get("resourceVersion").map(String::as_str).unwrap_or_default();
    let marked = query.get("sendInitialEvents").is_some_and(|v| v == "true");
    // A watch without a version, or from "0", begins with what is there.
    let initial = marked || asked.is_empty() || asked == "0";
    let (mut lines, version, news) = {
        let store = shared.store();
        let found =
            if initial { store.list(|o| target.matches(o) && selected(o, &query)) } else { Vec::new() };
        let lines: Vec<Value> =
            found.into_iter().map(|o| json!({"type": "ADDED", "object": target.shown(o)})).collect();
        let from = if initial { store.version() } else { asked.parse().unwrap_or(store.version()) };
        (lines, from, store.news())
    };
    if marked {
        lines.push(json!({"type": "BOOKMARK", "object": {
            "kind": target.resource.kind, "apiVersion": target.resource.api_version(),
            "metadata": {"resourceVersion": version.to_string(), "annotations": {"k8s.io/initial-events-end": "true"}}}}));
    }
    let later = stream::unfold((version, news), move |(version, mut news)| {
        let (shared, target, query) = (shared.clone(), target.clone(), query.clone());
        async move {
            let mut seen = version;
            loop {
                news.borrow_and_update();
                let (events, now) = shared.store().since(seen, |o| target.matches(o) && selected(o, &query));
                seen = now;
                if !events.is_empty() {
                    let lines =
                        events.into_iter().map(|(kind, o)| json!({"type": kind, "object": target.shown(o)}));
                    return Some((lines.collect::<Vec<_>>(), (seen, news)));
                }
                news.changed().await.ok()?;
            }
        }
    });
    let frames = stream::iter([lines]).chain(later).map(|lines| {
        let text: String = lines.iter().map(|l| format!("{l}\n")).collect();
        Ok(Frame::data(Bytes::from(text)))
    });
    respond(StatusCode::OK, StreamBody::new(frames).boxed_unsync())
}

async fn write(shared: &Shared, target: &Target, request: Request<Incoming>) -> Response<Body> {
    let (method, head) = (request.method().clone(), request.headers().clone());
    let bytes = request.into_body().collect().await.map(|b| b.to_bytes()).unwrap_or_default();
    let content = head.get("content-type").map_or(&b""[..], |c| c.as_bytes());
    let is_service = target.resource.kind == "Service" && target.of_status;
    let read = match content.starts_with(b"application/vnd.kubernetes.protobuf") {
        true => protobuf::service(&bytes).filter(|_| is_service),
        false => Some(serde_json::from_slice(&bytes).unwrap_or_else(|_| json!({}))),
    };
    let Some(mut body) = read else {
        return failure(StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaType", target.resource.plural);
    };
    let name = target.name.clone().unwrap_or_default();
    let is_apply = content.starts_with(b"application/apply-patch");
    if method != Method::PATCH || is_apply {
        body["kind"] = json!(target.resource.kind);
        body["apiVersion"] = json!(target.resource.api_version());
        if let Some(namespace) = &target.namespace {
            body["metadata"]["namespace"] = json!(namespace);
        }
    }
    let mut store = shared.store();
    let done = match method {
        Method::POST => store.create(body).map(|o| (StatusCode::CREATED, o)),
        Method::PUT => store.change(target, |_| body).map(|o| (StatusCode::OK, o)),
        Method::DELETE => store.remove(target).map(|o| (StatusCode::OK, o)),
        _ => match store.change(target, |before| merged(before, &body)) {
            Err(Refusal::NotFound) if is_apply => store.create(body).map(|o| (StatusCode::CREATED, o)),
            changed => changed.map(|o| (StatusCode::OK, o)),
        },
    };
    match done {
        Ok((status, object)) => reply(status, &object),
        Err(Refusal::NotFound) => failure(StatusCode::NOT_FOUND, "NotFound", &name),
        Err(Refusal::AlreadyExists) => failure(StatusCode::CONFLICT, "AlreadyExists", &name),
        Err(Refusal::Conflict) => failure(StatusCode::CONFLICT, "Conflict", &name),
    }
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
