//! `--report FORMAT=FILE`: which reports to write where, checked before the runs and written after them.

use std::fmt;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use routeproof_model::diag::nearest;

use super::{FORMATS, Report, View};
use crate::rundir::RunDir;

/// Files are laid out for a reader whose terminal we do not know.
const FILE_WIDTH: usize = 100;

/// A report that the user asked for.
#[derive(Clone)]
pub struct ReportSpec {
    pub format: &'static str,
    report: &'static dyn Report,
    pub target: Target,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Written as `-`.
    Stdout,
    File(PathBuf),
}

/// The user's `--report` makes no sense.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpecError {
    #[error("a report is written FORMAT=FILE, for instance json=result.json, not \"{given}\"")]
    Shape { given: String },
    #[error("there is no report format \"{given}\"{}; there are {}", did_you_mean(given), names().join(", "))]
    Format { given: String },
}

/// A report cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the {format} report to {target}")]
pub struct ReportError {
    format: &'static str,
    target: String,
    #[source]
    source: io::Error,
}

fn names() -> Vec<&'static str> {
    FORMATS.iter().map(|(name, _)| *name).collect()
}

fn did_you_mean(given: &str) -> String {
    let near = nearest(given, names());
    near.map_or(String::new(), |name| format!(" (did you mean \"{name}\"?)"))
}

impl ReportSpec {
    /// Reads `FORMAT=FILE`; the file `-` is standard output.
    pub fn parse(text: &str) -> Result<ReportSpec, SpecError> {
        let shape = || SpecError::Shape { given: text.to_owned() };
        let (format, file) = text.split_once('=').ok_or_else(shape)?;
        let known = FORMATS.iter().find(|(name, _)| *name == format);
        let (format, report) = *known.ok_or_else(|| SpecError::Format { given: format.to_owned() })?;
        let target = match file {
            "" => return Err(shape()),
            "-" => Target::Stdout,
            path => Target::File(path.into()),
        };
        Ok(ReportSpec { format, report, target })
    }

    /// Whether the report can be written, as far as that can be known before. Makes missing folders.
    fn check(&self) -> Result<(), ReportError> {
        match &self.target {
            Target::Stdout => Ok(()),
            Target::File(path) => check_file(path).map_err(|source| self.error(source)),
        }
    }

    fn write(&self, view: &View<'_>) -> Result<(), ReportError> {
        let written = match &self.target {
            Target::Stdout => {
                let mut out = io::stdout().lock();
                let written = out.write_all(self.report.render(view).as_bytes()).and_then(|()| out.flush());
                // A reader that has enough (`| head`) is no failure.
                written.or_else(|e| if e.kind() == ErrorKind::BrokenPipe { Ok(()) } else { Err(e) })
            }
            Target::File(path) => write_file(path, &self.report.render(&View { width: FILE_WIDTH, ..*view })),
        };
        written.map_err(|source| self.error(source))
    }

    fn error(&self, source: io::Error) -> ReportError {
        let target = match &self.target {
            Target::Stdout => "standard output".into(),
            Target::File(path) => path.display().to_string(),
        };
        ReportError { format: self.format, target, source }
    }
}

impl FromStr for ReportSpec {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<ReportSpec, SpecError> {
        ReportSpec::parse(text)
    }
}

impl fmt::Debug for ReportSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReportSpec").field("format", &self.format).field("target", &self.target).finish()
    }
}

/// To be called before the runs: nobody should learn after ten minutes that a path was mistyped.
pub fn check_all(specs: &[ReportSpec]) -> Result<(), ReportError> {
    for (at, spec) in specs.iter().enumerate() {
        spec.check()?;
        if specs[..at].iter().any(|other| other.target == spec.target) {
            return Err(
                spec.error(io::Error::new(ErrorKind::AlreadyExists, "another report goes there as well"))
            );
        }
    }
    Ok(())
}

/// Writes every report that can be written, and tells about the others.
pub fn write_all(specs: &[ReportSpec], view: &View<'_>) -> Vec<ReportError> {
    specs.iter().filter_map(|spec| spec.write(view).err()).collect()
}

/// Writes the reports that every run directory has: `result.json` and `summary.md`.
pub fn write_run_files(directory: &RunDir, view: &View<'_>) -> Vec<ReportError> {
    let wanted = [("json", directory.result()), ("markdown", directory.summary())];
    let specs = FORMATS.iter().filter_map(|&(format, report)| {
        let (_, path) = wanted.iter().find(|(name, _)| *name == format)?;
        Some(ReportSpec { format, report, target: Target::File(path.clone()) })
    });
    write_all(&specs.collect::<Vec<_>>(), view)
}

/// Whether an error means that the folder, rather than the file, is not ours to change (a file mounted into a
/// container, for instance): then the file is written in place.
fn only_in_place(error: &io::Error) -> bool {
    use ErrorKind::{PermissionDenied, ReadOnlyFilesystem, ResourceBusy};
    matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem | ResourceBusy)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether a file can be written, as far as that can be known before. Makes missing folders.
