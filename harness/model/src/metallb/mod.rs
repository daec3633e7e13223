//! metallb/mod
