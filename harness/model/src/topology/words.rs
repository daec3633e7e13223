//! Splits a command line into words as containerlab does for `exec` (POSIX-like quoting, no expansion, no shell).

use thiserror::Error;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WordsError {
    #[error("the quote {0} is not closed")]
    OpenQuote(char),
    #[error("it ends with a lone backslash")]
    LoneBackslash,
}

/// The words of `line`. Quotes group; a backslash takes the next character literally, outside quotes and in double
/// quotes; `#` at the start of a word begins a comment up to the end of the line.
pub fn words(line: &str) -> Result<Vec<String>, WordsError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '#' if word.is_none() => drop(chars.by_ref().find(|c| *c == '\n')),
            '\'' | '"' => quoted(c, &mut chars, word.get_or_insert_default())?,
            '\\' => word.get_or_insert_default().push(chars.next().ok_or(WordsError::LoneBackslash)?),
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

fn quoted(quote: char, chars: &mut std::str::Chars<'_>, word: &mut String) -> Result<(), WordsError> {
    loop {
        match chars.next().ok_or(WordsError::OpenQuote(quote))? {
            c if c == quote => return Ok(()),
            '\\' if quote == '"' => word.push(chars.next().ok_or(WordsError::OpenQuote(quote))?),
            c => word.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Vec<String> {
        words(line).expect("balanced")
    }

    #[test]
    fn quotes_group_and_backslashes_escape() {
        assert_eq!(
            split("ip addr  add\t10.0.0.1/24 dev eth1"),
            ["ip", "addr", "add", "10.0.0.1/24", "dev", "eth1"]
        );
        assert_eq!(split(r#"sh -c "echo \"a b\" 'c'" '' x\ y"#), ["sh", "-c", "echo \"a b\" 'c'", "", "x y"]);
        assert_eq!(split(r#"a'b\'c"d"e"#), ["ab\\cde"]);
        assert_eq!(split("one # two\nthree f#our"), ["one", "three", "f#our"]);
        assert!(split("  # nothing").is_empty());
    }

    #[test]
    fn open_quotes_are_errors() {
        assert_eq!(words("echo 'a"), Err(WordsError::OpenQuote('\'')));
        assert_eq!(words(r#"echo "a\""#), Err(WordsError::OpenQuote('"')));
        assert_eq!(words("echo \\"), Err(WordsError::LoneBackslash));
    }
}
