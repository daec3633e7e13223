//! From a written node with all that it inherits to a [`Node`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::layers::Layers;
use super::paths::{self, Refused};
use super::support::{HOST_KINDS, NODE_NAME, VENDOR_KINDS};
use super::types::{Bind, Cluster, Node, Role};
use super::words::words;
use crate::diag::{Diagnostic, Seg, Source};
use crate::path;

/// The label that says what a node plays.
const ROLE: &str = "routeproof.role";

const KINDS: [&str; 5] = ["linux", "frr", "bridge", "k8s-kind", "ext-container"];

/// A kind that the embedded lab knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Linux,
    /// Not containerlab's: `linux` with an FRR image, said outright.
    Frr,
    Bridge,
    Cluster,
    External,
}

/// A node as written, with what it inherits.
#[derive(Debug)]
pub(super) struct Written<'f> {
    pub(super) name: &'f str,
    pub(super) kind: Kind,
    pub(super) layers: Layers<'f>,
}

impl Written<'_> {
    pub(super) fn at(&self) -> Vec<Seg> {
        path!["topology", "nodes", self.name]
    }
}

/// A node, and where each of its `exec` lines is written.
#[derive(Debug)]
pub(super) struct Built {
    pub(super) node: Node,
    pub(super) exec_at: Vec<Vec<Seg>>,
}

/// What a kind's name means here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum KindName {
    Here(Kind),
    /// containerlab has it, the embedded lab has not; with the reason.
    Elsewhere(&'static str),
    Unknown,
}

impl KindName {
    pub(super) fn of(name: &str) -> Self {
        match name {
            "linux" => Self::Here(Kind::Linux),
            "frr" => Self::Here(Kind::Frr),
            "bridge" => Self::Here(Kind::Bridge),
            "k8s-kind" => Self::Here(Kind::Cluster),
            "ext-container" => Self::Here(Kind::External),
            host if HOST_KINDS.contains(&host) => Self::Elsewhere("uses the host's network, which a lab never touches"),
            vendor if VENDOR_KINDS.contains(&vendor) || vendor.starts_with("vr-") => {
                Self::Elsewhere("is a vendor router or appliance, which the embedded lab cannot run")
            }
            _ => Self::Unknown,
        }
    }

    /// The error about a kind that is not [`KindName::Here`]; `error` says where.
    pub(super) fn refuse(self, name: &str, error: impl Fn(String) -> Diagnostic) -> Diagnostic {
        let error = match self {
            Self::Elsewhere(why) => {
                error(format!("the kind `{name}` {why}")).hint("the containerlab backend will be needed for it")
            }
            Self::Here(_) | Self::Unknown => {
                let known = KINDS.iter().chain(&HOST_KINDS).chain(VENDOR_KINDS).copied();
                error(format!("unknown kind `{name}`")).suggest(name, known)
            }
        };
        error.hint(format!("the embedded lab has {}", KINDS.join(", ")))
    }
}

/// Letters, digits, `-`, `.` and `_`, starting with a letter or digit, of a length that a host name may have.
pub(super) fn is_name(name: &str) -> bool {
    name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
}

pub(super) const NAME_RULE: &str =
    "a name has up to 63 letters, digits, `-`, `.` and `_`, and starts with a letter or digit";

/// Builds one node after another for one file.
#[derive(Debug)]
pub(super) struct Builder<'a> {
    pub(super) source: &'a Source,
    pub(super) dir: &'a Path,
    /// The names of the `k8s-kind` nodes.
    pub(super) clusters: &'a [&'a str],
}

