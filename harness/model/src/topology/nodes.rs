//! From a written node with all that it inherits to a [`Node`].

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::file::NodeFile;
use super::interfaces;
use super::kinds::Kind;
use super::lab::magic;
use super::layers::Layers;
use super::paths::{self, Refused};
use super::types::{Bind, Cluster, Node, Role, StartupConfig};
use super::words::words;
use crate::diag::{Diagnostic, Seg, Source};
use crate::path;
use crate::profile::Profiles;

/// The label that says what a node plays.
pub(super) const ROLE: &str = "routeproof.role";

/// The label that names a gateway's intent.
pub(super) const INTENT: &str = "routeproof.intent";

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

/// Letters, digits, `-`, `.` and `_`, starting with a letter or digit, of a length that a host name may have.
pub(super) fn is_name(name: &str) -> bool {
    name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
}

pub(super) const NAME_RULE: &str =
    "a name has up to 63 letters, digits, `-`, `.` and `_`, and starts with a letter or digit";

/// Whether an image is a router's by its name: FRR, or one of the profiles that routeproof brings.
pub(super) fn holds_router(image: Option<&str>) -> bool {
    holds_frr(image) || image.is_some_and(|image| Profiles::embedded().of_image(image).is_some())
}

fn holds_frr(image: Option<&str>) -> bool {
    let image = image.unwrap_or_default();
    let last = image.split('@').next().unwrap_or(image).rsplit('/').next().unwrap_or(image);
    last.split(':').next().unwrap_or(last).contains("frr")
}

/// A command's argv, and where it is written.
type PlacedCommand = (Vec<String>, Vec<Seg>);

/// Whether a key that makes up a node's system is written.
fn has(fields: &NodeFile, key: &str) -> bool {
    match key {
        "image" => fields.image.is_some(),
        "exec" => fields.exec.is_some(),
        "binds" => fields.binds.is_some(),
        "env" => fields.env.is_some(),
        "sysctls" => fields.sysctls.is_some(),
        "startup-config" => fields.startup_config.is_some(),
        "hostname" => fields.hostname.is_some(),
        _ => false,
    }
}

/// Builds one node after another for one file.
#[derive(Debug)]
pub(super) struct Builder<'a> {
    pub(super) source: &'a Source,
    pub(super) dir: &'a Path,
    /// The lab's name.
    pub(super) lab: &'a str,
    /// The names of the `k8s-kind` nodes.
    pub(super) clusters: &'a [&'a str],
}

