//! Loading ip_tables' and ip6_tables' tables, for kernels whose nf_tables lack the families (User-Mode Linux of Debian).

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use routeproof_model::pods::Table;

/// linux/netfilter_ipv4/ip_tables.h; ip6_tables has the same numbers. One is for reading, the other for writing.
const GET_INFO: libc::c_int = 64;
const SET_REPLACE: libc::c_int = 64;

/// `struct ipt_getinfo`, and where the number of rules is in it.
const INFO: usize = 84;
const INFO_RULES: usize = 76;

/// Replaces the table of the network namespace of `socket`, an Internet socket of the table's family. ENOPROTOOPT where the
/// kernel has none.
pub fn replace(socket: &OwnedFd, table: &Table) -> io::Result<()> {
    let rules = rules(socket, table.ipv6, table.name)?;
    // The kernel hands out the counters of the old rules, of 16 bytes each, whether one wants them or not.
    let mut counters = vec![0u64; 2 * rules as usize];
    let mut bytes = named(table.name);
    for number in [table.hooks, table.rules, table.bytes.len() as u32] {
        bytes.extend(number.to_ne_bytes());
    }
    for number in table.entries.iter().chain(&table.policies).chain([&rules]) {
        bytes.extend(number.to_ne_bytes());
    }
    bytes.resize(bytes.len().next_multiple_of(8), 0);
    bytes.extend((counters.as_mut_ptr() as usize).to_ne_bytes());
    bytes.extend(&table.bytes);
    // SAFETY: the kernel reads `bytes` and writes the counters of `rules` rules, for which there is room; if the table has got
    // more rules meanwhile, it refuses.
    let done = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level(table.ipv6),
            SET_REPLACE,
            bytes.as_ptr().cast(),
            bytes.len() as libc::socklen_t,
        )
    };
    drop(counters);
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

fn level(ipv6: bool) -> libc::c_int {
    if ipv6 { libc::SOL_IPV6 } else { libc::SOL_IP }
}

/// How many rules the table has now.
pub fn rules(socket: &OwnedFd, ipv6: bool, name: &str) -> io::Result<u32> {
    let mut info = named(name);
    info.resize(INFO, 0);
    let mut length = INFO as libc::socklen_t;
    // SAFETY: the kernel writes at most `length` bytes, which is the buffer's size.
    let done = unsafe {
        libc::getsockopt(socket.as_raw_fd(), level(ipv6), GET_INFO, info.as_mut_ptr().cast(), &raw mut length)
    };
    if done != 0 {
        return Err(io::Error::last_os_error());
    }
    let number = [info[INFO_RULES], info[INFO_RULES + 1], info[INFO_RULES + 2], info[INFO_RULES + 3]];
    Ok(u32::from_ne_bytes(number))
}

/// XT_TABLE_MAXNAMELEN.
fn named(name: &str) -> Vec<u8> {
    let mut bytes = name.as_bytes().to_vec();
    bytes.resize(32, 0);
    bytes
}
