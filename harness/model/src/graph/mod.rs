//! Drawings of topologies: what is drawn ([`Drawing`]), where ([`layout`]), and as what ([`svg`], [`mermaid`]).
//!
//! Every line between nodes ends at a port, and everything that is known of an interface (addresses, VLANs, VRF, bond)
//! stands at its port inside the node's box, so that no label can lie on a line or on another label.

mod drawing;
mod interfaces;
mod layout;
mod levels;
mod mermaid;
mod svg;

pub use drawing::{Drawing, Line, NodeBox, Port, Wire};
pub use interfaces::{Interface, Make, interfaces};
pub use mermaid::mermaid;
pub use svg::svg;

#[cfg(test)]
mod tests;
