//! How far a pull has come, told to whoever shows it.

/// Hears how far a pull is. Called from many tasks, possibly often; it must not block.
pub trait Progress: Send + Sync {
    /// `image` is at step `what`; `done` of `total` bytes, or packages for an unpacking step. `total` 0: not known.
    fn update(&self, image: &str, what: &str, done: u64, total: u64);
}

/// Shows nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quiet;

impl Progress for Quiet {
    fn update(&self, _image: &str, _what: &str, _done: u64, _total: u64) {}
}
