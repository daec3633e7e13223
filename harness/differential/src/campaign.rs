//! Many cases against the speakers of a release, several at a time.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use proptest::strategy::{Strategy as _, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use routeproof_model::metallb::Generation;
use serde::Serialize;
use serde_json::Value;
use tokio::runtime::Handle;

use crate::process::Trouble;
use crate::subject::Subject;
use crate::verdict::{Agreement, Verdict, compare};
use crate::webhooks::Webhooks;
use crate::{generate, ours};

/// How much to try.
#[derive(Clone, Debug)]
pub struct Plan {
    pub cases: Range<u32>,
    pub seed: u64,
    pub jobs: usize,
    /// Most attempts to make a disagreement smaller.
    pub shrink: u32,
}

impl Plan {
    /// Does each case once, several at a time.
    pub fn in_parallel(&self, one: impl Fn(u32) + Sync) {
        let next = AtomicU32::new(self.cases.start);
        let work = || {
            loop {
                let case = next.fetch_add(1, Ordering::Relaxed);
                if !self.cases.contains(&case) {
                    break;
                }
                one(case);
            }
        };
        std::thread::scope(|scope| (0..self.jobs).for_each(|_| drop(scope.spawn(work))));
    }
}

/// A tally is whole whoever panicked while holding it.
pub fn locked<T>(tally: &Mutex<T>) -> MutexGuard<'_, T> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Both answers to a set of objects.
#[derive(Clone, Debug, Serialize)]
pub struct Judged {
    pub objects: Vec<Value>,
    pub ours: Verdict,
    pub theirs: Verdict,
    pub agreement: Agreement,
    /// MetalLB gave another answer before this one.
    pub unsteady: bool,
}

/// A set of objects that the two sides take differently, as small as it got.
#[derive(Clone, Debug, Serialize)]
pub struct Disagreement {
    pub release: String,
    pub case: u32,
    /// How often it was made smaller.
    pub shrunk: u32,
    #[serde(flatten)]
    pub judged: Judged,
}

/// A case that both sides refuse, each with its reason.
#[derive(Clone, Debug, Serialize)]
pub struct Refusal {
    pub case: u32,
    pub ours: String,
    pub theirs: String,
}

/// What became of the cases of one release.
#[derive(Debug, Default, Serialize)]
pub struct Tally {
    pub bytes: u32,
    pub modulo_order: u32,
    /// Of both, those that announce at least one prefix.
    pub announcing: u32,
    /// Of both, those where MetalLB first gave another answer to the same objects.
    pub unsteady: u32,
    /// Refused by both, for reasons that a person may want to compare.
    pub refusals: Vec<Refusal>,
    pub disagreements: Vec<Disagreement>,
    /// (case, why it could not be judged)
    pub inconclusive: Vec<(u32, String)>,
}

/// Runs the plan.
pub fn run(
    subject: &Subject,
    webhooks: Option<&Webhooks>,
    plan: &Plan,
    runtime: &Handle,
    progress: &(dyn Fn(&str) + Sync),
) -> Tally {
    release(&Sides { subject, webhooks, runtime }, plan, progress)
}

/// The real parts of a release, running.
struct Sides<'a> {
    subject: &'a Subject,
    webhooks: Option<&'a Webhooks>,
    runtime: &'a Handle,
}

fn release(sides: &Sides<'_>, plan: &Plan, progress: &(dyn Fn(&str) + Sync)) -> Tally {
    let tally = Mutex::new(Tally::default());
    plan.in_parallel(|case| {
        let outcome = one(sides, case, plan);
        note(&mut locked(&tally), case, outcome, progress);
    });
    tally.into_inner().unwrap_or_else(PoisonError::into_inner)
}

type Outcome = Result<Result<Judged, Disagreement>, Trouble>;

fn note(tally: &mut Tally, case: u32, outcome: Outcome, progress: &(dyn Fn(&str) + Sync)) {
    match outcome {
        Ok(Ok(judged)) => match (judged.ours, judged.theirs) {
            (Verdict::Conf { conf, .. }, Verdict::Conf { .. } | Verdict::Silent) => {
                let count = match judged.agreement {
                    Agreement::Bytes => &mut tally.bytes,
                    _ => &mut tally.modulo_order,
                };
                *count += 1;
                tally.unsteady += u32::from(judged.unsteady);
                tally.announcing += u32::from(conf.contains("    network "));
            }
            (Verdict::Refused(ours), Verdict::Refused(theirs)) => {
                tally.refusals.push(Refusal { case, ours, theirs });
            }
            // Such answers never agree.
            _ => {}
        },
        Ok(Err(d)) => {
            progress(&format!("{}: case {case} disagrees", d.release));
            tally.disagreements.push(d);
        }
        Err(e) => {
            progress(&format!("case {case}: {e}"));
            tally.inconclusive.push((case, e.to_string()));
        }
    }
}

