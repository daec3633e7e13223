//! A suite's `Packages` index: which packages there are and what they provide.

use std::collections::HashMap;
use std::str::FromStr;

use deb822_fast::Deb822;
use debversion::Version;

use super::depends::{self, Clause, Dependency};
use super::release::checked_sha256;

/// A package that a tree can be made of.
#[derive(Clone, Debug)]
pub(super) struct Package {
    pub name: String,
    pub version: Version,
    pub filename: String,
    pub size: u64,
    pub sha256: String,
    /// `Pre-Depends` and `Depends` together.
    pub depends: Vec<Clause>,
    pub provides: Vec<Dependency>,
}

/// The index by name. Paragraphs are parsed only when looked at: a suite has 60,000, a tree needs 90.
pub(super) struct Index<'a> {
    by_name: HashMap<&'a str, Vec<&'a str>>,
    providers: HashMap<&'a str, Vec<&'a str>>,
}

impl<'a> Index<'a> {
    pub fn new(text: &'a str) -> Index<'a> {
        let mut index = Index { by_name: HashMap::new(), providers: HashMap::new() };
        for paragraph in text.split("\n\n") {
            let Some(name) = field(paragraph, "Package") else { continue };
            index.by_name.entry(name).or_default().push(paragraph);
            for provided in field(paragraph, "Provides").into_iter().flat_map(|p| p.split(',')) {
                let end = provided.trim_start();
                let end = end.split([' ', '(', ':']).next().unwrap_or(end);
                index.providers.entry(end).or_default().push(paragraph);
            }
        }
        index
    }

    /// The newest package that satisfies a dependency by its name, else the first that provides it.
    pub fn find(&self, wanted: &Dependency) -> Result<Option<Package>, String> {
        let mut best: Option<Package> = None;
        for paragraph in self.by_name.get(wanted.name.as_str()).into_iter().flatten() {
            let package = Package::parse(paragraph)?;
            if wanted.admits(&package.version) && best.as_ref().is_none_or(|b| b.version < package.version) {
                best = Some(package);
            }
        }
        if best.is_some() {
            return Ok(best);
        }
        for paragraph in self.providers.get(wanted.name.as_str()).into_iter().flatten() {
            let package = Package::parse(paragraph)?;
            if package.provides(wanted) {
                return Ok(Some(package));
            }
        }
        Ok(None)
    }
}

impl Package {
    fn parse(paragraph: &str) -> Result<Package, String> {
        let parsed: Deb822 = paragraph.parse().map_err(|e| format!("a paragraph cannot be read: {e}"))?;
        let fields = parsed.iter().next().ok_or("a paragraph is empty")?;
        let name = fields.get("Package").unwrap_or_default().to_owned();
        let need = |f: &str| fields.get(f).map(str::trim).ok_or_else(|| format!("package {name} has no {f}"));
        let depends = ["Pre-Depends", "Depends"].iter().filter_map(|f| fields.get(f)).map(depends::parse);
        let provides = depends::parse(fields.get("Provides").unwrap_or_default())?;
        Ok(Package {
            version: Version::from_str(need("Version")?).map_err(|e| format!("package {name}: {e}"))?,
            filename: checked_filename(need("Filename")?)?,
            size: need("Size")?.parse().map_err(|_| format!("package {name} has no size"))?,
            sha256: checked_sha256(need("SHA256")?)?,
            depends: depends.collect::<Result<Vec<_>, _>>()?.concat(),
            provides: provides.into_iter().flat_map(|c| c.0).collect(),
            name,
        })
    }

    /// Whether `Provides` satisfies a dependency; one with a version needs a provider that states its own.
    pub fn provides(&self, wanted: &Dependency) -> bool {
        self.provides.iter().filter(|p| p.name == wanted.name).any(|p| {
            match (&p.constraint, &wanted.constraint) {
                (_, None) => true,
                (Some((_, version)), Some(_)) => wanted.admits(version),
                (None, Some(_)) => false,
            }
        })
    }

    /// Whether this package satisfies a dependency, by its name or by what it provides.
    pub fn satisfies(&self, wanted: &Dependency) -> bool {
        (self.name == wanted.name && wanted.admits(&self.version)) || self.provides(wanted)
    }
}

/// A one-line field of an unparsed paragraph.
fn field<'a>(paragraph: &'a str, name: &str) -> Option<&'a str> {
    let at = if paragraph.starts_with(name) && paragraph[name.len()..].starts_with(": ") {
        0
    } else {
        paragraph.find(&format!("\n{name}: "))? + 1
    };
    paragraph[at + name.len() + 2..].lines().next().map(str::trim)
}

/// The signed index vouches for the path, but a `..` in it would still be somebody's mistake.
fn checked_filename(path: &str) -> Result<String, String> {
    let good = !path.is_empty() && path.split('/').all(|p| !p.is_empty() && p != "." && p != "..");
    if good { Ok(path.to_owned()) } else { Err(format!("`{path}` is not a package's path")) }
}
