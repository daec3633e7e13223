//! Embeds the routers' profiles: whoever adds a folder to `profiles` touches nothing else.

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("profiles");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut text = String::from(
        "/// Folder -> its files with their texts.\nconst EMBEDDED: &[(&str, &[(&str, &str)])] = &[\n",
    );
    for profile in sorted(&folder)?.iter().filter(|path| path.is_dir()) {
        println!("cargo::rerun-if-changed={}", profile.display());
        writeln!(text, "    ({:?}, &[", name(profile))?;
        for file in sorted(profile)?.iter().filter(|path| path.is_file()) {
            writeln!(text, "        ({:?}, include_str!({:?})),", name(file), file)?;
        }
        text.push_str("    ]),\n");
    }
    text.push_str("];\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("profiles.rs"), text)?;
    Ok(())
}

fn sorted(folder: &Path) -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut paths =
        fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>, std::io::Error>>()?;
    paths.sort();
    Ok(paths)
}

fn name(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}
