//! Which neighbors of one address may be united.

use super::conf::{Families, Neighbor};
use super::version::Generation;

/// What FRR does anyway: a value that equals it means the same as none. Seconds, but for the port.
pub(super) const PORT: u16 = 179;
pub(super) const HOLD: u64 = 180;
pub(super) const KEEPALIVE: u64 = 60;
pub(super) const CONNECT: u64 = 60;

/// A field that both must mean the same by.
struct Rule {
    /// As frr-k8s says it.
    what: &'static str,
    field: &'static str,
    /// What the neighbor means by it, in words; equal words are no contradiction.
    means: fn(&Neighbor, Generation) -> Option<String>,
}

/// In frr-k8s's order.
const RULES: &[Rule] = &[
    Rule { what: "multiple asns", field: "asn", means: |n, _| Some(n.asn.to_string()) },
    Rule { what: "multiple ports", field: "port", means: |n, _| Some(n.port.unwrap_or(PORT).to_string()) },
    Rule { what: "multiple source addresses", field: "sourceaddress", means: |n, _| text(&n.source) },
    Rule { what: "multiple passwords", field: "password", means: |n, _| text(&n.password) },
    // The webhook looks only at what is written, without Secrets.
    Rule { what: "multiple passwords", field: "password", means: |n, _| text(&n.written_password) },
    Rule { what: "multiple bfd profiles", field: "bfdProfile", means: |n, _| text(&n.bfd_profile) },
    Rule {
        what: "conflicting ebgp-multihop",
        field: "ebgpMultiHop",
        means: |n, _| Some(n.ebgp_multihop.to_string()),
    },
    Rule {
        what: "conflicting advertiseDualStack",
        field: "dualStackAddressFamily",
        means: |n, g| (g >= Generation::V0_0_20).then(|| (n.families == Families::Dual).to_string()),
    },
    Rule {
        what: "conflicting disableMP",
        field: "disableMP",
        means: |n, g| (g < Generation::V0_0_20).then(|| n.disable_mp.to_string()),
    },
    Rule { what: "multiple hold times", field: "holdTime", means: |n, g| time(n.hold, HOLD, g) },
    Rule {
        what: "multiple keepalive times",
        field: "keepaliveTime",
        means: |n, g| time(n.keepalive, KEEPALIVE, g),
    },
    Rule { what: "multiple connect times", field: "connectTime", means: |n, g| time(n.connect, CONNECT, g) },
    Rule {
        what: "multiple localASNs",
        field: "localASN",
        means: |n, _| n.local_as.map(|asn| asn.to_string()),
    },
];

/// A contradiction.
pub(super) struct Contradiction {
    pub field: &'static str,
    pub reason: String,
    pub hint: String,
}

/// The first contradiction between two neighbors of one address and VRF.
pub(super) fn contradiction(a: &Neighbor, b: &Neighbor, generation: Generation) -> Option<Contradiction> {
    let broken = |rule: &&Rule| {
        let (one, other) = ((rule.means)(a, generation), (rule.means)(b, generation));
        let one_sided = rule.field == "bfdProfile" && (one.is_none() || other.is_none());
        one != other && !(one_sided && generation >= Generation::V0_0_25)
    };
    let rule = RULES.iter().find(broken)?;
    let key = match generation >= Generation::V0_0_20 {
        true => a.id(),
        false => format!("neighbor {} at vrf {}", a.host, a.vrf),
    };
    let said = |n: &Neighbor| match rule.field {
        "password" => source_of_password(n).to_owned(),
        _ => (rule.means)(n, generation).unwrap_or_else(|| "nothing".to_owned()),
    };
    let (one, other) = (&a.written.id.name, &b.written.id.name);
    let hint = format!(
        "`{}` must mean the same: {} in FRRConfiguration `{one}`, {} in `{other}`",
        rule.field,
        said(a),
        said(b)
    );
    Some(Contradiction { field: rule.field, reason: format!("{} specified for {key}", rule.what), hint })
}

fn text(value: &str) -> Option<String> {
    Some(value.to_owned()).filter(|v| !v.is_empty())
}

/// Up to v0.0.10 defaults are compared in nanoseconds: an explicit 180s does not mean the same as none.
fn time(seconds: Option<u64>, default: u64, generation: Generation) -> Option<String> {
    let default = (generation >= Generation::V0_0_11).then_some(default);
    seconds.or(default).map(|s| format!("{s}s"))
}

/// Passwords are not shown.
fn source_of_password(n: &Neighbor) -> &'static str {
    match (n.password.is_empty(), n.written_password.is_empty()) {
        (true, _) => "none",
        (false, true) => "one from a Secret",
        (false, false) => "one in clear",
    }
}
