//! Which router each gateway of a run is: intents beside the topology, profiles, and the axis `gateway`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use routeproof_model::diag::{Diagnostic, Seg, Source};
use routeproof_model::path;
use routeproof_model::profile::{Choice, Driver, Intent, PROFILE, Ports, Profile, Profiles, Router};
use routeproof_model::scenario::{Axes, AxisValues};
use routeproof_model::topology::{Role, Topology};

use super::error::RunError;
use super::load::read;

/// The axis whose values are routers, where the topology has intents.
const AXIS: &str = "gateway";

/// The profiles that routeproof brings, and those of a folder that holds one folder for each.
///
/// # Errors
/// The folder cannot be read, or a profile has a mistake.
pub fn profiles(folder: Option<&Path>) -> Result<Profiles, RunError> {
    let mut all = Profiles::embedded().clone();
    let Some(folder) = folder else { return Ok(all) };
    let failed = |source| RunError::Read { path: folder.to_path_buf(), source };
    let mut found = false;
    let mut entries = fs::read_dir(folder).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for path in entries.iter().map(fs::DirEntry::path).filter(|path| path.join(PROFILE).is_file()) {
        all.add(profile(&path)?);
        found = true;
    }
    match found {
        true => Ok(all),
        false => {
            let error = Source::new(folder, "").error(format!("no folder in it has a {PROFILE}"));
            Err(error.hint("--profiles names the folder that holds a folder for each router").into())
        }
    }
}

/// Reads and checks a profile's folder.
///
/// # Errors
/// The first mistake, at its line.
pub fn profile(folder: &Path) -> Result<Profile, RunError> {
    let failed = |source| RunError::Read { path: folder.to_path_buf(), source };
    let mut texts = BTreeMap::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if path.is_file() && name != PROFILE {
            texts.insert(name, read(&path)?.text.to_string());
        }
    }
    Ok(Profile::parse(&read(&folder.join(PROFILE))?, texts)?)
}

/// The intents of a topology's gateways, by node.
///
/// # Errors
/// A file that cannot be read, or a mistake in it.
pub fn intents(topology: &Topology) -> Result<BTreeMap<String, Intent>, RunError> {
    let mut intents = BTreeMap::new();
    for node in &topology.nodes {
        if let Some(file) = &node.intent {
            intents.insert(node.name.clone(), Intent::parse(&read(file)?)?);
        }
    }
    Ok(intents)
}

/// Gives every gateway with an intent its router: that of the run's axis `gateway`, else the one whose image the topology
/// names. The topology of the run then has the router's image.
///
/// # Errors
/// `at_axis` makes one for a value of the axis that is no router; a gateway whose image no profile has.
pub fn assign(
    topology: &mut Topology,
    intents: &BTreeMap<String, Intent>,
    axes: &AxisValues,
    profiles: &Profiles,
    at_axis: impl Fn(&str, &str) -> Diagnostic,
) -> Result<BTreeMap<String, Router>, RunError> {
    let by_axis = axes.iter().find(|(name, _)| name == AXIS && !intents.is_empty()).map(|(_, value)| value);
    let mut routers = BTreeMap::new();
    let written = topology.file.clone();
    let mut ports: BTreeMap<String, Ports> =
        intents.keys().map(|node| (node.clone(), Ports::of(topology, node))).collect();
    for node in topology.nodes.iter_mut().filter(|node| node.role == Role::Gateway) {
        let image = node.image.clone().unwrap_or_default();
        let profile = profiles.of_image(&image);
        let Some(intent) = intents.get(&node.name) else {
            // The configuration of FRR is the topology's own; nobody could write another router's.
            match profile.filter(|profile| profile.file.driver != Driver::Frr) {
                Some(profile) => return Err(without_intent(&written, &node.name, profile)?.into()),
                None => continue,
            }
        };
        let choice = match by_axis {
            Some(value) => profiles.choose(value).map_err(|unknown| {
                unknown.hints.iter().fold(at_axis(value, &unknown.what), |d, hint| d.hint(hint.clone()))
            })?,
            None => of_image(profile, &image).map_or_else(
                || Err(RunError::from(no_such_image(&written, &node.name, &image, profiles)?)),
                Ok,
            )?,
        };
        let Some(mut router) = profiles.router(&choice, intent) else { continue };
        if by_axis.is_none() {
            // In whatever registry it is.
            let is_own = router.driver == Driver::Frr || router.is_of_containerlab();
            router.image.name = if is_own { image } else { router.image.name };
        }
        node.image = Some(router.image.name.clone());
        router.ports = ports.remove(&node.name).unwrap_or_default();
        routers.insert(node.name.clone(), router);
    }
    Ok(routers)
}

