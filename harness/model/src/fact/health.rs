//! How the host was while something was timed: what it did not give us, the router under test did not take.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Milliseconds, over one window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HostHealth {
    pub window_ms: f64,
    /// Taken by other guests of the hypervisor, over all processors (`steal` in /proc/stat, proc(5)).
    pub steal_ms: f64,
    /// In which some task waited for a processor (`some` in /proc/pressure/cpu, Documentation/accounting/psi.rst).
    pub pressure_ms: f64,
    /// The most by which a timer of the harness itself fired late.
    pub late_ms: f64,
    /// The same since the lab's boot began: what FRR did in this window may come of what it suffered before.
    #[serde(default)]
    pub worst_late_ms: f64,
    /// Processors of the host.
    pub processors: u32,
    /// It was done on a guest kernel, which is slower than the machine's own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub guest: bool,
}

impl HostHealth {
    /// Why what went wrong in this window says nothing about the router. `tightest_ms` is the lab's tightest timer.
    pub fn spoilt(&self, tightest_ms: Option<u64>) -> Option<String> {
        self.stood_still().or_else(|| self.too_late_for(tightest_ms? as f64))
    }

    /// Daemons draw conclusions from time, as bfdd calls a neighbour down that was not heard of for the detection time (RFC
    /// 5880, section 6.8.4), whoever is to blame for the silence. We are not the only process that waited, and not the one
    /// that waited longest: hence a third.
    fn too_late_for(&self, tightest_ms: f64) -> Option<String> {
        (self.worst_late_ms > tightest_ms / 3.0).then(|| {
            format!(
                "the host let processes wait for {:.0} ms or more, and the lab's tightest timer has {tightest_ms} ms",
                self.worst_late_ms
            )
        })
    }

    fn stood_still(&self) -> Option<String> {
        // A limit is missed by the router's timers or by a host that stood still for a good part of the window.
        let late_limit = (self.window_ms / 5.0).max(1000.0);
        let steal_limit = self.window_ms * f64::from(self.processors.max(1)) / 4.0;
        if self.late_ms > late_limit {
            return Some(format!("the host stood still for {:.0} ms", self.late_ms));
        }
        (self.steal_ms > steal_limit.max(100.0)).then(|| {
            format!("other guests took {:.0} ms of the processors in {:.0} ms", self.steal_ms, self.window_ms)
        })
    }

    /// Why a time that was measured in this window and is too long says nothing about the router: [`HostHealth::spoilt`], or
    /// a guest kernel.
    pub fn excuses_times(&self) -> Option<String> {
        let guest =
            || "measured on a guest kernel, which is slower: only `--kernel host` could tell".to_string();
        self.spoilt(None).or_else(|| self.guest.then(guest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_host_is_not_a_spoilt_one() {
        let busy = HostHealth {
            window_ms: 4000.0,
            pressure_ms: 3900.0,
            late_ms: 250.0,
            worst_late_ms: 250.0,
            processors: 2,
            steal_ms: 300.0,
            guest: false,
        };
        assert_eq!(busy.spoilt(None), None);
        assert!(HostHealth { late_ms: 1500.0, ..busy }.spoilt(None).is_some());
        assert!(HostHealth { steal_ms: 2500.0, ..busy }.spoilt(None).is_some());
        assert_eq!((busy.excuses_times(), HostHealth { guest: true, ..busy }.spoilt(None)), (None, None));
        assert!(HostHealth { guest: true, ..busy }.excuses_times().is_some());
        assert_eq!(HostHealth { window_ms: 60_000.0, late_ms: 1500.0, ..busy }.spoilt(None), None);
    }

    #[test]
    fn a_wait_that_most_timers_do_not_mind_spoils_bfd() {
        let busy = HostHealth { window_ms: 4000.0, worst_late_ms: 120.0, ..HostHealth::default() };
        assert_eq!(busy.spoilt(None), None);
        assert_eq!(busy.spoilt(Some(900)), None);
        let why = busy.spoilt(Some(300)).unwrap();
        assert_eq!(
            why,
            "the host let processes wait for 120 ms or more, and the lab's tightest timer has 300 ms"
        );
    }
}
