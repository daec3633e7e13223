//! The embedded profiles: checked, filled in, and read with the answers that are recorded beside them.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use super::catalogue::embedded;
use super::{
    Ability, Choice, Intent, Ports, Profile, Profiles, Question, Router, told_prefixes, told_sessions,
    told_version,
};
use crate::diag::Source;

const PLAIN: &str = "
router-id: 192.168.1.5
asn: 64512
prefixes: [172.16.1.0/24, 'fc00:172:16::/64']
peers:
  - { address: 192.168.1.10, asn: 64513, local-address: 192.168.1.5 }
  - { address: 'fd00:192:168:1::10', asn: 64513, local-address: 'fd00:192:168:1::5' }
";

/// Everything that an intent can say.
const RICH: &str = "
router-id: 10.0.0.1
asn: 4200000001
prefixes: [172.16.1.0/24, 'fc00:172:16::/64']
peers:
  - address: 192.168.1.10
    asn: 64513
    local-address: 192.168.1.5
    families: [ipv4, ipv6]
    bfd: true
    password: secret
    multihop: 3
    passive: true
dynamic-peers:
  - { range: 192.168.2.0/24, asn: 64514 }
  - { range: 'fd00:2::/64', asn: 64514 }
vrfs: [{ name: red, table: 10, interfaces: [eth2] }]
vlans: [{ interface: eth1, id: 100, addresses: [192.168.100.5/24] }]
ecmp: 8
graceful-restart: restart
route-refresh: false
timers: { keepalive: 3, hold: 9, connect: 2 }
bfd: { interval-ms: 150, multiplier: 5 }
";

fn intent(text: &str) -> Intent {
    Intent::parse(&Source::new("gw.intent.yaml", text)).unwrap_or_else(|e| panic!("{}", e.render(false)))
}

fn router(name: &str, intent: &Intent) -> Router {
    let profiles = Profiles::embedded();
    let choice = profiles.choose(name).unwrap_or_else(|e| panic!("{}", e.what));
    profiles.router(&choice, intent).expect("was chosen")
}

#[test]
fn every_embedded_profile_is_right() {
    let mut names = Vec::new();
    for (source, texts) in embedded() {
        let profile = Profile::parse(&source, texts).unwrap_or_else(|e| panic!("{}", e.render(false)));
        assert_eq!(
            source.file.parent().unwrap().to_str(),
            Some(profile.file.name.as_str()),
            "its folder's name"
        );
        names.push(profile.file.name);
    }
    let known: Vec<&str> = Profiles::embedded().iter().map(|p| p.file.name.as_str()).collect();
    assert_eq!(names, known);
    for name in
        ["frr", "bird", "gobgp", "openbgpd", "exabgp", "srlinux", "ceos", "xrd", "junos", "sonic", "vyos"]
    {
        assert!(known.contains(&name), "{name}");
    }
}

#[test]
fn configurations_of_every_router() {
    for profile in Profiles::embedded().iter() {
        for (kind, text) in [("plain", PLAIN), ("rich", RICH)] {
            let router = router(&profile.file.name, &intent(text));
            let files = router.files().unwrap_or_else(|e| panic!("{}: {e}", profile.file.name));
            let mut shown: Vec<String> =
                files.iter().map(|f| format!("=== {} {:o}\n{}", f.path, f.mode, f.text)).collect();
            shown.extend(router.then().unwrap().iter().map(|argv| format!("$ {}\n", argv.join(" "))));
            insta::assert_snapshot!(format!("{}-{kind}", profile.file.name), shown.concat());
        }
    }
}

const VENDOR: &str = "
name: v
topology:
  nodes:
    k8s: { kind: k8s-kind }
    k8s-worker: { kind: ext-container }
    gw1:
      kind: nokia_srlinux
      image: ghcr.io/nokia/srlinux:24.10
      labels: { routeproof.intent: gw.intent.yaml }
      exec:
        - ip address add 192.168.1.5/24 dev eth1
        - ip address add fd00:192:168:1::5/64 dev eth1
        - ip address add 10.9.9.9/32 dev lo
  links:
    - endpoints: ['k8s-worker:eth1', 'gw1:eth1']
    - endpoints: ['gw1:eth2', 'host:tap0']