/// The version of a profile that an image's name means.
fn of_image(profile: Option<&Profile>, image: &str) -> Option<Choice> {
    let profile = profile?;
    let tag = image.rsplit_once(':').map_or("", |(_, tag)| tag.trim_start_matches('v'));
    let version = profile.version(Some(tag))?.version;
    Some(Choice { profile: profile.file.name.clone(), version, variant: None })
}

fn without_intent(file: &Path, node: &str, profile: &Profile) -> Result<Diagnostic, RunError> {
    let what =
        format!("the gateway `{node}` has no intent, from which {} could be configured", profile.file.name);
    let error = read(file)?.error_at(&path!["topology", "nodes", node, "image"], what);
    Ok(error.hint("label it `routeproof.intent: FILE`; docs/gateways.md says what is in the file"))
}

fn no_such_image(file: &Path, node: &str, image: &str, profiles: &Profiles) -> Result<Diagnostic, RunError> {
    let known: Vec<String> = profiles.images().map(|image| image.name).collect();
    let what = format!("no router's profile has the image `{image}`");
    let error = read(file)?.error_at(&path!["topology", "nodes", node, "image"], what);
    let error = error.suggest(image, known.iter().map(String::as_str));
    Ok(error.hint(format!("known: frr:VERSION, {}", known.join(", "))))
}

/// Where a scenario names a value of the axis.
pub fn axis_place(axes: &[(String, Vec<String>)], value: &str) -> Vec<Seg> {
    let values = axes.iter().find(|(name, _)| name == AXIS).map(|(_, values)| values.as_slice());
    match values.unwrap_or_default().iter().position(|v| v == value) {
        Some(index) => vec!["axes".into(), AXIS.into(), Seg::Index(index)],
        None => vec!["axes".into()],
    }
}

