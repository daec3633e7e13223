//! `accept --report [FORMAT=]FILE`: what is written where.

use std::path::{Path, PathBuf};
use std::str::FromStr;

use routeproof_engine::event::read_back;
use routeproof_engine::report::{self, FORMATS, View};
use routeproof_model::acceptance::Report;

use crate::fail::Failure;

/// A report of the acceptance that the user asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    form: Form,
    file: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Json,
    Html,
}

impl FromStr for Written {
    type Err = String;

    /// A name alone is a file of JSON. The formats of `run` that this has not are no names of files.
    fn from_str(text: &str) -> Result<Written, String> {
        let (form, file) = match text.split_once('=') {
            Some(("json", file)) => (Form::Json, file),
            Some(("html", file)) => (Form::Html, file),
            Some((other, _)) if FORMATS.iter().any(|(name, _)| *name == other) => {
                return Err(format!("an acceptance is written as json= or html=, not as {other}="));
            }
            _ => (Form::Json, text),
        };
        match file {
            "" => Err("the file's name is missing, for instance html=report.html".to_string()),
            file => Ok(Written { form, file: file.into() }),
        }
    }
}

/// Before the runs: nobody should learn after an hour that a path was mistyped.
pub fn check(all: &[Written]) -> Result<(), Failure> {
    for (at, one) in all.iter().enumerate() {
        let file = one.file.display();
        report::check_file(&one.file).map_err(|e| {
            Failure::input(format!("cannot write the report {file}: {e}"))
                .hint("--report [FORMAT=]FILE names a file that you may write")
        })?;
        if all[..at].iter().any(|other| other.file == one.file) {
            return Err(Failure::input(format!("two reports go to {file}")));
        }
    }
    Ok(())
}

/// `round` and its directory are of the runs that a page shows in full.
pub fn write(all: &[Written], report: &Report, round: usize, directory: &Path) -> Result<(), Failure> {
    for one in all {
        let text = match one.form {
            Form::Json => serde_json::to_string_pretty(report).map_err(Failure::broken)? + "\n",
            Form::Html => page(report, round, directory)?,
        };
        report::write_file(&one.file, &text)
            .map_err(|e| Failure::broken(format!("cannot write {}: {e}", one.file.display())))?;
    }
    Ok(())
}

fn page(report: &Report, round: usize, directory: &Path) -> Result<String, Failure> {
    let log = directory.join("events.jsonl");
    let finished =
        read_back(&log).map_err(|e| Failure::broken(format!("cannot read {}: {e}", log.display())))?;
    let view = View {
        result: &finished.result,
        events: &finished.log,
        directory: Some(directory),
        width: report::terminal_width(),
    };
    Ok(report::acceptance_page(report, round, &view))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn formats_and_bare_names() {
        let read = |text: &str| text.parse::<Written>();
        let is = |form, file: &str| Ok(Written { form, file: file.into() });
        assert_eq!(read("report.json"), is(Form::Json, "report.json"));
        assert_eq!(read("json=report.json"), is(Form::Json, "report.json"));
        assert_eq!(read("html=a=b.html"), is(Form::Html, "a=b.html"));
        assert_eq!(read("of/v=2.json"), is(Form::Json, "of/v=2.json"));
        assert!(read("junit=x.xml").unwrap_err().contains("json= or html="));
        assert!(read("html=").is_err());
    }
}
