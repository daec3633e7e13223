//! Words of scenario files that serde does not know.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

use crate::fact::names;

/// ipnet's own message speaks of an IP address, whatever is wrong.
pub(super) fn prefix<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ipnet::IpNet, D::Error> {
    let text = String::deserialize(deserializer)?;
    let net: ipnet::IpNet = text.parse().map_err(|_| {
        serde::de::Error::custom(format!("`{text}` is not a prefix such as 172.16.1.0/24 or fc00:1::/64"))
    })?;
    match net.trunc() {
        whole if whole == net => Ok(net),
        whole => Err(serde::de::Error::custom(format!("`{text}` is an address in the prefix {whole}"))),
    }
}

pub(super) fn some_prefix<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<ipnet::IpNet>, D::Error> {
    // JSON plans have `null` here; in a scenario file the field is missing instead.
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| prefix(serde::de::value::StringDeserializer::new(text))).transpose()
}

/// An address stands for the prefix of its own.
pub(super) fn address_or_prefix<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<ipnet::IpNet, D::Error> {
    let text = String::deserialize(deserializer)?;
    let address = text.parse::<std::net::IpAddr>().map(ipnet::IpNet::from);
    address.or_else(|_| text.parse()).map_err(|_| {
        serde::de::Error::custom(format!("`{text}` is neither an address nor a prefix such as 172.16.1.0/24"))
    })
}

pub(crate) fn prefixes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ipnet::IpNet>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    texts.into_iter().map(|text| prefix(serde::de::value::StringDeserializer::new(text))).collect()
}

/// An address with its network's length, as `ip address add` takes it.
pub(super) fn interface_address<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<ipnet::IpNet, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(|_| {
        serde::de::Error::custom(format!(
            "`{text}` is not an address such as 192.168.1.10/24 or fc00:1::10/64"
        ))
    })
}

/// A kernel table: its number, or the name that every system has for it (ip-route(8), /etc/iproute2/rt_tables).
pub(super) fn table<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    match deserializer.deserialize_any(TableWord)? {
        Some(table) => Ok(table),
        None => Err(serde::de::Error::custom("a route is in one table: `any` goes with `no-route` only")),
    }
}

/// The same, or `any`: nothing.
pub(super) fn any_table<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    deserializer.deserialize_any(TableWord)
}

struct TableWord;

impl serde::de::Visitor<'_> for TableWord {
    type Value = Option<u32>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the number of a kernel table, or `main`, `local` or `default`")
    }

    // What a JSON plan has for `any`.
    fn visit_unit<E: serde::de::Error>(self) -> Result<Option<u32>, E> {
        Ok(None)
    }

    fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Option<u32>, E> {
        let table = u32::try_from(number).ok().filter(|table| *table > 0);
        table.map(Some).ok_or_else(|| E::invalid_value(serde::de::Unexpected::Unsigned(number), &self))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Option<u32>, E> {
        let named = (253..=255).find(|number| names::table(*number) == text);
        match (text, named.or_else(|| text.parse().ok().filter(|table| *table > 0))) {
            ("any" | "all", _) => Ok(None),
            (_, Some(table)) => Ok(Some(table)),
            _ => Err(E::custom(format!(
                "`{text}` is no table: a number, `main`, `local` or `default`; a VRF's table is `vrf: NAME`"
            ))),
        }
    }
}

fn parsed(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|e| format!("`{text}` is not a duration such as 20s or 500ms: {e}"))
}

/// `500ms`, `20s`: for `#[serde(with)]`.
pub(super) mod duration {
    use super::{Duration, parsed};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(*value))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        parsed(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

/// The same, or nothing.
pub(super) mod some_duration {
    use super::{Duration, parsed};
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(value: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => serializer.collect_str(&humantime::format_duration(*value)),
            None => serializer.serialize_none(),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| parsed(&text).map_err(D::Error::custom)).transpose()
    }
}