";

/// Those that configure their interfaces themselves get each address of the topology, on the interface that the router has for it.
#[test]
fn interfaces_of_every_router_that_containerlab_runs() {
    let text = VENDOR.replace("    - endpoints: ['gw1:eth2', 'host:tap0']\n", "");
    let topology = crate::topology::load(&Source::new("v.clab.yml", text))
        .unwrap_or_else(|e| panic!("{}", e.render(false)));
    assert_eq!(topology.node("gw1").unwrap().role, crate::topology::Role::Gateway);
    let names: Vec<String> = Profiles::embedded().iter().map(|profile| profile.file.name.clone()).collect();
    let theirs = names.iter().map(|name| router(name, &intent(PLAIN))).filter(Router::is_of_containerlab);
    let theirs: Vec<String> = theirs
        .map(|mut router| {
            router.ports = Ports::of(&topology, "gw1");
            let files = router.files().unwrap().into_iter().map(|file| file.text);
            let then = router.then().unwrap().into_iter().map(|argv| argv.join(" ") + "\n");
            let all: String = files.chain(then).collect();
            if router.configures_addresses() {
                for address in ["192.168.1.5", "fd00:192:168:1::5", "10.9.9.9"] {
                    assert!(all.contains(address), "{}: {address}", router.profile);
                }
                insta::assert_snapshot!(format!("{}-interfaces", router.profile), all);
            }
            format!("{} {}", router.profile, router.interface("eth1").unwrap())
        })
        .collect();
    insta::assert_snapshot!(theirs.join(", "), @"ceos eth1, junos eth1, sonic eth1, srlinux e1-1, vyos eth1, xrd Gi0-0-0-0");
}

const VRFS: &str = "
router-id: 10.0.0.1
asn: 64512
prefixes: [172.16.9.0/24]
vrfs:
  - { name: red-1, table: 100, prefixes: [172.16.1.0/24, 'fd00:8::/64'] }
  - { name: blue, table: 200, prefixes: [172.16.1.0/24] }
peers:
  - { address: 10.1.0.10, asn: 64513, vrf: red-1 }
  - { address: 'fd00:2::10', asn: 64513, vrf: blue }
  - { address: 10.3.0.10, asn: 64513 }
";

/// Of a profile that says that it can do VRFs, each peer and each prefix is in its own, and in no other; the others do not get so far.
#[test]
fn vrfs_are_kept_apart_by_the_routers_that_can() {
    let can: Vec<String> = Profiles::embedded()
        .iter()
        .map(|profile| router(&profile.file.name, &intent(VRFS)))
        .filter(|router| router.lacks().iter().all(|(ability, _)| *ability != Ability::Vrf))
        .map(|router| {
            let text = router.files().unwrap()[0].text.clone();
            insta::assert_snapshot!(format!("{}-vrfs", router.profile), text);
            router.profile
        })
        .collect();
    assert_eq!(can, ["bird", "frr"]);
}

#[test]
fn vrfs_that_make_no_sense() {
    let wrong = |from: &str, to: &str| {
        let source = Source::new("gw.intent.yaml", VRFS.replace(from, to));
        Intent::parse(&source).unwrap_err().to_string()
    };
    insta::assert_snapshot!(wrong("table: 200", "table: 100"), @"gw.intent.yaml:7:26: table 100 is that of VRF `red-1` already");
    insta::assert_snapshot!(wrong("blue", "red-1"), @"gw.intent.yaml:7:13: there are two VRFs `red-1`");
    insta::assert_snapshot!(wrong("vrf: blue", "vrf: red-1"), @"gw.intent.yaml:7:41: no peer is in VRF `blue`: nobody would hear of these");
}

