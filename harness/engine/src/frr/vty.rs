//! interim
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
#[derive(Debug)]
pub struct Vty(UnixStream);
#[derive(Debug)]
pub struct Output { pub text: String, pub status: u8 }
#[derive(Debug, thiserror::Error)]
#[error("vty: {0}")]
pub struct VtyError(#[from] std::io::Error);
impl Vty {
    pub fn new(s: UnixStream) -> Vty { Vty(s) }
    pub async fn run(&mut self, command: &str) -> Result<Output, VtyError> {
        for c in ["enable", command] {
            self.0.write_all(c.as_bytes()).await?;
            self.0.write_all(&[0]).await?;
            let mut buf = Vec::new();
            loop {
                let mut chunk = [0u8; 65536];
                let n = self.0.read(&mut chunk).await?;
                if n == 0 { return Err(std::io::Error::other("closed").into()) }
                buf.extend_from_slice(&chunk[..n]);
                if buf.len() >= 4 && buf[buf.len()-4..buf.len()-1] == [0,0,0] { break }
            }
            if c == command { let l = buf.len(); return Ok(Output { text: String::from_utf8_lossy(&buf[..l-4]).into_owned(), status: buf[l-1] }) }
        }
        unreachable!()
    }
}
