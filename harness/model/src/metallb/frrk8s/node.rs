//! What frr-k8s on one node does with the cluster's FRRConfigurations.

use serde::Serialize;

use super::conf::{NodeConf, Router};
use super::merge::{self, Conflict};
use super::resolve::{Sources, profiles, routers};
use super::specs::FrrConfigurationSpec;
use super::version::{FrrK8s, Generation};
use super::{generate, warnings};
use crate::diag::Diagnostic;
use crate::metallb::admit::{EXTRAS_CONFIG_MAP, EXTRAS_KEY, Resolved};
use crate::metallb::meta::Labels;
use crate::metallb::nodes::Here;
use crate::metallb::objects::{Kind, ObjectId};
use crate::metallb::reject::Reject;
use crate::metallb::release::Release;
use crate::metallb::render::RenderError;
use crate::metallb::resolve::BfdProfile;
use crate::metallb::store::{METALLB_NAMESPACE, Objects};
use crate::path;

/// An FRRConfiguration as it is applied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FrrConfiguration {
    pub api_version: &'static str,
    pub kind: &'static str,
    pub metadata: FrrConfigurationMeta,
    pub spec: FrrConfigurationSpec,
}

/// Its name and namespace; MetalLB sets no labels.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FrrConfigurationMeta {
    pub name: String,
    pub namespace: String,
}

/// One FRRConfiguration that a node's frr-k8s reads.
#[derive(Clone, Copy, Debug)]
pub(super) struct Read<'a> {
    pub id: &'a ObjectId,
    pub spec: &'a FrrConfigurationSpec,
}

/// What a node ends up with.
#[derive(Clone, Debug)]
pub(in crate::metallb) struct Outcome {
    pub conf: NodeConf,
    pub generation: Generation,
    /// MetalLB's own; `None` when it has nothing to say.
    pub generated: Option<FrrConfiguration>,
    pub warnings: Vec<String>,
}

/// MetalLB's FRRConfiguration for the node and the users' ones, united.
pub(in crate::metallb) fn node_conf(
    release: &Release,
    objects: &Objects,
    resolved: &Resolved,
    here: &Here<'_>,
) -> Result<Outcome, RenderError> {
    let frr_k8s = release.frr_k8s().map_err(RenderError::Unsupported)?;
    refuse_extras(objects)?;
    let id = generate::id(here.name);
    let spec = generate::spec(objects, resolved, frr_k8s, here);
    let generated = Some(spec).filter(|s| !s.bgp.routers.is_empty() || !s.bgp.bfd_profiles.is_empty());
    let read = read(objects, generated.as_ref().map(|spec| Read { id: &id, spec }), frr_k8s, here.labels);
    let from = Sources { frr_k8s, objects };
    let mut all = Vec::new();
    for r in &read {
        all.extend(routers(r.id, r.spec, from).map_err(|reject| located(objects, &reject))?);
    }
    let bfd_profiles = bfd_profiles(&read).map_err(|reject| located(objects, &reject))?;
    let mut warnings = warnings::of_objects(objects, resolved, &id, frr_k8s);
    warnings.extend(warnings::of_routers(&all));
    let merged = merge::routers(all, frr_k8s.generation).map_err(|c| conflict(objects, *c))?;
    warnings.extend(warnings::of_merged(&merged));
    Ok(Outcome {
        conf: NodeConf {
            log_level: "informational".to_owned(),
            hostname: here.name.to_owned(),
            routers: merged,
            bfd_profiles,
            raw: raw(&read),
        },
        generation: frr_k8s.generation,
        generated: generated.map(|spec| FrrConfiguration {
            api_version: "frrk8s.metallb.io/v1beta1",
            kind: Kind::FrrConfiguration.name(),
            metadata: FrrConfigurationMeta { name: id.name.clone(), namespace: id.namespace.clone() },
            spec,
        }),
        warnings,
    })
}

