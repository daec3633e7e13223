//! Names of labs in containers. Docker's names are global, and whoever finds one must be able to tell whether its maker still lives.

use std::fmt;

/// The process that made a lab, and which of its labs it is: a pid comes again, a pid with its start time does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LabName {
    pub pid: u32,
    /// In clock ticks since the boot: field 22 of /proc/PID/stat (proc(5)).
    pub started: u64,
    pub number: u32,
}

const PREFIX: &str = "rp";

impl fmt::Display for LabName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LabName { pid, started, number } = self;
        write!(f, "{PREFIX}-{pid:x}-{started:x}-{number:x}")
    }
}

impl LabName {
    /// Of the part of the lab that containerlab makes: Docker's network of that must not be called as kind's is.
    pub fn of_containerlab(self) -> LabName {
        LabName { number: self.number | 1 << 31, ..self }
    }

    /// `None`: somebody else's name.
    pub fn parse(text: &str) -> Option<LabName> {
        let mut parts = text.split('-');
        let name = match (parts.next()?, parts.next()?, parts.next()?, parts.next()?, parts.next()) {
            (PREFIX, pid, started, number, None) => LabName {
                pid: u32::from_str_radix(pid, 16).ok()?,
                started: u64::from_str_radix(started, 16).ok()?,
                number: u32::from_str_radix(number, 16).ok()?,
            },
            _ => return None,
        };
        // One spelling only: what we did not write is not ours.
        (name.to_string() == text).then_some(name)
    }

    /// The start time in the text of /proc/PID/stat.
    pub fn start_time(stat: &str) -> Option<u64> {
        // The program's name, field 2, may have anything in it but ends with the last parenthesis.
        let (_, rest) = stat.rsplit_once(") ")?;
        rest.split(' ').nth(19)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_its_maker() {
        let name = LabName { pid: 4711, started: 123_456_789, number: 12 };
        assert_eq!(name.to_string(), "rp-1267-75bcd15-c");
        assert_eq!(LabName::parse("rp-1267-75bcd15-c"), Some(name));
        for other in
            ["rp-1267-75bcd15", "rp-1267-75bcd15-c-worker", "kind-1-2-3", "rp-01267-75bcd15-c", "rp-1-2-+3"]
        {
            assert_eq!(LabName::parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_process_named_oddly_has_a_start_time() {
        let stat = "42 (a) b (c) S 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 987654 0 0";
        assert_eq!(LabName::start_time(stat), Some(987_654));
        assert_eq!(LabName::start_time(""), None);
    }
}
