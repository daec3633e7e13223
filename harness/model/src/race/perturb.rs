//! What is done to a repeat so that races show: which router starts first, how late, and how much else there is to do.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A way to perturb.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Routers start one after the other, in an order of chance.
    Order,
    /// Each router starts up to two seconds late.
    Delay,
    /// Processes in the lab keep the processors busy.
    Cpu,
}

impl Kind {
    pub const ALL: [Kind; 3] = [Kind::Order, Kind::Delay, Kind::Cpu];

    pub fn word(self) -> &'static str {
        match self {
            Kind::Order => "order",
            Kind::Delay => "delay",
            Kind::Cpu => "cpu",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Kind, String> {
        let found = Kind::ALL.into_iter().find(|kind| kind.word() == text);
        found.ok_or_else(|| format!("there are {}", Kind::ALL.map(Kind::word).join(", ")))
    }
}

/// The longest delay of a start, in milliseconds: FRR's own timers of a start are 1 s.
const LONGEST_MS: u64 = 2000;
/// The most busy processes for each processor.
const MOST_LOAD: u64 = 3;

/// What is done to one repeat. The same seed gives the same for the same routers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Perturbation {
    pub seed: u64,
    /// The routers in the order in which they start; all at once when this is empty.
    pub order: Vec<String>,
    /// How long each router's start waits, in milliseconds.
    pub delay_ms: BTreeMap<String, u64>,
    /// Busy processes for each processor.
    pub load: u32,
}

/// The seed of a repeat, which counts from 1. The first has the user's own, so that any repeat can be done again as
/// `--repeat 1` with its seed.
pub fn seed_of(seed: u64, repeat: u32) -> u64 {
    match repeat {
        0 | 1 => seed,
        // Seeds that a shell and JSON readers take without loss: 53 bits.
        later => Random(seed ^ (u64::from(later) << 32)).next() >> 11,
    }
}

/// What the seed makes of these routers.
pub fn perturb(seed: u64, kinds: &[Kind], routers: &[String]) -> Perturbation {
    let mut random = Random(seed);
    // Everything is drawn, wanted or not: a delay is the same with and without an order.
    let mut order = routers.to_vec();
    for last in (1..order.len()).rev() {
        order.swap(last, random.below(last as u64 + 1) as usize);
    }
    let delay_ms: BTreeMap<String, u64> =
        routers.iter().map(|router| (router.clone(), random.below(LONGEST_MS + 1))).collect();
    let load = 1 + random.below(MOST_LOAD) as u32;
    let wanted = |kind| kinds.contains(&kind);
    Perturbation {
        seed,
        order: if wanted(Kind::Order) { order } else { Vec::new() },
        delay_ms: if wanted(Kind::Delay) { delay_ms } else { BTreeMap::new() },
        load: if wanted(Kind::Cpu) { load } else { 0 },
    }
}

/// SplitMix64 (Steele, Lea and Flood 2014): small, and the same for ever, which a crate does not promise.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `limit`; the bias of the remainder is less than one in 2^50 here.
    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_seed_gives_the_same_for_ever() {
        let routers = ["gw1", "gw2", "worker"].map(String::from);
        let found = perturb(4711, &Kind::ALL, &routers);
        assert_eq!(found, perturb(4711, &Kind::ALL, &routers));
        insta::assert_snapshot!(serde_json::to_string(&found).unwrap(), @r#"{"seed":4711,"order":["gw2","gw1","worker"],"delay_ms":{"gw1":330,"gw2":781,"worker":804},"load":3}"#);
        // The generator's published first numbers, for the seed 1234567.
        let mut random = Random(1_234_567);
        assert_eq!([random.next(), random.next()], [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]);
    }

    #[test]
    fn each_kind_is_drawn_by_itself() {
        let routers = ["a", "b", "c"].map(String::from);
        let all = perturb(7, &Kind::ALL, &routers);
        let delay = perturb(7, &[Kind::Delay], &routers);
        assert_eq!((&delay.delay_ms, delay.order.len(), delay.load), (&all.delay_ms, 0, 0));
        assert_eq!(perturb(7, &[], &routers).delay_ms.len(), 0);
    }

    #[test]
    fn repeats_differ_and_each_can_be_had_alone() {
        let routers = ["a", "b", "c"].map(String::from);
        let seeds: BTreeSet<u64> = (1..=1000).map(|repeat| seed_of(42, repeat)).collect();
        assert_eq!((seeds.len(), seed_of(42, 1)), (1000, 42));
        let found: Vec<_> = seeds.iter().map(|seed| perturb(*seed, &Kind::ALL, &routers)).collect();
        let orders: BTreeSet<_> = found.iter().map(|p| p.order.clone()).collect();
        assert_eq!(orders.len(), 6, "every order comes");
        let delays = || found.iter().flat_map(|p| p.delay_ms.values().copied());
        assert!(delays().min() < Some(50) && delays().max() > Some(LONGEST_MS - 50));
        assert_eq!(found.iter().map(|p| p.load).collect::<BTreeSet<_>>(), BTreeSet::from([1, 2, 3]));
        assert!("oder".parse::<Kind>().unwrap_err().contains("order, delay, cpu"));
    }
}
