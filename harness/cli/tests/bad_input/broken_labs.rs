//! Mistakes that only a lab can find (T1): the run is `broken`, exit 3, and says what broke it.

use insta::assert_snapshot;
use routeproof_engine::preflight::skip_test;

use crate::support::{Folder, Said, labs};
use crate::{EXTRAS, TOPOLOGY, folder};

/// Runs one lab, and gives the exit code and the one run's outcome and reason.
fn outcome(folder: &Folder) -> String {
    let said = folder.routeproof(&["run", "learn-routes", "--only", "frr=8.4.4", "--json"]);
    let json = said.json();
    let run = &json["runs"][0];
    let text = |key: &str| run[key].as_str().unwrap_or_default().to_string();
    format!("exit {}\n{}\n{}", said.code.unwrap(), text("outcome"), text("reason"))
}

#[test]
fn an_exec_line_that_fails() {
    if !labs() {
        return;
    }
    let folder = folder();
    let _redacted = folder.redacted();
    folder.edit(TOPOLOGY, "192.168.1.5/24 dev eth1", "192.168.1.5/24 dev eth7");
    assert_snapshot!(outcome(&folder), @r#"
    exit 3
    broken
    node gw1: `ip address add 192.168.1.5/24 dev eth7` failed (exit code 1): Cannot find device "eth7"
    "#);
}

#[test]
fn an_exec_line_whose_program_is_not_there() {
    if !labs() {
        return;
    }
    let folder = folder();
    let _redacted = folder.redacted();
    folder.edit(TOPOLOGY, "ip address add 192.168.1.5/24 dev eth1", "frobnicate --all");
    assert_snapshot!(outcome(&folder), @r"
    exit 3
    broken
    node gw1: cannot start `frobnicate --all`: No such file or directory (os error 2)
    ");
}

#[test]
fn extras_that_frr_rejects() {
    if !labs() {
        return;
    }
    let folder = folder();
    let _redacted = folder.redacted();
    folder.edit(EXTRAS, "route-map 192.168.1.5-in permit 10", "route-map 192.168.1.5-in allow 10");
    assert_snapshot!(outcome(&folder), @r"
    exit 3
    broken
    apply manifests/extras.yaml: node k8s-worker: FRR rejects `route-map 192.168.1.5-in allow 10`: Unknown command; hint: frr-reload.py --test refused the file, so MetalLB keeps the old configuration: every later change is stuck until the line is mended
    ");
}

#[test]
fn a_gateways_configuration_that_frr_rejects() {
    if !labs() {
        return;
    }
    let folder = folder();
    let _redacted = folder.redacted();
    folder.edit(
        "topologies/one-gateway/gw1/frr.conf",
        " no bgp network import-check",
        " no bgp network imprt-check",
    );
    assert_snapshot!(outcome(&folder), @r"
    exit 3
    broken
    node gw1: FRR rejects `no bgp network imprt-check`: bgpd: [BGP] Unknown command: no bgp network imprt-check; hint: files: routeproof-runs/[RUN]/000-learn-routes-8.4.4/nodes/gw1
    ");
}

#[test]
fn a_daemon_that_does_not_start() {
    if !labs() {
        return;
    }
    let folder = folder();
    let _redacted = folder.redacted();
    folder.edit("topologies/one-gateway/gw1/daemons", "bgpd_options=\"", "bgpd_options=\"--nonsense ");
    assert_snapshot!(outcome(&folder), @r"
    exit 3
    broken
    node gw1: bgpd ended at once with exit code 1: /usr/lib/frr/bgpd: unrecognized option '--nonsense' | Invalid options.
    ");
}

/// The kernel's limits are per user namespace, so a machine that allows no network namespaces is easily had.
#[test]
fn a_machine_that_allows_no_labs() {
    if !labs() {
        return;
    }
    let folder = folder();
    let _redacted = folder.redacted();
    let without = |command: &str| {
        let mut unshare = std::process::Command::new("unshare");
        let script = format!("echo 0 > /proc/sys/user/max_net_namespaces && exec \"$0\" {command}");
        unshare.args(["--user", "--map-root-user", "sh", "-c", &script, env!("CARGO_BIN_EXE_routeproof")]);
        unshare.current_dir(folder.0.path()).env("NO_COLOR", "1");
        #[allow(clippy::disallowed_methods, reason = "these tests start the binary")]
        let output = unshare.output().unwrap();
        Said::from(output)
    };
    let doctor = without("doctor");
    if doctor.stderr.contains("unshare") {
        skip_test("unshare", &doctor.stderr);
        return;
    }
    let about_namespaces = doctor.stdout.split("vrf").next().unwrap().trim_end_matches("no  ");
    assert_snapshot!(about_namespaces.trim(), @r"
    no  namespaces       this machine allows no labs: cannot create the lab's mount, pid and network namespaces: No space left on device (os error 28)
                         user.max_net_namespaces is 0: `sudo sysctl user.max_net_namespaces=10000`, or run as root of the host
    ");
    let said = without("run learn-routes --only frr=8.4.4 --require namespaces --kernel host");
    assert_snapshot!(said, @r"
    exit 5
    error: namespaces is required and missing: this machine allows no labs: cannot create the lab's mount, pid and network namespaces: No space left on device (os error 28)
    hint: user.max_net_namespaces is 0: `sudo sysctl user.max_net_namespaces=10000`, or run as root of the host
    ");
    let said = without("run learn-routes --only frr=8.4.4 --json --kernel host");
    let run = &said.json()["runs"][0];
    let text = |key: &str| run[key].as_str().unwrap_or_default().to_string();
    assert_snapshot!(format!("exit {}\n{}\n{}", said.code.unwrap(), text("outcome"), text("reason")), @r"
    exit 4
    skipped
    this machine allows no labs: cannot create the lab's mount, pid and network namespaces: No space left on device (os error 28); hint: user.max_net_namespaces is 0: `sudo sysctl user.max_net_namespaces=10000`, or run as root of the host
    ");
}

#[test]
fn what_people_see_of_a_broken_lab() {
    if !labs() {
        return;
    }
    let folder = folder();
    let _redacted = folder.redacted();
    folder.edit(TOPOLOGY, "ip address add 192.168.1.5/24 dev eth1", "false");
    let said = folder.routeproof(&["run", "learn-routes", "--only", "frr=8.4.4"]);
    assert_snapshot!(format!("{said}\n---\n{}", said.stdout), @r"
    exit 3
             1 run of 1 scenario
      BROKEN [TIME] learn-routes frr=8.4.4  node gw1: `false` failed (exit code 1)
    ---
      broken    [TIME]  learn-routes frr=8.4.4  node gw1: `false` failed (exit code 1)

    BROKEN: learn-routes frr=8.4.4
      reason    node gw1: `false` failed (exit code 1)
      file      routeproof-runs/[RUN]/000-learn-routes-8.4.4/observations.jsonl
      file      routeproof-runs/[RUN]/000-learn-routes-8.4.4/nodes
      file      routeproof-runs/[RUN]/000-learn-routes-8.4.4
      again     routeproof run scenarios/learn-routes/scenario.yaml --only frr=8.4.4 --keep

    1 run: 1 broken in [TIME]
    run directory: routeproof-runs/[RUN]
    ");
}
