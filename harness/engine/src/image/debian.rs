//! A tree from a Debian suite: signed Release, hashed index, closure, hashed packages, unpacked.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use futures::{StreamExt, stream};

use super::cache::{Cache, PackageRecord, Staging};
use super::closure::{ClosureError, closure_of};
use super::deb::{decompressed, unpack_deb};
use super::fetch::{ATTEMPTS, Failure, Http};
use super::fixup;
use super::name::{Kind, keeps_promise};
use super::openpgp::Keyring;
use super::packages::{Index, Package};
use super::release::Release;
use super::rooted::Rooted;
use super::{ImageError, ImageRef, Progress};

/// Where every suite that Debian still supports is.
const PUBLIC: &str = "http://deb.debian.org/debian";
/// Where suites move when their support ends.
const ARCHIVE: &str = "http://archive.debian.org/debian";
const PARALLEL: usize = 8;

/// What a pull from Debian needs to know.
pub(super) struct Job<'a> {
    pub image: &'a ImageRef,
    pub suite: &'a str,
    pub arch: &'static str,
    pub mirrors: &'a [String],
    pub allow_expired: bool,
    pub keys: &'a Keyring,
    pub progress: &'a dyn Progress,
}

/// What a suite would give: everything is known, nothing is unpacked.
pub(super) struct Plan {
    pub mirror: String,
    pub release_date: String,
    /// Of FRR, or of the kernel.
    pub version: String,
    packages: Vec<Package>,
}

impl Plan {
    pub fn records(&self) -> Vec<PackageRecord> {
        let record = |p: &Package| PackageRecord {
            name: p.name.clone(),
            version: p.version.to_string(),
            sha256: p.sha256.clone(),
        };
        self.packages.iter().map(record).collect()
    }
}

/// The mirrors to try, in order: the one that was named and no other, else the host's, the public one, the archive.
pub(super) fn candidates(named: Option<&str>, host: Vec<String>) -> Result<Vec<String>, ImageError> {
    if let Some(url) = named {
        let url = url.trim_end_matches('/');
        if !url.starts_with("http://") && !url.starts_with("https://") {
            let reason = "it must begin with http:// or https://".to_owned();
            return Err(ImageError::Mirror { url: url.to_owned(), reason });
        }
        return Ok(vec![url.to_owned()]);
    }
    let mut all = host;
    for public in [PUBLIC, ARCHIVE] {
        if !all.iter().any(|m| m == public) {
            all.push(public.to_owned());
        }
    }
    Ok(all)
}

/// Finds the suite, verifies it and decides on the packages.
pub(super) async fn plan(
    job: &Job<'_>,
    http: &Http,
    cache: &Cache,
    staging: &Staging,
) -> Result<Plan, ImageError> {
    let (mirror, release) = find_release(job, http).await?;
    let dists = format!("{mirror}/dists/{}", job.suite);
    let missing = |what: &str| ImageError::Missing {
        suite: job.suite.to_owned(),
        what: what.to_owned(),
        arch: job.arch.to_owned(),
    };
    let index = release.packages(job.arch).ok_or_else(|| missing("package index"))?;
    let mut urls = vec![format!("{dists}/{}", index.path)];
    if release.by_hash {
        // Stable under a mirror's update between Release and index.
        urls.insert(0, format!("{dists}/main/binary-{}/by-hash/SHA256/{}", job.arch, index.sha256));
    }
    let total = index.size;
    let done = AtomicU64::new(0);
    let heard = |n| {
        job.progress.update(
            job.image.name(),
            "package index",
            done.fetch_add(n, Ordering::Relaxed) + n,
            total,
        )
    };
    let path = fetch_into_cache(http, cache, staging, &urls, &index.sha256, total, &heard).await?;
    let ending = index.path.rsplit_once("Packages").map_or("", |(_, ending)| ending).to_owned();
    let image = job.image.clone();
    let packages = blocking(move || read_closure(&image, &path, &ending)).await?.map_err(|e| match e {
        ClosureError::Unsatisfied { clause, by } => missing(&format!("package `{clause}` (needed by {by})")),
        ClosureError::Index(reason) => {
            ImageError::Damaged { what: format!("the package index of {dists}"), reason }
        }
    })?;
    let main = job.image.package();
    let found =
        packages.iter().find(|p| p.name == main).ok_or_else(|| missing(&format!("package `{main}`")))?;
    let version = found.version.upstream_version.clone();
    if !keeps_promise(job.image, &version) {
        let (image, suite) = (job.image.name().to_owned(), job.suite.to_owned());
        return Err(ImageError::Moved { image, suite, found: format!("{main} {version}") });
    }
    Ok(Plan { mirror, release_date: release.date, version, packages })
}

