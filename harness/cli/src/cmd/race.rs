//! The arguments of race mode.

use std::hash::{BuildHasher, Hasher, RandomState};

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use routeproof_model::plan::Plan;
use routeproof_model::race::{Bound, Claim, Kind, RaceSetting, always, wilson};

use crate::fail::Failure;
use crate::out;

#[derive(Debug, Args)]
#[command(next_help_heading = "Race mode")]
pub struct RaceArgs {
    /// Do each run so often, each time in a new lab, and say how often it fails, with a 95 % interval
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    repeat: Option<u32>,
    /// Stop repeating a run as soon as it is decided: the claim holds or is refuted; without a claim, as soon as one repeat
    /// passed and one failed
    #[arg(long, value_name = "WHEN", requires = "repeat")]
    until: Option<Until>,
    /// Claim that it is rare: exit 0 when at most so many repeats fail, 1 when more do, 3 when N repeats do not tell
    #[arg(long, value_name = "PERCENT", requires = "repeat", conflicts_with = "fails_at_least")]
    fails_at_most: Option<String>,
    /// Claim that it does happen: exit 0 when at least so many repeats fail
    #[arg(long, value_name = "PERCENT", requires = "repeat")]
    fails_at_least: Option<String>,
    /// Perturb each repeat by its seed: `order` starts routers one after the other, `delay` each up to 2 s late, `cpu` beside 1
    /// to 3 busy processes for each processor. Such repeats have the host to themselves
    #[arg(long, value_name = "KIND", value_delimiter = ',', requires = "repeat", value_parser = kinds())]
    perturb: Vec<Kind>,
    /// Of the perturbations [default: a new one, which is told]. `--repeat 1` with the seed of a repeat does that one again
    #[arg(long, value_name = "SEED", requires = "perturb")]
    seed: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Until {
    Decided,
}

fn kinds() -> impl TypedValueParser<Value = Kind> {
    PossibleValuesParser::new(Kind::ALL.map(Kind::word)).try_map(|word| word.parse::<Kind>())
}

impl RaceArgs {
    /// What is asked for; `None` where nothing is to be repeated.
    ///
    /// # Errors
    /// A claim that is none.
    pub fn setting(&self) -> Result<Option<RaceSetting>, Failure> {
        let Some(repeat) = self.repeat else { return Ok(None) };
        let claims = [(Bound::AtMost, &self.fails_at_most), (Bound::AtLeast, &self.fails_at_least)];
        let claim = claims.into_iter().find_map(|(bound, text)| Some((bound, text.as_ref()?)));
        let claim =
            claim.map(|(bound, text)| Claim::parse(bound, text)).transpose().map_err(Failure::input)?;
        // 53 bits, which JSON readers take without loss.
        let drawn = || RandomState::new().build_hasher().finish() >> 11;
        Ok(Some(RaceSetting {
            repeat,
            until_decided: self.until.is_some(),
            claim,
            perturb: self.perturb.iter().map(|kind| kind.word().to_string()).collect(),
            seed: (!self.perturb.is_empty()).then(|| self.seed.unwrap_or_else(drawn)),
        }))
    }

    /// The plan with its repeats.
    pub fn repeated(&self, plan: Plan, setting: &RaceSetting) -> Plan {
        plan.repeated(setting.repeat, &self.perturb, setting.seed.unwrap_or_default())
    }
}

/// Tells what is going to be done, and when it cannot come to anything.
pub fn announce(setting: &RaceSetting) {
    if let Some(seed) = setting.seed {
        out::note(format_args!("perturbing {} with --seed {seed}", setting.perturb.join(", ")));
    }
    let Some(claim) = &setting.claim else { return };
    let of = if setting.until_decided { always } else { wilson };
    let n = setting.repeat as usize;
    let best = of(if claim.bound == Bound::AtMost { 0 } else { n }, n);
    if claim.decided(&best) == Some(true) {
        return;
    }
    let needed = match claim.repeats_needed(setting.until_decided) {
        Some(needed) => format!("--repeat {needed} can"),
        None => "no number of repeats can".to_string(),
    };
    out::note(format_args!("warning: --repeat {n} cannot show that it {claim}, whatever happens; {needed}"));
}
