//! As an ordinary user.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use routeproof_engine::preflight::skip_test;

use crate::scene::{CACHE, RUN, Scene, copy_image};
use crate::support::Said;

/// As root, so that the other half of the promise is tested too.
#[test]
fn as_an_ordinary_user() {
    if !nix::unistd::geteuid().is_root() {
        println!("the other tests run as an ordinary user already");
        return;
    }
    let Some(scene) = Scene::set(&["learn-routes"]) else { return };
    // The user can reach neither root's cache nor, perhaps, the build folder.
    let place = |name: &str| scene.folder.path(name);
    copy_image(&CACHE, &place("cache"));
    std::fs::copy(env!("CARGO_BIN_EXE_routeproof"), place("routeproof")).unwrap();
    give_to(scene.folder.0.path(), NOBODY);
    let user = |args: &[&str]| {
        let command = scene.command(args);
        let mut own = Command::new(place("routeproof"));
        own.args(command.get_args())
            .current_dir(scene.folder.0.path())
            .stdin(Stdio::null())
            .uid(NOBODY)
            .gid(NOBODY);
        own.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        own.env("ROUTEPROOF_CACHE", place("cache"));
        Said::from(own.output().unwrap())
    };
    let doctor = user(&["doctor", "--json"]);
    if doctor.json()[0]["present"] == false {
        skip_test("unprivileged-namespaces", &doctor.json()[0].to_string());
        return;
    }
    let said = user(&RUN);
    assert_eq!(said.code, Some(0), "{said}\n{}", said.stdout);
    scene.assert_clean(Duration::ZERO, "after a run of an ordinary user");
}

const NOBODY: u32 = 65534;

fn give_to(path: &Path, user: u32) {
    std::os::unix::fs::lchown(path, Some(user), Some(user)).unwrap();
    if path.is_dir() && !path.is_symlink() {
        std::fs::read_dir(path).unwrap().flatten().for_each(|entry| give_to(&entry.path(), user));
    }
}
