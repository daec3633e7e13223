//! Durations as Kubernetes writes them: Go's `time.ParseDuration` grammar ("90s", "1m30s", "1.5h").

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A non-negative duration read from a manifest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct GoDuration(pub Duration);

impl GoDuration {
    pub fn is_zero(self) -> bool {
        self.0.is_zero()
    }

    /// Go's `Duration.String`: `1h0m5s`, `1.5s`, `20ms`.
    fn in_go(self) -> String {
        let nanos = self.0.as_nanos();
        let fraction = |value: u128, unit: u128| {
            let (whole, rest) = (value / unit, value % unit);
            let digits = format!("{:0width$}", rest, width = unit.ilog10() as usize);
            match digits.trim_end_matches('0') {
                "" => whole.to_string(),
                digits => format!("{whole}.{digits}"),
            }
        };
        match nanos {
            0 => return "0s".to_owned(),
            1..1_000 => return format!("{nanos}ns"),
            1_000..1_000_000 => return format!("{}µs", fraction(nanos, 1_000)),
            1_000_000..1_000_000_000 => return format!("{}ms", fraction(nanos, 1_000_000)),
            _ => {}
        }
        let (minute, hour) = (60_000_000_000, 3_600_000_000_000);
        let seconds = fraction(nanos % minute, 1_000_000_000);
        match (nanos / hour, nanos % hour / minute) {
            (0, 0) => format!("{seconds}s"),
            (0, minutes) => format!("{minutes}m{seconds}s"),
            (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
        }
    }
}

impl<'de> Deserialize<'de> for GoDuration {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_str(DurationVisitor)
    }
}

impl Serialize for GoDuration {
    /// As Go prints it: `1m30s`.
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.in_go())
    }
}

struct DurationVisitor;

impl de::Visitor<'_> for DurationVisitor {
    type Value = GoDuration;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a duration with its unit, such as `90s`")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<GoDuration, E> {
        parse(text).map(GoDuration).map_err(E::custom)
    }
}

impl fmt::Display for GoDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.subsec_millis() {
            0 => write!(f, "{}s", self.0.as_secs()),
            _ => write!(f, "{}ms", self.0.as_millis()),
        }
    }
}

/// Parses one duration. Every number needs a unit, as in Go; the lone exception is "0".
pub(super) fn parse(text: &str) -> Result<Duration, String> {
    let invalid = |why: &str| format!("`{text}` is not a duration such as `90s` or `1m30s`: {why}");
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if text.starts_with('-') {
        return Err(invalid("it is negative"));
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest.is_empty() {
        return Err(invalid("it is empty"));
    }
    let mut nanos: u128 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let end = tail.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let scale = unit_nanos(unit).ok_or_else(|| match unit {
            "" => invalid("a number has no unit"),
            _ => invalid(&format!("`{unit}` is not one of ns, us, ms, s, m, h")),
        })?;
        let part = scaled(number, scale).ok_or_else(|| invalid("a number is missing or malformed"))?;
        nanos = nanos.checked_add(part).ok_or_else(|| invalid("it is too long"))?;
        rest = tail;
    }
    u64::try_from(nanos).map(Duration::from_nanos).map_err(|_| invalid("it is too long"))
}

fn unit_nanos(unit: &str) -> Option<u128> {
    Some(match unit {
        "ns" => 1,
        "us" | "µs" | "μs" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// `number` (digits with at most one point) times `scale`, in integers so that "0.1s" is exact.
fn scaled(number: &str, scale: u128) -> Option<u128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || whole.len() > 18 {
        return None;
    }
    // More than 18 decimals are below a nanosecond even for hours.
    let fraction = &fraction[..fraction.len().min(18)];
    let whole: u128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let part: u128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    let tens = 10u128.pow(u32::try_from(fraction.len()).ok()?);
    whole.checked_mul(scale)?.checked_add(part.checked_mul(scale)? / tens)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_go_reads() {
        let ms = |n| Ok(Duration::from_millis(n));
        assert_eq!(parse("90s"), ms(90_000));
        assert_eq!(parse("1m30s"), ms(90_000));
        assert_eq!(parse("1.5h"), ms(5_400_000));
        assert_eq!(parse(".5s"), ms(500));
        assert_eq!(parse("0"), ms(0));
        assert_eq!(parse("1h0m0.250s"), ms(3_600_250));
    }

    #[test]
    fn refuses_with_the_reason() {
        for (text, why) in [
            ("90", "no unit"),
            ("", "empty"),
            ("-3s", "negative"),
            ("3 s", "not one of"),
            ("s", "missing"),
            ("1.2.3s", "malformed"),
            ("9999999999999h", "too long"),
        ] {
            let err = parse(text).unwrap_err();
            assert!(err.contains(why), "{text}: {err}");
        }
    }

    #[test]
    fn writes_what_go_writes() {
        for text in ["0s", "20ms", "1.5s", "30s", "1m30s", "1h0m0s", "1h1m1.25s", "12µs", "7ns"] {
            assert_eq!(GoDuration(parse(text).unwrap()).in_go(), text);
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[0-9.hmsnuµ +-]{0,24}") {
            let _ = parse(&text);
        }

        #[test]
        fn adds_its_parts(h in 0u64..100, m in 0u64..600, s in 0u64..6000) {
            prop_assert_eq!(parse(&format!("{h}h{m}m{s}s")), Ok(Duration::from_secs(h * 3600 + m * 60 + s)));
        }
    }
}
