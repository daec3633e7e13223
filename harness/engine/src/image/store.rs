//! The store of images: cached trees at once, others pulled or imported.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::{StreamExt, stream};
use routeproof_model::profile::{Profiles, RouterImage};

use super::cache::{Cache, Format, Record, Staging, disk_usage};
use super::debian::{self, Job, blocking};
use super::fetch::Http;
use super::lock::{self, Lock};
use super::name::suggestions;
use super::openpgp::Keyring;
use super::{ImageError, ImageRef, Progress, Source, apt, detect, import};

/// The last step on a tree before it is published, for example byte-compiling Python.
#[derive(Clone)]
pub struct Finish {
    format: u32,
    step: Arc<Step>,
}

type Step = dyn Fn(&Path) -> Result<(), String> + Send + Sync;

impl Finish {
    /// A step that gets the tree's folder. `format`, from 1, changes whenever the step would make another tree of the
    /// same packages: trees that an older step finished are then not used any more.
    pub fn new(format: u32, step: impl Fn(&Path) -> Result<(), String> + Send + Sync + 'static) -> Finish {
        Finish { format, step: Arc::new(step) }
    }
}

impl fmt::Debug for Finish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Finish").field("format", &self.format).finish_non_exhaustive()
    }
}

/// How a store works. The default is what a user without flags gets.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Instead of `ROUTEPROOF_CACHE`, `XDG_CACHE_HOME/routeproof` or `~/.cache/routeproof`.
    pub cache_dir: Option<PathBuf>,
    /// The only mirror to use, instead of `ROUTEPROOF_MIRROR`, the host's apt configuration and the public mirrors.
    pub mirror: Option<String>,
    /// Never touch the network.
    pub offline: bool,
    /// Take a suite whose Release file has expired.
    pub allow_expired: bool,
    /// Images of routers that a user's profiles describe.
    pub routers: Vec<RouterImage>,
}

/// What one pull does beyond the store's options.
#[derive(Clone, Debug, Default)]
pub struct PullOptions {
    /// A folder or image archive to import under the (one) name, instead of pulling from Debian.
    pub from: Option<PathBuf>,
    /// Ask the mirror although the image is cached.
    pub refresh: bool,
}

/// Images on this machine.
#[derive(Clone)]
pub struct Store {
    pub(super) cache: Cache,
    options: Options,
    finish: Option<Finish>,
    keys: fn() -> Result<Keyring, String>,
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store")
            .field("cache", &self.cache.root)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// A root filesystem that is ready to use, read-only by agreement. While this value lives, no prune removes it.
#[derive(Debug)]
pub struct Tree {
    pub path: PathBuf,
    pub image: String,
    /// Of FRR, or of the kernel.
    pub frr_version: String,
    /// Names the content: the same digest is the same tree.
    pub digest: String,
    _in_use: Lock,
}

impl Store {
    /// Opens the cache, making its folders if need be.
    pub fn open(options: Options) -> Result<Store, ImageError> {
        let cache = Cache::open(options.cache_dir.as_deref())?;
        Ok(Store { cache, options, finish: None, keys: Keyring::debian })
    }

    /// Adds a last step that runs on every new tree before it is published. A store sees only trees of its own step.
    #[must_use]
    pub fn with_finish(mut self, finish: Finish) -> Store {
        self.cache.format = Format::with_finish(finish.format);
        self.finish = Some(finish);
        self
    }

    /// Reads the name of a node's image: that of a router of some profile, else [`ImageRef::parse`].
    pub fn image(&self, text: &str) -> Result<ImageRef, ImageError> {
        self.router(text).map_or_else(|| ImageRef::parse(text), Ok)
    }

    /// [`Store::image`], and the names of kernels.
    pub fn image_any(&self, text: &str) -> Result<ImageRef, ImageError> {
        self.router(text).map_or_else(|| ImageRef::parse_any(text), Ok)
    }

    fn router(&self, text: &str) -> Option<ImageRef> {
        self.routers().find(|image| image.name == text).as_ref().and_then(ImageRef::router)
    }

    /// The images of routers that profiles describe.
    pub(super) fn routers(&self) -> impl Iterator<Item = RouterImage> + '_ {
        self.options.routers.iter().cloned().chain(Profiles::embedded().images())
    }

