//! Who uses an address, and who may share it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::metallb::objects::ObjectId;

/// How a Service uses an address; two may share one when these agree.
#[derive(Clone, Debug)]
pub(super) struct Tenancy {
    pub sharing: String,
    pub backend: String,
    pub ports: BTreeSet<(String, u16)>,
}

/// address -> its users
pub(super) type Tenants = BTreeMap<IpAddr, Vec<(ObjectId, Tenancy)>>;

/// Why an address cannot be had. The texts are made only where somebody reads them: a search passes many.
pub(super) enum Clash<'a> {
    Sharing(&'a ObjectId),
    Port(&'a str, u16),
}

impl Clash<'_> {
    pub fn text(&self, id: &ObjectId, ip: IpAddr) -> String {
        match self {
            Clash::Sharing(other) => format!(
                "can't change sharing key for \"{}\", address also in use by {}",
                id.key(),
                other.key()
            ),
            Clash::Port(protocol, port) => format!("port {protocol}/{port} is already in use on \"{ip}\""),
        }
    }
}

pub(super) fn usable<'a>(
    id: &ObjectId,
    ip: IpAddr,
    tenancy: &'a Tenancy,
    tenants: &'a Tenants,
) -> Result<(), Clash<'a>> {
    for (other, theirs) in tenants.get(&ip).into_iter().flatten().filter(|(other, _)| other != id) {
        let shares = !theirs.sharing.is_empty()
            && theirs.sharing == tenancy.sharing
            && theirs.backend == tenancy.backend;
        if !shares {
            return Err(Clash::Sharing(other));
        }
        if let Some((protocol, port)) = theirs.ports.intersection(&tenancy.ports).next() {
            return Err(Clash::Port(protocol, *port));
        }
    }
    Ok(())
}
