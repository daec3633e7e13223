use routeproof_engine::lab::*;
use routeproof_engine::frr::*;
use std::time::Instant;
#[tokio::main]
async fn main() {
    let tree = std::env::args().nth(1).unwrap();
    let n: usize = std::env::args().nth(2).unwrap().parse().unwrap();
    let t = Instant::now();
    let node = |name: &str| NodeSpec { name: name.into(), hostname: name.into(), tree: tree.clone().into(), sysctls: vec![("net.ipv4.ip_forward".into(), "1".into())], files: vec![] };
    let mut spec = LabSpec { mount_point: "/tmp/lp/mnt".into(), bridges: vec!["br0".into()], ..Default::default() };
    for i in 0..n {
        spec.nodes.push(node(&format!("n{i}")));
        spec.links.push(LinkSpec { mtu: None, ends: [
            LinkEnd::Node { node: i, interface: InterfaceSpec { name: "eth1".into(), mac: None, addresses: vec![format!("10.0.0.{}/24", i + 1).parse().unwrap(), format!("fd00::{}/64", i + 1).parse().unwrap()] } },
            LinkEnd::Bridge { bridge: 0, port: format!("p{i}") } ] });
    }
    std::fs::create_dir_all("/tmp/lp").unwrap();
    let lab = Lab::boot(spec, "/tmp/lp/log".as_ref()).await.unwrap();
    println!("{:?} boot {:?} times {:?}", t.elapsed(), lab.nodes.len(), lab.times);
    for n in &lab.nodes { n.output(&Command::new(["sh","-c","mkdir -p /run/frr; sed -i s/^frr:x:[0-9]*:[0-9]*:/frr:x:0:0:/ /etc/passwd; sed -i -e s/^frr:x:[0-9]*:/frr:x:0:/ -e s/^frrvty:x:[0-9]*:/frrvty:x:0:/ /etc/group; chown -R root:root /etc/frr /run/frr; chmod 755 /etc/frr /run/frr; cat /etc/frr/vtysh.conf"])).await.unwrap(); }
    let t = Instant::now();
    let mut specs = vec![];
    for d in ["mgmtd", "zebra", "bgpd", "staticd", "bfdd"] {
        if lab.nodes[0].list("/usr/lib/frr").await.unwrap().iter().any(|n| n == d) { specs.push(DaemonSpec { name: d.into(), args: ["-A", "127.0.0.1"].map(String::from).to_vec() }); }
    }
    let frrs = futures::future::try_join_all(lab.nodes.iter().map(|n| { let s = specs.clone(); async move { std::fs::create_dir_all(format!("/tmp/lp/{}", n.name())).unwrap(); Frr::start(n, &s, format!("/tmp/lp/{}", n.name()).as_ref()).await } })).await.unwrap();
    println!("daemons {:?} {}", t.elapsed(), frrs.len());
    let t = Instant::now();
    let conf = "log file /etc/frr/frr.log informational\nhostname n0\nroute-map a-in deny 20\nrouter bgp 65000\n no bgp ebgp-requires-policy\n neighbor 10.0.0.2 remote-as 65001\n";
    for _ in 0..2 {
    let r = reload(&lab.nodes[0], conf).await.unwrap();
    println!("reload {:?} {} {}", t.elapsed(), r.success(), if std::env::args().nth(3).is_some() { r.text() } else { String::new() });
    }
    lab.shutdown().await;
}
