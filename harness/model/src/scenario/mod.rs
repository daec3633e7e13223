//! Scenarios: the written file ([`file`]), its axes ([`axes`]) and one run's resolved steps ([`resolve`]).

mod axes;
mod file;
mod name;
mod resolve;
mod step;

pub use axes::{AxisValues, combinations, substitute};
pub use file::{MetallbFile, Mode, ScenarioFile, StepFile};
pub use resolve::{Scenario, expand};
pub use step::{
    Diagnosis, Expect, ExpectNextHop, ExpectNoRoute, ExpectRibFib, ExpectRoute, ExpectSession, Fault,
    Observe, RestartSpeaker, Settle, Signature, Step, Verb,
};
