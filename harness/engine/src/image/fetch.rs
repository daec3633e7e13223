//! Downloads: few, hashed, retried a bounded number of times.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Once;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::ImageError;

/// Attempts per file. Without pauses: a mirror that is down answers at once or times out on its own.
pub(super) const ATTEMPTS: u32 = 3;
/// Small files (Release) are kept in memory; no suite's is near this.
const MAX_SMALL: usize = 8 << 20;

/// An HTTP client for mirrors.
#[derive(Clone, Debug)]
pub(super) struct Http {
    client: reqwest::Client,
}

/// A small file that is no image's, with retries.
pub async fn download(url: &str) -> Result<Vec<u8>, String> {
    let http = Http::new().map_err(|e| e.to_string())?;
    http.small(url).await.map_err(|failure| failure.reason())
}

/// Why one attempt failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The mirror says that it has no such file; asking again is pointless.
    NotThere(String),
    /// Worth another attempt.
    Passing(String),
    /// This machine's disk.
    Disk(ImageError),
}

impl Failure {
    pub fn reason(&self) -> String {
        match self {
            Failure::NotThere(reason) | Failure::Passing(reason) => reason.clone(),
            Failure::Disk(error) => error.to_string(),
        }
    }
}

impl Http {
    pub fn new() -> Result<Http, ImageError> {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            // Fails only if the program that links us chose a provider of its own, which is as good.
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let client = reqwest::Client::builder()
            .user_agent(concat!("routeproof/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(10))
            .read_timeout(Duration::from_secs(30))
            .build()
            .map_err(|e| ImageError::Mirror { url: String::new(), reason: root_cause(&e) })?;
        Ok(Http { client })
    }

    /// A small file, with retries.
    pub async fn small(&self, url: &str) -> Result<Vec<u8>, Failure> {
        let mut last = Failure::Passing("not tried".into());
        for _ in 0..ATTEMPTS {
            match self.small_once(url).await {
                Err(failure @ Failure::Passing(_)) => last = failure,
                done => return done,
            }
        }
        Err(last)
    }

    async fn small_once(&self, url: &str) -> Result<Vec<u8>, Failure> {
        let mut response = self.get(url).await?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(passing)? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_SMALL {
                return Err(Failure::NotThere("the answer is far too long".into()));
            }
        }
        Ok(body)
    }

    /// A file of known hash and size into `to`, one attempt. `heard` is told of every piece's length.
    pub async fn file(
        &self,
        url: &str,
        sha256: &str,
        size: u64,
        to: &Path,
        heard: &(dyn Fn(u64) + Sync),
    ) -> Result<(), Failure> {
        let mut response = self.get(url).await?;
        let disk = |e| Failure::Disk(ImageError::io("write", to)(e));
        let mut file = File::create(to).map_err(disk)?;
        let mut hash = Sha256::new();
        let mut got = 0;
        while let Some(chunk) = response.chunk().await.map_err(passing)? {
            got += chunk.len() as u64;
            if got > size {
                break;
            }
            hash.update(&chunk);
            file.write_all(&chunk).map_err(disk)?;
            heard(chunk.len() as u64);
        }
        if got != size {
            return Err(Failure::Passing(format!("it has {got} bytes or more instead of {size}")));
        }
        let found = hex::encode(hash.finalize());
        if found != sha256 {
            return Err(Failure::Passing(format!("its SHA-256 is {found} instead of {sha256}")));
        }
        Ok(())
    }

    async fn get(&self, url: &str) -> Result<reqwest::Response, Failure> {
        let response = self.client.get(url).send().await.map_err(passing)?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let reason = format!("the server answered {status}");
        if status.is_client_error() { Err(Failure::NotThere(reason)) } else { Err(Failure::Passing(reason)) }
    }
}

fn passing(error: reqwest::Error) -> Failure {
    Failure::Passing(root_cause(&error))
}

/// The innermost cause: the layers above it only say that a request failed.
fn root_cause(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(cause) = innermost.source() {
        innermost = cause;
    }
    innermost.to_string()
}
