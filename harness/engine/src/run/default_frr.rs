//! The FRR of cluster nodes when nobody names one: that of the MetalLB release, or the nearest there is a source for.

use routeproof_model::metallb::{Mode, Release};
use routeproof_model::plan;

use super::error::RunError;
use super::load::Loaded;
use crate::image::{ImageRef, KNOWN, Store};

/// The version, and a word about it if it is not the release's own.
///
/// # Errors
/// The cache cannot be read.
pub fn default_frr(
    store: &Store,
    release: &Release,
    mode: Mode,
) -> Result<(String, Option<String>), RunError> {
    let wanted = release.frr_in(mode);
    if store.available(&ImageRef::parse(&format!("frr:{wanted}"))?).is_ok() {
        return Ok((wanted.to_owned(), None));
    }
    let Some(near) = release.nearest_frr(mode, KNOWN.iter().map(|known| known.version)) else {
        return Ok((wanted.to_owned(), None));
    };
    let in_mode = if mode == Mode::FrrK8s { " in frr-k8s mode" } else { "" };
    let note = format!(
        "MetalLB {release} runs FRR {wanted}{in_mode}; the nearest that Debian has is {near}, which is used instead"
    );
    Ok((near.to_owned(), Some(note)))
}

/// Gives scenarios without an axis `frr` an FRR that can be had; those that get another than their release's say so in their
/// warnings.
///
/// # Errors
/// See [`default_frr`].
pub fn choose_frr(loaded: &mut [Loaded], store: &Store) -> Result<(), RunError> {
    for scenario in loaded.iter_mut().filter(|l| !l.axes.iter().any(|(name, _)| name == "frr")) {
        for run in &mut scenario.runs {
            // `load` found the release already.
            let Ok(release) = Release::find(&run.metallb.version) else { continue };
            let (frr, Some(note)) = default_frr(store, release, run.metallb.mode)? else { continue };
            run.images = plan::images(&run.topology, &frr);
            if !scenario.warnings.contains(&note) {
                scenario.warnings.push(note);
            }
        }
    }
    Ok(())
}
