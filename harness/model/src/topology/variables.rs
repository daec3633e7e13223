//! Environment variables in a topology, replaced in its text before YAML is read, as containerlab does it.
//!
//! | written | becomes |
//! |---|---|
//! | `$NAME`, `${NAME}` | the value; as written where the variable is not set |
//! | `${NAME:-default}`, `${NAME:=default}` | the value, the default where it is not set or empty |
//! | `${NAME-default}`, `${NAME=default}` | the value, the default where it is not set |
//! | `${NAME:+other}`, `${NAME+other}` | the other text where it is set, else nothing |
//! | `$$` | `$` |
//! | `$1`, `${1}`, `$_` | itself: such names belong to shells |
//!
//! A default is plain text up to the next `}`, or one further variable.

use crate::diag::{Diagnostic, Mark, Source};

/// The text with its variables replaced, and a warning for each that is not set and has no default. `value_of` knows the
/// environment. Places in the new text are those of the old one by line, unless a value has line ends.
/// Errors: a `${` that is not closed on its line.
pub fn substitute(
    source: &Source,
    value_of: impl Fn(&str) -> Option<String>,
) -> Result<(Source, Vec<Diagnostic>), Diagnostic> {
    let text = &*source.text;
    let (mut out, mut warnings, mut at) = (String::with_capacity(text.len()), Vec::new(), 0);
    while let Some(found) = text[at..].find('$') {
        let dollar = at + found;
        out.push_str(&text[at..dollar]);
        let (piece, len) = piece(&text[dollar..]).ok_or_else(|| {
            Diagnostic::new(source, Some(mark(text, dollar)), "this `${` is not closed on its line")
                .hint("write `${NAME}`, or `$$` for a dollar sign")
        })?;
        let written = &text[dollar..dollar + len];
        match piece {
            Piece::Text(literal) => out.push_str(literal),
            Piece::Variable { name, operator, rest } => match value(name, operator, rest, &value_of) {
                Some(value) => out.push_str(&value),
                None => {
                    out.push_str(written);
                    warnings.extend(unset(source, dollar, name));
                }
            },
        }
        at = dollar + len;
    }
    out.push_str(&text[at..]);
    Ok((Source::new(source.file.clone(), out), warnings))
}

/// What a `$` begins.
enum Piece<'t> {
    Text(&'t str),
    Variable { name: &'t str, operator: &'t str, rest: &'t str },
}

/// The piece at the start of `text`, which is a `$`, and its length in bytes. `None`: it is not closed.
fn piece(text: &str) -> Option<(Piece<'_>, usize)> {
    let after = &text[1..];
    if after.starts_with('$') {
        return Some((Piece::Text("$"), 2));
    }
    let braced = after.strip_prefix('{');
    let body = braced.unwrap_or(after);
    let name = &body[..body.find(|c: char| c != '_' && !c.is_alphanumeric()).unwrap_or(body.len())];
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        let len = if braced.is_some() { 2 } else { 1 };
        return Some((Piece::Text(&text[..len]), len));
    }
    if braced.is_none() {
        let len = 1 + name.len();
        let piece = match name {
            "" | "_" => Piece::Text(&text[..len]),
            _ => Piece::Variable { name, operator: "", rest: "" },
        };
        return Some((piece, len));
    }
    let line = &body[..body.find(['\r', '\n']).unwrap_or(body.len())];
    let end = line.find('}')?;
    let inside = line.get(name.len()..end)?;
    let operator =
        [":-", ":=", ":+", "-", "=", "+"].into_iter().find(|op| inside.starts_with(op)).unwrap_or("");
    let piece = match name {
        "" => Piece::Text(&text[..end + 3]),
        _ => Piece::Variable { name, operator, rest: &inside[operator.len()..] },
    };
    Some((piece, end + 3))
}

/// The replacement; `None` leaves it as written.
fn value(
    name: &str,
    operator: &str,
    rest: &str,
    value_of: &impl Fn(&str) -> Option<String>,
) -> Option<String> {
    let set = value_of(name);
    let other = || match rest.strip_prefix('$') {
        Some(variable) => value_of(variable.trim_matches(['{', '}'])).unwrap_or_default(),
        None => rest.to_owned(),
    };
    match operator {
        ":-" | ":=" => Some(set.filter(|v| !v.is_empty()).unwrap_or_else(other)),
        "-" | "=" => Some(set.unwrap_or_else(other)),
        ":+" | "+" => Some(set.map(|_| other()).unwrap_or_default()),
        _ => set,
    }
}

/// Comments may hold what they like.
fn unset(source: &Source, at: usize, name: &str) -> Option<Diagnostic> {
    let text = &*source.text;
    let line = &text[text[..at].rfind('\n').map_or(0, |i| i + 1)..at];
    let comment = line.trim_start().starts_with('#') || line.contains(" #");
    let message = format!("the variable `{name}` is not set and stays as written");
    let warning = Diagnostic::new(source, Some(mark(text, at)), message)
        .hint(format!("set it, or give it a default: `${{{name}:=default}}`"));
    (!comment).then(|| warning.warning())
}

fn mark(text: &str, at: usize) -> Mark {
    let before = &text[..at];
    let start = before.rfind('\n').map_or(0, |i| i + 1);
    Mark { line: before.matches('\n').count() + 1, column: before[start..].chars().count() + 1 }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;
    use proptest::prelude::*;

    use super::*;

    fn env(name: &str) -> Option<String> {
        match name {
            "TAG" => Some("10.3".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    fn replaced(text: &str) -> String {
        substitute(&Source::new("/t", text), env).expect("closed").0.text.to_string()
    }

    #[test]
    fn values_defaults_and_what_belongs_to_shells() {
        for (written, becomes) in [
            ("frr:$TAG", "frr:10.3"),
            ("frr:${TAG}-x", "frr:10.3-x"),
            ("${NO:-8.4}${NO:=8.4}${EMPTY:-8.4}", "8.48.48.4"),
            ("[${NO-8.4}${EMPTY-8.4}${EMPTY=8.4}]", "[8.4]"),
            ("[${TAG:+a b}${NO:+x}${EMPTY+y}]", "[a by]"),
            ("${NO:-a:b/c=d}", "a:b/c=d"),
            ("${NO:-$TAG}", "10.3"),
            ("[${NO:-}]", "[]"),
            ("$NO ${NO} $TAGS", "$NO ${NO} $TAGS"),
            ("$$TAG $1 ${1} ${#x} $_ $", "$TAG $1 ${1} ${#x} $_ $"),
            ("$TAG.$TAG", "10.3.10.3"),
        ] {
            assert_eq!(replaced(written), becomes, "{written}");
        }
    }

    #[test]
    fn what_is_not_set_is_told_and_what_is_not_closed_refused() {
        let (_, warnings) = substitute(&Source::new("/t", "# $A\nb: ${B}\n"), env).expect("closed");
        let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
        assert_eq!(warnings, ["/t:2:4: the variable `B` is not set and stays as written"]);
        let error = substitute(&Source::new("/t", "a: x\nb: ${B\n}"), env).expect_err("open");
        assert_snapshot!(error.render(false), @r#"
        error: this `${` is not closed on its line
         --> /t:2:4
          |
        2 | b: ${B
          |    ^
          |
        help: write `${NAME}`, or `$$` for a dollar sign
        "#);
    }

    proptest! {
        #[test]
        fn any_text_is_replaced_or_refused(text in "[${}:=+a-zA_0-9é\n -]{0,60}") {
            let _ = substitute(&Source::new("/t", text), env);
        }
    }
}
