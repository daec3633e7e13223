//! A node with a full table.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use routeproof_engine::observe::{Monitor, Sockets, dump_all};
use routeproof_engine::run::Recorder;
use routeproof_model::fact::{Change, KernelEvent};
use routeproof_model::recording::LineRef;

use super::memory::Peak;
use super::router::Router;
use super::{netlink, sample};

const PATIENCE: Duration = Duration::from_secs(60);

pub async fn measure(routes: u32) {
    let row = |what: &str| format!("{routes} routes: {what}");
    let router = Router::new();
    let empty = dump_all(netlink()).unwrap().routes.len();
    router.all(routes, true);

    let (peak, start) = (Peak::start(), Instant::now());
    let inspection = dump_all(netlink()).unwrap();
    sample(&row("snapshot"), ms(start));
    sample(&row("memory of a snapshot"), peak.growth());
    assert_eq!(inspection.routes.len(), empty + routes as usize);
    drop(inspection);

    let (peak, start) = (Peak::start(), Instant::now());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("observations.jsonl");
    let recorder = Recorder::create(&file).unwrap();
    let gaps = Arc::new(AtomicU64::new(0));
    let (writer, counter) = (recorder.clone(), Arc::clone(&gaps));
    let sink = Box::new(move |event: &KernelEvent| {
        counter.fetch_add(u64::from(matches!(event.change, Change::Gap(_))), Ordering::Relaxed);
        writer.write(&LineRef::Kernel { node: "node", event });
    });
    let monitor = Monitor::start(Sockets::new(netlink(), netlink()), sink).await.unwrap();
    sample(&row("start of a listener"), ms(start));
    sample(&row("memory of a listener"), peak.growth());
    assert_eq!(monitor.with_state(|state| state.route_count()), empty + routes as usize);

    let start = Instant::now();
    let copy = monitor.snapshot();
    sample(&row("copy of the state"), ms(start));
    drop(copy);

    for add in [false, true] {
        let (peak, start) = (Peak::start(), Instant::now());
        let (router, word) = (Router::new(), if add { "installed" } else { "withdrawn" });
        let installing = tokio::task::spawn_blocking(move || router.all(routes, add));
        let target = if add { empty + routes as usize } else { empty };
        let mut installed = std::pin::pin!(installing);
        let mut done = None;
        let mut seen = monitor.generation();
        while done.is_none() || monitor.with_state(|state| state.route_count()) != target {
            tokio::select! {
                finished = &mut installed, if done.is_none() => {
                    finished.unwrap();
                    done = Some(Instant::now());
                }
                change = monitor.changed(seen), if done.is_some() => seen = change.unwrap(),
            }
            assert!(start.elapsed() < PATIENCE, "the listener did not keep up");
        }
        sample(
            &row(&format!("{word}, by netlink at full speed")),
            (done.unwrap() - start).as_secs_f64() * 1e3,
        );
        sample(&row(&format!("{word}, listener behind by")), ms(done.unwrap()));
        sample(&row(&format!("{word}, memory")), peak.growth());
    }
    let gaps = gaps.load(Ordering::Relaxed);
    assert_eq!(gaps, 0, "messages were lost");
    recorder.finish().unwrap();
    sample(
        &row("memory on disk, observations.jsonl"),
        std::fs::metadata(&file).unwrap().len() as f64 / 1024.0,
    );
}

fn ms(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}
