//! The scenarios as cargo tests; see `tests/`.
