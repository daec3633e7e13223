//! The live view where there is no terminal: whole lines, few of them, no escape sequences.

use std::collections::BTreeMap;

use routeproof_model::event::{Event, EventKind};

use super::progress::Progress;
use super::text::PLAIN;
use super::tracker::Line;

/// Progress of the same image is said again after this time, and a new phase of it after a fifth of it.
const QUIET_MS: u64 = 5000;

/// Of what is said of runs that go on.
const WAITING_COLUMNS: usize = 120;
const WAITING_LINES: usize = 8;

#[derive(Default)]
pub(super) struct Plain {
    progress: Progress,
    /// Per image: the phase that was said last, and when.
    images: BTreeMap<String, (String, u64)>,
}

impl Plain {
    pub fn take(&mut self, event: &Event) -> Option<String> {
        let line = match &event.kind {
            EventKind::Image { image, what, done, total } => {
                self.image(event.at_ms, image, what, *done, *total)
            }
            _ => self.progress.take(event),
        };
        line.map(|line| anstream::adapter::strip_str(&line.render(usize::MAX)).to_string())
    }

    /// What is waited for, since when and until when; for when nothing was said for a while.
    pub fn waiting(&self, now_ms: u64) -> Option<String> {
        let lines = self.progress.lines(now_ms, WAITING_COLUMNS, WAITING_LINES);
        let lines: Vec<String> =
            lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    fn image(&mut self, at_ms: u64, image: &str, what: &str, done: u64, total: u64) -> Option<Line> {
        let quiet = match self.images.get(image) {
            Some((said, since)) if said == what => since + QUIET_MS,
            Some((_, since)) => since + QUIET_MS / 5,
            None => 0,
        };
        if at_ms < quiet {
            return None;
        }
        self.images.insert(image.to_owned(), (what.to_owned(), at_ms));
        Some(Line::new("IMAGE", PLAIN, format!("{image} {what}{}", amount(done, total))))
    }
}

/// ` 12.3 of 45.0 MB`; nothing while unknown.
pub(super) fn amount(done: u64, total: u64) -> String {
    let megabytes = |bytes: u64| format!("{}.{}", bytes / 1_000_000, bytes % 1_000_000 / 100_000);
    match (done, total) {
        (0, 0) => String::new(),
        (done, 0) => format!(" {} MB", megabytes(done)),
        (done, total) => format!(" {} of {} MB", megabytes(done), megabytes(total)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn few_whole_lines() {
        let mut plain = Plain::default();
        let lines: Vec<_> = sample::mixed().events.iter().filter_map(|event| plain.take(event)).collect();
        assert!(!lines.join("").contains('\u{1b}'));
        insta::assert_snapshot!(lines.join("\n"), @r"
                5 runs of 4 scenarios
          IMAGE frr:7.5.1 downloading 0.0 of 45.0 MB
          IMAGE frr:7.5.1 downloading 44.0 of 45.0 MB
          IMAGE frr:7.5.1 unpacking
        WARNING the kernel has no VRF: scenarios that need it are skipped
           PASS [   1.4s] learn-routes frr=7.5.1
         BROKEN [   8.5s] filtered-routes  apply manifests/extras.yaml: line 12 of frr.conf was rejected: % Unknown command: neighbor 10.0.0.1 as-override please
           FAIL [  11.1s] learn-routes frr=10.3  expect route 172.16.1.0/24 on worker via gw1: no route to 172.16.1.0/24 within 10.0s; the session with gw1 is Established
           SKIP [   0.0s] routes-in-vlans  vrf is missing: the host's kernel has no vrf.ko
        ");
    }

    #[test]
    fn a_long_wait_says_for_what_and_until_when() {
        let mut plain = Plain::default();
        let events = sample::mixed().events;
        events.iter().filter(|event| event.at_ms <= 16_000).for_each(|event| drop(plain.take(event)));
        insta::assert_snapshot!(plain.waiting(16_000).unwrap(), @r"
          6s/10s learn-routes 10.3 | no route to 172.16.1.0/24; the session with gw1 is Established
              8s filtered-routes | booting the lab
        [====>                       ] 1/5 runs  00:16
        ");
    }

    #[test]
    fn a_warning_of_every_run_is_said_once() {
        let mut plain = Plain::default();
        let warning = |run| Event {
            at_ms: 0,
            run: Some(run),
            kind: EventKind::Warning { message: "the extras name no peer".into() },
        };
        assert_eq!([0, 1, 2].iter().filter_map(|run| plain.take(&warning(*run))).count(), 1);
    }
}
