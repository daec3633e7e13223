//! What came out for each pair of segments, as data for every report.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::scenario::IpFamily;

/// `from` x `to` x family; a piece of evidence of its own ([`IsolationMatrix::EVIDENCE`]).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IsolationMatrix {
    pub cells: Vec<IsolationCell>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IsolationCell {
    pub from: String,
    pub to: String,
    pub family: IpFamily,
    /// A segment with itself is only looked up and probed: that it works is the witness of the others.
    pub looks: BTreeMap<Look, Finding>,
}

/// The ways in which a segment may leak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Look {
    /// What the segment's table holds.
    Table,
    /// What the policy rules send elsewhere.
    Rules,
    /// What the kernel answers for a packet that comes in by the segment's interface.
    Lookup,
    /// What becomes of such a packet.
    Probe,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub standing: Standing,
    /// The route, rule, way or packet; for `unproved` what is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Nothing gets across, and what proves that it would have been seen is there.
    Isolated,
    /// Within a segment: it gets through.
    Works,
    /// The witness is missing: that nothing was seen proves nothing.
    Unproved,
    /// It leaks as the expectation declares, and no farther.
    Declared,
    /// A declared leak is not there.
    Absent,
    Leaks,
}

impl Look {
    pub fn word(self) -> &'static str {
        match self {
            Look::Table => "table",
            Look::Rules => "rules",
            Look::Lookup => "lookup",
            Look::Probe => "probe",
        }
    }
}

impl Finding {
    pub(super) fn good(standing: Standing) -> Finding {
        Finding { standing, why: None }
    }

    pub(super) fn leaks(why: String) -> Finding {
        Finding { standing: Standing::Leaks, why: Some(why) }
    }

    pub(super) fn absent(why: String) -> Finding {
        Finding { standing: Standing::Absent, why: Some(why) }
    }

    pub(super) fn unproved(why: String) -> Finding {
        Finding { standing: Standing::Unproved, why: Some(why) }
    }
}

impl IsolationCell {
    /// The looks of this standing, with their reasons.
    pub fn of(&self, standing: Standing) -> impl Iterator<Item = (Look, &str)> {
        let found = self.looks.iter().filter(move |(_, finding)| finding.standing == standing);
        found.map(|(look, finding)| (*look, finding.why.as_deref().unwrap_or_default()))
    }

    /// The worst of its looks.
    pub fn standing(&self) -> Standing {
        let has = |standing| self.looks.values().any(|finding| finding.standing == standing);
        match () {
            () if has(Standing::Leaks) => Standing::Leaks,
            () if has(Standing::Absent) => Standing::Absent,
            () if has(Standing::Unproved) || self.looks.is_empty() => Standing::Unproved,
            () if self.from == self.to => Standing::Works,
            () if has(Standing::Declared) => Standing::Declared,
            () => Standing::Isolated,
        }
    }
}

/// `isolated`, `LEAK by lookup and probe`.
impl fmt::Display for IsolationCell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let standing = self.standing();
        let by: Vec<&str> = self.of(standing).map(|(look, _)| look.word()).collect();
        match standing {
            Standing::Isolated => f.write_str("isolated"),
            Standing::Works => f.write_str("works"),
            Standing::Declared => f.write_str("leaks as declared"),
            Standing::Absent => write!(f, "declared leak ABSENT by {}", by.join(", ")),
            Standing::Unproved => write!(f, "unproved by {}", by.join(", ")),
            Standing::Leaks => write!(f, "LEAK by {}", by.join(", ")),
        }
    }
}

/// A row of the matrix for people: from where, the family, and a cell for each segment.
pub type MatrixRow<'a> = (&'a str, IpFamily, Vec<Option<&'a IsolationCell>>);

impl IsolationMatrix {
    /// `what` of the evidence that holds a matrix.
    pub const EVIDENCE: &'static str = "isolation-matrix";

    /// The segments, each a column.
    pub fn segments(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for cell in &self.cells {
            names.extend((!names.contains(&cell.to.as_str())).then_some(cell.to.as_str()));
        }
        names.sort_unstable();
        names
    }

    pub fn rows(&self) -> Vec<MatrixRow<'_>> {
        let columns = self.segments();
        let mut rows = Vec::new();
        for from in &columns {
            for family in [IpFamily::Ipv4, IpFamily::Ipv6] {
                let cell = |to: &&str| {
                    self.cells.iter().find(|c| c.from == *from && c.to == *to && c.family == family)
                };
                let cells: Vec<_> = columns.iter().map(cell).collect();
                rows.extend(cells.iter().any(Option::is_some).then_some((*from, family, cells)));
            }
        }
        rows
    }
}
