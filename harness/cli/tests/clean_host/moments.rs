//! SIGKILL at moments that nobody chose.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant, SystemTime};

use nix::sys::signal::Signal;

use crate::scene::{CACHE, Running, Scene, TEARDOWN, copy_image};
use crate::support::Said;

/// A pull that is killed leaves nothing that a later pull or a run takes for a tree, and prune clears it away.
#[test]
fn after_kill_9_of_a_pull() {
    let Some(scene) = Scene::set(&[]) else { return };
    let (source, cache) = (scene.folder.path("source"), scene.folder.path("cache"));
    copy_image(&CACHE, &source);
    let tree = std::fs::read_dir(source.join("trees")).unwrap().flatten().next().unwrap().path();
    let args = ["images", "pull", "frr:8.4.4", "--from", tree.to_str().unwrap()];
    let pull = || {
        let mut command = scene.command(&args);
        command.env("ROUTEPROOF_CACHE", &cache).stdout(Stdio::piped()).stderr(Stdio::piped());
        Running { child: Some(command.spawn().unwrap()), started: Instant::now() }
    };
    let list = || {
        let mut command = scene.command(&["images", "list", "--json"]);
        Said::from(command.env("ROUTEPROOF_CACHE", &cache).output().unwrap())
    };
    let mut killed = 0;
    for moment in [20, 60, 150, 300, 500, 800] {
        let running = pull();
        std::thread::sleep(Duration::from_millis(moment));
        running.signal(Signal::SIGKILL);
        let ended = running.end();
        killed += u32::from(ended.code.is_none());
        scene.assert_clean(TEARDOWN, "after a killed pull");
        for image in list().json().as_array().unwrap().iter().filter(|image| image["state"] == "cached") {
            let reload = Path::new(image["tree"].as_str().unwrap()).join("usr/lib/frr/frr-reload.py");
            assert!(reload.is_file(), "half a tree counts as cached: {image}");
        }
    }
    assert!(killed > 0, "every pull was over before it was killed");
    let said = pull().end();
    assert_eq!(said.code, Some(0), "{said}");
    let pruned =
        Said::from(scene.command(&["images", "prune"]).env("ROUTEPROOF_CACHE", &cache).output().unwrap());
    assert_eq!(pruned.code, Some(0), "{pruned}");
    let staged = std::fs::read_dir(cache.join("staging")).map_or(0, |staged| staged.count());
    assert_eq!(staged, 0, "what the killed pulls had begun is gone");
}

/// Moments in which something half-made could stay: most of them while labs are built, some later.
#[test]
fn after_kill_9_at_any_moment() {
    let kills: u32 = std::env::var("ROUTEPROOF_KILLS").ok().and_then(|n| n.parse().ok()).unwrap_or(8);
    let Some(scene) = Scene::set(&["learn-routes", "filtered-routes"]) else { return };
    let args = ["run", "learn-routes", "filtered-routes", "--only", "frr=8.4.4"];
    let mut seed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos() as u64 | 1;
    for number in 0..kills {
        // xorshift64
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        let longest = if number % 4 == 3 { 10_000 } else { 1_500 };
        let moment = Duration::from_millis(seed % longest);
        let running = scene.start(&args);
        std::thread::sleep(moment.saturating_sub(running.started.elapsed()));
        running.signal(Signal::SIGKILL);
        drop(running);
        scene.assert_clean(TEARDOWN, &format!("after kill -9 at {moment:?} (kill {number})"));
    }
    // What the killed ones left in the run directory is in nobody's way.
    let said = scene.start(&args).end();
    assert_eq!(said.code, Some(0), "{said}");
    scene.assert_clean(Duration::ZERO, "at the end");
    println!("{kills} kills, nothing left");
}