#[test]
fn every_command_of_every_router_can_be_made() {
    let intent = intent(RICH);
    for profile in Profiles::embedded().iter() {
        let router = router(&profile.file.name, &intent);
        let ask = &router.ask;
        let questions =
            [Some(&ask.version), Some(&ask.sessions), ask.received.as_ref(), ask.advertised.as_ref()];
        let scripts = [router.start.check.as_ref(), router.start.ready.as_ref(), router.reload.as_ref()];
        let daemons = router.start.daemons.iter().map(|daemon| &daemon.command);
        let commands = questions.into_iter().flatten().map(|q| &q.command);
        for command in commands.chain(scripts.into_iter().flatten().map(|s| &s.command)).chain(daemons) {
            let argv = router.argv(command, Some(0)).unwrap_or_else(|e| panic!("{}: {e}", profile.file.name));
            assert!(!argv.is_empty() && !argv.concat().contains("{{"), "{argv:?}");
        }
    }
}

/// `profiles/NAME/answers/QUESTION[-MORE].txt`.
fn answers(profile: &Profile) -> Vec<(String, String)> {
    let folder =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("profiles").join(&profile.file.name).join("answers");
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<(String, String)> = entries
        .map(|entry| {
            let path = entry.unwrap().path();
            (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read_to_string(path).unwrap())
        })
        .collect();
    found.sort();
    found
}

fn shown(question: &str, by: &Question, answer: &str) -> String {
    match question {
        "version" => told_version(by, answer).unwrap(),
        "sessions" => {
            let sessions = told_sessions(by, answer, 1_800_000_000).unwrap_or_else(|e| panic!("{e}"));
            let line = |s: &crate::frr::Session| {
                let families =
                    s.families.iter().map(|(name, f)| format!(" {name} {}/{:?}", f.accepted, f.sent));
                let up = s.established.map_or(0, |e| e.uptime_ms);
                let refresh = if s.can_refresh() { " refresh" } else { "" };
                format!(
                    "{} {} AS{} {:?} {up} ms, lost {}, {:?}{}{refresh}",
                    s.vrf,
                    s.peer,
                    s.remote_asn,
                    s.state,
                    s.connections_dropped,
                    s.last_reset,
                    families.collect::<String>()
                )
            };
            sessions.iter().map(line).collect::<Vec<_>>().join("\n")
        }
        _ => format!("{:?}", told_prefixes(by, answer).unwrap_or_else(|e| panic!("{e}"))),
    }
}

#[test]
fn recorded_answers_are_read() {
    for profile in Profiles::embedded().iter().filter(|profile| profile.file.name != "frr") {
        let ask = &profile.file.ask;
        let mut all = String::new();
        for (name, answer) in answers(profile) {
            let question = name.split('-').next().unwrap();
            let by = match question {
                "version" => &ask.version,
                "sessions" => &ask.sessions,
                "received" => ask.received.as_ref().unwrap(),
                "advertised" => ask.advertised.as_ref().unwrap(),
                other => panic!("{}: no question `{other}`", profile.file.name),
            };
            all.push_str(&format!("{name}: {}\n", shown(question, by, &answer)));
        }
        assert!(all.contains("sessions"), "{} has no recorded answer about sessions", profile.file.name);
        insta::assert_snapshot!(format!("{}-answers", profile.file.name), all);
    }
}

#[test]
fn routers_are_chosen_by_name() {
    let profiles = Profiles::embedded();
    let choose = |text: &str| {
        profiles
            .choose(text)
            .map(|Choice { profile, version, variant }| format!("{profile} {version} {variant:?}"))
    };
    assert_eq!(choose("bird").unwrap(), "bird 2 None");
    assert_eq!(choose("bird-3").unwrap(), "bird 3 None");
    assert_eq!(choose("openbgpd:7.7").unwrap(), "openbgpd 7.7 None");
    assert_eq!(choose("bird-2+no-refresh").unwrap(), "bird 2 Some(\"no-refresh\")");
    let wrong = |text: &str| {
        let unknown = choose(text).map_err(|_| profiles.choose(text).unwrap_err()).unwrap_err();
        format!("{}; {}", unknown.what, unknown.hints.join("; "))
    };
    insta::assert_snapshot!(wrong("brid-2"), @"unknown router `brid-2`; did you mean `bird`?; known: bird, ceos, exabgp, frr, gobgp, junos, openbgpd, sonic, srlinux, vyos, xrd");
    insta::assert_snapshot!(wrong("bird-4"), @"bird has no version `4`; known: 2, 3");
    insta::assert_snapshot!(wrong("bird+norefresh"), @"bird has no variant `norefresh`; did you mean `no-refresh`?; known: no-refresh, tuned");
}

