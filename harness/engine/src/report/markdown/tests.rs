use std::path::Path;

use super::super::sample;
use super::*;

fn render(result: &ResultFile) -> String {
    let directory = Path::new("routeproof-runs/20260131T120102Z-4711");
    Markdown.render(&View { result, events: &[], directory: Some(directory), width: 100 })
}

#[test]
fn a_matrix() {
    insta::assert_snapshot!(render(&sample::ordering(true).result), @r"
    ## ❌ routeproof: 36 runs, 33 passed, 1 failed, 1 inconclusive, 1 skipped in 144.0s

    ### frr-ordering: 36 runs, 33 passed, 1 failed, 1 inconclusive, 1 skipped

    | order | extras | family | frr 7.5.1 | frr 8.4.4 | frr 10.3 |
    |---|---|---|---|---|---|
    | before | permit-all | ipv4 | ok | ok | ❔ **!= inconclusive** (expected bug absent) |
    | before | permit-all | ipv6 | ok | ok | ok |
    | before | with-match | ipv4 | ok | ok | ok |
    | before | with-match | ipv6 | ok | ok | ok |
    | after | permit-all | ipv4 | bug | ok | ok |
    | after | permit-all | ipv6 | bug | ❌ **!= bug** (expected bug absent) | ok |
    | after | with-match | ipv4 | ok | ok | skipped |
    | after | with-match | ipv6 | ok | ok | ok |
    | after-restart | permit-all | ipv4 | ok | ok | ok |
    | after-restart | permit-all | ipv6 | ok | ok | ok |
    | after-restart | with-match | ipv4 | ok | ok | ok |
    | after-restart | with-match | ipv6 | ok | ok | ok |

    - bug = observed, ok = observed to be absent; != marks what is not as expected or has no verdict
    - first good version: frr 8.4.4 (last with the bug: 7.5.1; order=after extras=permit-all family=ipv4)
    - first good version: frr 10.3 (last with the bug: 8.4.4; order=after extras=permit-all family=ipv6)

    <details><summary>❌ failed: frr-ordering frr=8.4.4 order=after extras=permit-all family=ipv6: bug present, expected bug absent</summary>

    - expected: bug absent<br>seen: bug present
    - route-refresh-sent of worker
      ```
      after=1 before=0
      ```
    - file: `routeproof-runs/20260131T120102Z-4711/017-frr-ordering`

    </details>

    <details><summary>❔ inconclusive: frr-ordering frr=10.3 order=before extras=permit-all family=ipv4: the session never came up</summary>

    - route-refresh-sent of worker
      ```
      after=1 before=0
      ```
    - file: `routeproof-runs/20260131T120102Z-4711/024-frr-ordering/nodes/worker/frr.conf.2`
    - file: `routeproof-runs/20260131T120102Z-4711/024-frr-ordering`

    </details>

    ⏭️ skipped 1 run: frr:10.3 is not in the cache

    Run directory: `routeproof-runs/20260131T120102Z-4711`
    ");
}

#[test]
fn scenarios_without_a_matrix() {
    insta::assert_snapshot!(render(&sample::mixed().result), @r"
    ## ❌ routeproof: 5 runs, 1 passed, 1 failed, 1 broken, 1 inconclusive, 1 skipped in 21.0s

    > ⚠️ the kernel has no VRF: scenarios that need it are skipped

    | verdict | scenario | axes | time | finding |
    |---|---|---|---:|---|
    | ✅ passed | learn-routes | frr=7.5.1 | 1.4s |  |
    | ❌ failed | learn-routes | frr=10.3 | 11.1s | expect route 172.16.1.0/24 on worker via gw1: no route to 172.16.1.0/24 within 10.0s; the session with gw1 is Established |
    | 💥 broken | filtered-routes |  | 8.5s | apply manifests/extras.yaml: line 12 of frr.conf was rejected: % Unknown command: neighbor 10.0.0.1 as-override please |
    | ⏭️ skipped | routes-in-vlans |  | 0.0s | vrf is missing: the host's kernel has no vrf.ko |
    | ❔ inconclusive | extras-survive-reloads | form=permit-20-match | 1.7s | interrupted: it started and never finished |

    <details><summary>❌ failed: learn-routes frr=10.3: expect route 172.16.1.0/24 on worker via gw1: no route to 172.16.1.0/24 within 10.0s; the session with gw1 is Established</summary>

    - expected: route 172.16.1.0/24 on worker via gw1<br>seen: no route to 172.16.1.0/24 within 10.0s; the session with gw1 is Established
    - session of worker
      ```
      peer=10.0.0.1 received=0 state=Established uptime_ms=9120
      ```
    - running-config of worker
      ```
      route-map 10.0.0.1-in deny 20
      exit
      !
      route-map RMAP permit 10
      exit
      ```
    - file: `routeproof-runs/20260131T120102Z-4711/001-learn-routes/nodes/worker/frr.conf.2`
    - file: `routeproof-runs/20260131T120102Z-4711/001-learn-routes`

    </details>

    <details><summary>💥 broken: filtered-routes: apply manifests/extras.yaml: line 12 of frr.conf was rejected: % Unknown command: neighbor 10.0.0.1 as-override please</summary>

    - step: apply manifests/extras.yaml<br>seen: line 12 of frr.conf was rejected: % Unknown command: neighbor 10.0.0.1 as-override please
    - file: `routeproof-runs/20260131T120102Z-4711/002-filtered-routes/nodes/worker/frr.conf.2`
    - file: `routeproof-runs/20260131T120102Z-4711/002-filtered-routes`

    </details>

    <details><summary>❔ inconclusive: extras-survive-reloads form=permit-20-match: interrupted: it started and never finished</summary>

    - step: diagnose reload-alternation<br>seen: did not finish; last seen: reload 2 of 3
    - file: `routeproof-runs/20260131T120102Z-4711/004-extras-survive-reloads`

    </details>

    Run directory: `routeproof-runs/20260131T120102Z-4711`
    ");
}

#[test]
fn text_is_text() {
    assert_eq!(prose("<b>*a*|_b_ `c` @me #1 \\"), "&lt;b&gt;\\*a\\*\\|\\_b\\_ \\`c\\` &#64;me &#35;1 \\\\");
    assert_eq!(code("a|b"), "`a\\|b`");
    assert_eq!(code("a``b"), "``` a``b ```");
    assert_eq!(fence(&["```` x".into()]), "`````");
}
