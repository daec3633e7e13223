//! The one thing that MetalLB's controllers since v0.14 send as protocol buffers: the status of a Service
//! (`k8s.io/api/core/v1/generated.proto`), in Kubernetes' envelope.

use serde_json::{Value, json};

/// What such bodies begin with.
const MAGIC: &[u8] = b"k8s\0";

/// The Service, as far as its load-balancer addresses go. `None`: this is no Service.
pub fn service(body: &[u8]) -> Option<Value> {
    // Unknown.raw -> Service.status -> ServiceStatus.loadBalancer -> LoadBalancerStatus.ingress -> LoadBalancerIngress.ip
    let raw = field(body.strip_prefix(MAGIC)?, 2)?;
    let status = field(raw, 3).unwrap_or_default();
    let balancer = field(status, 1).unwrap_or_default();
    let all = fields(balancer)?.into_iter().filter(|(number, _)| *number == 1);
    let ip = |ingress: &[u8]| Some(json!({"ip": std::str::from_utf8(field(ingress, 1)?).ok()?}));
    let ingress: Vec<Value> = all.filter_map(|(_, ingress)| ip(ingress)).collect();
    // ObjectMeta.resourceVersion
    let version = field(field(raw, 1).unwrap_or_default(), 6).and_then(|v| std::str::from_utf8(v).ok());
    Some(json!({"metadata": {"resourceVersion": version}, "status": {"loadBalancer": {"ingress": ingress}}}))
}

fn field(message: &[u8], number: u64) -> Option<&[u8]> {
    fields(message)?.into_iter().rev().find(|(n, _)| *n == number).map(|(_, bytes)| bytes)
}

/// The length-delimited fields of a message. `None`: this is none.
fn fields(mut rest: &[u8]) -> Option<Vec<(u64, &[u8])>> {
    let mut all = Vec::new();
    while !rest.is_empty() {
        let key = varint(&mut rest)?;
        let length = match key & 7 {
            0 => {
                varint(&mut rest)?;
                continue;
            }
            1 => 8,
            2 => usize::try_from(varint(&mut rest)?).ok()?,
            5 => 4,
            _ => return None,
        };
        let (bytes, after) = rest.split_at_checked(length)?;
        if key & 7 == 2 {
            all.push((key >> 3, bytes));
        }
        rest = after;
    }
    Some(all)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(fields: &[(u8, &[u8])]) -> Vec<u8> {
        let one = |(number, bytes): &(u8, &[u8])| [&[number << 3 | 2, bytes.len() as u8], *bytes].concat();
        fields.iter().flat_map(one).collect()
    }

    #[test]
    fn reads_the_addresses() {
        let ingress = |ip: &str| message(&[(1, ip.as_bytes())]);
        let balancer = message(&[(1, &ingress("10.0.0.1")), (1, &ingress("fc00::1"))]);
        let service = message(&[(1, &message(&[(6, b"77")])), (3, &message(&[(1, &balancer)]))]);
        let body = [MAGIC, &message(&[(1, b"type"), (2, &service)])].concat();
        let ips = json!([{"ip": "10.0.0.1"}, {"ip": "fc00::1"}]);
        assert_eq!(super::service(&body).unwrap()["status"]["loadBalancer"]["ingress"], ips);
        assert_eq!(super::service(&body).unwrap()["metadata"]["resourceVersion"], "77");
        assert_eq!(super::service(b"{}"), None);
        assert_eq!(super::service(b"k8s\0\xff"), None);
    }
}
