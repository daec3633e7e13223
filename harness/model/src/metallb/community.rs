//! BGP communities as MetalLB reads them: `A:B` (RFC 1997) or `large:A:B:C` (RFC 8092).

use std::fmt;

/// One community. The order is MetalLB's: a standard one counts as the large community `(A<<16 | B):0:0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Community {
    Standard(u16, u16),
    Large(u32, u32, u32),
}

/// Why a text is no community.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CommunityError {
    /// The right shape with a wrong number: refused at admission.
    Value(String),
    /// Another shape: may be the name of an alias that does not exist yet.
    Format(String),
}

impl Community {
    pub(super) fn parse(text: &str) -> Result<Self, CommunityError> {
        let sections: Vec<&str> = text.split(':').collect();
        match sections.as_slice() {
            [a, b] => Ok(Self::Standard(section(text, a)?, section(text, b)?)),
            ["large", a, b, c] => Ok(Self::Large(section(text, a)?, section(text, b)?, section(text, c)?)),
            [_, _, _, _] => Err(CommunityError::Value(format!(
                "invalid community value: invalid marker for large community, expected community to be of format \
                 large:<uint32>:<uint32>:<uint32> but got \"{text}\" instead"
            ))),
            _ => Err(CommunityError::Format(format!("invalid community format: {text}"))),
        }
    }

    fn key(self) -> (u32, u32, u32) {
        match self {
            Self::Standard(a, b) => (u32::from(a) << 16 | u32::from(b), 0, 0),
            Self::Large(a, b, c) => (a, b, c),
        }
    }

    /// The order in which MetalLB renders communities.
    pub(super) fn order(&self, other: &Self) -> std::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

fn section<T: std::str::FromStr>(whole: &str, text: &str) -> Result<T, CommunityError> {
    // Rust's integers accept a leading '+', which MetalLB does not.
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or_else(|| {
        CommunityError::Value(format!(
            "invalid community value: invalid section \"{text}\" of community \"{whole}\""
        ))
    })
}

impl fmt::Display for Community {
    /// FRR's spelling: without the `large:` that marks it in a manifest.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Standard(a, b) => write!(f, "{a}:{b}"),
            Self::Large(a, b, c) => write!(f, "{a}:{b}:{c}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_forms() {
        assert_eq!(Community::parse("65535:1"), Ok(Community::Standard(65535, 1)));
        assert_eq!(Community::parse("large:4294967295:0:7"), Ok(Community::Large(u32::MAX, 0, 7)));
        assert_eq!(Community::Large(1, 2, 3).to_string(), "1:2:3");
    }

    #[test]
    fn tells_a_bad_value_from_a_possible_alias() {
        for bad in ["65536:1", "1:", "+1:1", "big:1:2:3", "large:1:2:4294967296"] {
            assert!(matches!(Community::parse(bad), Err(CommunityError::Value(_))), "{bad}");
        }
        for alias in ["", "gold", "1:2:3", "1:2:3:4:5"] {
            assert!(matches!(Community::parse(alias), Err(CommunityError::Format(_))), "{alias}");
        }
    }
}