/// The first mirror that has a Release file of this suite that holds.
async fn find_release(job: &Job<'_>, http: &Http) -> Result<(String, Release), ImageError> {
    let mut tried = Vec::new();
    let mut distrust = None;
    for mirror in job.mirrors {
        let url = format!("{mirror}/dists/{}/InRelease", job.suite);
        job.progress.update(job.image.name(), "release file", 0, 0);
        let body = match http.small(&url).await {
            Ok(body) => body,
            Err(failure) => {
                tried.push(format!("{url}: {}", failure.reason()));
                continue;
            }
        };
        match read_release(job, &url, &body) {
            Ok(release) => return Ok((mirror.clone(), release)),
            // A mirror that is no Debian archive after all, or spoilt; another one may be good.
            Err(e @ ImageError::Untrusted { .. }) => {
                tried.push(e.to_string());
                distrust = Some(e);
            }
            Err(e) => return Err(e),
        }
    }
    let (image, suite) = (job.image.name().to_owned(), job.suite.to_owned());
    Err(distrust.unwrap_or(ImageError::Unreachable { image, suite, tried }))
}

fn read_release(job: &Job<'_>, url: &str, body: &[u8]) -> Result<Release, ImageError> {
    let untrusted = |reason| ImageError::Untrusted { url: url.to_owned(), reason };
    let text = std::str::from_utf8(body).map_err(|_| untrusted("it is not text".to_owned()))?;
    let release = job.keys.verify(text).and_then(|signed| Release::parse(&signed)).map_err(untrusted)?;
    if !release.is_of(job.suite) {
        return Err(untrusted(format!("it is the Release file of {} ({})", release.codename, release.suite)));
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs());
    match release.expired_at(now).map_err(untrusted)? {
        Some(until) if !job.allow_expired => Err(ImageError::Expired {
            suite: job.suite.to_owned(),
            url: url.to_owned(),
            until: until.to_owned(),
        }),
        _ => Ok(release),
    }
}

fn read_closure(image: &ImageRef, index: &Path, ending: &str) -> Result<Vec<Package>, ClosureError> {
    let broken = |e: std::io::Error| ClosureError::Index(e.to_string());
    let mut text = String::new();
    let file = File::open(index).map_err(broken)?;
    decompressed(ending, file).and_then(|mut r| r.read_to_string(&mut text)).map_err(broken)?;
    closure_of(image, &Index::new(&text))
}

