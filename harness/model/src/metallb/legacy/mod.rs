//! MetalLB up to v0.12: its whole configuration is YAML in the key `config` of the ConfigMap `config`, without custom resources. It is
//! read ([`file`]) with places in the user's file and resolved into what custom resources resolve into, so that speaker and controller
//! are the same.

mod file;
mod peers;
mod pools;
mod resolve;

pub(super) use resolve::{Refusal, is_config, located, refuse_resources, resolve, unread};
