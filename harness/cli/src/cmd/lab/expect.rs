//! `routeproof expect`: judges a lab that is up, in the words of scenario files.

use clap::Args;
use routeproof_model::result::{Outcome, StepResult};
use serde::Serialize;

use super::LabArgs;
use crate::fail::{BROKEN, FAILED, Failure};
use crate::out;

/// What `--json` prints.
const SCHEMA: &str = "routeproof/expect/v1";
/// `expect` is under 4 nothing (DESIGN, section 5).
const NOTHING_RAN: u8 = 4;

/// Judges what a lab that is up holds
#[derive(Debug, Args)]
#[command(after_help = "For instance:\n  \
    routeproof expect 'route: { node: worker, prefix: 172.16.1.0/24, via: [gw1, gw2] }' --within 5s\n  \
    routeproof expect 'no-route: { node: worker, prefix: 172.16.9.0/24 }' --holds 3s --witness 172.16.1.0/24\n\n\
    Exit codes: 0 all passed, 1 one does not hold, 2 bad input, 3 the lab broke or nothing can be told.")]
pub struct ExpectArgs {
    /// What must be true, as scenarios have it under `expect`; several are judged one after the other
    #[arg(value_name = "EXPECTATION", required = true)]
    expectations: Vec<String>,
    /// It becomes true within this time [default: 30s]
    #[arg(long, value_name = "TIME", conflicts_with = "holds")]
    within: Option<String>,
    /// It is true all this time
    #[arg(long, value_name = "TIME")]
    holds: Option<String>,
    /// A prefix that the node has all the while, which proves that another one's absence means something
    #[arg(long, value_name = "PREFIX", requires = "holds")]
    witness: Option<String>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    lab: LabArgs,
}

#[derive(Debug, Serialize)]
struct Output<'a> {
    schema: &'static str,
    lab: &'a str,
    outcome: Outcome,
    expectations: &'a [StepResult],
}

pub async fn expect(args: &ExpectArgs) -> Result<u8, Failure> {
    let lab = args.lab.select()?;
    // All are read before the first is judged: a mistake in the last must not cost the time of the others.
    let steps: Vec<String> = args.expectations.iter().map(|text| args.step(text)).collect();
    for step in &steps {
        lab.check_expectation(step).await?;
    }
    let mut results = Vec::new();
    for step in &steps {
        let result = lab.expect(step).await?;
        if !args.json {
            out::text(told(&result))?;
        }
        results.push(result);
    }
    let outcome = results.iter().map(|result| result.outcome).max().unwrap_or(Outcome::Skipped);
    if args.json {
        out::json(&Output { schema: SCHEMA, lab: lab.name(), outcome, expectations: &results })?;
    }
    Ok(match outcome {
        Outcome::Passed => 0,
        Outcome::Failed => FAILED,
        Outcome::Broken | Outcome::Inconclusive => BROKEN,
        Outcome::Skipped => NOTHING_RAN,
    })
}

impl ExpectArgs {
    /// The step of a scenario file.
    fn step(&self, text: &str) -> String {
        let inner: String = text.lines().map(|line| format!("  {line}\n")).collect();
        let words = [("within", &self.within), ("holds", &self.holds), ("witness", &self.witness)];
        let timing = words.into_iter().filter_map(|(word, value)| Some((word, value.as_ref()?)));
        let timing: String = timing.map(|(word, value)| format!("{word}: {}\n", time(value))).collect();
        format!("expect:\n{inner}{timing}")
    }
}

/// A number is one of seconds, as everywhere on the command line.
fn time(value: &str) -> String {
    match value.parse::<u64>() {
        Ok(seconds) => format!("{seconds}s"),
        Err(_) => value.to_string(),
    }
}

/// `passed  worker has 172.16.1.0/24 via gw1 (12 ms)`, and what was seen instead.
fn told(result: &StepResult) -> String {
    let line = format!("{}  {} ({} ms)\n", result.outcome, result.name, result.duration_ms);
    let seen = result.message.as_ref().map(|message| format!("  {message}\n"));
    line + &seen.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expectation_is_the_step_of_a_scenario() {
        let args = ExpectArgs {
            expectations: Vec::new(),
            within: None,
            holds: Some("3".to_string()),
            witness: Some("172.16.1.0/24".to_string()),
            json: false,
            lab: LabArgs { lab: None },
        };
        insta::assert_snapshot!(args.step("no-route:\n  node: worker\n  proto: bgp"), @r"
        expect:
          no-route:
            node: worker
            proto: bgp
        holds: 3s
        witness: 172.16.1.0/24
        ");
    }
}
