//! What travels on the line: a kind (1 byte), a stream (4), a length (4), little endian, then as many bytes.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Before a frame's bytes.
pub const HEADER: usize = 9;

/// More in one frame is a line out of step, not a message.
const LIMIT: usize = 64 * 1024 * 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// What the two ends themselves say; of no stream.
    Control(Vec<u8>),
    Data(u32, Vec<u8>),
    /// The sender has nothing more for the stream.
    End(u32),
    /// The sender reads no more of the stream.
    Stop(u32),
    /// So many more bytes of the stream are welcome.
    Credit(u32, u32),
    /// So many more bytes fit on the line, whatever they are.
    Room(u32),
}

impl Frame {
    pub fn encode(&self, line: &mut Vec<u8>) {
        let number = u32::to_le_bytes;
        let mut put = |kind: u8, stream: u32, bytes: &[u8]| {
            line.push(kind);
            line.extend(number(stream));
            line.extend(number(bytes.len() as u32));
            line.extend(bytes);
        };
        match self {
            Frame::Control(bytes) => put(0, 0, bytes),
            Frame::Data(stream, bytes) => put(1, *stream, bytes),
            Frame::End(stream) => put(2, *stream, &[]),
            Frame::Stop(stream) => put(3, *stream, &[]),
            Frame::Credit(stream, bytes) => put(4, *stream, &number(*bytes)),
            Frame::Room(bytes) => put(5, 0, &number(*bytes)),
        }
    }

    /// The next frame and its size on the line; `None` at the line's end.
    ///
    /// # Errors
    /// The line broke, or has something else on it.
    pub async fn read(line: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<(Frame, usize)>> {
        let mut header = [0; HEADER];
        match line.read_exact(&mut header).await {
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        };
        let number =
            |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let (kind, stream, length) = (header[0], number(1), number(5) as usize);
        let nonsense = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
        if kind > 5 || length > LIMIT {
            return Err(nonsense(format!("no frame begins with {header:02x?}")));
        }
        let mut bytes = vec![0; length];
        match line.read_exact(&mut bytes).await {
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        };
        let amount = || match bytes.as_slice() {
            [a, b, c, d] => Ok(u32::from_le_bytes([*a, *b, *c, *d])),
            _ => Err(nonsense(format!("{length} bytes where a number of four was expected"))),
        };
        let frame = match kind {
            0 => Frame::Control(bytes),
            1 => Frame::Data(stream, bytes),
            2 => Frame::End(stream),
            3 => Frame::Stop(stream),
            4 => Frame::Credit(stream, amount()?),
            _ => Frame::Room(amount()?),
        };
        Ok(Some((frame, HEADER + length)))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_are_read_as_they_were_written() {
        let frames = [
            Frame::Control(b"{}".to_vec()),
            Frame::Data(7, vec![0, 255]),
            Frame::End(u32::MAX),
            Frame::Stop(1),
            Frame::Credit(2, 70_000),
            Frame::Room(2048),
        ];
        let mut line = Vec::new();
        frames.iter().for_each(|frame| frame.encode(&mut line));
        let mut rest = line.as_slice();
        for frame in &frames {
            assert_eq!(Frame::read(&mut rest).await.unwrap().unwrap().0, *frame);
        }
        assert_eq!(Frame::read(&mut rest).await.unwrap(), None);
        // Cut short in the middle of a frame, as by a kill.
        assert_eq!(Frame::read(&mut &line[..5]).await.unwrap(), None);
        assert_eq!(Frame::read(&mut &line[..HEADER + 1]).await.unwrap(), None);
    }

    #[tokio::test]
    async fn what_is_no_frame_is_an_error() {
        let text = b"Kernel panic - not syncing";
        let error = Frame::read(&mut text.as_slice()).await.unwrap_err();
        assert!(error.to_string().contains("no frame begins with"), "{error}");
        let short = [4, 0, 0, 0, 0, 1, 0, 0, 0, 9];
        assert!(Frame::read(&mut short.as_slice()).await.is_err());
    }
}
