//! The netlink header (RFC 3549 section 2.3.2; struct nlmsghdr), read without touching what it wraps.

use std::io;

const HEADER: usize = 16;
const NLMSG_ERROR: u16 = 2;

/// One message of a datagram.
#[derive(Clone, Copy, Debug)]
pub(in crate::observe) struct Envelope<'a> {
    pub message_type: u16,
    pub flags: u16,
    pub sequence: u32,
    pub payload: &'a [u8],
}

/// The messages of a datagram, in order. A length that lies ends it with an error.
pub(in crate::observe) fn envelopes(datagram: &[u8]) -> impl Iterator<Item = Result<Envelope<'_>, String>> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let next = split(rest);
        rest = match &next {
            Ok((_, tail)) => tail,
            Err(_) => &[],
        };
        Some(next.map(|(envelope, _)| envelope))
    })
}

/// What an NLMSG_ERROR or NLMSG_DONE payload says; none for success (an acknowledgement).
pub(in crate::observe) fn error_of(payload: &[u8]) -> Option<io::Error> {
    let code = payload.first_chunk().map_or(0, |bytes| i32::from_ne_bytes(*bytes));
    (code != 0).then(|| io::Error::from_raw_os_error(code.wrapping_neg()))
}

fn split(bytes: &[u8]) -> Result<(Envelope<'_>, &[u8]), String> {
    let short = || format!("{} bytes do not hold the netlink message that they announce", bytes.len());
    let header: &[u8; HEADER] = bytes.first_chunk().ok_or_else(short)?;
    let field32 =
        |at: usize| u32::from_ne_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
    let field16 = |at: usize| u16::from_ne_bytes([header[at], header[at + 1]]);
    let length = field32(0) as usize;
    let payload = bytes.get(HEADER..length).ok_or_else(short)?;
    let envelope = Envelope { message_type: field16(4), flags: field16(6), sequence: field32(8), payload };
    let tail = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    Ok((envelope, tail))
}

impl Envelope<'_> {
    pub fn is_error(&self) -> bool {
        self.message_type == NLMSG_ERROR
    }
}
