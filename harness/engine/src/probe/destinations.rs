//! Addresses of a prefix to send to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;
use routeproof_model::fact::KernelState;

/// An odd number near 2^32 divided by the golden ratio: its multiples modulo 2^n meet every value once, widely spread.
const STRIDE: u64 = 0x9e37_79b1;

/// Up to `count` addresses of the prefix, spread over it, for which a node has no longer prefix: fewer where the prefix
/// has fewer.
pub fn destinations(prefix: IpNet, count: usize, kernel: &KernelState) -> Vec<IpAddr> {
    let longer = |other: &IpNet| other.prefix_len() > prefix.prefix_len() && prefix.contains(other);
    let elsewhere: Vec<IpNet> = kernel.routes().map(|route| route.prefix).filter(longer).collect();
    let bits = u32::from(prefix.max_prefix_len() - prefix.prefix_len());
    let (spread, shift) = (bits.min(32), bits.saturating_sub(32));
    let size = 1u64 << spread;
    let at = |i: u64| address(prefix, u128::from(i.wrapping_mul(STRIDE) % size) << shift);
    // Most candidates serve; a prefix full of longer ones gives up after a while.
    let candidates = (1..=size.min(count as u64 * 8)).map(at);
    candidates.filter(|ip| usable(*ip) && !elsewhere.iter().any(|net| net.contains(ip))).take(count).collect()
}

fn address(prefix: IpNet, offset: u128) -> IpAddr {
    match prefix.network() {
        IpAddr::V4(base) => IpAddr::V4(Ipv4Addr::from(u32::from(base) | offset as u32)),
        IpAddr::V6(base) => IpAddr::V6(Ipv6Addr::from(u128::from(base) | offset)),
    }
}

/// Whether the kernel would route a packet there at all.
fn usable(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => {
            // 0/8 and 240/4 are refused by fib lookups of senders; the rest has a meaning of its own.
            let reserved = ip.octets()[0] == 0 || ip.octets()[0] >= 240;
            !(reserved || ip.is_multicast() || ip.is_loopback() || ip.is_link_local())
        }
        IpAddr::V6(ip) => {
            let mapped = ip.to_ipv4_mapped().is_some();
            !(mapped
                || ip.is_multicast()
                || ip.is_loopback()
                || ip.is_unspecified()
                || ip.is_unicast_link_local())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use routeproof_model::fact::{Change, KernelEvent, Mono, Object, Route};

    use super::*;

    fn kernel(prefixes: &[&str]) -> KernelState {
        let mut state = KernelState::default();
        for prefix in prefixes {
            let route = Route { prefix: prefix.parse().unwrap(), table: 254, ..Route::default() };
            state.apply(&KernelEvent { at: Mono(1), change: Change::New(Object::Route(route)) });
        }
        state
    }

    #[test]
    fn every_address_of_a_small_prefix_once() {
        let found = destinations("172.16.1.0/29".parse().unwrap(), 400, &KernelState::default());
        assert_eq!(found.len(), 8);
        let one = destinations("fc00::7/128".parse().unwrap(), 400, &KernelState::default());
        assert_eq!(one, ["fc00::7".parse::<IpAddr>().unwrap()]);
    }

    #[test]
    fn a_longer_prefix_is_left_out() {
        let kernel = kernel(&["0.0.0.0/0", "0.0.0.0/1", "172.16.1.0/24"]);
        let found = destinations("0.0.0.0/0".parse().unwrap(), 100, &kernel);
        assert_eq!(found.len(), 100);
        assert!(found.iter().all(|ip| matches!(ip, IpAddr::V4(ip) if ip.octets()[0] >= 128)));
    }

    proptest! {
        #[test]
        fn they_are_in_the_prefix_and_differ(bits: u128, length in 0u8..=128, count in 1usize..600) {
            let prefix = IpNet::new(IpAddr::V6(Ipv6Addr::from(bits)), length).unwrap();
            let found = destinations(prefix, count, &KernelState::default());
            prop_assert!(found.len() <= count);
            prop_assert!(found.iter().all(|ip| prefix.contains(ip)));
            prop_assert_eq!(found.iter().collect::<BTreeSet<_>>().len(), found.len());
        }
    }
}