fn one(sides: &Sides<'_>, case: u32, plan: &Plan) -> Outcome {
    let mut runner = TestRunner::new_with_rng(Config::default(), rng(plan.seed, case));
    let mut tree = generate::case(sides.subject.release.generation, sides.subject.mode)
        .new_tree(&mut runner)
        .map_err(|reason| Trouble::Generator(reason.to_string()))?;
    let first = sides.runtime.block_on(judge_again(sides, &tree.current()))?;
    if first.agreement != Agreement::None {
        return Ok(Ok(first));
    }
    let (judged, shrunk) = smallest(sides, first, &mut tree, plan);
    Ok(Err(Disagreement { release: sides.subject.name(), case, shrunk, judged }))
}

/// The same seed and number give the same objects, for every release of a generation.
pub fn rng(seed: u64, case: u32) -> TestRng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..12].copy_from_slice(&case.to_le_bytes());
    TestRng::from_seed(RngAlgorithm::ChaCha, &bytes)
}

/// Makes a disagreement smaller as long as it stays one of the same sort.
fn smallest(
    sides: &Sides<'_>,
    first: Judged,
    tree: &mut impl ValueTree<Value = Vec<Value>>,
    plan: &Plan,
) -> (Judged, u32) {
    let sort =
        |j: &Judged| (matches!(j.ours, Verdict::Conf { .. }), matches!(j.theirs, Verdict::Conf { .. }));
    let (mut best, mut shrunk) = (first, 0);
    let mut more = plan.shrink > 0 && tree.simplify();
    for _ in 0..plan.shrink {
        if !more {
            break;
        }
        more = match sides.runtime.block_on(judge(sides, &tree.current())) {
            Ok(j) if j.agreement == Agreement::None && sort(&j) == sort(&best) => {
                best = j;
                shrunk += 1;
                tree.simplify()
            }
            _ => tree.complicate(),
        };
    }
    (best, shrunk)
}

/// How often a disagreement is asked again.
const AGAIN: u32 = 3;

/// [`judge`], again where they disagree: a speaker that starts takes its node and its Services in any order, and since v0.14 it
/// forgets to withdraw what it announced before it saw that its node has no network.
async fn judge_again(sides: &Sides<'_>, objects: &[Value]) -> Result<Judged, Trouble> {
    let mut judged = judge(sides, objects).await?;
    for _ in 0..AGAIN {
        if judged.agreement != Agreement::None {
            break;
        }
        let first = judged.theirs;
        judged = judge(sides, objects).await?;
        judged.unsteady = judged.theirs != first;
    }
    Ok(judged)
}

/// Asks both sides.
///
/// # Errors
/// The speaker gave no answer.
async fn judge(sides: &Sides<'_>, objects: &[Value]) -> Result<Judged, Trouble> {
    let subject = sides.subject;
    let cluster = ours::apply(subject.release, objects);
    let ours = ours::verdict(subject.release, subject.mode, &cluster);
    let mut served = match &cluster {
        Ok(cluster) => ours::with_addresses(objects, cluster),
        Err(_) => objects.to_vec(),
    };
    let refused = served.iter_mut().find_map(|o| subject.schemas.admit(o).err());
    let asked = match (&refused, sides.webhooks) {
        (None, Some(webhooks)) => webhooks.refusal(&served).await?,
        _ => None,
    };
    let theirs = match (refused, asked) {
        (Some(reason), _) => Verdict::Refused(format!("the CRD's schema: {reason}")),
        (None, Some(reason)) => Verdict::Refused(format!("the webhook: {reason}")),
        (None, None) => subject.verdict(&served).await?,
    };
    let random_order = subject.release.generation <= Generation::V0_13_10;
    let agreement = compare(&ours, &theirs, random_order);
    Ok(Judged { objects: objects.to_vec(), ours, theirs, agreement, unsteady: false })
}
