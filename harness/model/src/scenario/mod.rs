//! Scenarios: the written file ([`file`]), its axes ([`axes`]) and one run's resolved steps ([`resolve`]).

mod axes;
mod bond;
mod expect;
mod fault;
mod file;
mod isolation;
mod name;
mod resolve;
mod routes;
mod session;
mod step;
mod stream;
#[cfg(test)]
pub(crate) mod testing;
mod words;

pub use crate::metallb::Mode;
pub use axes::{AxisValues, combinations, substitute};
pub use bond::ExpectBond;
pub use expect::{
    Expect, ExpectConvergence, ExpectEcmp, ExpectNextHop, ExpectNoRoute, ExpectReturnPath, ExpectRibFib,
    ExpectRoute, HashPolicy, IpFamily,
};
pub use fault::{Fault, LinkState};
pub use file::{Axes, MetallbFile, ScenarioFile, StepFile};
pub use isolation::{ExpectIsolation, Leak, Segment};
pub use resolve::{Scenario, expand, expand_over, step, topologies};
pub use routes::ExpectRoutes;
pub use session::{AddressFamily, Count, ExpectBfd, ExpectGracefulRestart, ExpectPrefixes, ExpectSession};
pub use step::{Diagnosis, Observe, RestartSpeaker, Settle, Signature, Step, Verb};
pub(crate) use words::prefixes;

pub use stream::{During, ExpectLoss, StreamStep};
