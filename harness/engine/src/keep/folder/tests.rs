use super::*;

fn states(dir: &Path) -> States {
    States { path: dir.join("routeproof") }
}

fn state(name: &str) -> State {
    State {
        name: name.to_string(),
        pid: std::process::id(),
        topology: "lab.clab.yml".into(),
        guest: None,
        directory: "runs/1".into(),
        started_s: 1,
    }
}

#[tokio::test]
async fn a_lab_lives_as_long_as_its_lock_is_held() {
    let dir = tempfile::tempdir().unwrap();
    let states = states(dir.path());
    assert!(states.list().unwrap().is_empty());
    let (held, _listener) = states.hold(&state("one")).await.unwrap();
    let found = states.find("one").unwrap();
    assert!(found.alive && found.state == Some(state("one")));
    assert!(!remove_dead(&found.path).unwrap(), "what lives stays");
    let again = states.hold(&state("one")).await.unwrap_err();
    assert!(matches!(again, KeepError::Alive { .. }), "{again}");

    // As a kill leaves it: the folder stays, the lock is free.
    drop(held);
    assert!(!states.find("one").unwrap().alive);
    let (held, _listener) = states.hold(&state("one")).await.unwrap();
    assert!(states.find("one").unwrap().alive, "a dead lab's name can be used again");
    held.remove().unwrap();
    assert_eq!(fs::read_dir(states.path()).unwrap().count(), 0);
}

#[tokio::test]
async fn dead_folders_go_and_half_removed_ones_too() {
    let dir = tempfile::tempdir().unwrap();
    let states = states(dir.path());
    drop(states.hold(&state("dead")).await.unwrap());
    assert!(remove_dead(&states.path().join("dead")).unwrap());
    fs::create_dir(states.path().join("empty")).unwrap();
    assert!(remove_dead(&states.path().join("empty")).unwrap());
    assert!(states.list().unwrap().is_empty());
}

#[tokio::test]
async fn the_socket_works_below_a_long_path() {
    let dir = tempfile::tempdir().unwrap();
    let long = dir.path().join("x".repeat(120));
    fs::create_dir(&long).unwrap();
    let states = states(&long);
    let (_held, _listener) = states.hold(&state("one")).await.unwrap();
    states.find("one").unwrap().connect().unwrap();
}

#[tokio::test]
async fn a_folder_that_others_can_write_to_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let states = states(dir.path());
    fs::create_dir(states.path()).unwrap();
    fs::set_permissions(states.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let error = states.hold(&state("one")).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{} is not ours alone: its mode is 755, not 700", states.path().display())
    );
}

#[test]
fn names_stay_in_their_folder() {
    for good in ["one-gateway", "a", "1.2_x"] {
        check_name(good).unwrap();
    }
    for bad in ["", ".", "..", ".x", "-x", "a/b", "a b", "ü", &"x".repeat(65)] {
        check_name(bad).unwrap_err();
    }
}

#[test]
fn a_runtime_folder_must_be_ours() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(base(Some(dir.path())), dir.path().join("routeproof"));
    let fallback = PathBuf::from(format!("/tmp/routeproof-{}", geteuid()));
    assert_eq!(base(None), fallback);
    assert_eq!(base(Some(Path::new("relative"))), fallback);
    assert_eq!(base(Some(&dir.path().join("missing"))), fallback);
}
