//! Places inside a literal block scalar (YAML 1.2, section 8.1.2): each of its lines is a line of the file, indented.

use crate::diag::Mark;

/// Where the places of a text that stands inside a file are in that file.
#[derive(Debug)]
pub(super) struct Placement {
    /// Where each of its lines begins, if it stands there as it is.
    lines: Vec<Option<Mark>>,
    /// The scalar that holds it, for all other places.
    otherwise: Mark,
}

impl Placement {
    pub(super) fn new(file: &str, mark: Mark, value: &str) -> Self {
        Self { lines: line_marks(file, mark, value), otherwise: mark }
    }

    /// The place in the file of a place in the text.
    pub(super) fn at(&self, inner: Mark) -> Mark {
        let line = self.lines.get(inner.line.saturating_sub(1)).copied().flatten();
        line.map_or(self.otherwise, |l| Mark { line: l.line, column: l.column + inner.column - 1 })
    }
}

/// For each line of `value`, where it begins in `text`; `mark` is where the parser saw the scalar. A line is only placed where the
/// file has it as it is, so that a folded or quoted text gives no wrong places.
pub(super) fn line_marks(text: &str, mark: Mark, value: &str) -> Vec<Option<Mark>> {
    let file: Vec<&str> = text.lines().collect();
    let at = |line: usize| file.get(line.wrapping_sub(1)).copied().unwrap_or_default();
    let is_header = |line: usize| {
        let code = at(line).split(" #").next().unwrap_or_default().trim_end();
        let indicator = code.rsplit([' ', ':']).next().unwrap_or_default();
        indicator
            .strip_prefix('|')
            .is_some_and(|rest| rest.chars().all(|c| matches!(c, '+' | '-' | '1'..='9')))
    };
    // The parser's place is the indicator or the first line of the text.
    let header = (mark.line.saturating_sub(1)..=mark.line).rev().find(|line| is_header(*line));
    let Some(header) = header else { return vec![None; value.lines().count()] };
    let first = value.lines().zip(header + 1..).find(|(line, _)| !line.trim().is_empty());
    // Taken off every line: what the first one has beyond its own.
    let indent = first.and_then(|(line, number)| at(number).find(line));
    let Some(indent) = indent else { return vec![None; value.lines().count()] };
    let placed = |(line, number): (&str, usize)| {
        let stands = at(number).get(indent..).is_some_and(|rest| rest == line.trim_end_matches('\r'));
        stands.then_some(Mark { line: number, column: indent + 1 })
    };
    value.lines().zip(header + 1..).map(placed).collect()
}

#[cfg(test)]
mod tests {
    use crate::diag::{Mark, Source};
    use crate::path;
    use crate::yaml::documents;

    fn marks(text: &str) -> Vec<Option<(usize, usize)>> {
        let documents = documents(&Source::new("x.yaml", text)).unwrap();
        let marks = documents[0].line_marks(&path!["data", "extras"]);
        marks.into_iter().map(|m| m.map(|Mark { line, column }| (line, column))).collect()
    }

    #[test]
    fn lines_of_literal_blocks_are_found() {
        let plain = "kind: X\ndata:\n  extras: |\n    a b\n\n      c\n";
        assert_eq!(marks(plain), [Some((4, 5)), None, Some((6, 5))]);
        for header in ["|-", "|+", "| # why", "|2"] {
            let text = format!("data:\n  extras: {header}\n    a\n    b\n");
            let marks = marks(&text);
            assert_eq!(marks.iter().flatten().map(|m| m.0).collect::<Vec<_>>(), [3, 4], "{header}");
        }
        assert_eq!(marks("data:\r\n  extras: |\r\n    a\r\n    b\r\n"), [Some((3, 5)), Some((4, 5))]);
        assert_eq!(marks("x: &e |\n  a\n  b\ndata:\n  extras: *e\n"), [Some((2, 3)), Some((3, 3))]);
    }

    #[test]
    fn others_are_not_guessed() {
        assert_eq!(marks("data:\n  extras: >\n    a\n    b\n"), [None]);
        assert_eq!(marks("data:\n  extras: \"a\\nb\\n\"\n"), [None, None]);
        assert_eq!(marks("data:\n  extras: a\n"), [None]);
    }
}
