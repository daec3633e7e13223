//! image/mod
