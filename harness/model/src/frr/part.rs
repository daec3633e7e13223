//! Which part of an integrated configuration bgpd must have, whoever else has it too.

use super::config::stanzas;

/// Stanzas that decide what a node learns. zebra and mgmtd keep route maps and prefix lists as well, so their running
/// configuration would hide that bgpd lost one.
const BGP: [&str; 6] = [
    "router bgp ",
    "route-map ",
    "ip prefix-list ",
    "ipv6 prefix-list ",
    "bgp community-list ",
    "bgp as-path ",
];

/// What only zebra's route maps know (zebra/zebra_routemap.c): bgpd does not have it, and does not need it.
const ZEBRA: [&str; 6] = [
    "set src ",
    "match ip address prefix-len ",
    "match ipv6 address prefix-len ",
    "match ip next-hop prefix-len ",
    "match source-protocol ",
    "match source-instance ",
];

/// The text with every line blanked that is not bgpd's; line numbers stay.
pub fn bgp_part(text: &str) -> String {
    let mut kept = vec![""; text.lines().count()];
    let original: Vec<&str> = text.lines().collect();
    for stanza in stanzas(text) {
        if BGP.iter().any(|start| stanza.header.text.starts_with(start)) {
            let of_zebra = |text: &str| ZEBRA.iter().any(|start| text.starts_with(start));
            for line in stanza.lines.iter().filter(|line| !of_zebra(&line.line.text)) {
                let at = line.line.number - 1;
                kept[at] = original[at];
            }
        }
    }
    kept.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_bgp_lines_at_their_place() {
        let text = "hostname x\nip nht resolve-via-default\nroute-map a-in deny 20\nrouter bgp 1\n neighbor 10.0.0.1 remote-as 2\nbfd\n profile p\n";
        let expected = "\n\nroute-map a-in deny 20\nrouter bgp 1\n neighbor 10.0.0.1 remote-as 2\n\n";
        assert_eq!(bgp_part(text), expected);
        let with_src = "route-map m permit 10\n set src 10.0.0.1\n set metric 5\n";
        assert_eq!(bgp_part(with_src), "route-map m permit 10\n\n set metric 5");
    }
}
