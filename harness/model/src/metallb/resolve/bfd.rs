//! BFDProfile.

use crate::metallb::reject::Reject;
use crate::metallb::specs::BfdProfileSpec;

/// Intervals in milliseconds; `None` is left to FRR.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::metallb) struct BfdProfile {
    pub name: String,
    pub receive: Option<u32>,
    pub transmit: Option<u32>,
    pub multiplier: Option<u32>,
    pub echo: Option<u32>,
    pub echo_mode: bool,
    pub passive: bool,
    pub minimum_ttl: Option<u32>,
}

/// `refuse` makes a refusal of a field of the custom resource, wherever it was written.
pub(in crate::metallb) fn bfd_profile(
    name: &str,
    spec: &BfdProfileSpec,
    refuse: impl Fn(&str, String) -> Box<Reject>,
) -> Result<BfdProfile, Box<Reject>> {
    let within = |field: &str, what: &str, value: Option<u32>, min: u32, max: u32| match value {
        Some(v) if v < min || v > max => {
            let reason = format!("invalid {what} value: invalid value {v}, must be in {min}-{max} range");
            Err(refuse(field, reason))
        }
        _ => Ok(value),
    };
    Ok(BfdProfile {
        name: name.to_owned(),
        multiplier: within("detectMultiplier", "detect multiplier", spec.detect_multiplier, 2, 255)?,
        receive: within("receiveInterval", "receive interval", spec.receive_interval, 10, 60000)?,
        transmit: within("transmitInterval", "transmit interval", spec.transmit_interval, 10, 60000)?,
        minimum_ttl: within("minimumTtl", "minimum ttl", spec.minimum_ttl, 1, 254)?,
        echo: within("echoInterval", "echo interval", spec.echo_interval, 10, 60000)?,
        echo_mode: spec.echo_mode.unwrap_or(false),
        passive: spec.passive_mode.unwrap_or(false),
    })
}
