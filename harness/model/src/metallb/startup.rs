//! What the frr container of a speaker boots with, before the speaker has rendered anything: the ConfigMap `frr-startup`.

use super::frrk8s::{FrrK8s, Generation as K8sGeneration};
use super::lint::FrrVersion;
use super::release::{Generation, Mode, Release};

/// One daemon of the container and the options of its command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Daemon {
    pub name: &'static str,
    pub options: Vec<&'static str>,
}

/// Boot configuration of a speaker's FRR.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Startup {
    /// `/etc/frr/frr.conf` at boot; the first reload replaces it.
    pub conf: String,
    /// `/etc/frr/vtysh.conf`.
    pub vtysh_conf: &'static str,
    /// In the order in which FRR starts them. watchfrr is not among them: the lab watches its daemons itself.
    pub daemons: Vec<Daemon>,
}

/// The boot configuration of `release` in a mode. `frr` is the FRR that runs, if it is known: options that came after it are left
/// out, so that a release can be tried with an FRR from before its time, which its own container would not even start.
///
/// bgpd gets `-p 0`: it never listens, so the router must accept the connection. The `frr version` line is part of the file and
/// stays at 7.5.1 up to v0.14.5 although the image is newer.
pub fn startup(release: &Release, mode: Mode, frr: Option<FrrVersion>) -> Startup {
    let generation = release.generation;
    let version = if generation < Generation::V0_14_6 { "7.5.1" } else { "8.0" };
    let log = if generation < Generation::V0_16_0 { "file /etc/frr/frr.log" } else { "stdout" };
    let conf = format!(
        "frr version {version}\nfrr defaults traditional\nhostname Router\nline vty\nlog {log} informational\n"
    );
    Startup { conf, vtysh_conf: "service integrated-vtysh-config\n", daemons: daemons(release, mode, frr) }
}

/// frr-k8s lets zebra keep its routes over a restart for two minutes, since v0.0.18.
fn keeps_routes(release: &Release, mode: Mode) -> bool {
    let frr_k8s = FrrK8s::of(release).filter(|_| mode == Mode::FrrK8s);
    frr_k8s.is_some_and(|shipped| shipped.generation >= K8sGeneration::V0_0_20)
}

fn daemons(release: &Release, mode: Mode, frr: Option<FrrVersion>) -> Vec<Daemon> {
    let zebra: &[&str] = match keeps_routes(release, mode) {
        true => &["-A", "127.0.0.1", "-K", "120", "-s", "90000000"],
        false => &["-A", "127.0.0.1", "-s", "90000000"],
    };
    let local: &[&str] = &["-A", "127.0.0.1"];
    let mut list: Vec<(&str, &[&str])> = vec![
        ("zebra", zebra),
        ("bgpd", &["-A", "127.0.0.1", "-p", "0"]),
        ("staticd", local),
        ("bfdd", local),
    ];
    // FRR 10 starts its management daemon always; the manifests say nothing about it.
    if release.frr_in(mode).starts_with("10.") {
        list.insert(0, ("mgmtd", &[]));
    }
    // FRR has the option since 8.0.
    let limit = release.generation >= Generation::V0_15_0 && frr.is_none_or(|f| f.major >= 8);
    list.into_iter()
        .map(|(name, options)| {
            let mut options = options.to_vec();
            if limit && name != "mgmtd" {
                options.extend(["--limit-fds", "100000"]);
            }
            Daemon { name, options }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(version: &str, mode: Mode) -> String {
        let s = startup(Release::find(version).unwrap(), mode, None);
        let daemons: Vec<String> = s
            .daemons
            .iter()
            .map(|d| format!("{} {}", d.name, d.options.join(" ")).trim_end().to_owned())
            .collect();
        format!("{}{}", s.conf, daemons.join("\n"))
    }

    #[test]
    fn v0_13_10() {
        insta::assert_snapshot!(show("v0.13.10", Mode::Frr), @r"
        frr version 7.5.1
        frr defaults traditional
        hostname Router
        line vty
        log file /etc/frr/frr.log informational
        zebra -A 127.0.0.1 -s 90000000
        bgpd -A 127.0.0.1 -p 0
        staticd -A 127.0.0.1
        bfdd -A 127.0.0.1
        ");
    }

    #[test]
    fn an_older_frr_gets_no_options_that_it_lacks() {
        let options = |frr| {
            let startup = startup(Release::find("v0.15.3").unwrap(), Mode::Frr, FrrVersion::parse(frr));
            startup.daemons.into_iter().flat_map(|d| d.options).any(|o| o == "--limit-fds")
        };
        assert!(!options("frr:7.5.1") && options("frr:8.4.4"));
    }

    #[test]
    fn v0_16_1() {
        insta::assert_snapshot!(show("v0.16.1", Mode::Frr), @r"
        frr version 8.0
        frr defaults traditional
        hostname Router
        line vty
        log stdout informational
        mgmtd
        zebra -A 127.0.0.1 -s 90000000 --limit-fds 100000
        bgpd -A 127.0.0.1 -p 0 --limit-fds 100000
        staticd -A 127.0.0.1 --limit-fds 100000
        bfdd -A 127.0.0.1 --limit-fds 100000
        ");
    }
    #[test]
    fn frr_k8s_keeps_routes_over_a_restart() {
        let zebra = |version| {
            show(version, Mode::FrrK8s).lines().find(|l| l.starts_with("zebra")).unwrap().to_owned()
        };
        assert_eq!(zebra("v0.14.9"), "zebra -A 127.0.0.1 -s 90000000");
        assert_eq!(zebra("v0.16.1"), "zebra -A 127.0.0.1 -K 120 -s 90000000 --limit-fds 100000");
    }
}
