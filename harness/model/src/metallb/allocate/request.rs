//! What a Service asks for.

use std::net::IpAddr;

use super::tenancy::Tenancy;
use crate::metallb::objects::Resource;
use crate::metallb::specs::{IpFamily, IpFamilyPolicy, ServiceSpec, TrafficPolicy};

/// Annotations, each with its name up to v0.14.8, which later releases still read where the new one is missing.
const POOL: [&str; 2] = ["metallb.io/address-pool", "metallb.universe.tf/address-pool"];
const ADDRESSES: [&str; 2] = ["metallb.io/loadBalancerIPs", "metallb.universe.tf/loadBalancerIPs"];
const SHARING: [&str; 2] = ["metallb.io/allow-shared-ip", "metallb.universe.tf/allow-shared-ip"];
/// Those that exist since v0.14.9.
pub(in crate::metallb) const NEW_ANNOTATIONS: [&str; 3] = [POOL[0], ADDRESSES[0], SHARING[0]];

/// What a Service asks for.
pub(super) struct Request {
    pub families: Families,
    pub addresses: Vec<IpAddr>,
    pub pool: Option<String>,
    pub tenancy: Tenancy,
}

/// The address families of a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Families {
    pub v4: bool,
    pub v6: bool,
    pub policy: IpFamilyPolicy,
    /// Which one a Service that prefers both takes, if it has to choose.
    pub v6_first: bool,
}

impl Families {
    fn single(six: bool, policy: IpFamilyPolicy) -> Self {
        Self { v4: !six, v6: six, policy, v6_first: six }
    }

    pub fn are_both(self) -> bool {
        self.v4 && self.v6
    }

    /// Whether addresses are of exactly these families.
    pub fn fit(self, ips: &[IpAddr]) -> bool {
        let six = ips.iter().filter(|a| a.is_ipv6()).count();
        (ips.len() - six, six) == (usize::from(self.v4), usize::from(self.v6))
    }
}

pub(super) fn request(service: &Resource<ServiceSpec>) -> Result<Request, String> {
    let spec = &service.spec;
    // An empty new annotation hides the old one.
    let annotation = |names: [&'static str; 2]| {
        names.into_iter().find_map(|name| Some((name, service.meta.annotations.get(name)?)))
    };
    let families = families(spec)?;
    let listed = annotation(ADDRESSES).filter(|(_, text)| !text.is_empty());
    let single = spec.load_balancer_ip.as_ref().filter(|t| !t.is_empty());
    let addresses = match (listed, single) {
        (Some((name, _)), Some(_)) => {
            return Err(format!("service can not have both {name} and svc.Spec.LoadBalancerIP"));
        }
        (Some((name, text)), None) => text
            .split(',')
            .map(|part| part.trim().parse().map_err(|_| format!("invalid {name}: \"{text}\"")))
            .collect::<Result<Vec<IpAddr>, _>>()?,
        (None, Some(text)) => {
            vec![text.parse().map_err(|_| format!("invalid spec.loadBalancerIP \"{text}\""))?]
        }
        (None, None) => Vec::new(),
    };
    if !addresses.is_empty() && !families.fit(&addresses) {
        return Err(format!(
            "requested loadBalancer IP(s) {addresses:?} does not match the ipFamily of the service"
        ));
    }
    let backend = match spec.external_traffic_policy {
        TrafficPolicy::Local => {
            spec.selector.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(",")
        }
        TrafficPolicy::Cluster => String::new(),
    };
    let ports = spec.ports.iter().map(|p| (p.protocol.clone(), p.port)).collect();
    let sharing = annotation(SHARING).map(|(_, key)| key.clone()).unwrap_or_default();
    let pool = annotation(POOL).map(|(_, name)| name.clone()).filter(|t| !t.is_empty());
    Ok(Request { families, addresses, pool, tenancy: Tenancy { sharing, backend, ports } })
}

/// The families that the API server would give the Service on a dual-stack cluster whose first family is IPv4.
fn families(spec: &ServiceSpec) -> Result<Families, String> {
    let given: Vec<bool> = if spec.cluster_ips.is_empty() {
        spec.cluster_ip.iter().filter_map(|t| t.parse::<IpAddr>().ok()).map(|ip| ip.is_ipv6()).collect()
    } else {
        let parsed: Result<Vec<IpAddr>, _> = spec.cluster_ips.iter().map(|t| t.parse()).collect();
        let parsed = parsed
            .map_err(|_| format!("invalid ClusterIPs {:?}, can't determine family", spec.cluster_ips))?;
        parsed.iter().map(IpAddr::is_ipv6).collect()
    };
    let named: Vec<bool> = spec.ip_families.iter().map(|f| *f == IpFamily::IPv6).collect();
    let chosen = if given.is_empty() { named } else { given };
    let dual = chosen.len() == 2;
    if chosen.len() > 2 || (dual && chosen[0] == chosen[1]) {
        return Err("a service has at most one address of each family".to_owned());
    }
    if dual && spec.cluster_ips.is_empty() && spec.ip_family_policy == IpFamilyPolicy::Single {
        return Err(
            "with two ipFamilies, ipFamilyPolicy must be PreferDualStack or RequireDualStack".to_owned()
        );
    }
    if dual || (spec.cluster_ips.is_empty() && spec.ip_family_policy != IpFamilyPolicy::Single) {
        let v6_first = spec.ip_families.first() == Some(&IpFamily::IPv6);
        return Ok(Families { v4: true, v6: true, policy: spec.ip_family_policy, v6_first });
    }
    let six = chosen.first().copied().unwrap_or(false);
    Ok(Families::single(six, spec.ip_family_policy))
}
