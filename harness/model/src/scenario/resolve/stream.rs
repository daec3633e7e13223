//! `stream` steps, and the `loss` steps that end them.

use std::time::Duration;

use super::{Resolver, key};
use crate::diag::{Diagnostic, Seg};
use crate::scenario::expect::Expect;
use crate::scenario::step::{Step, Verb};
use crate::scenario::stream::{During, StreamStep};

/// More than that a second, and the measurement becomes a load.
const PER_SECOND: u128 = 20_000;

impl Resolver<'_> {
    pub(super) fn stream(&self, stream: &StreamStep, at: &[Seg]) -> Result<(), Diagnostic> {
        let field = |name: &str| [at, &[key(name)]].concat();
        self.any_node(&stream.from, &field("from"))?;
        for (i, node) in stream.at.iter().enumerate() {
            self.any_node(node, &[field("at"), vec![Seg::Index(i)]].concat())?;
        }
        let refuse = |name: &str, why: String| Err(self.source.error_at(&field(name), why));
        if stream.every < Duration::from_millis(1) || stream.every > Duration::from_secs(1) {
            return refuse("every", "the pace must be between 1ms and 1s".to_string());
        }
        if stream.flows == 0 || stream.flows > 256 {
            return refuse("flows", "between 1 and 256 flows".to_string());
        }
        let per_second = u128::from(stream.flows) * 1_000_000_000 / stream.every.as_nanos();
        if per_second > PER_SECOND {
            let why = format!("{per_second} packets a second: at most {PER_SECOND}");
            return refuse("flows", why).map_err(|e| e.hint("fewer flows, or a slower pace (`every`)"));
        }
        Ok(())
    }

    /// Binds a `loss` to its stream, and keeps two streams from having one name.
    pub(super) fn of_a_stream(
        &self,
        mut verb: Verb,
        before: &[Step],
        at: &[Seg],
    ) -> Result<Verb, Diagnostic> {
        let field = |path: &[&str]| [at, &path.iter().map(|name| key(name)).collect::<Vec<_>>()].concat();
        let started = || {
            before.iter().enumerate().filter_map(|(i, step)| match &step.verb {
                Verb::Stream(stream) => Some((i, stream)),
                _ => None,
            })
        };
        match &mut verb {
            Verb::Stream(stream) if started().any(|(_, other)| other.name == stream.name) => {
                let what = format!("a stream `{}` was started before", stream.name);
                return Err(self.source.error_at(&field(&["stream", "name"]), what));
            }
            Verb::Eventually { expect: Expect::Loss(loss), .. } => {
                let Some((index, stream)) = started().find(|(_, stream)| stream.name == loss.stream) else {
                    let known = started().map(|(_, stream)| stream.name.as_str()).collect();
                    let at = field(&["expect", "loss", "stream"]);
                    let error = self.unknown(&at, "stream", &loss.stream, known);
                    return Err(
                        error.hint("`stream: { name, from, to }` starts one, before what it is to survive")
                    );
                };
                let ends = |step: &Step| matches!(&step.verb, Verb::Eventually { expect: Expect::Loss(l), .. } if l.stream == loss.stream);
                if before.iter().any(ends) {
                    let what = format!("stream `{}` ended at an earlier `loss`", loss.stream);
                    return Err(self.source.error_at(&field(&["expect", "loss", "stream"]), what));
                }
                if loss.during == During::Change
                    && !before[index..].iter().any(|s| s.verb.changes_something())
                {
                    let what = format!("nothing changes after stream `{}` has started", loss.stream);
                    return Err(self.source.error_at(&field(&["expect", "loss", "during"]), what));
                }
                if !loss.node.is_empty() && loss.node != stream.from {
                    let what = format!("stream `{}` is sent by `{}`", loss.stream, stream.from);
                    return Err(self.source.error_at(&field(&["expect", "loss", "node"]), what));
                }
                loss.node.clone_from(&stream.from);
            }
            _ => {}
        }
        Ok(verb)
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::testing;

    const STREAM: &str = "stream: { name: s1, from: n, to: 172.16.1.0/24 }";
    const LOSS: &str = "expect: { loss: { stream: s1, lost-at-most: 0 } }";

    fn mistake(steps: &[&str]) -> Option<String> {
        let steps: String = steps.iter().map(|step| format!("  - {step}\n")).collect();
        testing::scenario(&steps).err().map(|error| error.message)
    }

    #[test]
    fn each_mistake_is_named() {
        let fault = "fault: { restart-router: { node: gw1 } }";
        for good in [
            &[STREAM, LOSS][..],
            &[STREAM],
            &[STREAM, fault, "expect: { loss: { stream: s1, at-most: 300ms, during: change } }"],
            &[
                "stream: { name: s1, from: gw1, to: 'fc00::1', every: 1ms, protocol: icmp, flows: 20, at: [n] }",
            ],
        ] {
            assert_eq!(mistake(good), None, "{good:?}");
        }
        let stream = |more: &str| format!("stream: {{ name: s1, to: 10.0.0.1, {more} }}");
        let wrong: [&[&str]; 14] = [
            &[LOSS],
            &[STREAM, STREAM],
            &[STREAM, LOSS, LOSS],
            &[STREAM, "expect: { loss: { stream: s2, lost-at-most: 0 } }"],
            &[STREAM, "expect: { loss: { stream: s1 } }"],
            &[STREAM, &format!("{LOSS}\n    within: 5s")],
            &[STREAM, &format!("{LOSS}\n    holds: 5s")],
            &[STREAM, "expect: { loss: { stream: s1, at-most: 1s, during: change } }"],
            &[STREAM, "expect: { loss: { stream: s1, at-most: 1s, node: gw1 } }"],
            &[&stream("from: gw3")],
            &[&stream("from: n, at: [gw3]")],
            &[&stream("from: n, every: 10us")],
            &[&stream("from: n, flows: 100, every: 1ms")],
            &["stream: { name: s1, from: n, to: nowhere }"],
        ];
        let all: Vec<String> = wrong.iter().map(|steps| mistake(steps).unwrap()).collect();
        insta::assert_snapshot!(all.join("\n"), @r"
        unknown stream `s1`
        a stream `s1` was started before
        stream `s1` ended at an earlier `loss`
        unknown stream `s2`
        `loss` needs `at-most`, `lost-at-most`, or both
        `loss` judges what was: it neither waits nor lasts
        `loss` judges what was: it neither waits nor lasts
        nothing changes after stream `s1` has started
        stream `s1` is sent by `n`
        unknown node `gw3`
        unknown node `gw3`
        the pace must be between 1ms and 1s
        100000 packets a second: at most 20000
        `nowhere` is neither an address nor a prefix such as 172.16.1.0/24
        ");
    }
}
