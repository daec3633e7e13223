//! Laying out text in columns. Widths are counted in characters; what comes from users or daemons is cleaned of
//! control characters, so that no router can write escape sequences to somebody's terminal.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

pub(super) const PLAIN: Style = Style::new();
pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const GREEN: Style = AnsiColor::Green.on_default();
pub(super) const YELLOW: Style = AnsiColor::Yellow.on_default();
pub(super) const CYAN: Style = AnsiColor::Cyan.on_default();
pub(super) const RED: Style = AnsiColor::Red.on_default().bold();

pub(super) fn paint(style: Style, text: &str) -> String {
    if style.is_plain() || text.is_empty() { text.to_owned() } else { format!("{style}{text}{style:#}") }
}

pub(super) fn width(text: &str) -> usize {
    text.chars().count()
}

/// Replaces control characters by spaces.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Breaks a line at spaces so that it fits into `width` columns; the lines after the first are indented. A word
/// that is too long for any line stays whole and where it is: paths are there to be copied.
pub(super) fn wrap(text: &str, columns: usize, indent: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    let mut at_start = true;
    for word in clean(text).split(' ') {
        let needs = width(word) + usize::from(!at_start);
        let fits_below = indent + width(word) <= columns;
        if !at_start && !word.is_empty() && used + needs > columns && fits_below {
            lines.push(" ".repeat(indent));
            (used, at_start) = (indent, true);
        }
        if let Some(line) = lines.last_mut() {
            let _ = write!(line, "{}{word}", if at_start { "" } else { " " });
        }
        used += width(word) + usize::from(!at_start);
        at_start = false;
    }
    lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
}

/// Cuts a line to `columns`, with an ellipsis where something is missing.
pub(super) fn fit(text: &str, columns: usize) -> String {
    let text = clean(text);
    if width(&text) <= columns {
        return text;
    }
    text.chars().take(columns.saturating_sub(1)).chain(['\u{2026}']).collect()
}

/// A table's cell: its text and how it is painted.
#[derive(Clone)]
pub(super) struct Painted {
    pub text: String,
    pub style: Style,
}

impl Painted {
    pub fn new(text: impl AsRef<str>, style: Style) -> Painted {
        Painted { text: clean(text.as_ref()), style }
    }
}

/// The widest text of each column.
pub(super) fn column_widths(rows: &[Vec<Painted>]) -> Vec<usize> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    (0..count)
        .map(|at| rows.iter().filter_map(|row| row.get(at)).map(|c| width(&c.text)).max().unwrap_or(0))
        .collect()
}

/// One line of a table, two spaces between columns, nothing after the last text.
pub(super) fn row_line(row: &[Painted], widths: &[usize], indent: usize) -> String {
    let mut line = " ".repeat(indent);
    let last = row.iter().rposition(|cell| !cell.text.is_empty()).map_or(0, |at| at + 1);
    for (at, (cell, columns)) in row.iter().zip(widths).take(last).enumerate() {
        line.push_str(&paint(cell.style, &cell.text));
        if at + 1 < last {
            line.push_str(&" ".repeat(columns.saturating_sub(width(&cell.text)) + 2));
        }
    }
    line
}

/// `12.3s`, `4m07s`.
pub(super) fn duration(ms: u64) -> String {
    let seconds = ms / 1000;
    match seconds {
        0..600 => format!("{}.{}s", seconds, ms % 1000 / 100),
        _ => format!("{}m{:02}s", seconds / 60, seconds % 60),
    }
}

/// `1 run`, `2 runs`.
pub(super) fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrapping_keeps_words_and_spacing() {
        assert_eq!(wrap("    PASS  one two three", 17, 6), ["    PASS  one two", "      three"]);
        assert_eq!(wrap("at /a/very/long/path is whole", 8, 2), ["at /a/very/long/path", "  is", "  whole"]);
        assert_eq!(wrap("", 8, 2), [""]);
        assert_eq!(wrap("red \u{1b}[31mhere\n", 80, 0), ["red  [31mhere"]);
    }

    #[test]
    fn cutting_says_so() {
        assert_eq!((fit("abcdef", 6), fit("abcdefg", 6)), ("abcdef".into(), "abcde\u{2026}".into()));
    }

    #[test]
    fn durations() {
        assert_eq!(
            [duration(49), duration(12_399), duration(599_999), duration(607_000)],
            ["0.0s", "12.3s", "599.9s", "10m07s"]
        );
    }
}