impl Builder<'_> {
    fn magic(&self, text: &str, written: &Written<'_>) -> String {
        magic(text, self.lab, written.name, &self.source.file)
    }

    pub(super) fn cluster(&self, written: &Written<'_>) -> Result<Cluster, Diagnostic> {
        self.refuse_own(written, &["exec", "binds", "env", "sysctls", "hostname"], |key| {
            format!("`{}` is a whole cluster, which has no `{key}`; its nodes may", written.name)
        })?;
        let own = written.layers.iter().find(|layer| layer.at == written.at());
        if own.is_some_and(|layer| {
            layer.fields.labels.iter().any(|labels| labels.contains_key(interfaces::LABEL))
        }) {
            let at = [written.at(), path!["labels", interfaces::LABEL]].concat();
            let message =
                format!("`{}` is a whole cluster, which has no interfaces; its nodes may", written.name);
            return Err(self.source.error_at_key(&at, message));
        }
        Ok(Cluster {
            name: written.name.to_owned(),
            image: written.layers.one("image", |n| &n.image).map(|(image, _)| image.to_owned()),
            // For the real cluster's tool, which runs as the user does: no lab opens it, so it may lie elsewhere.
            startup_config: written
                .layers
                .one("startup-config", |n| &n.startup_config)
                .map(|(path, _)| self.dir.join(path)),
        })
    }

    pub(super) fn node(&self, written: &Written<'_>) -> Result<Built, Diagnostic> {
        let (layers, name) = (&written.layers, written.name);
        let cluster = self.cluster_of(name);
        let role = self.role(written, cluster)?;
        let acts = role != Role::Bridge;
        if matches!(role, Role::Client | Role::ClusterNode) {
            self.refuse_startup_config(written, role)?;
        }
        let (exec, exec_at) = if acts { self.exec(written)?.into_iter().unzip() } else { Default::default() };
        let external = written.kind == Kind::External;
        let node = Node {
            name: name.to_owned(),
            alias: cluster.filter(|_| external).map(|c| name[c.len() + 1..].to_owned()),
            role,
            image: self.image(written, role)?,
            interfaces: Vec::new(),
            exec,
            binds: if acts && !external { self.binds(written)? } else { Vec::new() },
            env: if acts && !external { self.env(written)? } else { BTreeMap::new() },
            startup_config: if role == Role::Gateway { self.startup_config(written)? } else { None },
            intent: self.intent(written, role)?,
            labels: layers
                .map("labels", |n| &n.labels)
                .into_iter()
                .map(|(k, (v, _))| (k.into(), v.into()))
                .collect(),
            sysctls: if acts && !external { self.sysctls(written)? } else { BTreeMap::new() },
            hostname: self.hostname(written)?,
        };
        Ok(Built { node, exec_at })
    }

    /// The cluster that a node belongs to by its name; of `k` and `k-a`, `k-a-worker` belongs to the longer.
    fn cluster_of(&self, node: &str) -> Option<&str> {
        let belongs = |c: &&&str| {
            node.strip_prefix(**c).and_then(|rest| rest.strip_prefix('-')).is_some_and(|r| !r.is_empty())
        };
        self.clusters.iter().filter(belongs).max_by_key(|c| c.len()).copied()
    }

    fn role(&self, written: &Written<'_>, cluster: Option<&str>) -> Result<Role, Diagnostic> {
        let labels = written.layers.map("labels", |n| &n.labels);
        let label = labels
            .get(ROLE)
            .map(|(value, at)| self.labelled(value, at).map(|role| (role, at)))
            .transpose()?;
        match (written.kind, label) {
            (Kind::Bridge, None) => self.bridge(written),
            (Kind::Bridge, Some((_, at))) => Err(self.source.error_at(at, "a bridge plays no role")),
            (Kind::External, Some((role @ (Role::Gateway | Role::Client), at))) => Err(self
                .source
                .error_at(at, format!("an ext-container has no image here, so it cannot be a {role}"))
                .hint("use `kind: linux` with an image")),
            (Kind::External, label) => self.external(written, label.is_some(), cluster),
            (_, Some((role, _))) => Ok(role),
            (Kind::Frr | Kind::Vendor, None) => Ok(Role::Gateway),
            (Kind::Linux | Kind::Cluster, None) => {
                let image = written.layers.one("image", |n| &n.image).map_or("", |(image, _)| image);
                Ok(if holds_router(Some(image)) { Role::Gateway } else { Role::Client })
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
        self.refuse_own(written, &own, |key| {
            format!("`{}` is a bridge, not a node with a system: it has no `{key}`", written.name)
        })?;
        Ok(Role::Bridge)
    }

    fn external(
        &self,
        written: &Written<'_>,
        labelled: bool,
        cluster: Option<&str>,
    ) -> Result<Role, Diagnostic> {
        if cluster.is_none() && !labelled {
            let message = format!("`{}` is an ext-container, but of no k8s-kind cluster here", written.name);
            let hint = match self.clusters {
                [] => "add a node of kind `k8s-kind`, or label this one `routeproof.role: cluster-node`"
                    .to_owned(),
                some => format!("a cluster's node is named after it: `{}-worker`", some[0]),
            };
            return Err(self.source.error_at_key(&written.at(), message).hint(hint).unsupported());
        }
        self.refuse_own(written, &["image", "binds", "env", "sysctls", "startup-config", "hostname"], |key| {
            format!("`{}` is an ext-container, made by its cluster and not by the topology: `{key}` would do nothing", written.name)
        })
        .map_err(|d| d.hint("`exec` lines work: they run in the node once the links are up"))?;
        Ok(Role::ClusterNode)
    }

    /// Refuses keys that the node or its kind carries; what it inherits from elsewhere is meant for others.
    fn refuse_own(
        &self,
        written: &Written<'_>,
        keys: &[&str],
        message: impl Fn(&str) -> String,
    ) -> Result<(), Diagnostic> {
        let by_kind = written.layers.kind.as_ref().map(|(kind, _)| path!["topology", "kinds", *kind]);
        let owns = |at: &Vec<Seg>| *at == written.at() || Some(at) == by_kind.as_ref();
        for layer in written.layers.iter().filter(|layer| owns(&layer.at)) {
            if let Some(key) = keys.iter().find(|key| has(layer.fields, key)) {
                return Err(self.source.error_at_key(&layer.path(key), message(key)).unsupported());
            }
        }
        Ok(())
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

    /// Each command's argv, and where it is written.
    fn exec(&self, written: &Written<'_>) -> Result<Vec<PlacedCommand>, Diagnostic> {
        let mut exec = Vec::new();
        for (line, at) in written.layers.list("exec", |n| &n.exec) {
            let line = self.magic(line, written);
            let argv = words(&line)
                .map_err(|e| self.source.error_at(&at, format!("cannot split this command: {e}")))?;
            if argv.is_empty() {
                return Err(self.source.error_at(&at, "this command is empty"));
            }
            exec.push((argv, at));
        }
        Ok(exec)
    }

    fn binds(&self, written: &Written<'_>) -> Result<Vec<Bind>, Diagnostic> {
        let mut by_place: BTreeMap<PathBuf, Bind> = BTreeMap::new();
        for (bind, at) in written.layers.list("binds", |n| &n.binds) {
            let bind = paths::bind(self.dir, &self.magic(bind, written));
            let bind = bind.map_err(|e| self.refused(e, &at))?;
            by_place.insert(bind.node.clone(), bind);
        }
        Ok(by_place.into_values().collect())
    }

    /// Only routers load a configuration of the topology's.
    fn refuse_startup_config(&self, written: &Written<'_>, role: Role) -> Result<(), Diagnostic> {
        let Some((_, at)) = written.layers.one("startup-config", |n| &n.startup_config) else {
            return Ok(());
        };
        if !at.starts_with(&written.at()) {
            return Ok(());
        }
        let error = self
            .source
            .error_at_key(&at, format!("`{}` is a {role}, which loads no startup-config", written.name))
            .unsupported();
        Err(match role {
            Role::ClusterNode => {
                error.hint("MetalLB configures the router of a cluster node, by a scenario's manifests")
            }
            _ => error.hint("if it is a router, use `kind: frr` or label it `routeproof.role: gateway`"),
        })
    }

    fn startup_config(&self, written: &Written<'_>) -> Result<Option<StartupConfig>, Diagnostic> {
        let Some((config, at)) = written.layers.one("startup-config", |n| &n.startup_config) else {
            return Ok(None);
        };
        // As containerlab tells a file's name from a configuration.
        if config.contains('\n') {
            return Ok(Some(StartupConfig::Text(self.magic(config, written))));
        }
        let config = self.magic(config, written);
        let file = paths::inside(self.dir, &config).map_err(|e| self.refused(e, &at))?;
        Ok(Some(StartupConfig::File(file)))
    }

    fn intent(&self, written: &Written<'_>, role: Role) -> Result<Option<PathBuf>, Diagnostic> {
        let labels = written.layers.map("labels", |n| &n.labels);
        let Some((file, at)) = labels.get(INTENT) else { return Ok(None) };
        if role != Role::Gateway {
            let error = self
                .source
                .error_at(at, format!("`{}` is a {role}; only gateways have an intent", written.name));
            return Err(error.hint("label it `routeproof.role: gateway` if it is one"));
        }
        if written.layers.one("startup-config", |n| &n.startup_config).is_some() {
            let error = self
                .source
                .error_at(at, "the gateway has a startup-config, too: only one of them can say what it is");
            return Err(error.hint("leave out the startup-config, which is of one router's only"));
        }
        paths::inside(self.dir, &self.magic(file, written)).map(Some).map_err(|e| self.refused(e, at))
    }

    fn refused(&self, e: Refused, at: &[Seg]) -> Diagnostic {
        self.source.error_at(at, e.why).hint(e.instead).unsupported()
    }

    fn env(&self, written: &Written<'_>) -> Result<BTreeMap<String, String>, Diagnostic> {
        let mut env = BTreeMap::new();
        for (key, (value, at)) in written.layers.map("env", |n| &n.env) {
            if key.is_empty() || key.contains(['=', '\0']) {
                return Err(self
                    .source
                    .error_at_key(&at, format!("`{key}` cannot be the name of a variable")));
            }
            env.insert(key.to_owned(), value.to_owned());
        }
        Ok(env)
    }

    fn sysctls(&self, written: &Written<'_>) -> Result<BTreeMap<String, String>, Diagnostic> {
        let mut sysctls = BTreeMap::new();
        for (key, (value, at)) in written.layers.map("sysctls", |n| &n.sysctls) {
            let legal =
                key.split(['.', '/']).all(|part| !part.is_empty()) && !key.contains(char::is_whitespace);
            if !legal {
                return Err(self.source.error_at_key(&at, format!("`{key}` is not the name of a sysctl")));
            }
            if !key.starts_with("net.") && !key.starts_with("net/") {
                return Err(self
                    .source
                    .error_at_key(&at, format!("the sysctl `{key}` belongs to the host, not to a node"))
                    .unsupported()
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
