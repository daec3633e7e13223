//! From a route's installation to its fact, on one clock.

use std::sync::Mutex;
use std::sync::mpsc;
use std::time::Duration;

use routeproof_engine::observe::{Monitor, Sockets, now};
use routeproof_model::fact::{Change, KernelEvent, Mono, Object};

use super::router::Router;
use super::{netlink, sample};

/// The listener sleeps between two routes, as it does in a quiet lab.
const PACE: Duration = Duration::from_millis(3);

#[allow(clippy::disallowed_methods, reason = "the pace of the measurement")]
pub async fn measure(rounds: u32) {
    let (send, facts) = mpsc::channel();
    let send = Mutex::new(send);
    let sink = Box::new(move |event: &KernelEvent| {
        if let Change::New(Object::Route(_)) | Change::Del(Object::Route(_)) = &event.change {
            // The test's own end has gone.
            let _ = send.lock().unwrap().send((event.at, now()));
        }
    });
    let _monitor = Monitor::start(Sockets::new(netlink(), netlink()), sink).await.unwrap();
    let measured = tokio::task::spawn_blocking(move || {
        let router = Router::new();
        let (mut stamps, mut known) = (Vec::new(), Vec::new());
        while facts.try_recv().is_ok() {}
        for round in 0..rounds {
            std::thread::sleep(PACE);
            let asked = now();
            router.one(round / 2, round % 2 == 0);
            let (at, told) = facts.recv_timeout(Duration::from_secs(5)).unwrap();
            stamps.push(since(asked, at));
            known.push(since(asked, told));
        }
        (stamps, known)
    });
    let (stamps, known) = measured.await.unwrap();
    show("a route's request to its fact's time", stamps);
    show("a route's request to its fact", known);
}

fn since(start: Mono, end: Mono) -> f64 {
    (end.0 as f64 - start.0 as f64) / 1e6
}

fn show(row: &str, mut values: Vec<f64>) {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values[((values.len() - 1) as f64 * share) as usize];
    sample(&format!("{row}, median"), at(0.5));
    sample(&format!("{row}, 99th percentile"), at(0.99));
    sample(&format!("{row}, longest"), at(1.0));
}