/// Makes a router the only value of the axis.
///
/// # Errors
/// The topology has no gateway whose router could be another.
pub fn only(axes: &mut Axes, router: &str, intents: &BTreeMap<String, Intent>) -> Result<(), String> {
    if intents.is_empty() {
        return Err("no gateway of this topology has an intent, so none can be another router".to_string());
    }
    let values = vec![router.to_string()];
    match axes.0.iter_mut().find(|(name, _)| name == AXIS) {
        Some((_, old)) => *old = values,
        None => axes.0.push((AXIS.to_string(), values)),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use routeproof_model::profile::{Stand, beyond};
    use routeproof_model::real::{Cable, cables, deployment};

    use super::*;
    use crate::run::{LoadOptions, Loaded, load_for};

    fn loaded(scenario: &str, gateway: Option<&str>) -> Loaded {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scenarios").join(scenario);
        load_for(&folder, &LoadOptions { gateway, ..LoadOptions::default() })
            .unwrap_or_else(|e| panic!("{}", e.line()))
    }

    #[test]
    fn the_axis_replaces_the_router_of_the_topology() {
        let all = loaded("gateways-learn", None);
        let images: Vec<&str> = all.runs.iter().map(|run| run.images["gw1"].as_str()).collect();
        assert!(
            images.contains(&"bird:3") && images.contains(&"frr:8.4.4") && images.contains(&"openbgpd:8.8")
        );
        for run in &all.runs {
            assert_eq!(run.topology.node("gw1").unwrap().image.as_deref(), Some(run.images["gw1"].as_str()));
            assert_eq!(beyond(run, Stand::Namespaces), None, "{}", run.slug());
        }
        let only = loaded("gateways-learn", Some("bird:3+no-refresh"));
        assert_eq!(only.runs.len(), 2);
        let router = &only.runs[0].routers["gw1"];
        assert_eq!(router.title(), "bird 3 (no-refresh)");
        assert!(router.files().unwrap()[0].text.contains("enable route refresh off;"));
    }

    #[test]
    fn what_a_router_cannot_do_is_known_before_anything_is_booted() {
        let capability = |scenario: &str, gateway: &str| {
            let run = loaded(scenario, Some(gateway)).runs.remove(0);
            beyond(&run, Stand::Namespaces).map(|beyond| beyond.capability)
        };
        for able in ["frr", "bird", "openbgpd"] {
            assert_eq!(capability("gateways-reach", able), None);
        }
        // Their kernels hold nothing, so an expectation of a route there would fail for a wrong reason.
        for (unable, what) in [
            ("gobgp", "fib of gobgp 3.36"),
            // It is asked first what it has from the node, which it does not tell either.
            ("exabgp", "prefixes of sessions of exabgp 4.2.25"),
            ("openbgpd-7.7", "fib of openbgpd 7.7"),
        ] {
            assert_eq!(capability("gateways-reach", unable).as_deref(), Some(what));
        }
        assert_eq!(
            capability("gateways-withdraw", "gobgp").as_deref(),
            Some("`gw1 withdraws 172.16.1.0/24` of gobgp 3.36")
        );
        assert_eq!(capability("gateways-learn", "srlinux").as_deref(), Some("srlinux 24.10"));
    }

    #[test]
    fn routers_that_only_containerlab_starts_are_deployed_by_it() {
        let run = loaded("gateways-learn", Some("srlinux:25.3.1")).runs.remove(0);
        let embedded = beyond(&run, Stand::Namespaces).map(|beyond| beyond.detail);
        assert!(embedded.is_some_and(|detail| detail.contains("--backend containerlab")));
        assert_eq!(beyond(&run, Stand::Containers), None);
        let images = BTreeMap::from([("gw1".to_string(), run.images["gw1"].clone())]);
        let made = deployment(&run, "rp-1-2-3", "rp-1-2-0-.patch", &images).unwrap().unwrap();
        insta::assert_snapshot!(format!("{:#}", made.file), @r#"
        {
          "mgmt": {
            "ipv4-subnet": "auto",
            "ipv6-subnet": "auto",
            "network": "rp-1-2-3"
          },
          "name": "rp-1-2-3",
          "prefix": "__lab-name",
          "topology": {
            "links": [
              {
                "endpoints": [
                  {
                    "interface": "rp0",
                    "node": "rp-1-2-0-.patch"
                  },
                  {
                    "interface": "e1-1",
                    "node": "gw1"
                  }
                ],
                "mtu": 1500,
                "type": "veth"
              }
            ],
            "nodes": {
              "gw1": {
                "image": "ghcr.io/nokia/srlinux:25.3.1",
                "kind": "nokia_srlinux",
                "startup-config": "gw1.0.startup.cli"
              },
              "rp-1-2-0-.patch": {
                "kind": "ext-container"
              }
            }
          }
        }
        "#);
        assert_eq!(cables(&run), [Cable::Patched { router: 1, name: "rp0".to_string() }]);
        assert_eq!(made.mounted.len(), 1);
        assert!(made.mounted[0].text.contains("ethernet-1/1 subinterface 0 ipv4 address 192.168.1.5/24"));

        let what = |scenario: &str, gateway: &str| {
            let run = loaded(scenario, Some(gateway)).runs.remove(0);
            beyond(&run, Stand::Containers).map(|beyond| beyond.capability)
        };
        let ours = loaded("gateways-learn", Some("bird")).runs.remove(0);
        assert_eq!(deployment(&ours, "rp-1-2-3", "x", &images).unwrap(), None);
        // Its kernel tells nothing of its routes; flows that it gets are counted there.
        assert_eq!(what("gateways-reach", "srlinux").as_deref(), Some("fib of srlinux 24.10"));
        assert_eq!(
            what("gateways-withdraw", "sonic").as_deref(),
            Some("`gw1 withdraws 172.16.1.0/24` of sonic 202405")
        );
        insta::assert_snapshot!(what("gateways-ecmp", "ceos").unwrap_or_default(), @"`worker spreads 172.16.1.0/24 over gw1 and gw2` of ceos 4.32");
    }
}
