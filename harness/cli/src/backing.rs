//! What stands behind labs, as the command line says it.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use routeproof_engine::cluster::Programs;
use routeproof_engine::containers::{CAPABILITIES, CONTAINERLAB, Settings};
use routeproof_engine::guest::{Choice, Guest};
use routeproof_engine::image::Store;
use routeproof_engine::run::{self, Backing};
use routeproof_model::plan::Plan;
use routeproof_model::real::theirs;

/// Namespaces or containers, and who writes the FRR configurations of cluster nodes.
#[derive(Clone, Debug, Args)]
pub struct BackingArgs {
    /// Labs in namespaces, or a kind cluster and routers in containers of a Docker engine on this machine (as root)
    #[arg(long, env = "ROUTEPROOF_BACKEND", value_name = "BACKEND", default_value = "embedded")]
    pub backend: Backend,
    /// Of embedded labs: routeproof's own rendering, or MetalLB's real speakers with a real control plane, in every lab
    #[arg(long, env = "ROUTEPROOF_CLUSTER", value_name = "CLUSTER", default_value = "rendered")]
    pub cluster: ClusterKind,
    /// The folder of the programs for `--cluster speaker`, which `ci/cluster-programs` makes [default: cluster-programs in the cache]
    #[arg(long, env = "ROUTEPROOF_CLUSTER_PROGRAMS", value_name = "DIR")]
    pub cluster_programs: Option<PathBuf>,
    #[command(flatten)]
    pub containers: ContainerArgs,
}

/// Of labs in containers.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Labs in containers (--backend containerlab)")]
pub struct ContainerArgs {
    /// Take images from here, by the last parts of their names, instead of from where topologies and manifests say: `mirror.example/lab`
    #[arg(long, env = "ROUTEPROOF_REGISTRY", value_name = "PREFIX")]
    pub registry: Option<String>,
    /// kind's node image [default: the topology's, else kind's own]
    #[arg(long, env = "ROUTEPROOF_NODE_IMAGE", value_name = "IMAGE")]
    pub node_image: Option<String>,
    /// YAML that is merged over the topology's configuration of kind; with `networking.disableDefaultCNI`, routeproof lays a network of pods
    #[arg(long, env = "ROUTEPROOF_KIND_PATCH", value_name = "FILE")]
    pub kind_patch: Option<PathBuf>,
    /// A folder with MetalLB's own manifests as VERSION/manifest.yaml (mode frr-k8s: manifest-frr-k8s.yaml) [default: those of the cache, else MetalLB's repository]
    #[arg(long, env = "ROUTEPROOF_MANIFESTS", value_name = "DIR")]
    pub manifests: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Backend {
    Embedded,
    Containerlab,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ClusterKind {
    Rendered,
    Speaker,
}

impl BackingArgs {
    pub fn backing(&self, store: &Store) -> Backing {
        match (self.backend, self.cluster) {
            (Backend::Containerlab, _) => Backing::Containers(self.containers.settings(store)),
            (Backend::Embedded, ClusterKind::Speaker) => {
                Backing::Speakers(programs(self.cluster_programs.as_ref(), store))
            }
            (Backend::Embedded, ClusterKind::Rendered) => Backing::Rendered,
        }
    }
}

impl ContainerArgs {
    pub fn settings(&self, store: &Store) -> Settings {
        Settings {
            registry: self.registry.clone(),
            node_image: self.node_image.clone(),
            kind_patch: self.kind_patch.clone(),
            manifests: self.manifests.clone(),
            cache: store.cache_dir().to_path_buf(),
        }
    }
}

/// The real programs of a folder, or without one those of the cache.
pub fn programs(folder: Option<&PathBuf>, store: &Store) -> Programs {
    folder.cloned().map_or_else(|| Programs::in_cache(store.cache_dir()), Programs::in_folder)
}

/// Labs that this machine carries at once.
pub fn parallelism(backing: &Backing) -> usize {
    match backing {
        Backing::Rendered => run::parallelism(),
        Backing::Speakers(_) => run::parallelism_with_programs(),
        Backing::Containers(_) => run::parallelism_in_containers(),
    }
}

/// The names in `doctor` of what the labs of a plan need on the host.
pub fn needs(backing: &Backing, plan: &Plan) -> Vec<String> {
    let of_plan = plan.runs.iter().any(|run| theirs(run).next().is_some()).then_some(CONTAINERLAB);
    let all = CAPABILITIES.into_iter().chain(of_plan).map(str::to_string);
    all.filter(|_| backing.is_containers()).collect()
}

/// The kernel of its labs: containers have the host's.
pub fn guest(wanted: Guest, backing: &Backing) -> Guest {
    match backing.is_containers() {
        true => Guest { choice: Choice::HostOnly, ..wanted },
        false => wanted,
    }
}
