//! How fast the kernel is observed, in a network namespace of its own: what `ci/bench --only observe` runs.
//!
//!     observe-bench full-table [ROUTES]     a node with as many routes: readings, memory, keeping up
//!     observe-bench latency [ROUNDS]        from the installation of one route to its fact
//!
//! Prints samples as `ci/bench.d/summary` reads them: `row|routeproof|value`, milliseconds or, in rows about memory, KiB.
#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on panics")]

mod full_table;
mod latency;
mod memory;
mod router;

use std::os::fd::OwnedFd;

use nix::sched::{CloneFlags, unshare};
use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket};

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |default: u32| words.get(1).map_or(default, |word| word.parse().unwrap());
    // Before there are threads: a user namespace wants that.
    let own = unshare(CloneFlags::CLONE_NEWNET)
        .or_else(|_| unshare(CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET));
    if let Err(error) = own {
        eprintln!("observe-bench: a network namespace: {error}");
        std::process::exit(5);
    }
    router::furnish();
    // As the command line does.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    match words.first().map(String::as_str) {
        Some("full-table") => runtime.block_on(full_table::measure(number(100_000))),
        Some("latency") => runtime.block_on(latency::measure(number(1000))),
        _ => {
            eprintln!("usage: observe-bench full-table [ROUTES] | latency [ROUNDS]");
            std::process::exit(2);
        }
    }
}

fn netlink() -> OwnedFd {
    socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::NetlinkRoute).unwrap()
}

fn sample(row: &str, value: f64) {
    println!("{row}|routeproof|{value:.3}");
}
