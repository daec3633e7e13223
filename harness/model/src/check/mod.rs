//! check/mod
