//! The profiles that are known: those that routeproof brings, and a user's.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::folder::Profile;
use super::intent::Intent;
use super::router::{Router, RouterImage};
use crate::diag::{Source, nearest};

// `EMBEDDED`: for each folder of `profiles`, its name and its files with their texts.
include!(concat!(env!("OUT_DIR"), "/profiles.rs"));

/// Each profile's text, and its other files.
pub(super) fn embedded() -> impl Iterator<Item = (Source, BTreeMap<String, String>)> {
    EMBEDDED.iter().map(|(name, files)| {
        let texts = files.iter().map(|(file, text)| (file.to_string(), text.to_string()));
        let mut texts: BTreeMap<String, String> = texts.collect();
        let profile = texts.remove(PROFILE).unwrap_or_default();
        (Source::new(format!("{name}/{PROFILE}"), profile), texts)
    })
}

/// The file that makes a folder a profile.
pub const PROFILE: &str = "profile.yaml";

/// All profiles, by name.
#[derive(Clone, Debug, Default)]
pub struct Profiles(BTreeMap<String, Profile>);

/// What is wrong with the name of a router.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownRouter {
    pub what: String,
    pub hints: Vec<String>,
}

/// `bird`, `bird-2`, `bird:2`, `bird-2+no-refresh`: a profile, its version (else the first) and its variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    pub profile: String,
    pub version: String,
    pub variant: Option<String>,
}

impl Profiles {
    /// Those that routeproof brings. They are read without a check; a test checks them all.
    pub fn embedded() -> &'static Profiles {
        static ALL: LazyLock<Profiles> = LazyLock::new(|| {
            let mut all = Profiles::default();
            for (source, texts) in embedded() {
                if let Ok(profile) = Profile::unchecked(&source, texts) {
                    all.add(profile);
                }
            }
            all
        });
        &ALL
    }

    /// Adds a profile; one of the same name is replaced.
    pub fn add(&mut self, profile: Profile) {
        self.0.insert(profile.file.name.clone(), profile);
    }

    pub fn iter(&self) -> impl Iterator<Item = &Profile> {
        self.0.values()
    }

    pub fn get(&self, name: &str) -> Option<&Profile> {
        self.0.get(name)
    }

    /// The profile whose image this is.
    pub fn of_image(&self, image: &str) -> Option<&Profile> {
        self.0.values().find(|profile| profile.has_image(image))
    }

    /// Every image that has a source of ours.
    pub fn images(&self) -> impl Iterator<Item = RouterImage> {
        self.0.values().flat_map(|profile| &profile.file.versions).filter(|v| v.debian.is_some()).map(|v| {
            RouterImage { name: v.image.clone(), version: v.version.clone(), debian: v.debian.clone() }
        })
    }

    /// Reads the name of a router.
    ///
    /// # Errors
    /// No such profile, version or variant, with the nearest names.
    pub fn choose(&self, text: &str) -> Result<Choice, UnknownRouter> {
        let (router, variant) = match text.split_once('+') {
            Some((router, variant)) => (router, Some(variant)),
            None => (text, None),
        };
        // The longest name that fits: `openbgpd-8.8` is a version of `openbgpd`.
        let names = self.0.keys().filter(|name| {
            router
                .strip_prefix(name.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', ':']))
        });
        let Some(profile) = names.max_by_key(|name| name.len()).and_then(|name| self.0.get(name)) else {
            return Err(UnknownRouter::new(format!("unknown router `{router}`"), router, self.0.keys()));
        };
        let name = &profile.file.name;
        let version = router[name.len()..].trim_start_matches(['-', ':']);
        let found = profile.version(Some(version).filter(|version| !version.is_empty()));
        let Some(found) = found else {
            let versions = profile.file.versions.iter().map(|v| &v.version);
            return Err(UnknownRouter::new(format!("{name} has no version `{version}`"), version, versions));
        };
        if let Some(variant) = variant.filter(|variant| !profile.file.variants.contains_key(*variant)) {
            let what = format!("{name} has no variant `{variant}`");
            return Err(UnknownRouter::new(what, variant, profile.file.variants.keys()));
        }
        Ok(Choice {
            profile: name.clone(),
            version: found.version.clone(),
            variant: variant.map(str::to_string),
        })
    }

    /// The router that a choice means, as this gateway.
    pub fn router(&self, choice: &Choice, intent: &Intent) -> Option<Router> {
        Router::new(self.0.get(&choice.profile)?, &choice.version, choice.variant.as_deref(), intent)
    }
}

impl UnknownRouter {
    fn new<'a>(what: String, word: &str, known: impl Iterator<Item = &'a String>) -> UnknownRouter {
        let known: Vec<&str> = known.map(String::as_str).collect();
        let near = nearest(word, known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
        let all = (!known.is_empty()).then(|| format!("known: {}", known.join(", ")));
        UnknownRouter { what, hints: near.into_iter().chain(all).collect() }
    }
}
