//! The kinds of nodes: those of the embedded lab, and those that only containerlab runs.

use crate::diag::Diagnostic;

const KINDS: [&str; 5] = ["linux", "frr", "bridge", "k8s-kind", "ext-container"];

/// A kind that the embedded lab knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Linux,
    /// Not containerlab's: `linux` with an FRR image, said outright.
    Frr,
    /// A vendor's that has an intent: its profile says how containerlab runs it.
    Vendor,
    Bridge,
    Cluster,
    External,
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
            "border0" => {
                Self::Elsewhere("opens the lab to a service on the Internet, and a lab stays closed")
            }
            host if HOST_KINDS.contains(&host) => {
                Self::Elsewhere("uses the host's network, which a lab never touches")
            }
            vendor if is_vendor(vendor) => {
                Self::Elsewhere("is a vendor router or appliance, which the embedded lab cannot run")
            }
            _ => Self::Unknown,
        }
    }

    /// What it is with an intent, in no vendor's words: a router that a profile describes.
    pub(super) fn with_intent(self, name: &str) -> Self {
        if is_vendor(name) { Self::Here(Kind::Vendor) } else { self }
    }

    /// The error about a node of such a kind, with what would be needed to boot it.
    pub(super) fn refuse_node(
        self,
        kind: &str,
        (node, image): (&str, Option<&str>),
        error: impl Fn(String) -> Diagnostic,
    ) -> Diagnostic {
        let refusal = self.refuse(kind, error);
        let needed = match (self, image) {
            (Self::Elsewhere(_), Some(image)) => format!("Docker, containerlab and the image {image}"),
            (Self::Elsewhere(_), None) => "Docker and containerlab".to_owned(),
            _ => return refusal,
        };
        let refusal = refusal
            .hint(format!("the node `{node}` needs {needed}; `check`, `plan` and `graph` understand it"));
        match is_vendor(&kind.to_lowercase()) {
            true => refusal.hint(
                "with a label `routeproof.intent: FILE`, scenarios run it by `--backend containerlab`; see docs/gateways.md",
            ),
            false => refusal,
        }
    }

    /// The error about a kind that is not [`KindName::Here`]; `error` says where.
    pub(super) fn refuse(self, name: &str, error: impl Fn(String) -> Diagnostic) -> Diagnostic {
        let error = match self {
            Self::Elsewhere(why) => error(format!("the kind `{name}` {why}")).unsupported(),
            Self::Here(_) | Self::Unknown => {
                let known = KINDS.iter().chain(&HOST_KINDS).chain(VENDOR_KINDS).copied();
                error(format!("unknown kind `{name}`")).suggest(name, known)
            }
        };
        error.hint(format!("the embedded lab has {}", KINDS.join(", ")))
    }
}

fn is_vendor(name: &str) -> bool {
    VENDOR_KINDS.contains(&name) || name.starts_with("vr-")
}

/// Kinds of containerlab that use the host's network or Docker's.
const HOST_KINDS: [&str; 3] = ["host", "ovs-bridge", "border0"];
/// Kinds of containerlab that are vendor routers or appliances; with those of the form `vr-*`.
const VENDOR_KINDS: &[&str] = &[
    "6wind_vsr",
    "arcos",
    "arista_ceos",
    "arista_veos",
    "arrcus_arcos",
    "aruba_aoscx",
    "ceos",
    "checkpoint_cloudguard",
    "ciena_saos",
    "cisco_asav",
    "cisco_c8000",
    "cisco_c8000v",
    "cisco_cat9kv",
    "cisco_csr1000v",
    "cisco_ftdv",
    "cisco_iol",
    "cisco_n9kv",
    "cisco_sdwan",
    "cisco_vios",
    "cisco_xrd",
    "cisco_xrd_vrouter",
    "cisco_xrv",
    "cisco_xrv9k",
    "crpd",
    "cumulus_cvx",
    "cvx",
    "dell_ftosv",
    "dell_sonic",
    "f5_bigip-ve",
    "fdio_vpp",
    "fortinet_fortigate",
    "freebsd",
    "generic_vm",
    "huawei_vrp",
    "ipinfusion_ocnos",
    "juniper_cjunosevolved",
    "juniper_crpd",
    "juniper_csrx",
    "juniper_vjunosevolved",
    "juniper_vjunosrouter",
    "juniper_vjunosswitch",
    "juniper_vmx",
    "juniper_vqfx",
    "juniper_vsrx",
    "keysight_ixia-c-one",
    "mikrotik_ros",
    "nokia_srlinux",
    "nokia_sros",
    "nokia_srsim",
    "nvidia_cumulusvx",
    "openbsd",
    "openwrt",
    "ostinato",
    "paloalto_panos",
    "plvision_sonic",
    "rare",
    "sonic-vm",
    "sonic-vs",
    "spirent_stc",
    "srl",
    "veesix_osvbng",
    "vyosnetworks_vyos",
    "xrd",
];
