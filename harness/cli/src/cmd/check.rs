//! `routeproof check`: what is wrong with files, without running anything.

use std::path::Path;

use routeproof_engine::image::Store;
use routeproof_engine::run::{check_images, check_topology_images, choose_frr, load, load_topology};

use super::{run, select};
use crate::args::{CheckArgs, SourceArgs};
use crate::fail::Failure;
use crate::out;

pub fn run(args: &CheckArgs) -> Result<u8, Failure> {
    let files: Vec<String> = match args.files.as_slice() {
        [] => select::all()?.iter().map(|p| p.display().to_string()).collect(),
        files => files.to_vec(),
    };
    let store = run::store(&SourceArgs::default())?;
    let mut worst = 0;
    for file in &files {
        match check(file, &store) {
            Ok(warnings) => {
                out::line(format_args!("ok    {file}"))?;
                warnings.iter().for_each(|warning| out::note(format_args!("warning: {warning}")));
            }
            Err(failure) => {
                out::line(format_args!("wrong {file}"))?;
                worst = worst.max(failure.report());
            }
        }
    }
    Ok(worst)
}

/// Gives the warnings about one file.
fn check(file: &str, store: &Store) -> Result<Vec<String>, Failure> {
    if file.ends_with(".clab.yml") || file.ends_with(".clab.yaml") {
        let path = Path::new(file);
        let topology = load_topology(path)?;
        check_topology_images(path, [&topology], store)?;
        return Ok(topology.warnings.iter().map(ToString::to_string).collect());
    }
    let mut loaded = load(&select::path(file)?)?;
    // As `run` does: the release's own FRR need not be one that can be had.
    choose_frr(std::slice::from_mut(&mut loaded), store)?;
    check_images(&loaded, store)?;
    Ok(loaded.warnings)
}
