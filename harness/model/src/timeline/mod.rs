//! What happened in a run, on one clock: the steps of the event log and what the recording saw in every node; where it
//! first went another way than a run that went well; and the routes before and after.

mod build;
mod clock;
mod divergence;
mod routes;
mod types;

#[cfg(test)]
mod tests;

pub use clock::Clock;
pub use divergence::{Differs, Divergence, diverged, reference};
pub use routes::{NodeRoutes, RouteRow, Standing, routes_of};
pub use types::{Entry, Kind, Lane, Timeline};
