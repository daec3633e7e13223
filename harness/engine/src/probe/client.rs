//! The asking side: one request by TCP, HTTP or UDP over a socket of the client's namespace.

use std::io;
use std::net::{IpAddr, SocketAddr};

use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::{HOST, SERVER};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, UdpSocket};

use super::responder::{SIGNATURE, name_in};
use super::{ProbeError, socket};
use crate::lab::{Family, NodeHandle};

/// Who asks, and whom.
pub(super) struct Client<'a> {
    pub node: &'a NodeHandle,
    pub from: Option<IpAddr>,
    pub to: SocketAddr,
}

/// A socket with a port of its own, not connected.
pub(super) struct Ready<S> {
    socket: S,
    to: SocketAddr,
    pub port: u16,
}

impl Client<'_> {
    fn source(&self) -> IpAddr {
        self.from.unwrap_or_else(|| socket::any(Family::of(self.to.ip())))
    }

    pub async fn tcp(&self) -> Result<Ready<TcpSocket>, ProbeError> {
        let socket = socket::tcp(self.node, Family::of(self.to.ip()), Some(self.source()), None).await?;
        let port = socket.local_addr().map_err(ProbeError::at(self.node.name(), "name a socket's port"))?;
        Ok(Ready { socket, to: self.to, port: port.port() })
    }

    pub async fn udp(&self) -> Result<Ready<UdpSocket>, ProbeError> {
        let socket = socket::udp(self.node, SocketAddr::new(self.source(), 0), None).await?;
        let port = socket.local_addr().map_err(ProbeError::at(self.node.name(), "name a socket's port"))?;
        Ok(Ready { socket, to: self.to, port: port.port() })
    }
}

/// The answering node's name.
pub(super) async fn ask_tcp(ready: Ready<TcpSocket>) -> io::Result<Option<String>> {
    let text = question(ready.port);
    let mut stream = ready.socket.connect(ready.to).await?;
    stream.write_all(format!("{text}\n").as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    name_in(&answer, &text).map(Some).ok_or_else(foreign)
}

/// The answering node's name, if it is one of our responders.
pub(super) async fn ask_http(ready: Ready<TcpSocket>) -> io::Result<Option<String>> {
    let stream = ready.socket.connect(ready.to).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let request = Request::get("/").header(HOST, ready.to.to_string()).body(Empty::<Bytes>::new());
    let request = request.map_err(io::Error::other)?;
    let ask = async move {
        let response = sender.send_request(request).await.map_err(io::Error::other)?;
        let ours = response.headers().get(SERVER).is_some_and(|server| server == SIGNATURE);
        let body = response.into_body().collect().await.map_err(io::Error::other)?.to_bytes();
        Ok(ours.then(|| String::from_utf8_lossy(&body).trim_end().to_string()))
    };
    // The connection does the sending and receiving; it ends once `ask` has dropped its sender.
    let (answer, _) = tokio::join!(ask, connection);
    answer
}

/// The answering node's name.
pub(super) async fn ask_udp(ready: Ready<UdpSocket>) -> io::Result<Option<String>> {
    let text = question(ready.port);
    // Connected, so that an ICMP error (port unreachable: ECONNREFUSED) is told.
    ready.socket.connect(ready.to).await?;
    ready.socket.send(text.as_bytes()).await?;
    let mut buffer = [0u8; 2048];
    let length = ready.socket.recv(&mut buffer).await?;
    name_in(&String::from_utf8_lossy(&buffer[..length]), &text).map(Some).ok_or_else(foreign)
}

fn question(port: u16) -> String {
    format!("who answers port {port}?")
}

fn foreign() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "answered by something that is no responder of this lab")
}
