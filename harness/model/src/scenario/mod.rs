//! scenario/mod