/// Downloads and unpacks every package into a fresh tree, and does what maintainer scripts would have done.
pub(super) async fn build(
    job: &Job<'_>,
    http: &Http,
    cache: &Cache,
    staging: &Staging,
    plan: &Plan,
) -> Result<PathBuf, ImageError> {
    let path = staging.path.join("tree");
    std::fs::create_dir(&path).map_err(ImageError::io("make", &path))?;
    let tree = Rooted::new(&path);
    fixup::merge_usr(&tree).map_err(ImageError::io("lay out", &path))?;

    let total = plan.packages.iter().map(|p| p.size).sum();
    let done = AtomicU64::new(0);
    let heard = |n| {
        job.progress.update(job.image.name(), "packages", done.fetch_add(n, Ordering::Relaxed) + n, total)
    };
    // After a failure nothing new begins, and what runs comes to its end: nobody writes into a removed folder.
    let failed = AtomicBool::new(false);
    let one = |package: &Package| {
        let urls = [format!("{}/{}", plan.mirror, package.filename)];
        let (package, tree, heard, failed) = (package.clone(), tree.clone(), &heard, &failed);
        async move {
            if failed.load(Ordering::Relaxed) {
                return Ok(());
            }
            let result = fetch_and_unpack(http, cache, staging, &urls, package, tree, heard).await;
            failed.fetch_or(result.is_err(), Ordering::Relaxed);
            result
        }
    };
    let results =
        stream::iter(plan.packages.iter().map(one)).buffer_unordered(PARALLEL).collect::<Vec<_>>().await;
    results.into_iter().collect::<Result<(), ImageError>>()?;

    if job.image.kind() == Kind::Kernel {
        return Ok(path);
    }
    job.progress.update(job.image.name(), "finishing", 0, 0);
    let at = path.clone();
    blocking(move || fixup::finish_debian(&tree).map_err(ImageError::io("finish", &at))).await??;
    Ok(path)
}

async fn fetch_and_unpack(
    http: &Http,
    cache: &Cache,
    staging: &Staging,
    urls: &[String],
    package: Package,
    tree: Rooted,
    heard: &(dyn Fn(u64) + Sync),
) -> Result<(), ImageError> {
    let deb = fetch_into_cache(http, cache, staging, urls, &package.sha256, package.size, heard).await?;
    blocking(move || unpack_deb(&tree, &deb)).await?
}

/// The path of a download in the cache, fetched if it is not there. The URLs are tried in turn.
async fn fetch_into_cache(
    http: &Http,
    cache: &Cache,
    staging: &Staging,
    urls: &[String],
    sha256: &str,
    size: u64,
    heard: &(dyn Fn(u64) + Sync),
) -> Result<PathBuf, ImageError> {
    let path = cache.download(sha256);
    if std::fs::metadata(&path).is_ok_and(|m| m.len() == size) {
        heard(size);
        return Ok(path);
    }
    let temporary = staging.path.join(sha256);
    let mut last = None;
    for url in urls {
        for attempt in 1..=ATTEMPTS {
            match http.file(url, sha256, size, &temporary, heard).await {
                Ok(()) => {
                    std::fs::rename(&temporary, &path).map_err(ImageError::io("store", &path))?;
                    return Ok(path);
                }
                Err(Failure::Disk(error)) => return Err(error),
                Err(failure) => {
                    let over = matches!(failure, Failure::NotThere(_));
                    let reason = failure.reason();
                    last = Some(ImageError::Download { url: url.clone(), attempts: attempt, reason });
                    if over {
                        break;
                    }
                }
            }
        }
    }
    let none = ImageError::Download { url: String::new(), attempts: 0, reason: "no address to try".into() };
    Err(last.unwrap_or(none))
}

/// Runs what computes or writes for long off the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, ImageError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|e| ImageError::Damaged { what: "a background task".into(), reason: e.to_string() })
}

#[cfg(test)]
mod tests {
    use super::candidates;

    #[test]
    fn a_named_mirror_is_the_only_one_and_the_hosts_comes_before_the_public_ones() {
        assert_eq!(
            candidates(Some("http://m/debian/"), vec!["http://h".into()]).unwrap(),
            ["http://m/debian"]
        );
        let all = candidates(None, vec!["http://h".into(), super::PUBLIC.into()]).unwrap();
        assert_eq!(all, ["http://h", super::PUBLIC, super::ARCHIVE]);
        assert_eq!(candidates(Some("m/debian"), Vec::new()).unwrap_err().exit_code(), 2);
    }
}