///
/// # Errors
/// When it cannot.
pub fn check_file(path: &Path) -> io::Result<()> {
    let folder = folder_of(path);
    fs::create_dir_all(folder)?;
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => Err(ErrorKind::IsADirectory.into()),
        // A pipe or a device: opening it could block.
        Ok(meta) if !meta.is_file() => Ok(()),
        exists => match tempfile::Builder::new().prefix(".routeproof-").tempfile_in(folder) {
            Ok(_) => Ok(()),
            Err(error) if exists.is_ok() && only_in_place(&error) => {
                OpenOptions::new().write(true).open(path).map(drop)
            }
            Err(error) => Err(error),
        },
    }
}

/// Writes a file so that a reader sees the old one or the new one, never a part.
///
/// # Errors
/// When it cannot be written.
pub fn write_file(path: &Path, text: &str) -> io::Result<()> {
    // The file that a link names is replaced, not the link.
    let real = fs::canonicalize(path);
    let path = real.as_deref().unwrap_or(path);
    let exists = fs::metadata(path);
    if exists.as_ref().is_ok_and(|meta| !meta.is_file()) {
        return OpenOptions::new().write(true).open(path)?.write_all(text.as_bytes());
    }
    match replace_file(path, text) {
        Err(error) if exists.is_ok() && only_in_place(&error) => fs::write(path, text),
        done => done,
    }
}

fn replace_file(path: &Path, text: &str) -> io::Result<()> {
    // As readable as any file that the user makes: the umask takes its share of 0666.
    let mode = Permissions::from_mode(0o666);
    let mut file =
        tempfile::Builder::new().prefix(".routeproof-").permissions(mode).tempfile_in(folder_of(path))?;
    file.write_all(text.as_bytes())?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn spec(text: &str) -> ReportSpec {
        ReportSpec::parse(text).unwrap()
    }

    fn view(result: &routeproof_model::result::ResultFile) -> View<'_> {
        View { result, events: &[], directory: None, width: 80 }
    }

    #[test]
    fn mistakes_are_named() {
        let error = |text| ReportSpec::parse(text).unwrap_err().to_string();
        insta::assert_snapshot!(error("jsno=a"), @r#"there is no report format "jsno" (did you mean "json"?); there are html, json, junit, markdown, terminal"#);
        insta::assert_snapshot!(error("md=a"), @r#"there is no report format "md" (did you mean "markdown"?); there are html, json, junit, markdown, terminal"#);
        insta::assert_snapshot!(error("xml=a"), @r#"there is no report format "xml" (did you mean "html"?); there are html, json, junit, markdown, terminal"#);
        insta::assert_snapshot!(error("result.json"), @r#"a report is written FORMAT=FILE, for instance json=result.json, not "result.json""#);
        insta::assert_snapshot!(error("json="), @r#"a report is written FORMAT=FILE, for instance json=result.json, not "json=""#);
        assert_eq!(spec("json=a=b").target, Target::File("a=b".into()));
        assert_eq!(spec("markdown=-").target, Target::Stdout);
    }

    #[test]
    fn every_format_is_written_and_replaces_what_was_there() {
        let result = sample::mixed().result;
        let dir = tempfile::tempdir().unwrap();
        let path = |name: &str| dir.path().join("new/folder").join(name);
        let specs: Vec<_> =
            names().iter().map(|name| spec(&format!("{name}={}", path(name).display()))).collect();
        check_all(&specs).unwrap();
        assert!(!path("json").exists(), "a check leaves no file");
        fs::write(path("json"), "old").unwrap();
        assert!(write_all(&specs, &view(&result)).is_empty());
        let json = fs::read_to_string(path("json")).unwrap();
        let again: routeproof_model::result::ResultFile = serde_json::from_str(&json).unwrap();
        assert_eq!(again, result);
        for name in names() {
            assert!(
                !fs::read_to_string(path(name)).unwrap().contains('\u{1b}'),
                "{name}: no escape sequences in files"
            );
        }
        let others = fs::read_dir(path("json").parent().unwrap()).unwrap().count();
        assert_eq!(others, FORMATS.len(), "no temporary file is left");
    }

    #[test]
    fn a_link_stays_a_link() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("real"), "old").unwrap();
        std::os::unix::fs::symlink("real", dir.path().join("link")).unwrap();
        write_file(&dir.path().join("link"), "new").unwrap();
        assert!(fs::symlink_metadata(dir.path().join("link")).unwrap().is_symlink());
        assert_eq!(fs::read_to_string(dir.path().join("real")).unwrap(), "new");
    }

    #[test]
    fn a_bad_path_is_found_before_the_run() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("file"), "").unwrap();
        let error = |path: &Path| check_all(&[spec(&format!("json={}", path.display()))]).unwrap_err();
        for bad in
            [dir.path().to_owned(), dir.path().join("file/below"), PathBuf::from("/proc/nowhere/result.json")]
        {
            assert_eq!(error(&bad).to_string(), format!("cannot write the json report to {}", bad.display()));
        }
        let twice = [spec("json=/dev/null"), spec("markdown=/dev/null")];
        assert!(check_all(&twice).is_err(), "one file, two reports");
        assert!(check_all(&twice[..1]).is_ok());
        assert!(write_all(&twice[..1], &view(&sample::mixed().result)).is_empty());
    }

    #[test]
    fn what_cannot_be_written_is_told_and_the_rest_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let good = dir.path().join("summary.md");
        let specs = [spec("json=/dev/full"), spec(&format!("markdown={}", good.display()))];
        let errors = write_all(&specs, &view(&sample::mixed().result));
        assert_eq!(errors.len(), 1);
        assert!(good.exists());
    }
}
