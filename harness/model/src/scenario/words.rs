//! Words of scenario files that serde does not know.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// ipnet's own message speaks of an IP address, whatever is wrong.
pub(super) fn prefix<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ipnet::IpNet, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| {
        serde::de::Error::custom(format!("`{text}` is not a prefix such as 172.16.1.0/24 or fc00:1::/64"))
    })
}

pub(super) fn some_prefix<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<ipnet::IpNet>, D::Error> {
    // JSON plans have `null` here; in a scenario file the field is missing instead.
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| prefix(serde::de::value::StringDeserializer::new(text))).transpose()
}

pub(super) fn some_duration<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text).map(Some).map_err(|e| {
        serde::de::Error::custom(format!("`{text}` is not a duration such as 20s or 500ms: {e}"))
    })
}
