//! A cluster of real programs without a kubelet: what etcd, kube-apiserver, MetalLB's controller and speakers, and frr-k8s are started with, and
//! which objects they find. Everything is on loopback interfaces of namespaces.

mod frr_k8s;
mod install;
mod objects;
mod programs;
mod same;

pub use frr_k8s::{FrrK8s, NoFrrK8s};
pub use install::{Install, Webhooks};
pub use objects::{
    OF_SERVICE, Resource, Unknown, allocated, endpoints, namespace, node, pod, pods_everywhere, resource,
    service, with_defaults,
};
pub use programs::{
    API_PORT, Credentials, Program, RELOADER_FOLDER, TOKEN_USER, WEBHOOK_PORT, api_server, controller, etcd,
    kubeconfig, reloader, speaker,
};
pub use same::first_difference;
