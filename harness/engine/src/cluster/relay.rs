//! A port of one node's loopback interface that leads to the same port of another's. The kernel has nothing of it but a socket.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::io::copy_bidirectional;
use tokio::task::{JoinHandle, JoinSet};

use crate::lab::NodeHandle;
use crate::probe::ProbeError;
use crate::probe::socket::{tcp_connect, tcp_listen};

/// A relay; it ends, with its connections, when this is dropped.
#[derive(Debug)]
pub struct Relay(JoinHandle<()>);

impl Drop for Relay {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Relay {
    /// Listens on `from`.
    ///
    /// # Errors
    /// The port is taken there.
    pub async fn start(from: &NodeHandle, to: &NodeHandle, port: u16) -> Result<Relay, ProbeError> {
        let at = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
        let listener = tcp_listen(from, at, None).await?;
        let to = to.clone();
        Ok(Relay(tokio::spawn(async move {
            let mut connections = JoinSet::new();
            // What fails here, the client at the other end sees: its connection is closed, and it tries again.
            while let Ok((mut near, _)) = listener.accept().await {
                let to = to.clone();
                connections.spawn(async move {
                    if let Ok(mut far) = tcp_connect(&to, None, at).await {
                        let _ = copy_bidirectional(&mut near, &mut far).await;
                    }
                });
                while connections.try_join_next().is_some() {}
            }
        })))
    }
}
