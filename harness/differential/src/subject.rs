//! A release in one of its modes, with its real parts.

use std::path::{Path, PathBuf};

use routeproof_model::metallb::{Generation, Mode, Release};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::sync::watch;

use crate::frr_k8s::{self, FrrK8s};
use crate::ours::plain;
use crate::process::Trouble;
use crate::schema::{SchemaError, Schemas};
use crate::settle::Settled;
use crate::speaker::Speaker;
use crate::verdict::Verdict;
use crate::webhooks::Controller;

/// What is compared.
#[derive(Debug)]
pub struct Subject {
    pub release: &'static Release,
    pub mode: Mode,
    pub speaker: Speaker,
    pub controller: PathBuf,
    /// None up to v0.12, and none are asked in frr-k8s mode, where the speakers' and frr-k8s's own reading of the objects says the
    /// same.
    pub webhooks: Option<Controller>,
    pub schemas: Schemas,
    /// In frr-k8s mode.
    pub frr_k8s: Option<FrrK8s>,
}

/// `VERSION=BINARIES=CONFIG[=FRRK8S=CONFIG]` is none.
#[derive(Debug, Error)]
pub enum SubjectError {
    #[error(
        "--release {0}: not VERSION=BINARIES=CONFIG or VERSION=BINARIES=CONFIG=FRR-K8S-BINARY=FRR-K8S-CONFIG"
    )]
    Form(String),
    #[error(transparent)]
    Release(#[from] routeproof_model::metallb::UnknownRelease),
    #[error("starting {0}")]
    Program(String, #[source] std::io::Error),
    #[error(transparent)]
    Schemas(#[from] SchemaError),
}

/// The real programs' common settings.
#[derive(Clone, Debug)]
pub struct Settings {
    pub reloads: watch::Receiver<u64>,
    pub log: bool,
}

impl Subject {
    /// Reads an argument: a release, the folder of its speaker and controller and its module's folder `config`; for frr-k8s mode also
    /// the program and the folder `config` of its frr-k8s.
    ///
    /// # Errors
    /// It is none of these, there is no such release, or its CRDs cannot be read.
    pub fn read(text: &str, settings: &Settings) -> Result<Self, SubjectError> {
        let parts: Vec<&str> = text.split('=').collect();
        let (version, binaries, config, frr_k8s) = match parts[..] {
            [version, binaries, config] => (version, binaries, config, None),
            [version, binaries, config, binary, crds] => (version, binaries, config, Some((binary, crds))),
            _ => return Err(SubjectError::Form(text.to_owned())),
        };
        let release = Release::find(version)?;
        let (binaries, config) = (PathBuf::from(binaries), PathBuf::from(config));
        let mode = if frr_k8s.is_some() { Mode::FrrK8s } else { Mode::Frr };
        let is_legacy = release.generation == Generation::V0_12;
        let speaker = Speaker {
            binary: binaries.join("speaker"),
            release,
            mode,
            reloads: settings.reloads.clone(),
            log: settings.log,
        };
        let mut schemas = Schemas::default();
        if !is_legacy {
            schemas.load(&config.join("crd/bases"))?;
        }
        if let Some((_, crds)) = frr_k8s {
            schemas.load(&PathBuf::from(crds).join("crd/bases"))?;
        }
        let controller = binaries.join("controller");
        let webhooks = (mode == Mode::Frr && !is_legacy).then(|| Controller {
            binary: controller.clone(),
            manifest: config.join("webhook/manifests.yaml"),
        });
        let frr_k8s = match frr_k8s {
            None => None,
            Some((binary, _)) => Some(FrrK8s {
                binary: PathBuf::from(binary),
                usage: frr_k8s::usage(Path::new(binary))
                    .map_err(|e| SubjectError::Program(binary.to_owned(), e))?,
                reloads: settings.reloads.clone(),
                log: settings.log,
            }),
        };
        Ok(Self { release, mode, speaker, controller, webhooks, schemas, frr_k8s })
    }

    /// `v0.16.1`, or `v0.16.1 frr-k8s`.
    pub fn name(&self) -> String {
        match self.mode {
            Mode::Frr => self.release.version.to_owned(),
            Mode::FrrK8s => format!("{} {}", self.release.version, self.mode.name()),
        }
    }

    /// What the node's programs make of the objects.
    ///
    /// # Errors
    /// [`Trouble`]: nothing can be said of this case.
    pub async fn verdict(&self, objects: &[Value]) -> Result<Verdict, Trouble> {
        let said = self.speaker.answer(objects).await?;
        let Some(frr_k8s) = &self.frr_k8s else {
            return Ok(match said {
                Settled::Written(conf) => Verdict::conf(conf),
                Settled::Silent => Verdict::Silent,
                Settled::Refused(reason) => Verdict::Refused(reason),
            });
        };
        let generated = match said {
            Settled::Refused(reason) => return Ok(Verdict::Refused(format!("the speaker: {reason}"))),
            Settled::Silent => None,
            Settled::Written(spec) => serde_json::from_str::<Value>(&spec).ok(),
        };
        let mut all: Vec<Value> = objects.to_vec();
        if let Some(spec) = &generated {
            let mut object = json!({"apiVersion": "frrk8s.metallb.io/v1beta1", "kind": "FRRConfiguration",
                "metadata": {"name": "metallb-worker", "namespace": "metallb-system"}, "spec": spec});
            // It takes the place of one that a user wrote, and the API server fills in the defaults.
            all.retain(|o| {
                o["kind"] != object["kind"] || o["metadata"]["name"] != object["metadata"]["name"]
            });
            if let Err(reason) = self.schemas.admit(&mut object) {
                return Ok(Verdict::Refused(format!(
                    "the CRD's schema, of what the speaker writes: {reason}"
                )));
            }
            all.push(object);
        }
        Ok(match frr_k8s.answer(&all).await? {
            Settled::Written(conf) => Verdict::Conf { generated: generated.as_ref().map(plain), conf },
            Settled::Silent => Verdict::Silent,
            Settled::Refused(reason) => Verdict::Refused(format!("frr-k8s: {reason}")),
        })
    }
}
