//! `routeproof check`: what is wrong with files, without running anything.

use std::path::Path;

use routeproof_engine::run::{RunError, load, load_topology};

use super::select;
use crate::args::CheckArgs;
use crate::fail::Failure;
use crate::out;

pub fn run(args: &CheckArgs) -> Result<u8, Failure> {
    let mut worst = 0;
    let mut report = |name: &str, result: Result<Vec<String>, RunError>| {
        match result {
            Ok(warnings) => {
                out::line(format_args!("ok    {name}"))?;
                warnings.iter().for_each(|warning| out::note(format_args!("warning: {warning}")));
            }
            Err(error) => {
                out::line(format_args!("wrong {name}"))?;
                worst = worst.max(Failure::from(error).report());
            }
        }
        Ok::<_, Failure>(())
    };
    let files: Vec<String> = match args.files.as_slice() {
        [] => select::all()?.iter().map(|p| p.display().to_string()).collect(),
        files => files.to_vec(),
    };
    for file in &files {
        let path = Path::new(file);
        if file.ends_with(".clab.yml") || file.ends_with(".clab.yaml") {
            let shown = load_topology(path).map(|t| t.warnings.iter().map(ToString::to_string).collect());
            report(file, shown)?;
        } else {
            let below = Path::new("scenarios").join(file);
            let path = if path.exists() { path.to_path_buf() } else { below };
            report(file, load(&path).map(|l| l.warnings))?;
        }
    }
    Ok(worst)
}
