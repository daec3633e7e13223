//! frr/mod
