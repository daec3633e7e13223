//! The programs' command lines, environments and files.

use std::collections::BTreeMap;

use serde_json::json;

use crate::metallb::{Generation, METALLB_NAMESPACE, Mode};

/// Where the API server listens on the control plane's loopback interface, and each node's relay on the node's.
pub const API_PORT: u16 = 6443;

/// Controller-runtime's default, which MetalLB's controller does not let us choose.
pub const WEBHOOK_PORT: u16 = 9443;

/// Whom the token stands for; the API server allows everything to everybody who has it.
pub const TOKEN_USER: &str = "routeproof";

/// Shared by a node's reloader and the program that writes frr.conf.
pub const RELOADER_FOLDER: &str = "/etc/frr_reloader";

/// Controller-runtime looks for webhooks' certificates below TMPDIR; v0.16 does not heed `--cert-dir`.
pub(super) const TMPDIR: &str = "/tmp";

/// Where the files of [`Credentials`] are in the control plane's root.
#[derive(Clone, Copy, Debug)]
pub struct Credentials {
    /// The certificate of the API server and of the webhooks; it is its own authority.
    pub certificate: &'static str,
    /// Its private key, which signs tokens of service accounts, too.
    pub key: &'static str,
    /// `TOKEN,USER,UID`.
    pub tokens: &'static str,
    pub kubeconfig: &'static str,
}

impl Credentials {
    pub const PATHS: Credentials = Credentials {
        certificate: "/tmp/k8s-webhook-server/serving-certs/tls.crt",
        key: "/tmp/k8s-webhook-server/serving-certs/tls.key",
        tokens: "/etc/kubernetes/tokens.csv",
        kubeconfig: "/etc/kubernetes/kubeconfig",
    };
}

/// A process to start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Program {
    pub name: &'static str,
    pub arguments: Vec<String>,
    pub environment: BTreeMap<String, String>,
}

impl Program {
    fn new<S: Into<String>>(name: &'static str, arguments: impl IntoIterator<Item = S>) -> Program {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Program { name, arguments, environment: BTreeMap::new() }
    }

    fn with(mut self, variables: &[(&str, &str)]) -> Program {
        let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        self.environment.extend(owned);
        self
    }
}

const ETCD: &str = "http://127.0.0.1:2379";
const ETCD_PEERS: &str = "http://127.0.0.1:2380";

/// A store that lives as long as its lab: nothing is synced to a disk.
pub fn etcd() -> Program {
    Program::new(
        "etcd",
        [
            "--name=routeproof".to_owned(),
            "--data-dir=/var/lib/etcd".to_owned(),
            "--unsafe-no-fsync".to_owned(),
            "--log-level=warn".to_owned(),
            format!("--listen-client-urls={ETCD}"),
            format!("--advertise-client-urls={ETCD}"),
            format!("--listen-peer-urls={ETCD_PEERS}"),
            format!("--initial-advertise-peer-urls={ETCD_PEERS}"),
            format!("--initial-cluster=routeproof={ETCD_PEERS}"),
        ],
    )
}

/// An API server of whose clients nobody is restricted. There is no controller manager: no service accounts, and nobody who would take
/// taints off Nodes. It advertises an address of RFC 5737 that nothing has, because it refuses to advertise a loopback address: from
/// that comes the EndpointSlice by which MetalLB sees that there are EndpointSlices.
pub fn api_server() -> Program {
    let Credentials { certificate, key, tokens, .. } = Credentials::PATHS;
    Program::new(
        "kube-apiserver",
        [
            format!("--etcd-servers={ETCD}"),
            "--bind-address=127.0.0.1".to_owned(),
            format!("--secure-port={API_PORT}"),
            "--advertise-address=192.0.2.1".to_owned(),
            format!("--tls-cert-file={certificate}"),
            format!("--tls-private-key-file={key}"),
            format!("--token-auth-file={tokens}"),
            "--authorization-mode=AlwaysAllow".to_owned(),
            "--service-account-issuer=https://kubernetes.default.svc".to_owned(),
            format!("--service-account-key-file={certificate}"),
            format!("--service-account-signing-key-file={key}"),
            "--service-cluster-ip-range=10.96.0.0/16,fd00:10:96::/112".to_owned(),
            "--disable-admission-plugins=ServiceAccount,TaintNodesByCondition".to_owned(),
            "--enable-priority-and-fairness=false".to_owned(),
            "--profiling=false".to_owned(),
        ],
    )
}

/// MetalLB's controller, with the webhooks that it has since v0.13.0.
pub fn controller(generation: Generation, mode: Mode) -> Program {
    let webhooks: &[&str] = match generation {
        Generation::V0_12 => &[],
        _ => &["--webhook-mode=enabled", "--disable-cert-rotation"],
    };
    let arguments = ["--port=7472"].iter().chain(webhooks).map(ToString::to_string);
    Program::new("controller", arguments.chain(legacy(generation))).with(&[
        ("KUBECONFIG", Credentials::PATHS.kubeconfig),
        ("TMPDIR", TMPDIR),
        ("METALLB_NAMESPACE", METALLB_NAMESPACE),
        ("METALLB_POD_NAME", "controller"),
        ("METALLB_BGP_TYPE", mode.name()),
    ])
}

/// A node's speaker. What it has of FRR's reloader, it uses in FRR mode only. Without memberlist (METALLB_ML_BIND_ADDR) it takes every node
/// for alive.
pub fn speaker(node: &str, pod: &str, generation: Generation, mode: Mode) -> Program {
    let arguments = ["--port=7472", "--log-level=info"].map(str::to_owned);
    Program::new("speaker", arguments.into_iter().chain(legacy(generation))).with(&[
        ("KUBECONFIG", Credentials::PATHS.kubeconfig),
        ("METALLB_NAMESPACE", METALLB_NAMESPACE),
        ("METALLB_NODE_NAME", node),
        ("METALLB_POD_NAME", pod),
        ("METALLB_HOST", "127.0.0.1"),
        ("METALLB_BGP_TYPE", mode.name()),
        ("FRR_CONFIG_FILE", &format!("{RELOADER_FOLDER}/frr.conf")),
        ("FRR_RELOADER_PID_FILE", &format!("{RELOADER_FOLDER}/reloader.pid")),
    ])
}

/// v0.12 reads no KUBECONFIG, and the ConfigMap of a name.
fn legacy(generation: Generation) -> Vec<String> {
    match generation {
        Generation::V0_12 => {
            vec![format!("--kubeconfig={}", Credentials::PATHS.kubeconfig), "--config=config".to_owned()]
        }
        _ => Vec::new(),
    }
}

/// What stands in for the reloader container: each SIGHUP becomes a line.
pub fn reloader() -> Program {
    let script = "trap 'echo reload' HUP; sleep infinity & echo ready; while kill -0 $!; do wait; done";
    Program::new("sh", ["-c", script])
}

/// How a client finds the API server and proves who it is.
pub fn kubeconfig(certificate: &str, token: &str) -> String {
    let data = crate::metallb::encode_base64(certificate.as_bytes());
    json!({"apiVersion": "v1", "kind": "Config", "current-context": "lab",
        "clusters": [{"name": "lab", "cluster":
            {"server": format!("https://127.0.0.1:{API_PORT}"), "certificate-authority-data": data}}],
        "users": [{"name": "lab", "user": {"token": token}}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "lab"}}]})
    .to_string()
}
