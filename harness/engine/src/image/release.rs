//! A suite's Release file: which suite it is, how long it holds, and the hashes of its indexes.

use std::collections::HashMap;

/// What a verified Release file says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Release {
    pub suite: String,
    pub codename: String,
    /// As the file spells it, for people.
    pub date: String,
    pub valid_until: Option<String>,
    pub by_hash: bool,
    files: HashMap<String, IndexFile>,
}

/// One index that the Release file vouches for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct IndexFile {
    pub path: String,
    pub sha256: String,
    pub size: u64,
}

impl Release {
    pub fn parse(text: &str) -> Result<Release, String> {
        let text = text.replace('\r', "");
        let parsed: deb822_fast::Deb822 =
            text.parse().map_err(|e| format!("it is not a Release file: {e}"))?;
        let fields = parsed.iter().next().ok_or("it is empty")?;
        let get = |name: &str| fields.get(name).map(|v| v.trim().to_owned());
        let mut files = HashMap::new();
        for line in fields.get("SHA256").ok_or("it lists no SHA256 hashes")?.lines() {
            let mut words = line.split_whitespace();
            let (Some(sha256), Some(size), Some(path)) = (words.next(), words.next(), words.next()) else {
                continue;
            };
            let size = size.parse().map_err(|_| format!("`{line}` has no size"))?;
            let file = IndexFile { path: path.to_owned(), sha256: checked_sha256(sha256)?, size };
            files.insert(path.to_owned(), file);
        }
        Ok(Release {
            suite: get("Suite").unwrap_or_default(),
            codename: get("Codename").unwrap_or_default(),
            date: get("Date").ok_or("it has no date")?,
            valid_until: get("Valid-Until"),
            by_hash: get("Acquire-By-Hash").as_deref() == Some("yes"),
            files,
        })
    }

    /// Whether this is the Release file of the suite that was asked for: a signed file of another suite is no answer.
    pub fn is_of(&self, suite: &str) -> bool {
        self.codename == suite || self.suite == suite
    }

    /// The date until which the file holds, if that is before `now` (seconds since 1970).
    pub fn expired_at(&self, now: u64) -> Result<Option<&str>, String> {
        let Some(until) = self.valid_until.as_deref() else { return Ok(None) };
        let limit = parse_date(until).ok_or_else(|| format!("its Valid-Until `{until}` is not a date"))?;
        Ok((limit < now).then_some(until))
    }

    /// The `main` package index of an architecture, in the best compression that is offered.
    pub fn packages(&self, arch: &str) -> Option<&IndexFile> {
        ["Packages.xz", "Packages.gz", "Packages"]
            .iter()
            .find_map(|name| self.files.get(&format!("main/binary-{arch}/{name}")))
    }
}

/// A SHA-256 as 64 lower-case hex digits; anything else could become a path.
pub(super) fn checked_sha256(text: &str) -> Result<String, String> {
    let good = text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit());
    if good { Ok(text.to_ascii_lowercase()) } else { Err(format!("`{text}` is not a SHA-256")) }
}

/// Seconds since 1970 of a Release file's date, for example `Sat, 21 Nov 2026 09:15:44 UTC` (always UTC).
fn parse_date(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let words: Vec<&str> = text.split_whitespace().collect();
    let [_, day, month, year, time, "UTC" | "GMT" | "+0000"] = words[..] else { return None };
    let month = MONTHS.iter().position(|m| *m == month)? as i64 + 1;
    let (day, year): (i64, i64) = (day.parse().ok()?, year.parse().ok()?);
    let clock: Vec<u64> = time.split(':').map(|p| p.parse().ok()).collect::<Option<_>>()?;
    let [h, m, s] = clock[..] else { return None };
    if !(1..=31).contains(&day) || !(1970..=9999).contains(&year) || h > 23 || m > 59 || s > 60 {
        return None;
    }
    // Days from the civil calendar: years begin in March, so that the leap day is the last.
    let (y, m_) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = y * 365 + y / 4 - y / 100 + y / 400 + (m_ * 153 + 2) / 5 + day - 1 - 719_468;
    Some(u64::try_from(days).ok()? * 86_400 + h * 3_600 + m * 60 + s)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "be3d7d96a040eda0505c1808cccc67f183bbc05dff0842c50f88e6c396557412";

    fn sample() -> Release {
        let text = format!(
            "Origin: Debian\r\nSuite: unstable\r\nCodename: sid\r\nDate: Sat, 21 Nov 2026 09:15:44 UTC\r\n\
             Valid-Until: Sat, 28 Nov 2026 09:15:44 UTC\r\nAcquire-By-Hash: yes\r\nMD5Sum:\r\n 00 1 x\r\nSHA256:\r\n \
             {HASH} 12 main/binary-amd64/Packages.gz\r\n {HASH} 10 main/binary-amd64/Packages.xz\r\n"
        );
        Release::parse(&text).unwrap()
    }

    #[test]
    fn names_hashes_and_best_compression() {
        let release = sample();
        assert!(release.is_of("sid") && release.is_of("unstable") && !release.is_of("trixie"));
        assert_eq!(release.packages("amd64").unwrap().path, "main/binary-amd64/Packages.xz");
        assert_eq!(release.packages("arm64"), None);
        assert!(release.by_hash);
    }

    #[test]
    fn expires_the_second_after_its_limit() {
        let release = sample();
        let limit = 1_795_857_344; // 2026-11-28 09:15:44 UTC
        assert_eq!(release.expired_at(limit), Ok(None));
        assert_eq!(release.expired_at(limit + 1), Ok(Some("Sat, 28 Nov 2026 09:15:44 UTC")));
    }

    #[test]
    fn dates() {
        assert_eq!(parse_date("Thu, 01 Jan 1970 00:00:00 UTC"), Some(0));
        assert_eq!(parse_date("Thu, 29 Feb 2024 12:00:00 UTC"), Some(1_709_208_000));
        assert_eq!(parse_date("Sat, 21 Nov 2026 09:15:44 CET"), None);
        assert_eq!(parse_date("soon"), None);
    }

    #[test]
    fn a_hash_that_is_a_path_is_refused() {
        let text = "Date: x\nSHA256:\n ../../../../etc/passwd 10 main/binary-amd64/Packages.xz\n";
        assert!(Release::parse(text).is_err());
    }
}
