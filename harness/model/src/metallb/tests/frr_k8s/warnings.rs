use super::*;

fn warnings(version: &str, manifests: &[&str]) -> String {
    rendered(version, manifests).warnings.join("\n")
}

#[test]
fn what_has_no_effect() {
    let elsewhere = neighbor("learn", "192.168.1.5", "").replace("metallb-system", "default");
    let own = neighbor("metallb-worker", "192.168.1.6", ", disableMP: true");
    let gw1 = peer("gw1", "192.168.1.5", "  sourceAddress: 192.168.1.10\n  localASN: 64999\n");
    insta::assert_snapshot!(warnings("v0.16.1", &[&gw1, &elsewhere, &own]), @r"
    frrconfiguration.frrk8s.metallb.io/learn: is in namespace `default`, and frr-k8s reads only those in metallb-system
    frrconfiguration.frrk8s.metallb.io/metallb-worker: MetalLB replaces it with its own of that name
    frrconfiguration.frrk8s.metallb.io/metallb-worker: disableMP has no effect in frr-k8s v0.0.25
    bgppeer.metallb.io/gw1: MetalLB does not pass `sourceAddress` on to frr-k8s; it has no effect
    bgppeer.metallb.io/gw1: MetalLB does not pass `localASN` on to frr-k8s; it has no effect
    ");
    // Older ones read every namespace.
    assert_eq!(warnings("v0.14.9", &[&elsewhere]), "");
    assert!(conf("v0.14.9", &[&elsewhere]).contains("192.168.1.5"));
}

#[test]
fn what_is_another_neighbor_or_another_timer_than_it_looks() {
    let gw1 = peer("gw1", "fd00::5", "  holdTime: 3m\n  keepaliveTime: 20s\n");
    let learn = neighbor("learn", "FD00:0::5", ", enableGracefulRestart: true");
    let again = neighbor("zz", "FD00:0::5", "");
    let manifests = [&gw1, &learn, &again].map(String::as_str);
    insta::assert_snapshot!(warnings("v0.16.1", &manifests), @r"
    frrconfiguration.frrk8s.metallb.io/learn: neighbor FD00:0::5 is another one for frr-k8s than fd00::5, as MetalLB writes it; they are not united
    frrconfiguration.frrk8s.metallb.io/zz: neighbor FD00:0::5 is another one for frr-k8s than fd00::5, as MetalLB writes it; they are not united
    frrconfiguration.frrk8s.metallb.io/zz: enableGracefulRestart of neighbor FD00:0::5 is not what frrconfiguration.frrk8s.metallb.io/learn says; frr-k8s takes that of whichever it reads first
    frrconfiguration.frrk8s.metallb.io/metallb-worker: neighbor fd00::5: frr-k8s drops holdTime 180s, FRR's default, and keepaliveTime 20s with it: FRR runs with 60s and 180s
    ");
    assert!(!conf("v0.16.1", &manifests).contains("timers"));
}
