//! Whether a Docker engine answers: a client on PATH alone runs nothing.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};

use super::{Capability, capability};

/// An engine that is there answers at once.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks the engine that `DOCKER_HOST` names, else those of root and of this user, as Docker's own client does.
pub async fn docker() -> Capability {
    let mut silent = Vec::new();
    for host in hosts(|name| std::env::var(name).ok()) {
        let asked = tokio::time::timeout(PATIENCE, ping(&host)).await;
        match asked.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())) {
            Ok(server) => return capability("docker", Ok(format!("{server} answers at {host}"))),
            Err(e) => silent.push(format!("{host}: {e}")),
        }
    }
    let hints = vec![
        "`sudo systemctl start docker`, where Docker Engine is installed (docs.docker.com/engine/install)"
            .to_string(),
        "DOCKER_HOST says where another engine is".to_string(),
    ];
    capability("docker", Err((format!("no engine answers at {}", silent.join(", ")), hints)))
}

fn hosts(variable: impl Fn(&str) -> Option<String>) -> Vec<String> {
    if let Some(host) = variable("DOCKER_HOST").filter(|host| !host.is_empty()) {
        return vec![host];
    }
    let of_user = variable("XDG_RUNTIME_DIR").map(|dir| PathBuf::from(dir).join("docker.sock"));
    let sockets = [Some(PathBuf::from("/var/run/docker.sock")), of_user];
    sockets.into_iter().flatten().map(|socket| format!("unix://{}", socket.display())).collect()
}

async fn ping(host: &str) -> io::Result<String> {
    match host.split_once("://") {
        Some(("unix", path)) => asked(UnixStream::connect(path).await?).await,
        Some(("tcp", address)) => asked(TcpStream::connect(address).await?).await,
        _ => Err(io::Error::other("only unix:// and tcp:// are known here")),
    }
}

/// Docker Engine API, `GET /_ping`: 200, with the engine's name and version as `Server`.
async fn asked(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> io::Result<String> {
    stream.write_all(b"GET /_ping HTTP/1.0\r\nHost: docker\r\n\r\n").await?;
    let mut answer = Vec::new();
    stream.take(16 * 1024).read_to_end(&mut answer).await?;
    server(&String::from_utf8_lossy(&answer)).map_err(io::Error::other)
}

fn server(answer: &str) -> Result<String, String> {
    let mut lines = answer.lines();
    let status = lines.next().unwrap_or_default();
    if status.split_whitespace().nth(1) != Some("200") {
        return Err(format!("it is no Docker engine, or not well: {status}"));
    }
    let fields = lines.take_while(|line| !line.is_empty()).filter_map(|line| line.split_once(':'));
    let name = fields.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("server"));
    Ok(name.map_or_else(|| "an engine".to_string(), |(_, value)| value.trim().to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_host_comes_before_the_usual_sockets() {
        let none = |_: &str| None;
        assert_eq!(hosts(none), ["unix:///var/run/docker.sock"]);
        let user = |name: &str| (name == "XDG_RUNTIME_DIR").then(|| "/run/user/1000".to_string());
        assert_eq!(hosts(user), ["unix:///var/run/docker.sock", "unix:///run/user/1000/docker.sock"]);
        let named = |name: &str| (name == "DOCKER_HOST").then(|| "tcp://127.0.0.1:2375".to_string());
        assert_eq!(hosts(named), ["tcp://127.0.0.1:2375"]);
    }

    #[test]
    fn an_engine_is_known_by_its_answer() {
        let well = "HTTP/1.0 200 OK\r\nApi-Version: 1.50\r\nServer: Docker/28.2.2 (linux)\r\n\r\nOK";
        assert_eq!(server(well), Ok("Docker/28.2.2 (linux)".to_string()));
        assert!(server("HTTP/1.0 500 Internal Server Error\r\n\r\n").is_err());
        assert!(server("").is_err());
    }

    #[tokio::test]
    async fn a_socket_that_nobody_listens_on_is_no_engine() {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("docker.sock");
        drop(std::os::unix::net::UnixListener::bind(&socket).unwrap());
        let refused = ping(&format!("unix://{}", socket.display())).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        assert!(ping("npipe:////./pipe/docker_engine").await.is_err());
    }
}