/// By namespace and name. (In truth frr-k8s reads them from a cache without an order.) MetalLB's replaces one of the same name.
fn read<'a>(
    objects: &'a Objects,
    generated: Option<Read<'a>>,
    frr_k8s: &FrrK8s,
    labels: &Labels,
) -> Vec<Read<'a>> {
    let users = objects.frr_configurations().map(|(id, r)| Read { id, spec: &r.spec });
    let mut all: Vec<Read<'a>> = users
        .filter(|r| is_read(r.id, frr_k8s) && generated.is_none_or(|g| g.id != r.id))
        .filter(|r| r.spec.node_selector.matches(labels))
        .chain(generated)
        .collect();
    all.sort_by_key(|r| (&r.id.namespace, &r.id.name));
    all
}

/// Up to v0.0.18 every namespace counts.
pub(super) fn is_read(id: &ObjectId, frr_k8s: &FrrK8s) -> bool {
    id.namespace == METALLB_NAMESPACE || frr_k8s.generation < Generation::V0_0_20
}

/// With extras the speaker gives up on the configuration before it opens a session, so nothing that comes later takes effect.
fn refuse_extras(objects: &Objects) -> Result<(), RenderError> {
    if objects.extras().is_none() {
        return Ok(());
    }
    let id = ObjectId {
        kind: Kind::ConfigMap,
        namespace: METALLB_NAMESPACE.to_owned(),
        name: EXTRAS_CONFIG_MAP.to_owned(),
    };
    let Some(origin) = objects.origin(&id) else { return Ok(()) };
    let message = format!(
        "MetalLB in frr-k8s mode refuses ConfigMap `{EXTRAS_CONFIG_MAP}`: extra info not supported in frr-k8s mode"
    );
    let diagnostic = origin
        .error_at_key(&path!["data", EXTRAS_KEY], message)
        .hint("its speakers stop at this error before they open a session: delete the ConfigMap")
        .hint("routes are learnt by `toReceive` of an FRRConfiguration that has the same neighbor as the BGPPeer");
    Err(RenderError::Refused(Box::new(diagnostic)))
}

/// Profiles of all objects; those of one name must say the same.
fn bfd_profiles(read: &[Read<'_>]) -> Result<Vec<BfdProfile>, Box<Reject>> {
    let mut all: Vec<BfdProfile> = Vec::new();
    for r in read {
        for (i, profile) in profiles(r.id, r.spec)?.into_iter().enumerate() {
            match all.iter().find(|known| known.name == profile.name) {
                None => all.push(profile),
                Some(known) if *known == profile => {}
                Some(_) => {
                    let reason = format!(
                        "duplicate bfd profile name {} with different values for config {}",
                        profile.name, r.id.name
                    );
                    return Err(Reject::at(r.id, path!["spec", "bgp", "bfdProfiles", i], reason)
                        .hint("another FRRConfiguration of the node defines it with other values"));
                }
            }
        }
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

fn raw(read: &[Read<'_>]) -> String {
    let mut all: Vec<_> = read.iter().filter(|r| !r.spec.raw.raw_config.is_empty()).collect();
    all.sort_by_key(|r| (r.spec.raw.priority, &r.id.name));
    all.iter().map(|r| format!("{}\n", r.spec.raw.raw_config)).collect()
}

fn located(objects: &Objects, reject: &Reject) -> RenderError {
    let diagnostic = Box::new(objects.locate(reject));
    if reject.transient { RenderError::Pending(diagnostic) } else { RenderError::Refused(diagnostic) }
}

/// What MetalLB generates is in no file: then the user's object is the place to look at.
fn conflict(objects: &Objects, conflict: Conflict) -> RenderError {
    let generated = objects.origin(&conflict.there.id).is_none();
    let Some(origin) = objects.origin(&conflict.earlier.id).filter(|_| generated) else {
        return located(objects, &conflict.refusal());
    };
    let message = format!(
        "frr-k8s refuses FRRConfiguration `{}` together with `{}`, which MetalLB generates: {}",
        conflict.earlier.id.name, conflict.there.id.name, conflict.reason
    );
    let mut diagnostic: Diagnostic = origin.error_near(&conflict.earlier.path, message);
    if let Some(hint) = conflict.hint {
        diagnostic = diagnostic.hint(hint);
    }
    RenderError::Refused(Box::new(diagnostic))
}

/// The neighbors of all routers.
pub(super) fn neighbors(routers: &[Router]) -> impl Iterator<Item = &super::conf::Neighbor> {
    routers.iter().flat_map(|r| &r.neighbors)
}
