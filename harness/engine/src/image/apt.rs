//! Which mirror the host's own apt uses, so that a lab fetches from where the machine's packages come from.

use std::fs;
use std::path::Path;

/// Suites that only Debian has, without the `-updates` and `-security` that live elsewhere or are partial.
const SUITES: [&str; 12] = [
    "buster",
    "bullseye",
    "bookworm",
    "trixie",
    "forky",
    "duke",
    "sid",
    "oldoldstable",
    "oldstable",
    "stable",
    "testing",
    "unstable",
];

/// One source of packages, from either form of apt's configuration.
#[derive(Debug, Default)]
struct AptSource {
    uris: Vec<String>,
    suites: Vec<String>,
    components: Vec<String>,
    signed_by: String,
}

/// Debian mirrors in apt's configuration below `etc` (normally `/etc/apt`), in order, each once.
pub(super) fn mirrors(etc: &Path) -> Vec<String> {
    let mut sources = Vec::new();
    let mut files = vec![etc.join("sources.list")];
    let mut more: Vec<_> = fs::read_dir(etc.join("sources.list.d")).into_iter().flatten().flatten().collect();
    more.sort_by_key(fs::DirEntry::file_name);
    files.extend(more.iter().map(fs::DirEntry::path));
    for file in files {
        let Ok(text) = fs::read_to_string(&file) else { continue };
        match file.extension().and_then(|e| e.to_str()) {
            Some("sources") => sources.extend(deb822_sources(&text)),
            Some("list") => sources.extend(text.lines().filter_map(one_line_source)),
            _ => {}
        }
    }
    let mut found: Vec<String> = Vec::new();
    for uri in sources.iter().filter(|s| s.is_debian()).flat_map(AptSource::debian_uris) {
        let uri = uri.trim_end_matches('/').to_owned();
        if !found.contains(&uri) {
            found.push(uri);
        }
    }
    found
}

impl AptSource {
    /// Third parties use other suite names or components; Ubuntu's suites are not Debian's. A wrong guess does no harm:
    /// the Release file's signature decides.
    fn is_debian(&self) -> bool {
        self.suites.iter().any(|s| SUITES.contains(&s.as_str()))
            && self.components.iter().any(|c| c == "main")
    }

    fn debian_uris(&self) -> impl Iterator<Item = String> + '_ {
        let vouched = self.signed_by.contains("debian-archive");
        let listed = self.uris.iter().flat_map(|uri| {
            match uri.strip_prefix("mirror+file:") {
                // Debian's cloud images name their mirrors in a file of their own.
                Some(path) => fs::read_to_string(path.trim_start_matches("//")).unwrap_or_default(),
                None => uri.clone(),
            }
            .lines()
            .filter_map(|l| l.split_whitespace().next().map(str::to_owned))
            .collect::<Vec<_>>()
        });
        listed.filter(move |uri| {
            let http = uri.starts_with("http://") || uri.starts_with("https://");
            http && (vouched || uri.trim_end_matches('/').ends_with("/debian"))
        })
    }
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn deb822_sources(text: &str) -> Vec<AptSource> {
    let Ok(parsed) = text.parse::<deb822_fast::Deb822>() else { return Vec::new() };
    let wanted = parsed.iter().filter(|p| {
        let off = p.get("Enabled").is_some_and(|e| matches!(e.trim(), "no" | "false" | "off" | "0"));
        !off && p.get("Types").is_some_and(|t| t.split_whitespace().any(|w| w == "deb"))
    });
    let get = |p: &deb822_fast::Paragraph, name: &str| p.get(name).unwrap_or_default().to_owned();
    wanted
        .map(|p| AptSource {
            uris: words(&get(p, "URIs")),
            suites: words(&get(p, "Suites")),
            components: words(&get(p, "Components")),
            signed_by: get(p, "Signed-By"),
        })
        .collect()
}

/// `deb [options] uri suite component...`
fn one_line_source(line: &str) -> Option<AptSource> {
    let line = line.split('#').next()?.trim();
    let rest = line.strip_prefix("deb")?;
    let rest = rest.strip_prefix(|c: char| c.is_whitespace())?.trim_start();
    let (options, rest) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => ("", rest),
    };
    let mut words = rest.split_whitespace().map(str::to_owned);
    Some(AptSource {
        uris: vec![words.next()?],
        suites: vec![words.next()?],
        components: words.collect(),
        signed_by: options.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mirrors_of(files: &[(&str, &str)]) -> Vec<String> {
        let etc = tempfile::tempdir().unwrap();
        fs::create_dir(etc.path().join("sources.list.d")).unwrap();
        for (name, text) in files {
            fs::write(etc.path().join(name), text).unwrap();
        }
        mirrors(etc.path())
    }

    #[test]
    fn both_forms_in_order_without_third_parties() {
        let found = mirrors_of(&[
            (
                "sources.list",
                "deb [arch=amd64] http://one.example/debian/ bookworm main # x\ndeb-src http://src.example/debian sid main\n",
            ),
            (
                "sources.list.d/debian.sources",
                "Types: deb deb-src\nURIs: https://two.example/debian http://one.example/debian\nSuites: trixie trixie-updates\nComponents: main contrib\n\nTypes: deb\nURIs: http://sec.example/debian-security\nSuites: trixie-security\nComponents: main\n",
            ),
            ("sources.list.d/docker.list", "deb https://docker.example/linux/debian bookworm stable\n"),
            ("sources.list.d/pg.list", "deb https://pg.example/pub/repos/apt bookworm-pgdg main\n"),
            (
                "sources.list.d/off.sources",
                "Enabled: no\nTypes: deb\nURIs: http://off.example/debian\nSuites: sid\nComponents: main\n",
            ),
            ("sources.list.d/old.list.save", "deb http://saved.example/debian sid main\n"),
        ]);
        assert_eq!(found, ["http://one.example/debian", "https://two.example/debian"]);
    }

    #[test]
    fn a_mirror_elsewhere_counts_when_debians_keyring_vouches_for_it() {
        let found = mirrors_of(&[(
            "sources.list",
            "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://m.example/deb sid main\n",
        )]);
        assert_eq!(found, ["http://m.example/deb"]);
    }

    #[test]
    fn ubuntu_has_none() {
        let text = "Types: deb\nURIs: http://mirror.example/ubuntu/\nSuites: noble noble-updates\nComponents: main\n";
        assert!(mirrors_of(&[("sources.list.d/ubuntu.sources", text)]).is_empty());
    }
}
