//! `observations.jsonl`: every fact of a run as it was seen, one JSON object a line, on one monotonic clock.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use routeproof_model::recording::Line;

use super::error::RunError;

/// A cheap handle on the file. A write error is kept and reported at the end: it must not change a verdict.
#[derive(Clone, Debug)]
pub struct Recorder(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    file: BufWriter<File>,
    error: Option<String>,
}

impl Recorder {
    pub fn create(path: &Path) -> Result<Recorder, RunError> {
        let file = BufWriter::new(File::create(path).map_err(RunError::Record)?);
        Ok(Recorder(Arc::new(Mutex::new(State { file, error: None }))))
    }

    pub fn write(&self, line: &Line) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.error.is_some() {
            return;
        }
        let written = serde_json::to_writer(&mut state.file, line).map_err(std::io::Error::from);
        if let Err(e) = written.and_then(|()| state.file.write_all(b"\n")) {
            state.error = Some(e.to_string());
        }
    }

    /// Flushes; the error if any line could not be written.
    pub fn finish(&self) -> Result<(), String> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let flushed = state.file.flush().map_err(|e| e.to_string());
        match state.error.take() {
            Some(error) => Err(error),
            None => flushed,
        }
    }
}
