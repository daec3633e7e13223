//! Lines of `ip` that one process can do: starting one costs more than what it does, most of all on a guest kernel.

/// Lines that are done together, in the order of the topology.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    One(&'a [String]),
    /// For `ip -batch`, with the option that they share (`-4`, `-6`), if they do.
    Batch {
        option: Option<&'a str>,
        lines: &'a [Vec<String>],
    },
}

impl Piece<'_> {
    /// The file that `ip -batch` reads.
    pub fn text(lines: &[Vec<String>]) -> String {
        let line = |argv: &Vec<String>| {
            format!("{}\n", split(argv).map_or(String::new(), |(_, words)| words.join(" ")))
        };
        lines.iter().map(line).collect()
    }
}

/// What is added or set: nothing that was there before goes away or gets another name, which one process might not notice.
const VERBS: [(&str, &str); 8] = [
    ("link", "add"),
    ("link", "set"),
    ("address", "add"),
    ("addr", "add"),
    ("route", "add"),
    ("rule", "add"),
    ("neigh", "add"),
    ("neighbor", "add"),
];

/// `exec` lines, those together that `ip` can do at once.
pub fn pieces(exec: &[Vec<String>]) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = exec;
    while let Some(first) = rest.first() {
        let option = split(first).map(|(option, _)| option);
        let alike = rest.iter().take_while(|argv| split(argv).map(|(o, _)| o) == option).count();
        match option {
            Some(option) if alike > 1 => {
                pieces.push(Piece::Batch { option, lines: &rest[..alike] });
                rest = &rest[alike..];
            }
            _ => {
                pieces.push(Piece::One(first));
                rest = &rest[1..];
            }
        }
    }
    pieces
}

/// The option and the words of a line that may be batched.
fn split(argv: &[String]) -> Option<(Option<&str>, &[String])> {
    let (program, words) = argv.split_first()?;
    let (option, words) = match words.split_first() {
        Some((option, words)) if option == "-4" || option == "-6" => (Some(option.as_str()), words),
        _ => (None, words),
    };
    let [object, verb, ..] = words else { return None };
    // What has a meaning of its own in such a file: quotation marks, comments, spaces.
    let plain = |word: &String| {
        !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || "._:/@-+%,=".contains(c))
    };
    let known = VERBS.iter().any(|(o, v)| object == o && verb == v);
    let renames = words.iter().any(|word| word == "netns" || (verb == "set" && word == "name"));
    (program == "ip" && known && !renames && words.iter().all(plain)).then_some((option, words))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exec(lines: &[&str]) -> Vec<Vec<String>> {
        lines.iter().map(|line| line.split(' ').map(str::to_string).collect()).collect()
    }

    #[test]
    fn lines_alike_go_together_in_their_order() {
        let lines = exec(&[
            "ip link add red type vrf table 10",
            "ip link set red up",
            "ip -6 route add default via fd00::1",
            "ip -6 address add fd00::2/64 dev eth1 nodad",
            "ip link set eth1 name uplink",
            "sysctl -w net.ipv4.ip_forward=1",
            "ip address add 10.0.0.1/24 dev eth1.100",
            "ip route del default",
        ]);
        let shown: Vec<String> = pieces(&lines)
            .iter()
            .map(|piece| match piece {
                Piece::One(argv) => format!("one: {}\n", argv.join(" ")),
                Piece::Batch { option, lines } => format!("{option:?}\n{}", Piece::text(lines)),
            })
            .collect();
        insta::assert_snapshot!(shown.concat(), @r#"
        None
        link add red type vrf table 10
        link set red up
        Some("-6")
        route add default via fd00::1
        address add fd00::2/64 dev eth1 nodad
        one: ip link set eth1 name uplink
        one: sysctl -w net.ipv4.ip_forward=1
        one: ip address add 10.0.0.1/24 dev eth1.100
        one: ip route del default
        "#);
    }

    #[test]
    fn what_a_file_would_read_otherwise_stays_alone() {
        for line in
            ["ip link add 'a' type dummy", "ip link add # type dummy", "/sbin/ip link set a up", "ip link"]
        {
            let lines = exec(&[line, line]);
            assert!(pieces(&lines).iter().all(|piece| matches!(piece, Piece::One(_))), "{line}");
        }
    }
}
