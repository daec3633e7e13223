//! A timeline as data.

/// What happened in a run. Times are milliseconds since the invocation started.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Timeline {
    pub from_ms: f64,
    pub until_ms: f64,
    /// The steps first, then the nodes.
    pub lanes: Vec<Lane>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lane {
    pub name: String,
    /// In the order of time.
    pub entries: Vec<Entry>,
}

/// One thing that happened, or several of one kind at nearly the same time.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub at_ms: f64,
    /// For what lasts.
    pub until_ms: Option<f64>,
    pub kind: Kind,
    /// What happened, each thing a line.
    pub what: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// The lab's boot.
    Boot,
    StepPassed,
    /// A step that did not pass.
    StepBad,
    Fault,
    SessionUp,
    SessionDown,
    RouteNew,
    RouteGone,
    LinkUp,
    LinkDown,
    /// Messages of the kernel were lost.
    Gap,
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Kind::Boot => "boot",
            Kind::StepPassed => "step passed",
            Kind::StepBad => "step did not pass",
            Kind::Fault => "fault",
            Kind::SessionUp => "session up",
            Kind::SessionDown => "session down",
            Kind::RouteNew => "route added or changed",
            Kind::RouteGone => "route removed",
            Kind::LinkUp => "link up",
            Kind::LinkDown => "link down",
            Kind::Gap => "kernel messages lost",
        }
    }
}

impl Timeline {
    /// Every entry with its lane, in the order of time.
    pub fn in_order(&self) -> Vec<(&Lane, &Entry)> {
        let mut all: Vec<_> =
            self.lanes.iter().flat_map(|lane| lane.entries.iter().map(move |e| (lane, e))).collect();
        all.sort_by(|(_, a), (_, b)| a.at_ms.total_cmp(&b.at_ms));
        all
    }
}
