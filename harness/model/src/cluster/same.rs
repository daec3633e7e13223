//! Whether a speaker has written what we would have rendered.

/// What the first line is that one of two files has more often than the other; `None` where they have the same lines. Up to v0.13.10
/// MetalLB writes advertisements in random order.
pub fn first_difference(theirs: &str, ours: &str) -> Option<String> {
    let sorted = |text: &str| {
        let mut lines: Vec<String> =
            text.lines().map(|l| l.trim_end().to_owned()).filter(|l| !l.is_empty()).collect();
        lines.sort();
        lines
    };
    let (theirs, ours) = (sorted(theirs), sorted(ours));
    let (mut a, mut b) = (theirs.iter().peekable(), ours.iter().peekable());
    loop {
        match (a.peek(), b.peek()) {
            (None, None) => return None,
            (Some(x), Some(y)) if x == y => {
                a.next();
                b.next();
            }
            (Some(x), Some(y)) if x < y => return Some(format!("it has `{}`", x.trim())),
            (Some(x), None) => return Some(format!("it has `{}`", x.trim())),
            (_, Some(y)) => return Some(format!("it lacks `{}`", y.trim())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_empty_lines_do_not_matter() {
        assert_eq!(first_difference("a\n\n b\nc\n", "c\na\n b"), None);
        assert_eq!(first_difference("a\nb\n", "a\n").unwrap(), "it has `b`");
        assert_eq!(first_difference("a\n", "a\n b\n").unwrap(), "it lacks `b`");
        assert_eq!(first_difference("a\na\n", "a\n").unwrap(), "it has `a`");
        assert_eq!(first_difference("", "a\n").unwrap(), "it lacks `a`");
    }
}
