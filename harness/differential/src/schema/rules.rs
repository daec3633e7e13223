//! The rules in CEL (`x-kubernetes-validations`) that MetalLB's and frr-k8s's CRDs have, by their texts. There are so few that an
//! interpreter would be more to trust than they are.

use std::time::Duration;

use serde_json::Value;

/// Whether a new object keeps the rule.
pub type Rule = fn(&Value) -> bool;

/// The rule of this text; `None` if it is not known.
pub fn find(text: &str) -> Option<Rule> {
    let text: Vec<&str> = text.split_whitespace().collect();
    Some(match text.join(" ").as_str() {
        "duration(self).getSeconds() >= 1 && duration(self).getSeconds() <= 65535" => {
            |v| duration(v).is_some_and(|d| (1..=65535).contains(&d.as_secs()))
        }
        "duration(self).getMilliseconds() % 1000 == 0" => {
            |v| duration(v).is_some_and(|d| d.as_millis().is_multiple_of(1000))
        }
        "!has(self.serviceSelectors) || self.serviceSelectors.size() == 0 || ((!has(self.aggregationLength) || \
         self.aggregationLength == 32) && (!has(self.aggregationLengthV6) || self.aggregationLengthV6 == 128))" => {
            |v| {
                let selects = v["serviceSelectors"].as_array().is_some_and(|s| !s.is_empty());
                let is = |field: &str, whole: u8| v.get(field).is_none_or(|n| *n == whole);
                !selects || (is("aggregationLength", 32) && is("aggregationLengthV6", 128))
            }
        }
        // About changes: every object here is new.
        "self == oldSelf" => |_| true,
        _ => return None,
    })
}

/// As far as the generated objects write durations: `1m30s`, `1500ms`.
fn duration(value: &Value) -> Option<Duration> {
    let mut rest = value.as_str()?;
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(digits);
        let end = tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(end);
        let number: u64 = number.parse().ok()?;
        total += match unit {
            "h" => Duration::from_secs(number * 3600),
            "m" => Duration::from_secs(number * 60),
            "s" => Duration::from_secs(number),
            "ms" => Duration::from_millis(number),
            _ => return None,
        };
        rest = tail;
    }
    Some(total)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn durations() {
        let whole = find("duration(self).getMilliseconds() % 1000 ==\n 0").unwrap();
        assert!(whole(&json!("1m30s")) && !whole(&json!("1500ms")) && !whole(&json!("x")));
        let range = find("duration(self).getSeconds() >= 1 && duration(self).getSeconds() <= 65535").unwrap();
        assert!(range(&json!("65535s")) && !range(&json!("65536s")) && !range(&json!("0s")));
        assert!(find("self.size() < 3").is_none());
    }
}
