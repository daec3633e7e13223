//! Driving the binary as a user does: files in a temporary folder, arguments, what it says and how it exits.
#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::disallowed_methods, reason = "these tests start the binary, as a user's shell does")]

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// What an invocation came to. Prints as snapshots show it: the exit code, then what people read.
pub struct Said {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl fmt::Display for Said {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.map_or_else(|| "by a signal".to_string(), |code| code.to_string());
        write!(f, "exit {code}\n{}", self.stderr.trim_end())
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Said {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }
}

impl Said {
    /// The result that `--json` prints.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self}\n{}", self.stdout))
    }
}

/// A user's folder: a copy of the project's topologies and of some of its scenarios.
pub struct Folder(pub tempfile::TempDir);

pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

impl Folder {
    pub fn empty() -> Folder {
        Folder(tempfile::Builder::new().prefix("routeproof-test-").tempdir().unwrap())
    }

    pub fn with(scenarios: &[&str]) -> Folder {
        let folder = Folder::empty();
        let copies = ["topologies", "kind"].into_iter().map(str::to_string);
        for part in copies.chain(scenarios.iter().map(|name| format!("scenarios/{name}"))) {
            copy(&repository().join(&part), &folder.path(&part));
        }
        folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> &Folder {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
        self
    }

    /// Replaces text that must be there.
    #[track_caller]
    pub fn edit(&self, name: &str, from: &str, to: &str) -> &Folder {
        let text = fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from), "{name} has no `{from}`:\n{text}");
        self.write(name, text.replace(from, to))
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_routeproof"));
        command.args(args).current_dir(self.0.path()).stdin(Stdio::null());
        command.env("NO_COLOR", "1").env("COLUMNS", "100");
        command
    }

    /// Runs the binary here, with the FRR images of this machine's cache.
    pub fn routeproof(&self, args: &[&str]) -> Said {
        self.command(args).output().unwrap().into()
    }

    /// The same with an empty cache: what this machine has pulled before is not to show.
    pub fn without_images(&self, args: &[&str]) -> Said {
        self.command(args).env("ROUTEPROOF_CACHE", self.path("empty-cache")).output().unwrap().into()
    }

    /// The one redactor: what differs between machines and moments. Active while the guard lives.
    pub fn redacted(&self) -> insta::internals::SettingsBindDropGuard {
        let mut settings = insta::Settings::clone_current();
        settings.add_filter(&escaped(&self.0.path().canonicalize().unwrap()), "[FOLDER]");
        settings.add_filter(&escaped(self.0.path()), "[FOLDER]");
        settings.add_filter(r"\d{8}T\d{6}Z-\d+(-\d+)?", "[RUN]");
        settings.add_filter(r"\[ *\d+\.\ds\]", "[TIME]");
        settings.add_filter(r"\b\d+\.\d s\b", "[TIME]");
        settings.add_filter(r"\b\d+\.\ds\b", "[TIME]");
        settings.bind_to_scope()
    }
}

fn escaped(path: &Path) -> String {
    path.to_string_lossy()
        .chars()
        .flat_map(|c| if c.is_ascii_alphanumeric() || c == '/' { vec![c] } else { vec!['\\', c] })
        .collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Whether labs can be booted here. If not, the reason is printed, and with `ROUTEPROOF_REQUIRE=namespaces` (as CI has
/// it) the test fails.
pub fn labs() -> bool {
    let doctor = Folder::empty().routeproof(&["doctor", "--json"]);
    let capabilities = doctor.json();
    let found = capabilities.as_array().into_iter().flatten().find(|c| c["name"] == "namespaces");
    let missing = found.filter(|c| c["present"] == false);
    let Some(missing) = missing else {
        assert!(found.is_some(), "doctor does not speak of namespaces: {doctor}");
        return true;
    };
    routeproof_engine::preflight::skip_test("namespaces", &missing.to_string());
    false
}
