//! One certificate and one token for a lab's control plane; nobody else ever sees its loopback interface.

use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use routeproof_model::cluster::{Credentials, TOKEN_USER, kubeconfig};
use routeproof_model::diag::Source;
use routeproof_model::metallb::decode_base64;
use routeproof_model::yaml;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::error::ClusterError;
use crate::lab::NodeHandle;

#[derive(Clone)]
pub struct Secrets {
    /// PEM.
    pub certificate: String,
    key: String,
    pub token: String,
    pub client: Arc<ClientConfig>,
}

/// Without the secrets.
impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

impl Secrets {
    pub fn new() -> Result<Secrets, ClusterError> {
        let names = ["127.0.0.1".to_string(), "localhost".to_string()];
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(names).map_err(ClusterError::Certificate)?;
        let key = signing_key.serialize_pem();
        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone()).map_err(ClusterError::Client)?;
        let client = trusting(roots)?.with_no_client_auth();
        // As random as the key that it is made of.
        let token = hex::encode(Sha256::digest(key.as_bytes()));
        Ok(Secrets { certificate: cert.pem(), key, token, client: Arc::new(client) })
    }

    /// The files that the control plane's programs read.
    pub async fn write(&self, plane: &NodeHandle) -> Result<(), ClusterError> {
        let at = Credentials::PATHS;
        plane.write(at.certificate, 0o644, self.certificate.as_bytes()).await?;
        plane.write(at.key, 0o600, self.key.as_bytes()).await?;
        let tokens = format!("{},{TOKEN_USER},{TOKEN_USER}\n", self.token);
        plane.write(at.tokens, 0o600, tokens.as_bytes()).await?;
        self.write_kubeconfig(plane).await
    }

    /// The one file that a node's programs need to find the API server.
    pub async fn write_kubeconfig(&self, node: &NodeHandle) -> Result<(), ClusterError> {
        let config = kubeconfig(&self.certificate, &self.token);
        Ok(node.write(Credentials::PATHS.kubeconfig, 0o600, config.as_bytes()).await?)
    }
}

type WantsClientCert = rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>;

fn trusting(roots: RootCertStore) -> Result<WantsClientCert, ClusterError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    Ok(builder.map_err(ClusterError::Client)?.with_root_certificates(roots))
}

/// A client with the certificate of the first user of a kubeconfig, which trusts the authority of its first cluster.
pub fn of_kubeconfig(path: &str, config: Vec<u8>) -> Result<ClientConfig, ClusterError> {
    let unusable = |why: String| ClusterError::Kubeconfig { path: path.to_string(), why };
    let source = Source::from_bytes(path, config);
    let config = source.and_then(|source| yaml::parse::<Value>(&source)).map_err(|e| unusable(e.to_string()))?;
    let pem = |place: &str| {
        let text = config.pointer(place).and_then(Value::as_str).and_then(decode_base64);
        text.ok_or_else(|| unusable(format!("it has no {place}")))
    };
    let bad = |e: rustls::pki_types::pem::Error| unusable(e.to_string());
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem("/clusters/0/cluster/certificate-authority-data")?) {
        roots.add(certificate.map_err(bad)?).map_err(ClusterError::Client)?;
    }
    let own = pem("/users/0/user/client-certificate-data")?;
    let own = CertificateDer::pem_slice_iter(&own).collect::<Result<Vec<_>, _>>().map_err(bad)?;
    let key = PrivateKeyDer::from_pem_slice(&pem("/users/0/user/client-key-data")?).map_err(bad)?;
    trusting(roots)?.with_client_auth_cert(own, key).map_err(ClusterError::Client)
}
