//! The lines at the bottom of a terminal that show what is going on right now. Pure: the text for a moment.

use std::collections::BTreeMap;

use routeproof_model::event::{Event, EventKind};

use super::plain::amount;
use super::text::{DIM, RED, fit, paint, width};
use super::tracker::{Line, Tracker};

#[derive(Default)]
pub(super) struct Progress {
    tracker: Tracker,
    images: BTreeMap<String, Image>,
    running: BTreeMap<usize, Running>,
}

struct Image {
    what: String,
    done: u64,
    total: u64,
}

/// What a run is doing, since when, and how long that may take.
struct Running {
    doing: String,
    since_ms: u64,
    limit_ms: Option<u64>,
    status: Option<String>,
}

impl Progress {
    /// Takes an event and gives the line that stays above, if there is one to say.
    pub fn take(&mut self, event: &Event) -> Option<Line> {
        match (&event.kind, event.run) {
            (EventKind::Image { image, what, done, total }, _) => {
                if *total > 0 && done >= total {
                    self.images.remove(image);
                } else {
                    let state = Image { what: what.clone(), done: *done, total: *total };
                    self.images.insert(image.clone(), state);
                }
            }
            (EventKind::RunFinished { .. } | EventKind::RunAgain { .. }, Some(run)) => {
                drop(self.running.remove(&run))
            }
            (kind, Some(run)) => self.take_run_event(event.at_ms, run, kind),
            _ => {}
        }
        self.tracker.take(event)
    }

    fn take_run_event(&mut self, at_ms: u64, run: usize, kind: &EventKind) {
        let doing = |doing: &str, limit_ms| {
            let status = None;
            Running { doing: doing.to_owned(), since_ms: at_ms, limit_ms, status }
        };
        match kind {
            EventKind::RunStarted { .. } => {
                // An image that a run was waiting for is there now; others announce themselves again.
                self.images.clear();
                self.running.insert(run, doing("booting the lab", None));
            }
            EventKind::LabPhase { phase, .. } => {
                if let Some(running) = self.running.get_mut(&run) {
                    running.status = Some(format!("{phase} done"));
                }
            }
            EventKind::StepStarted { name, limit_ms, .. } => {
                self.running.insert(run, doing(name, *limit_ms));
            }
            EventKind::Kept { lab, .. } => {
                self.running.insert(run, doing(&format!("kept: routeproof down {lab}, or ctrl-C"), None));
            }
            EventKind::StepStatus { status, .. } => {
                if let Some(running) = self.running.get_mut(&run) {
                    running.status = Some(status.clone());
                }
            }
            _ => {}
        }
    }

    /// At most `height` lines of at most `columns`; the totals come last.
    pub fn lines(&self, now_ms: u64, columns: usize, height: usize) -> Vec<String> {
        let bar_columns = if columns >= 100 { 30 } else { 20 };
        let images =
            self.images.iter().map(|(name, image)| fit(&image_line(name, image, bar_columns), columns));
        let running = self.running.iter().map(|(&run, state)| self.running_line(run, state, now_ms, columns));
        let mut lines: Vec<_> = images.chain(running).collect();
        let room = height.saturating_sub(1);
        if lines.len() > room {
            let hidden = lines.len() - room.saturating_sub(1);
            lines.truncate(room.saturating_sub(1));
            lines.push(paint(DIM, &fit(&format!("  and {hidden} more"), columns)));
        }
        if self.tracker.total() > 0 {
            lines.push(self.overall(now_ms, columns, bar_columns));
        }
        lines
    }

    fn running_line(&self, run: usize, state: &Running, now_ms: u64, columns: usize) -> String {
        let seconds = |ms: u64| format!("{}s", ms / 1000);
        let clock = match state.limit_ms {
            Some(limit) => format!("{}/{}", seconds(now_ms.saturating_sub(state.since_ms)), seconds(limit)),
            None => seconds(now_ms.saturating_sub(state.since_ms)),
        };
        let status = state.status.as_ref().map_or(String::new(), |status| format!(": {status}"));
        let title = fit(&self.tracker.short_title(run), columns / 2);
        let whole = format!("{clock:>8} {title} | {}{status}", state.doing);
        let line = match &state.status {
            // Where there is no room for both, the news is worth more than the step's name.
            Some(status) if width(&whole) > columns => {
                fit(&format!("{clock:>8} {title} | {status}"), columns)
            }
            _ => fit(&whole, columns),
        };
        match line.split_at_checked(8) {
            Some((clock, rest)) => format!("{}{rest}", paint(DIM, clock)),
            None => line,
        }
    }

    fn overall(&self, now_ms: u64, columns: usize, bar_columns: usize) -> String {
        let (finished, total) = (self.tracker.finished, self.tracker.total());
        let (minutes, seconds) = (now_ms / 60_000, now_ms / 1000 % 60);
        let bar = bar(finished as u64, total as u64, bar_columns);
        let text = format!("{bar} {finished}/{total} runs  {minutes:02}:{seconds:02}");
        let bad = format!("  {} not as expected", self.tracker.surprising);
        match self.tracker.surprising > 0 && width(&text) + width(&bad) <= columns {
            true => text + &paint(RED, &bad),
            false => fit(&text, columns),
        }
    }
}

fn image_line(name: &str, image: &Image, bar_columns: usize) -> String {
    let bar = match image.total {
        0 => String::new(),
        total => format!("{} ", bar(image.done, total, bar_columns)),
    };
    format!("{bar}{name} {}{}", image.what, amount(image.done, image.total))
}

/// `[=====>    ]`, as cargo draws it.
fn bar(done: u64, total: u64, columns: usize) -> String {
    let inner = columns.saturating_sub(2);
    let filled = (inner as u64 * done.min(total)).checked_div(total).unwrap_or(0) as usize;
    let head = if filled > 0 && filled < inner { ">" } else { "" };
    let body = "=".repeat(filled.saturating_sub(head.len()));
    format!("[{:<inner$}]", body + head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    /// The bottom lines after the events up to a moment, without their colours.
    fn at(until_ms: u64, columns: usize, height: usize) -> String {
        let mut progress = Progress::default();
        for event in sample::mixed().events.iter().filter(|event| event.at_ms <= until_ms) {
            progress.take(event);
        }
        let text = progress.lines(until_ms, columns, height).join("\n");
        let text = anstream::adapter::strip_str(&text).to_string();
        assert!(text.lines().all(|line| width(line) <= columns), "{text}");
        text
    }

    #[test]
    fn an_image_comes() {
        insta::assert_snapshot!(at(1500, 80, 24), @r"
        [===>              ] frr:7.5.1 downloading 12.0 of 45.0 MB
        [                  ] 0/5 runs  00:01
        ");
    }

    #[test]
    fn steps_wait() {
        insta::assert_snapshot!(at(16_000, 80, 24), @r"
          6s/10s learn-routes 10.3 | no route to 172.16.1.0/24; the session with gw1 is…
              8s filtered-routes | booting the lab
        [==>               ] 1/5 runs  00:16
        ");
        insta::assert_snapshot!(at(16_000, 40, 3), @r"
          6s/10s learn-routes 10.3 | no route t…
              8s filtered-routes | booting the …
        [==>               ] 1/5 runs  00:16
        ");
    }

    #[test]
    fn bars() {
        assert_eq!([bar(0, 10, 8), bar(5, 10, 8), bar(10, 10, 8)], ["[      ]", "[==>   ]", "[======]"]);
        assert_eq!(bar(3, 0, 8), "[      ]");
    }
}