#[test]
fn what_an_intent_needs_is_told_by_name() {
    let lacks = |name: &str| {
        let router = router(name, &intent(RICH));
        router.lacks().iter().map(|(ability, _)| ability.name()).collect::<Vec<_>>().join(" ")
    };
    insta::assert_snapshot!(lacks("bird-2"), @"vlan");
    insta::assert_snapshot!(lacks("openbgpd-7.7"), @"fib-ecmp bfd graceful-restart md5 both-families vrf vlan");
    insta::assert_snapshot!(lacks("openbgpd-8.8"), @"fib-ecmp bfd graceful-restart vrf vlan");
    let plain = router("gobgp", &intent(PLAIN));
    assert!(plain.lacks().is_empty() && plain.cannot.contains_key(&Ability::Fib));
    let variant = router("bird-2+no-refresh", &intent(PLAIN));
    assert!(variant.files().unwrap()[0].text.contains("enable route refresh off;"));
}

const SMALL: &str = "name: x
about: a router
sources: [none]
kinds: [linux]
versions:
  - { version: '1', image: 'x:1', debian: { suite: sid, package: x } }
can: [fib, fib-ecmp, bfd, graceful-restart-helper, graceful-restart, md5, route-refresh, no-route-refresh, multihop]
cannot: { unnumbered: no, dynamic-peers: no, both-families: no, vlan: no, vrf: no }
start:
  files: [{ path: /etc/x, template: x.j2 }]
  daemons: [{ name: x, command: /usr/bin/x }]
ask:
  version: { command: x -V, filter: . }
  sessions: { command: x sessions, filter: '.[]' }
";

