//! Advisory file locks (flock(2)): the kernel drops them when their holder dies, however it dies.

use std::fs::{File, OpenOptions, TryLockError};
use std::path::Path;

use super::ImageError;

/// A held lock. Dropping it lets go.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

fn open(path: &Path) -> Result<File, ImageError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.open(path).map_err(ImageError::io("open the lock", path))
}

/// The exclusive lock, if nobody holds any.
pub(super) fn try_exclusive(path: &Path) -> Result<Option<Lock>, ImageError> {
    let file = open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Lock { _file: file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(e)) => Err(ImageError::io("lock", path)(e)),
    }
}

/// The exclusive lock, waiting for the others. Blocks its thread.
pub(super) fn exclusive(path: &Path) -> Result<Lock, ImageError> {
    let file = open(path)?;
    file.lock().map_err(ImageError::io("lock", path))?;
    Ok(Lock { _file: file })
}

/// A shared lock, waiting for an exclusive holder. Blocks its thread.
///
/// A cache that another user owns can be read: a lock that exists needs no write permission to be shared.
pub(super) fn shared(path: &Path) -> Result<Lock, ImageError> {
    let file = open(path).or_else(|e| File::open(path).map_err(|_| e))?;
    file.lock_shared().map_err(ImageError::io("lock", path))?;
    Ok(Lock { _file: file })
}
