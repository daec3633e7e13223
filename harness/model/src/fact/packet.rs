//! A packet as an interface of a node saw it.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Mono;

/// One IP packet at one interface. The same packet shows once more at every interface that it passes: in another node,
/// and in the same node at the lower device of a VLAN, a bond or a bridge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Packet {
    /// The kernel's time stamp, on the clock of the kernel events.
    pub at: Mono,
    pub node: String,
    pub interface: String,
    pub direction: Direction,
    /// Absent where the interface has no Ethernet header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_mac: Option<Mac>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_mac: Option<Mac>,
    /// The outermost IEEE 802.1Q tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan: Option<u16>,
    pub src: IpAddr,
    pub dst: IpAddr,
    /// Time to live (RFC 791) or hop limit (RFC 8200).
    pub hop_limit: u8,
    pub transport: Transport,
    /// Bytes on the wire, with the link's header.
    pub length: u32,
}

/// Whose packet it is, as packet(7) tells: `sll_pkttype`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Came in, addressed to this interface.
    Host,
    Broadcast,
    Multicast,
    /// Came in, addressed to somebody else: a bridge floods what it has not learned.
    OtherHost,
    /// Left the node by this interface.
    Outgoing,
}

/// What identifies a packet above IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    Tcp {
        sport: u16,
        dport: u16,
        syn: bool,
        rst: bool,
        fin: bool,
    },
    Udp {
        sport: u16,
        dport: u16,
    },
    /// ICMP echo (RFC 792) or ICMPv6 echo (RFC 4443, section 4): a request, or the reply to one.
    Echo {
        request: bool,
        id: u16,
        sequence: u16,
    },
    /// Any other ICMP or ICMPv6 message.
    Icmp {
        kind: u8,
        code: u8,
    },
    /// Another protocol, or a fragment beyond the first: the number in the IP header (for IPv6 the last one read).
    Other {
        protocol: u8,
    },
}

impl Packet {
    /// Source and destination port of TCP or UDP.
    pub fn ports(&self) -> Option<(u16, u16)> {
        match self.transport {
            Transport::Tcp { sport, dport, .. } | Transport::Udp { sport, dport } => Some((sport, dport)),
            _ => None,
        }
    }
}

/// An Ethernet address, written `aa:bb:cc:00:11:22` like those of [`super::Link`] and [`super::Neighbour`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mac(pub [u8; 6]);

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not six bytes in hexadecimal with colons between them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an Ethernet address such as 02:00:00:00:00:01")]
pub struct NotAMac(String);

impl FromStr for Mac {
    type Err = NotAMac;

    fn from_str(text: &str) -> Result<Mac, NotAMac> {
        // A sign would pass for a digit.
        let plain = |part: &str| part.len() == 2 && part.bytes().all(|b| b.is_ascii_hexdigit());
        let byte = |part: &str| plain(part).then(|| u8::from_str_radix(part, 16).ok()).flatten();
        let bytes: Option<Vec<u8>> = text.split(':').map(byte).collect();
        let bytes = bytes.and_then(|bytes| <[u8; 6]>::try_from(bytes).ok());
        bytes.map(Mac).ok_or_else(|| NotAMac(text.to_string()))
    }
}

impl Serialize for Mac {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Mac {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Mac, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_reads_what_it_writes() {
        let mac = Mac([0x02, 0, 0xab, 3, 0xff, 0x10]);
        assert_eq!(mac.to_string(), "02:00:ab:03:ff:10");
        assert_eq!(mac.to_string().parse(), Ok(mac));
        for wrong in [
            "",
            "02:00:ab:03:ff",
            "02:00:ab:03:ff:10:11",
            "2:0:ab:3:ff:10",
            "02:00:ab:03:ff:1g",
            "+2:00:ab:03:ff:10",
        ] {
            assert!(wrong.parse::<Mac>().is_err(), "{wrong}");
        }
    }
}