#[test]
fn mistakes_in_profiles_point_at_their_place() {
    let templates = |text: &str| BTreeMap::from([("x.j2".to_string(), text.to_string())]);
    let parse = |text: String, template: &str| {
        Profile::parse(&Source::new("x/profile.yaml", text), templates(template))
    };
    parse(SMALL.to_string(), "asn {{ asn }}\n").unwrap_or_else(|e| panic!("{}", e.render(false)));
    let wrong = |from: &str, to: &str| {
        assert!(SMALL.contains(from), "{from}");
        let error = parse(SMALL.replace(from, to), "").unwrap_err();
        format!("{error}; {}", error.hints.join("; "))
    };
    insta::assert_snapshot!(wrong("about:", "abuot:"), @"x/profile.yaml:2:1: unknown field `abuot`; did you mean `about`?; known here: name, about, sources, kinds, driver, not-run-here, containerlab, versions, variants, can, cannot, known-issues, start, reload, ask");
    insta::assert_snapshot!(wrong("fib-ecmp, bfd, ", ""), @"x/profile.yaml:7:1: the profile does not say whether the router can: fib-ecmp, bfd; list each under `can`, or under `cannot` with how that shows");
    insta::assert_snapshot!(wrong("vrf: no }", "vrf: no, fib: no }"), @"x/profile.yaml:8:84: `fib` is under `can`, too;");
    insta::assert_snapshot!(wrong("[fib,", "[fibb,"), @"x/profile.yaml:7:7: unknown value `fibb`; did you mean `fib`?; known here: fib, fib-ecmp, bfd, graceful-restart-helper, graceful-restart, md5, route-refresh, no-route-refresh, multihop, unnumbered, dynamic-peers, both-families, vrf, vlan");
    insta::assert_snapshot!(wrong("template: x.j2", "template: y.j2"), @"x/profile.yaml:10:37: there is no file `y.j2` beside the profile; did you mean `x.j2`?");
    insta::assert_snapshot!(wrong("filter: '.[]'", "filter: '.[] | select('"), @"x/profile.yaml:14:44: the jq filter is wrong: expected closing parenthesis, found its end;");
    insta::assert_snapshot!(wrong("filter: '.[]'", "filter: '.[] | nosuch(1)'"), @"x/profile.yaml:14:44: the jq filter is wrong: unknown filter `nosuch`;");
    insta::assert_snapshot!(wrong("command: x sessions", "command: 'x {{ peer'"), @"x/profile.yaml:14:24: unexpected end of input, expected end of variable block;");
    insta::assert_snapshot!(wrong("/usr/bin/x }]", "/usr/bin/x }]\n  rejected: ['(']"), @"x/profile.yaml:12:14: this is no regular expression: unclosed group;");
    insta::assert_snapshot!(wrong(", debian: { suite: sid, package: x }", ""), @"x/profile.yaml:6:5: nobody knows where this image is from; `debian: { suite, package }`; or `containerlab: ...` or `not-run-here: REASON` for the whole profile");
    let clab = |text: &str| wrong("can:", &format!("containerlab: {{ addresses: kernel, {text} }}\ncan:"));
    insta::assert_snapshot!(clab("interface: 'e{{ m }}'"), @"x/profile.yaml:7:47: undefined value: `m` is undefined;");
    insta::assert_snapshot!(clab("interface: e1"), @"x/profile.yaml:7:47: every interface would be called `e1`; `{{ n }}` is the number of `ethN`, from 1");
    insta::assert_snapshot!(clab("interface: 'e{{ n }}', startup-config: /etc/y"), @"x/profile.yaml:7:75: no file of `start` has the path `/etc/y`; did you mean `/etc/x`?");
    let error = parse(SMALL.to_string(), "a\n{% for x in peers %}\n{% endfo %}\n").unwrap_err();
    insta::assert_snapshot!(error, @"x/x.j2:3:1: unknown statement endfo");
}

#[test]
fn mistakes_in_intents_point_at_their_place() {
    let wrong = |from: &str, to: &str| {
        assert!(RICH.contains(from), "{from}");
        let error = Intent::parse(&Source::new("gw.intent.yaml", RICH.replace(from, to))).unwrap_err();
        format!("{error}; {}", error.hints.join("; "))
    };
    insta::assert_snapshot!(wrong("multihop: 3", "multi-hop: 3"), @"gw.intent.yaml:12:5: unknown field `multi-hop`; did you mean `multihop`?; known here: address, asn, local-address, families, vrf, bfd, password, multihop, passive");
    insta::assert_snapshot!(wrong("172.16.1.0/24", "172.16.1.1/24"), @"gw.intent.yaml:4:11: `172.16.1.1/24` is an address in the prefix 172.16.1.0/24;");
    insta::assert_snapshot!(wrong("passive: true", "vrf: rde"), @"gw.intent.yaml:13:10: unknown VRF `rde`; VRFs are listed under `vrfs`");
    insta::assert_snapshot!(wrong("local-address: 192.168.1.5", "local-address: 'fd00::5'"), @"gw.intent.yaml:8:20: fd00::5 is of another family than the peer's 192.168.1.10;");
    insta::assert_snapshot!(wrong("hold: 9", "hold: 2"), @"gw.intent.yaml:22:31: a hold time of 2 s: RFC 4271 has 0 or at least 3;");
    let error = Intent::parse(&Source::new("i.yaml", "router-id: 1.1.1.1\nasn: 1\n")).unwrap_err();
    insta::assert_snapshot!(error, @"i.yaml: the gateway has no peers: it would speak with nobody");
}

#[test]
fn a_template_with_a_name_that_is_not_there_is_an_error() {
    let mut router = router("bird", &intent(PLAIN));
    router.templates.insert("bird.conf.j2".into(), "router id {{ router_id }};\nas {{ asnn }};\n".into());
    insta::assert_snapshot!(router.files().unwrap_err(), @"bird.conf.j2, line 2: undefined value: `asnn` is undefined");
}
