//! A message of a kept lab's protocol on a stream: two lengths, JSON, and the bytes of the file that travels with it.

use std::io;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Beyond this something else is on the stream.
const LIMIT: u64 = 4 * 1024 * 1024 * 1024;

/// What stands for descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Carried {
    Nothing,
    File,
    /// The standard streams of a command.
    Streams,
    Terminal,
}

pub async fn write<T: Serialize>(
    to: &mut (impl AsyncWrite + Unpin),
    body: &T,
    carried: Carried,
    file: &[u8],
) -> io::Result<()> {
    let text = serde_json::to_vec(&(body, carried))?;
    to.write_all(&(text.len() as u64).to_le_bytes()).await?;
    to.write_all(&(file.len() as u64).to_le_bytes()).await?;
    to.write_all(&text).await?;
    to.write_all(file).await
}

/// `None` at the stream's end.
pub async fn read<T: DeserializeOwned>(
    from: &mut (impl AsyncRead + Unpin),
) -> io::Result<Option<(T, Carried, Vec<u8>)>> {
    let length = match from.read_u64_le().await {
        Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        other => other?,
    };
    let file_length = from.read_u64_le().await?;
    if length.max(file_length) > LIMIT {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a message of {length} bytes")));
    }
    let text = exactly(from, length).await?;
    let file = exactly(from, file_length).await?;
    let (body, carried) = serde_json::from_slice(&text)?;
    Ok(Some((body, carried, file)))
}

async fn exactly(from: &mut (impl AsyncRead + Unpin), length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match from.take(length).read_to_end(&mut bytes).await? as u64 == length {
        true => Ok(bytes),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
