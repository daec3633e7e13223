//! Asking the kernel which route it would take (RTM_GETROUTE, the question of `ip route get`).

use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;

use nix::errno::Errno;
use routeproof_model::fact::{Kind, Route};

use super::ObserveError;
use super::decode::{self, DeviceNames, RTM_NEWROUTE};
use super::dump::Requests;
use super::request;

/// A packet to find the way of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteQuery {
    pub to: IpAddr,
    pub from: Option<IpAddr>,
    /// Index of the device that the packet came in by; without one the node itself sends it.
    pub iif: Option<u32>,
    pub oif: Option<u32>,
    pub mark: Option<u32>,
    /// Answer with the entry of the table, all its next hops, instead of the one way chosen.
    pub fib_match: bool,
}

/// What the kernel would do with the packet.
#[derive(Debug)]
pub enum Lookup {
    /// The way, or with `fib_match` the entry. A route of kind `blackhole`, `unreachable` or `prohibit` may be one.
    Route(Route),
    /// ENETUNREACH, EHOSTUNREACH (an unreachable route, or rp_filter when `iif` is set), EACCES (prohibit),
    /// EINVAL (blackhole), EXDEV (an address that cannot be a source).
    NoWay(io::Error),
}

/// What a refusal of the kernel means (fib_props in net/ipv4/fib_semantics.c, net/ipv6/route.c): `blackhole (...)`.
pub fn refusal(error: &io::Error) -> String {
    let word = match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::EINVAL) => "blackhole",
        Some(Errno::EACCES) => "prohibited",
        Some(Errno::EHOSTUNREACH) => "unreachable",
        Some(Errno::ENETUNREACH) => "no route",
        _ => return error.to_string(),
    };
    format!("{word}: {error}")
}

impl RouteQuery {
    pub fn to(to: IpAddr) -> Self {
        RouteQuery { to, from: None, iif: None, oif: None, mark: None, fib_match: false }
    }
}

/// Asks the kernel of the namespace that the NETLINK_ROUTE socket was opened in.
///
/// # Errors
/// When the question cannot be asked; that there is no route is an answer.
pub fn route_get(fd: OwnedFd, query: &RouteQuery) -> Result<Lookup, ObserveError> {
    let mut requests = Requests::new(fd)?;
    let links = requests.read(&[Kind::Links].into())?.state;
    look_up(&mut requests, &|index| links.device_name(index), query)
}

pub(super) fn look_up(
    requests: &mut Requests,
    names: DeviceNames<'_>,
    query: &RouteQuery,
) -> Result<Lookup, ObserveError> {
    let answer = requests.ask(
        "a route",
        |sequence| request::route_get(query, sequence),
        |message| match message.message_type {
            RTM_NEWROUTE => {
                decode::answered_route(message, names)?.ok_or_else(|| "a route of another family".to_owned())
            }
            other => Err(format!("message type {other} instead of a route")),
        },
    )?;
    Ok(match answer {
        Ok(route) => Lookup::Route(route),
        Err(refusal) => Lookup::NoWay(refusal),
    })
}
