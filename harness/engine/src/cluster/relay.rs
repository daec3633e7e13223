//! A port of one node's loopback interface that leads to a port of another's. The kernel has nothing of it but a socket.

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
    /// Listens on a port of the one node, and connects to one of the other.
    ///
    /// # Errors
    /// The port is taken.
    pub async fn start(
        (from, port): (&NodeHandle, u16),
        (to, target): (&NodeHandle, u16),
    ) -> Result<Relay, ProbeError> {
        let at = |port| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port);
        let listener = tcp_listen(from, at(port), None).await?;
        let to = to.clone();
        Ok(Relay(tokio::spawn(async move {
            let mut connections = JoinSet::new();
            // What fails here, the client at the other end sees: its connection is closed, and it tries again.
            while let Ok((mut near, _)) = listener.accept().await {
                let to = to.clone();
                connections.spawn(async move {
                    if let Ok(mut far) = tcp_connect(&to, None, at(target)).await {
                        let _ = copy_bidirectional(&mut near, &mut far).await;
                    }
                });
                while connections.try_join_next().is_some() {}
            }
        })))
    }
}
