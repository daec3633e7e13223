//! Dependency fields of Debian packages (Debian Policy section 7.1).

use debversion::Version;

/// `a (>= 1) | b`: any one of these satisfies it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Clause(pub Vec<Dependency>);

/// One alternative: a name and perhaps a constraint on the version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dependency {
    pub name: String,
    pub constraint: Option<(Op, Version)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Before,
    AtMost,
    Exactly,
    AtLeast,
    After,
}

impl Dependency {
    /// Whether a package of this version satisfies the constraint.
    pub fn admits(&self, version: &Version) -> bool {
        let Some((op, wanted)) = &self.constraint else { return true };
        match op {
            Op::Before => version < wanted,
            Op::AtMost => version <= wanted,
            Op::Exactly => version == wanted,
            Op::AtLeast => version >= wanted,
            Op::After => version > wanted,
        }
    }
}

/// Reads a `Depends`, `Pre-Depends` or `Provides` field. Names lose their `:any` qualifier: one architecture is in play.
pub(super) fn parse(field: &str) -> Result<Vec<Clause>, String> {
    let clauses = field.split(',').map(str::trim).filter(|c| !c.is_empty());
    clauses
        .map(|c| c.split('|').map(|d| dependency(d.trim())).collect::<Result<_, _>>().map(Clause))
        .collect()
}

fn dependency(text: &str) -> Result<Dependency, String> {
    let bad = || format!("`{text}` is not a dependency");
    let name_end = text.find(|c: char| c.is_whitespace() || c == '(' || c == '[').unwrap_or(text.len());
    let (name, rest) = text.split_at(name_end);
    let name = name.split(':').next().unwrap_or(name);
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c)) {
        return Err(bad());
    }
    let constraint = match rest.trim_start().strip_prefix('(') {
        None => None,
        Some(rest) => Some(constraint(rest.split_once(')').ok_or_else(bad)?.0).ok_or_else(bad)?),
    };
    Ok(Dependency { name: name.to_owned(), constraint })
}

fn constraint(text: &str) -> Option<(Op, Version)> {
    let text = text.trim();
    let (op, len) = match text.as_bytes() {
        [b'<', b'<', ..] => (Op::Before, 2),
        [b'<', b'=', ..] => (Op::AtMost, 2),
        [b'>', b'=', ..] => (Op::AtLeast, 2),
        [b'>', b'>', ..] => (Op::After, 2),
        [b'=', ..] => (Op::Exactly, 1),
        _ => return None,
    };
    Some((op, text[len..].trim().parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alternatives_qualifiers_and_versions() {
        let clauses = parse("frr (<< 8.4.4.0-~), python3:any, iproute2 | iproute [linux-any],").unwrap();
        assert_eq!(clauses.len(), 3);
        let frr = &clauses[0].0[0];
        assert!(frr.admits(&"8.4.4-1.1~deb12u2".parse().unwrap()));
        assert!(!frr.admits(&"8.5-1".parse().unwrap()));
        assert_eq!(clauses[1].0[0].name, "python3");
        assert_eq!(clauses[2].0[1].name, "iproute");
    }

    #[test]
    fn epochs_and_tildes_order_as_debian_says() {
        let at_least = &parse("procps (>= 2:4.0.2~rc1)").unwrap()[0].0[0];
        assert!(at_least.admits(&"2:4.0.2".parse().unwrap()));
        assert!(!at_least.admits(&"4.0.3".parse().unwrap()));
    }

    proptest::proptest! {
        #[test]
        fn never_panics(text in "[ a-z0-9(|),<>=:.~\\[\\]-]{0,40}") {
            let _ = parse(&text);
        }
    }
}
