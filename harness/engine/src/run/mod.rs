//! Runs: the one place that knows the order of things.
//!
//! [`load`] turns files into a plan, [`boot`] a planned run into a running lab, [`steps`] does the scenario's steps,
//! [`matrix`] does many runs side by side. What is true is decided by `routeproof_model::check`, never here.

mod advertised;
mod api;
mod backing;
mod bake;
mod boot;
mod cluster;
mod container_images;
mod convergence;
mod default_frr;
mod diagnose;
mod digest;
mod ecmp;
mod error;
mod exec;
mod expect;
mod fault;
mod gate;
mod gateway;
mod images;
mod isolation;
mod judged;
mod kind;
mod lab_spec;
mod live;
mod load;
mod manifests;
mod many;
mod matrix;
mod mutate;
mod node;
mod one;
mod parts;
mod perturb;
mod places;
mod population;
mod provenance;
mod proxy;
mod race;
mod record;
mod rehearse;
mod reload;
mod return_path;
mod routers;
mod settle;
mod speakers;
mod stability;
mod steps;
mod stream;
mod tap;
mod topologies;
mod turns;
mod until;

pub use api::{Ran, RunOptions, Scenario};
pub use backing::Backing;
pub use bake::store;
pub use boot::{BootOptions, Booted, boot, boot_unless};
pub use cluster::Cluster;
pub use container_images::container_images;
pub use default_frr::{choose_frr, default_frr};
pub use error::RunError;
pub use images::{check_images, check_topology_images};
pub use judged::{judge, looking};
pub use live::{LabOptions, LiveLab, Stepped};
pub use load::{
    LoadOptions, Loaded, lab as load_lab, load, load_for, plan_topology, read as read_source,
    topology as load_topology,
};
pub use manifests::{CheckedManifests, check_manifests};
pub use matrix::{
    Options, RETRIES, parallelism, parallelism_in_containers, parallelism_with_programs, roots, run, trees,
};
pub use mutate::mutate;
pub(crate) use mutate::{Trial, Tried};
pub use node::Node;
pub(crate) use one::{Judged, judge_run};
pub(crate) use provenance::KIND;
pub use record::Recorder;
pub use routers::{intents as check_intents, profile as load_profile, profiles};
pub use stability::instability;
pub(crate) use steps::Verdict;
pub use tap::Tap;
pub use until::{Reached, Unmet, Until, reach};
