use routeproof_engine::lab::*;
#[tokio::main]
async fn main() {
    let tree = std::env::args().nth(1).unwrap();
    let n: usize = std::env::args().nth(2).unwrap().parse().unwrap();
    let t = std::time::Instant::now();
    let node = |name: &str| NodeSpec { name: name.into(), hostname: name.into(), tree: tree.clone().into(), sysctls: vec![("net.ipv4.ip_forward".into(), "1".into())], files: vec![] };
    let mut spec = LabSpec { mount_point: "/tmp/lp/mnt".into(), bridges: vec!["br0".into()], ..Default::default() };
    for i in 0..n {
        spec.nodes.push(node(&format!("n{i}")));
        spec.links.push(LinkSpec { mtu: None, ends: [
            LinkEnd::Node { node: i, interface: InterfaceSpec { name: "eth1".into(), mac: None, addresses: vec![format!("10.0.0.{}/24", i + 1).parse().unwrap(), format!("fd00::{}/64", i + 1).parse().unwrap()] } },
            LinkEnd::Bridge { bridge: 0, port: format!("p{i}") } ] });
    }
    std::fs::create_dir_all("/tmp/lp").unwrap();
    let lab = match Lab::boot(spec, "/tmp/lp/log".as_ref()).await { Ok(l) => l, Err(e) => { println!("{e} {:?} {:?}", std::error::Error::source(&e).map(|e| e.to_string()), e.hints()); return } };
    println!("{:?} boot {:?} times {:?}", t.elapsed(), lab.nodes.len(), lab.times);
    let t = std::time::Instant::now();
    let o = lab.nodes[0].output(&Command::new(["ip", "a"])).await.unwrap();
    println!("{:?} {} {}{}", t.elapsed(), o.exit, o.stdout, o.stderr);
    let o = lab.nodes[0].output(&Command::new(["ping", "-c1", "-W1", "10.0.0.2"])).await.unwrap();
    println!("{:?} {} {}{}", t.elapsed(), o.exit, o.stdout, o.stderr);
    let o = lab.nodes[0].output(&Command::new(["sh", "-c", "mount; ls -l /dev /proc/self/fd; id; ps ax"])).await.unwrap();
    println!("{:?} {} {}{}", t.elapsed(), o.exit, o.stdout, o.stderr);
    let t = std::time::Instant::now();
    lab.shutdown().await;
    println!("down {:?}", t.elapsed());
}