    pub fn cache_dir(&self) -> &Path {
        &self.cache.root
    }

    /// The tree of an image if it is in the cache. No network, no waiting for pulls.
    pub fn cached(&self, image: &ImageRef) -> Result<Option<Tree>, ImageError> {
        let Some(record) = self.cache.record(image) else { return Ok(None) };
        // The lock first: once it is held and the tree is there, it stays.
        let in_use = lock::shared(&self.cache.tree_lock(&record.digest))?;
        let path = self.cache.tree(&record.digest);
        if !path.is_dir() {
            return Ok(None);
        }
        Ok(Some(Tree {
            path,
            image: record.image,
            frr_version: record.frr_version,
            digest: record.digest,
            _in_use: in_use,
        }))
    }

    /// Whether [`Store::tree`] has a source for this image; asked before anything is booted. No network.
    pub fn available(&self, image: &ImageRef) -> Result<(), ImageError> {
        if *image.source() != Source::Imported || self.cache.record(image).is_some() {
            return Ok(());
        }
        let mut suggestions = suggestions(image.name());
        let records = self.cache.records()?.into_iter().filter_map(|(_, r)| r).map(|r| r.image);
        suggestions.extend(records.filter(|i| !suggestions.contains(i)).collect::<Vec<_>>());
        Err(ImageError::Unknown { image: image.name().to_owned(), suggestions })
    }

    /// The tree of an image: from the cache without any network, else pulled.
    pub async fn tree(&self, image: &ImageRef, progress: &dyn Progress) -> Result<Tree, ImageError> {
        self.obtain(image, &PullOptions::default(), progress).await.map_err(|e| self.name_disk(e))
    }

    /// Pulls images side by side; each has its own result, in the order asked for.
    pub async fn pull(
        &self,
        images: &[ImageRef],
        options: &PullOptions,
        progress: &dyn Progress,
    ) -> Vec<(ImageRef, Result<Tree, ImageError>)> {
        let one = |image: ImageRef| async move {
            let result = self.obtain(&image, options, progress).await.map_err(|e| self.name_disk(e));
            (image, result)
        };
        stream::iter(images.to_vec()).map(one).buffered(3).collect().await
    }

    async fn obtain(
        &self,
        image: &ImageRef,
        options: &PullOptions,
        progress: &dyn Progress,
    ) -> Result<Tree, ImageError> {
        let fresh = options.refresh || options.from.is_some() || matches!(image.source(), Source::Dir(_));
        if !fresh && let Some(tree) = self.cached(image)? {
            return Ok(tree);
        }
        let _one_pull = self.lock_name(image, progress).await?;
        if !fresh && let Some(tree) = self.cached(image)? {
            return Ok(tree); // The pull that we waited for has done it.
        }
        match (&options.from, image.source()) {
            (Some(path), _) | (None, Source::Dir(path)) => self.import(image, path, progress).await?,
            (None, Source::Suite(suite)) => self.pull_suite(image, suite, progress).await?,
            (None, Source::Imported) => self.available(image)?,
        }
        let gone =
            || ImageError::Damaged { what: image.name().to_owned(), reason: "it was removed at once".into() };
        self.cached(image)?.ok_or_else(gone)
    }

    /// A full disk is the cache's: the file at which it showed is of no use to anybody.
    fn name_disk(&self, error: ImageError) -> ImageError {
        match error {
            ImageError::Full { .. } => ImageError::Full { path: self.cache.root.clone() },
            other => other,
        }
    }

    async fn lock_name(&self, image: &ImageRef, progress: &dyn Progress) -> Result<Lock, ImageError> {
        let path = self.cache.name_lock(image);
        if let Some(lock) = lock::try_exclusive(&path)? {
            return Ok(lock);
        }
        progress.update(image.name(), "waiting for another pull of it", 0, 0);
        blocking(move || lock::exclusive(&path)).await?
    }

