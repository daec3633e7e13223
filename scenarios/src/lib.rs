//! The scenarios as cargo tests: `tests/scenarios/`. This crate only holds what they share.

use std::path::{Path, PathBuf};

use routeproof_engine::preflight;

/// A scenario's folder, by its name. (A path to one stays what it is.)
pub fn folder(name: impl AsRef<Path>) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// Whether labs can be booted here. A test returns early if not: the reason is printed, and with
/// `ROUTEPROOF_REQUIRE=namespaces` (as CI has it) a missing capability is a failure.
///
/// # Panics
/// If labs are required and cannot be booted.
pub async fn labs() -> bool {
    let capabilities = preflight::probe().await;
    let Some(missing) = capabilities.iter().find(|c| c.name == "namespaces" && !c.present) else {
        return true;
    };
    preflight::skip_test("namespaces", &format!("{}; {}", missing.detail, missing.hints.join("; ")));
    false
}
