//! run/mod
