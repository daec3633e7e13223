//! The answering side: services in a node, run by the harness over sockets of the node's namespace.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONNECTION, SERVER};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::task::{JoinHandle, JoinSet};

use super::{ProbeError, socket};
use crate::lab::NodeHandle;
use crate::wait;

/// Says in an answer that it is one of ours, and whose: what follows is the node's name.
pub(super) const SIGNATURE: &str = "routeproof-responder";
/// Longest line or datagram that is answered.
const LONGEST: usize = 2048;

/// Answers until it is dropped. Every answer carries the node's name, so that a client knows who answered it.
///
/// Bind it to the address that is asked, not to the unspecified one: UDP replies of a socket without an address of its own
/// may go out with another source.
#[derive(Debug)]
pub struct Responder {
    local: SocketAddr,
    task: JoinHandle<()>,
}

impl Responder {
    /// Answers a line on each TCP connection, and closes it. Port 0 lets the kernel choose; `device` is a VRF or an
    /// interface to be bound to.
    ///
    /// # Errors
    /// When the address is not the node's, or taken.
    pub async fn tcp(
        node: &NodeHandle,
        local: SocketAddr,
        device: Option<&str>,
    ) -> Result<Responder, ProbeError> {
        Responder::listening(node, local, device, line).await
    }

    /// Answers HTTP/1.1 requests of any method and path with the node's name.
    ///
    /// # Errors
    /// As [`Responder::tcp`].
    pub async fn http(
        node: &NodeHandle,
        local: SocketAddr,
        device: Option<&str>,
    ) -> Result<Responder, ProbeError> {
        Responder::listening(node, local, device, http).await
    }

    /// Answers each UDP datagram with one.
    ///
    /// # Errors
    /// As [`Responder::tcp`].
    pub async fn udp(
        node: &NodeHandle,
        local: SocketAddr,
        device: Option<&str>,
    ) -> Result<Responder, ProbeError> {
        let name = node.name().to_string();
        let socket = socket::udp(node, local, device).await?;
        let local = socket.local_addr().map_err(ProbeError::at(node.name(), "name a socket's port"))?;
        Ok(Responder { local, task: tokio::spawn(datagrams(socket, name)) })
    }

    /// Where it answers.
    pub fn local(&self) -> SocketAddr {
        self.local
    }

    /// Gives each connection to `answer`, with the node's name.
    async fn listening<F>(
        node: &NodeHandle,
        local: SocketAddr,
        device: Option<&str>,
        answer: fn(TcpStream, String) -> F,
    ) -> Result<Responder, ProbeError>
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let name = node.name().to_string();
        let listener = socket::tcp_listen(node, local, device).await?;
        let answer = move |stream| answer(stream, name.clone());
        let local = listener.local_addr().map_err(ProbeError::at(node.name(), "name a socket's port"))?;
        Ok(Responder { local, task: tokio::spawn(accept(listener, answer)) })
    }
}

impl Drop for Responder {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The connections end with the task that accepts them.
async fn accept<F>(listener: TcpListener, answer: impl Fn(TcpStream) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                connections.spawn(answer(stream));
            }
            // A client that has gone again, or no descriptor left: neither is for ever.
            Err(_) => wait::elapse(std::time::Duration::from_millis(10)).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

/// A connection that breaks is the client's to notice.
async fn line(stream: TcpStream, name: String) {
    let mut stream = BufReader::with_capacity(LONGEST, stream);
    let Ok(received) = stream.fill_buf().await else { return };
    let text = String::from_utf8_lossy(received).trim_end().to_string();
    let stream = stream.get_mut();
    let _ = stream.write_all(answer_to(&text, &name).as_bytes()).await;
    let _ = stream.shutdown().await;
}

async fn http(stream: TcpStream, name: String) {
    let name: Arc<str> = name.into();
    let service = service_fn(move |_: Request<hyper::body::Incoming>| {
        let body = Full::new(Bytes::from(format!("{name}\n")));
        let response = Response::builder().header(SERVER, SIGNATURE).header(CONNECTION, "close").body(body);
        // The parts are constants: they are valid.
        async move { Ok::<_, Infallible>(response.unwrap_or_default()) }
    });
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn datagrams(socket: UdpSocket, name: String) {
    let mut buffer = [0u8; LONGEST];
    loop {
        // An error tells of an earlier answer that could not be delivered.
        if let Ok((length, from)) = socket.recv_from(&mut buffer).await {
            let text = String::from_utf8_lossy(&buffer[..length]).trim_end().to_string();
            let _ = socket.send_to(answer_to(&text, &name).as_bytes(), from).await;
        }
    }
}

fn answer_to(text: &str, name: &str) -> String {
    format!("{SIGNATURE} {name} {text}\n")
}

/// The name in an answer to `text`; `None` for the answer of somebody else.
pub(super) fn name_in(answer: &str, text: &str) -> Option<String> {
    let mut words = answer.trim_end().splitn(3, ' ');
    let (signature, name, echoed) = (words.next()?, words.next()?, words.next()?);
    (signature == SIGNATURE && echoed == text).then(|| name.to_string())
}
