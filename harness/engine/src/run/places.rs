//! Where in a user's file something is written, and how its path is best shown.

use std::path::{Component, Path, PathBuf};

use routeproof_model::diag::{Mark, Seg, Source};
use routeproof_model::scenario::{AxisValues, ScenarioFile, substitute};

/// `dir/relative` without the `..` in its middle, unless a symbolic link makes that another file.
pub fn joined(dir: &Path, relative: &str) -> PathBuf {
    let plain = dir.join(relative);
    let mut short = PathBuf::new();
    for part in plain.components() {
        let inside = short.components().next_back().is_some_and(|c| matches!(c, Component::Normal(_)));
        match part {
            Component::ParentDir if inside => drop(short.pop()),
            part => short.push(part),
        }
    }
    let real = |path: &Path| path.canonicalize().ok();
    if real(&short) == real(&plain) { short } else { plain }
}

/// Where a topology names a file of its folder (a bind or a startup-config): the node may have it from its kind, its
/// group or the defaults, so the text is searched.
pub fn file_of_topology(source: &Source, dir: &Path, file: &Path) -> Option<Mark> {
    let written = file.strip_prefix(dir).unwrap_or(file).to_string_lossy().into_owned();
    source.text.lines().enumerate().find_map(|(index, line)| {
        let code = line.split(" #").next().unwrap_or_default();
        let at = code.find(&*written).filter(|_| !code.trim_start().starts_with('#'))?;
        Some(Mark { line: index + 1, column: code[..at].chars().count() + 1 })
    })
}

/// Where a scenario names a manifest.
pub fn manifest(written: &ScenarioFile, dir: &Path, axes: &AxisValues, file: &Path) -> Vec<Seg> {
    let is_it = |text: &String| substitute(text, axes).is_ok_and(|text| dir.join(text) == file);
    let key = |name: &str| Seg::Key(name.to_string());
    if let Some(index) = written.initial.iter().position(is_it) {
        return vec![key("initial"), Seg::Index(index)];
    }
    for (number, step) in written.steps.iter().enumerate() {
        for (verb, files) in [("apply", &step.apply), ("delete", &step.delete)] {
            if let Some(files) = files
                && let Some(index) = files.0.iter().position(is_it)
            {
                // One file may be written without a list: then this leads to the value itself.
                return vec![key("steps"), Seg::Index(number), key(verb), Seg::Index(index)];
            }
        }
    }
    vec![key("steps")]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_shortened_only_if_they_stay_the_same_file() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir_all(root.join("real/inner")).unwrap();
        std::fs::create_dir_all(root.join("scenarios/x")).unwrap();
        std::fs::write(root.join("real/t.yml"), "").unwrap();
        std::fs::write(root.join("scenarios/t.yml"), "").unwrap();
        assert_eq!(joined(&root.join("scenarios/x"), "../t.yml"), root.join("scenarios/t.yml"));
        assert_eq!(joined(Path::new("x"), "../../t.yml"), Path::new("../t.yml"));
        std::os::unix::fs::symlink(root.join("real/inner"), root.join("scenarios/link")).unwrap();
        assert_eq!(joined(&root.join("scenarios/link"), "../t.yml"), root.join("scenarios/link/../t.yml"));
    }
}
