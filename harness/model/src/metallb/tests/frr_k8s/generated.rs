use super::*;

/// As YAML would have it, but in JSON: the command line prints the YAML.
fn generated(version: &str, manifests: &[&str]) -> String {
    serde_json::to_string_pretty(&rendered(version, manifests).generated).unwrap()
}

fn announced() -> [String; 4] {
    [
        metallb("IPAddressPool", "p", "{addresses: [10.100.0.0/24, \"fc00:100::/120\"]}"),
        metallb("BGPAdvertisement", "a", "{localPref: 150, communities: [\"65000:1\", \"large:1:2:3\"]}"),
        service("s1", "namespace: default", "ipFamilyPolicy: PreferDualStack, ports: [{port: 80}]"),
        peer("gw2", "fd00::5", "  password: hush\n  vrf: red\n"),
    ]
}

#[test]
fn what_the_speaker_writes() {
    let more = "  peerPort: 1179\n  holdTime: 90s\n  bfdProfile: fast\n  enableGracefulRestart: true\n  \
                passwordSecret: {name: md5}\n  sourceAddress: 192.168.1.10\n  localASN: 64999\n";
    let (bfd, gw1) =
        (metallb("BFDProfile", "fast", "{receiveInterval: 50}"), peer("gw1", "192.168.1.5", more));
    let announced = announced();
    let mut manifests = vec![SECRET, &bfd, &gw1];
    manifests.extend(announced.iter().map(String::as_str));
    insta::assert_snapshot!(generated("v0.16.1", &manifests), @r#"
    {
      "apiVersion": "frrk8s.metallb.io/v1beta1",
      "kind": "FRRConfiguration",
      "metadata": {
        "name": "metallb-worker",
        "namespace": "metallb-system"
      },
      "spec": {
        "bgp": {
          "routers": [
            {
              "asn": 64513,
              "neighbors": [
                {
                  "asn": 64512,
                  "address": "192.168.1.5",
                  "port": 1179,
                  "passwordSecret": {
                    "name": "md5"
                  },
                  "holdTime": "1m30s",
                  "keepaliveTime": "30s",
                  "bfdProfile": "fast",
                  "enableGracefulRestart": true,
                  "toAdvertise": {
                    "allowed": {
                      "prefixes": [
                        "10.100.0.0/32"
                      ]
                    },
                    "withLocalPref": [
                      {
                        "prefixes": [
                          "10.100.0.0/32"
                        ],
                        "localPref": 150
                      }
                    ],
                    "withCommunity": [
                      {
                        "prefixes": [
                          "10.100.0.0/32"
                        ],
                        "community": "65000:1"
                      },
                      {
                        "prefixes": [
                          "10.100.0.0/32"
                        ],
                        "community": "large:1:2:3"
                      }
                    ]
                  }
                }
              ],
              "prefixes": [
                "10.100.0.0/32"
              ]
            },
            {
              "asn": 64513,
              "vrf": "red",
              "neighbors": [
                {
                  "asn": 64512,
                  "address": "fd00::5",
                  "port": 179,
                  "password": "hush",
                  "toAdvertise": {
                    "allowed": {
                      "prefixes": [
                        "fc00:100::/128"
                      ]
                    },
                    "withLocalPref": [
                      {
                        "prefixes": [
                          "fc00:100::/128"
                        ],
                        "localPref": 150
                      }
                    ],
                    "withCommunity": [
                      {
                        "prefixes": [
                          "fc00:100::/128"
                        ],
                        "community": "65000:1"
                      },
                      {
                        "prefixes": [
                          "fc00:100::/128"
                        ],
                        "community": "large:1:2:3"
                      }
                    ]
                  }
                }
              ],
              "prefixes": [
                "fc00:100::/128"
              ]
            }
          ],
          "bfdProfiles": [
            {
              "name": "fast",
              "receiveInterval": 50,
              "echoMode": false,
              "passiveMode": false
            }
          ]
        },
        "nodeSelector": {
          "matchLabels": {
            "kubernetes.io/hostname": "worker"
          }
        }
      }
    }
    "#);
}

/// Up to v0.14.9 a session carries both families; up to v0.14.8 the timers are always there, and graceful restart is not passed on.
#[test]
fn what_older_speakers_write() {
    let gw1 = peer("gw1", "192.168.1.5", "  enableGracefulRestart: true\n  disableMP: true\n");
    let announced = announced();
    let mut manifests = vec![gw1.as_str()];
    manifests.extend(announced[..3].iter().map(String::as_str));
    insta::assert_snapshot!(generated("v0.14.8", &manifests), @r#"
    {
      "apiVersion": "frrk8s.metallb.io/v1beta1",
      "kind": "FRRConfiguration",
      "metadata": {
        "name": "metallb-worker",
        "namespace": "metallb-system"
      },
      "spec": {
        "bgp": {
          "routers": [
            {
              "asn": 64513,
              "neighbors": [
                {
                  "asn": 64512,
                  "address": "192.168.1.5",
                  "port": 179,
                  "holdTime": "1m30s",
                  "keepaliveTime": "30s",
                  "toAdvertise": {
                    "allowed": {
                      "prefixes": [
                        "10.100.0.0/32",
                        "fc00:100::/128"
                      ]
                    },
                    "withLocalPref": [
                      {
                        "prefixes": [
                          "10.100.0.0/32",
                          "fc00:100::/128"
                        ],
                        "localPref": 150
                      }
                    ],
                    "withCommunity": [
                      {
                        "prefixes": [
                          "10.100.0.0/32",
                          "fc00:100::/128"
                        ],
                        "community": "65000:1"
                      },
                      {
                        "prefixes": [
                          "10.100.0.0/32",
                          "fc00:100::/128"
                        ],
                        "community": "large:1:2:3"
                      }
                    ]
                  },
                  "disableMP": true
                }
              ],
              "prefixes": [
                "10.100.0.0/32",
                "fc00:100::/128"
              ]
            }
          ]
        },
        "nodeSelector": {
          "matchLabels": {
            "kubernetes.io/hostname": "worker"
          }
        }
      }
    }
    "#);
}

/// Two Services of one prefix: up to v0.14.8 the speaker lists it twice, and frr-k8s refuses that for a local preference.
#[test]
fn one_prefix_of_two_services() {
    let pool = metallb("IPAddressPool", "p", "{addresses: [10.100.0.0/24]}");
    let adv = metallb("BGPAdvertisement", "a", "{aggregationLength: 24, localPref: 150}");
    let services = ["s1", "s2"].map(|name| service(name, "namespace: default", "ports: [{port: 80}]"));
    let gw1 = peer("gw1", "192.168.1.5", "");
    let manifests = [&gw1, &pool, &adv, &services[0], &services[1]].map(String::as_str);
    insta::assert_snapshot!(refusal("v0.14.8", &manifests), @r"
    (cluster): frr-k8s refuses FRRConfiguration `metallb-worker`: multiple local prefs specified for prefix 10.100.0.0/24
    ");
    assert!(conf("v0.14.9", &manifests).contains("set local-preference 150"));
}

#[test]
fn a_node_without_peers_gets_none() {
    let elsewhere = peer("gw1", "192.168.1.5", "  nodeSelectors: [{matchLabels: {rack: b}}]\n");
    assert_eq!(rendered("v0.16.1", &[&elsewhere]).generated, None);
}
