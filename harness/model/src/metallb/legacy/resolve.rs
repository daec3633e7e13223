//! From the ConfigMap to what the speaker works with, or MetalLB's reason against it.

use super::file::{BfdProfileFile, ConfigFile};
use super::peers::{self, peer};
use super::pools::{self, Communities};
use crate::diag::Diagnostic;
use crate::metallb::admit::Resolved;
use crate::metallb::community::{Community, CommunityError};
use crate::metallb::objects::{Kind, ObjectId};
use crate::metallb::reject::{Place, Reject};
use crate::metallb::release::{Generation, Release};
use crate::metallb::resolve::{BfdProfile, bfd_profile};
use crate::metallb::specs::BfdProfileSpec;
use crate::metallb::store::{METALLB_NAMESPACE, Objects};
use crate::path;
use crate::yaml::Document;

/// The ConfigMap and the key in it.
const CONFIG: &str = "config";

/// Whether an object is the configuration of MetalLB up to v0.12.
pub(in crate::metallb) fn is_config(id: &ObjectId) -> bool {
    id.kind == Kind::ConfigMap && id.namespace == METALLB_NAMESPACE && id.name == CONFIG
}

fn id() -> ObjectId {
    ObjectId { kind: Kind::ConfigMap, namespace: METALLB_NAMESPACE.to_owned(), name: CONFIG.to_owned() }
}

/// A refusal at its place: inside the text, where it is about something there.
pub(in crate::metallb) fn located(origin: &Document, reject: &Reject, message: String) -> Diagnostic {
    let within = reject.path.strip_prefix(path!["data", CONFIG].as_slice()).filter(|way| !way.is_empty());
    let inner = within.and_then(|way| Some((way, origin.inside(&path!["data", CONFIG]).ok()??)));
    match inner {
        Some((way, document)) => document.error_near(way, message),
        None => origin.error_near(&reject.path, message),
    }
}

/// What MetalLB up to v0.12 reads of the cluster; nothing without the ConfigMap.
///
/// # Errors
/// The text is no configuration (`Diagnostic`), or MetalLB refuses it.
pub(in crate::metallb) fn resolve(objects: &Objects) -> Result<Resolved, Refusal> {
    let Some(origin) = objects.origin(&id()) else { return Ok(Resolved::default()) };
    let Some(document) = origin.inside(&path!["data", CONFIG])? else { return Ok(Resolved::default()) };
    let file: ConfigFile = document.parse()?;
    Ok(resolved(&file)?)
}

/// Why there is no configuration.
#[derive(Clone, Debug)]
pub(in crate::metallb) enum Refusal {
    /// It cannot be read.
    Unreadable(Box<Diagnostic>),
    Refused(Box<Reject>),
}

impl From<Diagnostic> for Refusal {
    fn from(mut unreadable: Diagnostic) -> Self {
        unreadable.message =
            format!("MetalLB refuses ConfigMap `{CONFIG}`: could not parse config: {}", unreadable.message);
        Self::Unreadable(Box::new(unreadable))
    }
}

impl From<Box<Reject>> for Refusal {
    fn from(reject: Box<Reject>) -> Self {
        Self::Refused(reject)
    }
}

fn resolved(file: &ConfigFile) -> Result<Resolved, Box<Reject>> {
    let root = Place { id: id(), path: path!["data", CONFIG] };
    let mut all = Resolved::default();
    let peer_files = file.peers.as_deref().unwrap_or_default();
    peers::check_frr_mode(&root, peer_files)?;
    for (i, profile) in file.bfd_profiles.iter().flatten().enumerate() {
        let profile = bfd(&root.at(path!["bfd-profiles", i]), profile)
            .map_err(|r| within(r, &format!("parsing bfd profile #{}", i + 1)))?;
        if all.bfd_profiles.iter().any(|known| known.name == profile.name) {
            let reason = format!("found duplicate bfd profile name {}", profile.name);
            return Err(root.at(path!["bfd-profiles", i, "name"]).reject(reason));
        }
        all.bfd_profiles.push(profile);
    }
    for (i, from) in peer_files.iter().enumerate() {
        let place = root.at(path!["peers", i]);
        let peer = peer(&place, from).map_err(|r| within(r, &format!("parsing peer #{}", i + 1)))?;
        if !peer.bfd_profile.is_empty() && !all.bfd_profiles.iter().any(|b| b.name == peer.bfd_profile) {
            let reason = format!("peer #{} referencing non existing bfd profile {}", i + 1, peer.bfd_profile);
            return Err(place.at(path!["bfd-profile"]).reject(reason));
        }
        peers::check_twice(&place, &peer, &all.peers)?;
        all.peers.push((id(), peer));
    }
    all.bfd_profiles.sort_by(|a, b| a.name.cmp(&b.name));
    pools::resolve(
        &root,
        file.address_pools.as_deref().unwrap_or_default(),
        &communities(&root, file)?,
        &mut all,
    )?;
    Ok(all)
}

