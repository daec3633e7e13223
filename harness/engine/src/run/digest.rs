//! One number for all that a scenario reads, so that two results can be known to be of the same scenario.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::load::Loaded;

/// Gives every run the scenario's digest and file.
///
/// # Errors
/// A file that was there a moment ago cannot be read.
pub(super) fn stamp(loaded: &mut Loaded) -> Result<(), (PathBuf, io::Error)> {
    let sha256 = of(loaded)?;
    for run in &mut loaded.runs {
        run.scenario_sha256.clone_from(&sha256);
        run.scenario_file.clone_from(&loaded.file);
    }
    Ok(())
}

/// The scenario's file, its topology, what that binds and loads, and the manifests, each with its path as seen from the
/// scenario or the topology: the same in every checkout.
fn of(loaded: &Loaded) -> Result<String, (PathBuf, io::Error)> {
    let mut files: BTreeSet<(String, PathBuf)> = BTreeSet::new();
    let folder = loaded.file.parent().unwrap_or(Path::new(""));
    files.insert(("scenario".to_string(), loaded.file.clone()));
    for run in &loaded.runs {
        files.insert((name(&run.topology.file, &run.topology.dir), run.topology.file.clone()));
        for manifest in run.initial.iter().chain(run.steps.iter().flat_map(|step| step.verb.manifests())) {
            files.insert((name(manifest, folder), manifest.clone()));
        }
        for node in &run.topology.nodes {
            for bound in node
                .binds
                .iter()
                .map(|bind| &bind.host)
                .chain(node.startup_config.iter().filter_map(|c| c.file()))
            {
                below(bound, &mut |file| {
                    files.insert((name(file, &run.topology.dir), file.to_path_buf()));
                })?;
            }
        }
    }
    let mut hash = Sha256::new();
    for (name, file) in files {
        let bytes = fs::read(&file).map_err(|e| (file, e))?;
        hash.update(format!("{name}\0{}\0", bytes.len()));
        hash.update(&bytes);
    }
    Ok(hex::encode(hash.finalize()))
}

fn name(file: &Path, folder: &Path) -> String {
    file.strip_prefix(folder).unwrap_or(file).display().to_string()
}

/// The file itself, or every file in the folder.
fn below(path: &Path, take: &mut impl FnMut(&Path)) -> Result<(), (PathBuf, io::Error)> {
    let tried = |e| (path.to_path_buf(), e);
    if !path.is_dir() {
        take(path);
        return Ok(());
    }
    for entry in fs::read_dir(path).map_err(tried)? {
        below(&entry.map_err(tried)?.path(), take)?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test that cannot go on panics")]
mod tests {
    use super::super::load::load;
    use super::*;

    #[test]
    fn a_change_of_any_file_is_another_scenario() {
        let folder = tempfile::tempdir().unwrap();
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let copy = |from: &str, to: &str| {
            let mut files = Vec::new();
            below(&root.join(from), &mut |file| files.push(file.to_path_buf())).unwrap();
            for file in files {
                let target = folder.path().join(to).join(file.strip_prefix(root.join(from)).unwrap());
                fs::create_dir_all(target.parent().unwrap()).unwrap();
                fs::copy(file, target).unwrap();
            }
        };
        copy("scenarios/filtered-routes", "scenarios/filtered-routes");
        copy("topologies", "topologies");
        let scenario = folder.path().join("scenarios/filtered-routes");
        let digest = || load(&scenario).unwrap().runs[0].scenario_sha256.clone();
        let first = digest();
        let there = load(&root.join("scenarios/filtered-routes")).unwrap().runs[0].scenario_sha256.clone();
        assert_eq!((first.len(), &first), (64, &there), "the place does not count");
        for file in ["manifests/extras.yaml", "../../topologies/one-gateway/gw1/frr.conf", "scenario.yaml"] {
            let file = scenario.join(file);
            let text = fs::read_to_string(&file).unwrap();
            let mark = if file.ends_with("frr.conf") { "!" } else { "#" };
            fs::write(&file, format!("{text}{mark} another\n")).unwrap();
            assert_ne!(digest(), first, "{}", file.display());
            fs::write(&file, text).unwrap();
        }
        assert_eq!(digest(), first);
    }
}
