//! tc-netem(8) as the kernel takes it (linux/pkt_sched.h, `struct tc_netem_qopt`); netlink-packet-route does not know it.

use netlink_packet_core::DefaultNla;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::tc::{TcAttribute, TcHandle, TcMessage};
use routeproof_model::topology::Netem;

use crate::lab::rtnl::{Change, create};

const TCA_OPTIONS: u16 = 2;
const TCA_NETEM_RATE: u16 = 6;
const TCA_NETEM_RATE64: u16 = 8;
const TCA_NETEM_LATENCY64: u16 = 10;
const TCA_NETEM_JITTER64: u16 = 11;

/// tc's default length of the queue, in packets.
const LIMIT: u32 = 1000;

pub(super) fn add(what: &str, index: u32, netem: &Netem) -> Change {
    let mut message = TcMessage::with_index(index as i32);
    message.header.parent = TcHandle::ROOT;
    message.attributes.push(TcAttribute::Kind("netem".to_string()));
    message.attributes.push(TcAttribute::Other(DefaultNla::new(TCA_OPTIONS, options(netem))));
    create(format!("impair {what} by netem"), RouteNetlinkMessage::NewQueueDiscipline(message))
}

/// The fixed part, then attributes. Times of the fixed part count in a clock of tc's own; the attributes' are nanoseconds.
fn options(netem: &Netem) -> Vec<u8> {
    let loss = (u64::from(netem.loss_ppm) * u64::from(u32::MAX) / 1_000_000) as u32;
    let [latency, gap, duplicate, jitter] = [0u32; 4];
    let mut bytes: Vec<u8> =
        [latency, LIMIT, loss, gap, duplicate, jitter].into_iter().flat_map(u32::to_ne_bytes).collect();
    let nanoseconds = |us: u64| (us as i64 * 1000).to_ne_bytes();
    attribute(&mut bytes, TCA_NETEM_LATENCY64, &nanoseconds(netem.delay_us));
    attribute(&mut bytes, TCA_NETEM_JITTER64, &nanoseconds(netem.jitter_us));
    if netem.rate_bps > 0 {
        let rate = netem.rate_bps / 8;
        // struct tc_netem_rate: bytes a second, and no overheads. A rate of 32 bits or more is in the other attribute.
        let narrow = u32::try_from(rate).unwrap_or(u32::MAX);
        let fixed: Vec<u8> = [narrow, 0, 0, 0].into_iter().flat_map(u32::to_ne_bytes).collect();
        if u64::from(narrow) < rate {
            attribute(&mut bytes, TCA_NETEM_RATE64, &rate.to_ne_bytes());
        }
        attribute(&mut bytes, TCA_NETEM_RATE, &fixed);
    }
    bytes
}

/// struct nlattr and its value, all of which here fill four bytes.
fn attribute(bytes: &mut Vec<u8>, kind: u16, value: &[u8]) {
    bytes.extend((value.len() as u16 + 4).to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(value);
}
