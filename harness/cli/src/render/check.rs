//! What `check --json` prints.

use std::collections::BTreeSet;
use std::path::PathBuf;

use routeproof_model::diag::Severity;
use routeproof_model::metallb::lint::Finding;
use serde::Serialize;

use crate::cmd::check::Found;
use crate::fail::Failure;

/// Schema `routeproof/check/v1`.
#[derive(Debug, Serialize)]
pub struct Output {
    schema: &'static str,
    deny_warnings: bool,
    errors: usize,
    warnings: usize,
    files: Vec<FileOutput>,
}

#[derive(Debug, Serialize)]
struct FileOutput {
    /// As named on the command line; manifests that were checked together are one entry.
    file: String,
    ok: bool,
    /// Why nothing more could be said of the file.
    error: Option<String>,
    /// Why the embedded lab cannot boot a topology that is right.
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<String>,
    warnings: Vec<String>,
    /// What its runs need of the kernel, by the names of `doctor`.
    needs: BTreeSet<String>,
    findings: Vec<FindingOutput>,
}

#[derive(Debug, Serialize)]
struct FindingOutput {
    id: &'static str,
    severity: &'static str,
    file: PathBuf,
    /// From 1, as the column, which counts characters.
    line: usize,
    column: usize,
    message: String,
    reason: String,
    fix: String,
    docs: String,
}

impl Output {
    pub fn new(deny_warnings: bool) -> Output {
        Output { schema: "routeproof/check/v1", deny_warnings, errors: 0, warnings: 0, files: Vec::new() }
    }

    pub fn add(&mut self, name: &str, ok: bool, checked: &Result<Found, Failure>) {
        let file = name.to_string();
        match checked {
            Ok(found) => {
                let (errors, warnings) = found.count();
                self.errors += errors;
                self.warnings += warnings;
                let findings = found.findings.iter().map(FindingOutput::from).collect();
                self.files.push(FileOutput {
                    file,
                    ok,
                    error: None,
                    refusal: found.refusal.as_ref().map(|refusal| refusal.render(false)),
                    warnings: found.warnings.clone(),
                    needs: found.needs.clone(),
                    findings,
                });
            }
            Err(failure) => {
                self.errors += 1;
                let error = Some(failure.plain());
                self.files.push(FileOutput {
                    file,
                    ok,
                    error,
                    refusal: None,
                    warnings: Vec::new(),
                    needs: BTreeSet::new(),
                    findings: Vec::new(),
                });
            }
        }
    }
}

impl From<&Finding> for FindingOutput {
    fn from(finding: &Finding) -> FindingOutput {
        FindingOutput {
            id: finding.rule.id(),
            severity: match finding.severity() {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            file: finding.source.file.clone(),
            line: finding.mark.line,
            column: finding.mark.column,
            message: finding.message.clone(),
            reason: finding.reason.clone(),
            fix: finding.fix.clone(),
            docs: finding.rule.docs(),
        }
    }
}