    async fn pull_suite(
        &self,
        image: &ImageRef,
        suite: &str,
        progress: &dyn Progress,
    ) -> Result<(), ImageError> {
        if self.options.offline {
            return Err(ImageError::Offline {
                image: image.name().to_owned(),
                cache: self.cache.root.clone(),
            });
        }
        let named = self.options.mirror.clone().or_else(|| std::env::var("ROUTEPROOF_MIRROR").ok());
        let named = named.filter(|m| !m.is_empty());
        let mirrors = debian::candidates(named.as_deref(), apt::mirrors(Path::new("/etc/apt")))?;
        let keys = (self.keys)()
            .map_err(|reason| ImageError::Damaged { what: "the built-in keyring".into(), reason })?;
        let allow_expired = self.options.allow_expired;
        let arch = detect::host_arch()?;
        let job = Job { image, suite, arch, mirrors: &mirrors, allow_expired, keys: &keys, progress };
        let http = Http::new()?;
        let staging = self.cache.staging()?;
        let plan = debian::plan(&job, &http, &self.cache, &staging).await?;
        let packages = plan.records();
        let mut record = Record {
            schema: Record::schema(),
            format: self.cache.format,
            image: image.name().to_owned(),
            digest: self.cache.digest(arch, &packages),
            frr_version: plan.version.clone(),
            architecture: arch.to_owned(),
            origin: plan.mirror.clone(),
            suite: Some(suite.to_owned()),
            release_date: Some(plan.release_date.clone()),
            size: 0,
            packages,
        };
        if !self.reuse(&staging, image, &mut record)? {
            let tree = debian::build(&job, &http, &self.cache, &staging, &plan).await?;
            self.finish_and_publish(staging, tree, image, record).await?;
        }
        Ok(())
    }

    async fn import(&self, image: &ImageRef, from: &Path, progress: &dyn Progress) -> Result<(), ImageError> {
        let staging = self.cache.staging()?;
        progress.update(image.name(), "import", 0, 0);
        let (path, wanted, work) = (from.to_owned(), image.clone(), staging.path.clone());
        let opened = blocking(move || import::open(&path, &wanted, &work)).await??;
        let architecture = detect::host_arch()?.to_owned();
        let mut record = Record {
            schema: Record::schema(),
            format: self.cache.format,
            image: image.name().to_owned(),
            digest: self.cache.digest(&architecture, &opened.parts),
            frr_version: String::new(),
            architecture,
            origin: from.display().to_string(),
            suite: None,
            release_date: None,
            size: 0,
            packages: opened.parts,
        };
        let there = self.cache.tree(&record.digest);
        if there.is_dir() {
            record.frr_version = import::version_of(&there, image, from)?;
            if self.reuse(&staging, image, &mut record)? {
                return Ok(());
            }
        }
        let (path, wanted, work) = (from.to_owned(), image.clone(), staging.path.clone());
        let (tree, frr_version) = blocking(move || {
            let tree = import::build(&opened.import, &path, &work)?;
            let frr_version = import::version_of(&tree, &wanted, &path)?;
            Ok::<_, ImageError>((tree, frr_version))
        })
        .await??;
        record.frr_version = frr_version;
        self.finish_and_publish(staging, tree, image, record).await
    }

    /// If a tree of this content is there already, lets the name point at it.
    fn reuse(&self, staging: &Staging, image: &ImageRef, record: &mut Record) -> Result<bool, ImageError> {
        let _in_use = lock::shared(&self.cache.tree_lock(&record.digest))?;
        let path = self.cache.tree(&record.digest);
        if !path.is_dir() {
            return Ok(false);
        }
        record.size = disk_usage(&path);
        self.cache.write_record(staging, image, record)?;
        Ok(true)
    }

    async fn finish_and_publish(
        &self,
        staging: Staging,
        tree: PathBuf,
        image: &ImageRef,
        mut record: Record,
    ) -> Result<(), ImageError> {
        let (cache, image, finish) = (self.cache.clone(), image.clone(), self.finish.clone());
        blocking(move || {
            if let Some(finish) = finish {
                (finish.step)(&tree)
                    .map_err(|reason| ImageError::Finish { image: image.name().to_owned(), reason })?;
            }
            record.size = disk_usage(&tree);
            cache.publish(&staging, &tree, &image, &record)
        })
        .await?
    }
}

#[cfg(test)]
mod tests;