/// MetalLB wraps a reason with what it was parsing.
pub(super) fn within(mut reject: Box<Reject>, what: &str) -> Box<Reject> {
    reject.reason = format!("{what}: {}", reject.reason);
    reject
}

fn communities(root: &Place, file: &ConfigFile) -> Result<Communities, Box<Reject>> {
    let mut all = Communities::new();
    for (name, text) in file.bgp_communities.iter().flatten() {
        let community = community(text).map_err(|why| {
            let place = root.at(path!["bgp-communities", name.as_str()]);
            place.reject(format!("parsing community \"{name}\": {why}"))
        })?;
        all.insert(name.clone(), community);
    }
    Ok(all)
}

/// `A:B`; large communities came later.
pub(super) fn community(text: &str) -> Result<Community, String> {
    match Community::parse(text) {
        Ok(standard @ Community::Standard(..)) => Ok(standard),
        Ok(Community::Large(..)) => Err(format!("invalid community string \"{text}\"")),
        Err(CommunityError::Value(why) | CommunityError::Format(why)) => Err(why),
    }
}

fn bfd(place: &Place, from: &BfdProfileFile) -> Result<BfdProfile, Box<Reject>> {
    let name = from.name.clone().unwrap_or_default();
    if name.is_empty() {
        return Err(place.clone().reject("missing bfd profile name"));
    }
    let spec = BfdProfileSpec {
        receive_interval: from.receive_interval,
        transmit_interval: from.transmit_interval,
        detect_multiplier: from.detect_multiplier,
        echo_interval: from.echo_interval,
        echo_mode: from.echo_mode.map(|f| f.0),
        passive_mode: from.passive_mode.map(|f| f.0),
        minimum_ttl: from.minimum_ttl,
    };
    bfd_profile(&name, &spec, |field, reason| place.at(path![kebab(field).as_str()]).reject(reason))
}

/// `echoInterval` -> `echo-interval`
fn kebab(field: &str) -> String {
    field.chars().fold(String::new(), |mut name, c| {
        if c.is_ascii_uppercase() {
            name.push('-');
        }
        name.push(c.to_ascii_lowercase());
        name
    })
}

/// MetalLB up to v0.12 defines no custom resources: `kubectl apply` fails.
pub(in crate::metallb) fn refuse_resources(
    release: &Release,
    objects: &Objects,
) -> Result<(), Box<Diagnostic>> {
    let Some(id) = objects.ids().find(|id| id.kind.reader().is_some()) else { return Ok(()) };
    let Some(origin) = objects.origin(id) else { return Ok(()) };
    let message =
        format!("no matches for kind \"{}\": MetalLB {release} has no custom resources", id.kind.name());
    Err(Box::new(origin.error_at(&path!["kind"], message).hint(format!(
        "its configuration is in the ConfigMap `{CONFIG}` of namespace {METALLB_NAMESPACE}; custom resources came with v0.13.0"
    ))))
}

/// Since v0.13.0 nobody reads the ConfigMap.
pub(in crate::metallb) fn unread(release: &Release, objects: &Objects) -> Option<String> {
    let origin = objects.origin(&id()).filter(|_| release.generation > Generation::V0_12)?;
    origin.text(&path!["data", CONFIG])?;
    Some(format!(
        "{}: MetalLB {release} does not read it: since v0.13.0 the configuration is in custom resources",
        id()
    ))
}