impl Builder<'_> {
    pub(super) fn cluster(&self, written: &Written<'_>) -> Result<Cluster, Diagnostic> {
        self.refuse_own(written, &["exec", "binds", "env", "sysctls", "hostname"], |key| {
            format!("`{}` is a whole cluster, which has no `{key}`; its nodes may", written.name)
        })?;
        Ok(Cluster {
            name: written.name.to_owned(),
            image: written.layers.one("image", |n| &n.image).map(|(image, _)| image.to_owned()),
            startup_config: self.startup_config(written)?,
        })
    }

    pub(super) fn node(&self, written: &Written<'_>) -> Result<Built, Diagnostic> {
        let (layers, name) = (&written.layers, written.name);
        let cluster = self.cluster_of(name);
        let role = self.role(written, cluster)?;
        let acts = role != Role::Bridge;
        let (exec, exec_at) = if acts { self.exec(written)? } else { Default::default() };
        let text = |map: BTreeMap<&str, (&str, Vec<Seg>)>| {
            map.into_iter().map(|(k, (v, _))| (k.to_owned(), v.to_owned())).collect::<BTreeMap<_, _>>()
        };
        let external = written.kind == Kind::External;
        let node = Node {
            name: name.to_owned(),
            alias: cluster.filter(|_| external).map(|c| name[c.len() + 1..].to_owned()),
            role,
            image: self.image(written, role)?,
            exec,
            binds: if acts && !external { self.binds(written)? } else { Vec::new() },
            env: if acts && !external { text(layers.map("env", |n| &n.env)) } else { BTreeMap::new() },
            startup_config: if role == Role::Gateway { self.startup_config(written)? } else { None },
            labels: text(layers.map("labels", |n| &n.labels)),
            sysctls: if acts && !external { self.sysctls(written)? } else { BTreeMap::new() },
            hostname: self.hostname(written)?,
        };
        Ok(Built { node, exec_at })
    }

    /// The cluster that a node belongs to by its name; of `k` and `k-a`, `k-a-worker` belongs to the longer.
    fn cluster_of(&self, node: &str) -> Option<&str> {
        let belongs = |c: &&&str| node.strip_prefix(**c).and_then(|rest| rest.strip_prefix('-')).is_some_and(|r| !r.is_empty());
        self.clusters.iter().filter(belongs).max_by_key(|c| c.len()).copied()
    }

    fn role(&self, written: &Written<'_>, cluster: Option<&str>) -> Result<Role, Diagnostic> {
        let labels = written.layers.map("labels", |n| &n.labels);
        let label = labels.get(ROLE).map(|(value, at)| self.labelled(value, at).map(|role| (role, at))).transpose()?;
        match (written.kind, label) {
            (Kind::Bridge, None) => self.bridge(written),
            (Kind::Bridge, Some((_, at))) => Err(self.source.error_at(at, "a bridge plays no role")),
            (Kind::External, Some((role @ (Role::Gateway | Role::Client), at))) => Err(self
                .source
                .error_at(at, format!("an ext-container has no image here, so it cannot be a {role}"))
                .hint("use `kind: linux` with an image")),
            (Kind::External, label) => self.external(written, label.is_some(), cluster),
            (_, Some((role, _))) => Ok(role),
            (Kind::Frr, None) => Ok(Role::Gateway),
            (Kind::Linux | Kind::Cluster, None) => {
                let image = written.layers.one("image", |n| &n.image).map_or("", |(image, _)| image);
                let last = image.split('@').next().unwrap_or(image).rsplit('/').next().unwrap_or(image);
                let repository = last.split(':').next().unwrap_or(last);
                Ok(if repository.contains("frr") { Role::Gateway } else { Role::Client })
            }
        }
    }

    fn labelled(&self, value: &str, at: &[Seg]) -> Result<Role, Diagnostic> {
        const ROLES: [&str; 3] = ["cluster-node", "gateway", "client"];
        match value {
            "cluster-node" => Ok(Role::ClusterNode),
            "gateway" => Ok(Role::Gateway),
            "client" => Ok(Role::Client),
            _ => Err(self
                .source
                .error_at(at, format!("unknown role `{value}`"))
                .suggest(value, ROLES)
                .hint(format!("the roles are {}", ROLES.join(", ")))),
        }
    }

    fn bridge(&self, written: &Written<'_>) -> Result<Role, Diagnostic> {
        let own = ["image", "exec", "binds", "env", "sysctls", "startup-config", "hostname"];
        self.refuse_own(written, &own, |key| format!("`{}` is a bridge, not a node with a system: it has no `{key}`", written.name))?;
        Ok(Role::Bridge)
    }

    fn external(&self, written: &Written<'_>, labelled: bool, cluster: Option<&str>) -> Result<Role, Diagnostic> {
        if cluster.is_none() && !labelled {
            let message = format!("`{}` is an ext-container, but of no k8s-kind cluster here", written.name);
            let hint = match self.clusters {
                [] => "add a node of kind `k8s-kind`, or label this one `routeproof.role: cluster-node`".to_owned(),
                some => format!("a cluster's node is named after it: `{}-worker`", some[0]),
            };
            return Err(self.source.error_at_key(&written.at(), message).hint(hint));
        }
        self.refuse_own(written, &["binds", "env", "sysctls", "startup-config", "hostname"], |key| {
            format!("`{}` is an ext-container, made by its cluster and not by the topology: `{key}` would do nothing", written.name)
        })
        .map_err(|d| d.hint("`exec` lines work: they run in the node once the links are up"))?;
        Ok(Role::ClusterNode)
    }

    /// Refuses keys that the node itself carries; what it inherits is meant for others.
    fn refuse_own(
        &self,
        written: &Written<'_>,
        keys: &[&str],
        message: impl Fn(&str) -> String,
    ) -> Result<(), Diagnostic> {
        let Some(own) = written.layers.iter().find(|l| l.at == written.at()) else { return Ok(()) };
        let fields = own.fields;
        let set = |key: &str| match key {
            "image" => fields.image.is_some(),
            "exec" => fields.exec.is_some(),
            "binds" => fields.binds.is_some(),
            "env" => fields.env.is_some(),
            "sysctls" => fields.sysctls.is_some(),
            "startup-config" => fields.startup_config.is_some(),
            "hostname" => fields.hostname.is_some(),
            _ => false,
        };
        match keys.iter().find(|key| set(key)) {
            Some(key) => Err(self.source.error_at_key(&own.path(key), message(key))),
            None => Ok(()),
        }
    }

    fn image(&self, written: &Written<'_>, role: Role) -> Result<Option<String>, Diagnostic> {
        if matches!(written.kind, Kind::Bridge | Kind::External) {
            return Ok(None);
        }
        match written.layers.one("image", |n| &n.image) {
            Some((image, at)) if image.contains(char::is_whitespace) => {
                Err(self.source.error_at(&at, format!("`{image}` is not an image name")))
            }
            Some((image, _)) => Ok(Some(image.to_owned())),
            None if role == Role::ClusterNode => Ok(None),
            None => Err(self
                .source
                .error_at_key(&written.at(), format!("the node `{}` has no image", written.name))
                .hint("add `image: quay.io/frrouting/frr:10.3`, or another, to the node, its kind or the defaults")),
        }
    }

    #[allow(clippy::type_complexity)]
    fn exec(&self, written: &Written<'_>) -> Result<(Vec<Vec<String>>, Vec<Vec<Seg>>), Diagnostic> {
        let (mut exec, mut exec_at) = (Vec::new(), Vec::new());
        for (line, at) in written.layers.list("exec", |n| &n.exec) {
            let line = line.replace(NODE_NAME, written.name);
            let argv = words(&line).map_err(|e| self.source.error_at(&at, format!("cannot split this command: {e}")))?;
            if argv.is_empty() {
                return Err(self.source.error_at(&at, "this command is empty"));
            }
            exec.push(argv);
            exec_at.push(at);
        }
        Ok((exec, exec_at))
    }

    fn binds(&self, written: &Written<'_>) -> Result<Vec<Bind>, Diagnostic> {
        let mut by_place: BTreeMap<PathBuf, Bind> = BTreeMap::new();
        for (bind, at) in written.layers.list("binds", |n| &n.binds) {
            let bind = paths::bind(self.dir, &bind.replace(NODE_NAME, written.name));
            let bind = bind.map_err(|e| self.refused(e, &at))?;
            by_place.insert(bind.node.clone(), bind);
        }
        Ok(by_place.into_values().collect())
    }

    fn startup_config(&self, written: &Written<'_>) -> Result<Option<PathBuf>, Diagnostic> {
        let Some((config, at)) = written.layers.one("startup-config", |n| &n.startup_config) else { return Ok(None) };
        if config.trim().contains('\n') {
            let message = "a configuration written into the topology is not supported yet";
            return Err(self.source.error_at_key(&at, message).hint("put it into a file beside the topology and name that file"));
        }
        let config = config.replace(NODE_NAME, written.name);
        paths::inside(self.dir, &config).map(Some).map_err(|e| self.refused(e, &at))
    }

    fn refused(&self, e: Refused, at: &[Seg]) -> Diagnostic {
        self.source.error_at(at, e.why).hint(e.instead)
    }

    fn sysctls(&self, written: &Written<'_>) -> Result<BTreeMap<String, String>, Diagnostic> {
        let mut sysctls = BTreeMap::new();
        for (key, (value, at)) in written.layers.map("sysctls", |n| &n.sysctls) {
            let legal = key.split(['.', '/']).all(|part| !part.is_empty()) && !key.contains(char::is_whitespace);
            if !legal {
                return Err(self.source.error_at_key(&at, format!("`{key}` is not the name of a sysctl")));
            }
            if !key.starts_with("net.") && !key.starts_with("net/") {
                return Err(self
                    .source
                    .error_at_key(&at, format!("the sysctl `{key}` belongs to the host, not to a node"))
                    .hint("only `net.*` may be set: each node has a network of its own, but no kernel"));
            }
            sysctls.insert(key.to_owned(), value.to_owned());
        }
        Ok(sysctls)
    }

    fn hostname(&self, written: &Written<'_>) -> Result<String, Diagnostic> {
        match written.layers.one("hostname", |n| &n.hostname) {
            Some((hostname, at)) if !is_name(hostname) => {
                Err(self.source.error_at(&at, format!("`{hostname}` is not a host name")).hint(NAME_RULE))
            }
            Some((hostname, _)) => Ok(hostname.to_owned()),
            None => Ok(written.name.to_owned()),
        }
    }
}
