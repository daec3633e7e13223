//! `expect` steps: what they name must exist, and their timing must mean something.

use std::time::Duration;

use ipnet::IpNet;

use super::{Resolver, WITHIN, key};
use crate::diag::{Diagnostic, Seg};
use crate::fact::Protocol;
use crate::fact::names::Word;
use crate::scenario::axes::AxisValues;
use crate::scenario::expect::{Expect, ExpectReturnPath, ExpectRoute};
use crate::scenario::file::StepFile;
use crate::scenario::session::ExpectPrefixes;
use crate::scenario::step::Verb;

impl Resolver<'_> {
    /// Whether it must come true within a time or hold for one. `at` is the step.
    pub(super) fn expect(
        &self,
        step: &StepFile,
        expect: &Expect,
        axes: &AxisValues,
        at: &[Seg],
    ) -> Result<Verb, Diagnostic> {
        self.expectation(expect, &[at, &[key("expect")]].concat())?;
        let expect = expect.clone();
        match (step.within, step.holds) {
            (Some(_), Some(_)) => Err(self.source.error_at(at, "`within` and `holds` are two steps")),
            (_, Some(_)) if matches!(expect, Expect::Convergence(_)) => {
                let error =
                    self.source.error_at(&[at, &[key("holds")]].concat(), "`convergence` needs `within`");
                Err(error.hint("`stable` says how long the final state must stay"))
            }
            (None, None) if matches!(expect, Expect::Loss(_)) => {
                Ok(Verb::Eventually { expect, within: Duration::ZERO })
            }
            (within, _) if matches!(expect, Expect::Loss(_)) => {
                let word = if within.is_some() { "within" } else { "holds" };
                let at = [at, &[key(word)]].concat();
                Err(self.source.error_at(&at, "`loss` judges what was: it neither waits nor lasts"))
            }
            (_, None) if matches!(expect, Expect::NoRoute(_)) => {
                let error = self.source.error_at(
                    at,
                    "`no-route` needs `holds`: a route that is absent now may come a moment later",
                );
                Err(error.hint("for instance `holds: 6s`: bgpd re-evaluates route maps after 5 s"))
            }
            (within, None) => Ok(Verb::Eventually { expect, within: within.unwrap_or(WITHIN) }),
            (None, Some(_)) if self.is_of_all(&expect) => {
                let error =
                    self.source.error_at(&[at, &[key("holds")]].concat(), "`node: all` goes with `within`");
                Err(error.hint("a window is watched event by event, on one node"))
            }
            (None, Some(window)) => {
                let witness = step
                    .witness
                    .as_ref()
                    .map(|w| self.prefix(w, axes, &[at, &[key("witness")]].concat()))
                    .transpose()?;
                self.witnessed(&expect, witness, at)?;
                Ok(Verb::Holds { expect, window, witness })
            }
        }
    }

    fn witnessed(&self, expect: &Expect, witness: Option<IpNet>, at: &[Seg]) -> Result<(), Diagnostic> {
        match expect {
            // A witness is any route of the main table: the same prefix by another protocol, or in another table, is none
            // of what must not be.
            Expect::NoRoute(absent)
                if absent.prefix.is_some()
                    && absent.proto.is_none()
                    && absent.table.is_none_or(|table| table == ExpectRoute::MAIN)
                    && witness.is_some_and(|witness| absent.covers(&witness)) =>
            {
                let at = [at, &[key("witness")]].concat();
                let what =
                    if absent.prefix == witness { "the same prefix" } else { "what is inside the prefix" };
                Err(self.source.error_at(&at, format!("the witness must be there and {what} must not")))
            }
            Expect::NoRoute(absent) if absent.peer.is_none() && witness.is_none() => {
                let error = self.source.error_at(at, "absence proves nothing without a positive witness");
                Err(error
                    .hint("`witness: PREFIX` names a prefix that must be in the node's kernel during the same window")
                    .hint("`no-route: { peer: GATEWAY }` demands an Established session over which the gateway advertises"))
            }
            _ => Ok(()),
        }
    }

    /// What the expectation names exists.
    pub(super) fn expectation(&self, expect: &Expect, at: &[Seg]) -> Result<(), Diagnostic> {
        let field = |name: &str| [at, &[key(expect.word()), key(name)]].concat();
        if self.is_of_all(expect) {
            return self.of_all(expect, at, &field("node"));
        }
        match expect {
            Expect::Session(session) => {
                self.routing_node(&session.node, &field("node"))?;
                self.peer(&session.peer, &field("peer"))?;
                if session.prefixes.as_ref().is_some_and(ExpectPrefixes::asks_nothing) {
                    let error =
                        self.source.error_at(&field("prefixes"), "`prefixes` without a count says nothing");
                    return Err(error
                        .hint("`received`, `accepted` or `sent`, for instance `accepted: { at-least: 1 }`"));
                }
                let states = ["idle", "connect", "active", "opensent", "openconfirm", "established", "down"];
                match states.contains(&session.state.to_lowercase().as_str()) {
                    true => Ok(()),
                    false => {
                        Err(self.unknown(&field("state"), "session state", &session.state, states.to_vec()))
                    }
                }
            }
            Expect::Route(route) => self.route(route, &field),
            Expect::Routes(routes) => self.routes(routes, &field),
            Expect::NoRoute(absent) => {
                self.any_node(&absent.node, &field("node"))?;
                absent.peer.as_ref().map_or(Ok(()), |peer| self.peer(peer, &field("peer")))?;
                self.kernel_word(absent.proto.as_ref(), Word::Protocol, &field("proto"))?;
                if absent.or_longer && absent.prefix.is_none() {
                    return Err(self.source.error_at(&field("or-longer"), "`or-longer` goes with `prefix`"));
                }
                if absent.vrf.is_some() && absent.table != Some(ExpectRoute::MAIN) {
                    let why = "`vrf` and `table` say the same: one of them";
                    return Err(self.source.error_at(&field("vrf"), why));
                }
                match absent.prefix.is_none() && absent.proto.is_none() {
                    true => Err(self.source.error_at(at, "`no-route` needs a prefix, a protocol, or both")),
                    false => Ok(()),
                }
            }
            Expect::RibFib(agree) => self.any_node(&agree.node, &field("node")),
            Expect::Bond(bond) => {
                self.any_node(&bond.node, &field("node"))?;
                let names = [(&bond.interface, "interface")].into_iter();
                let mut names = names.chain(bond.active.iter().map(|member| (member, "active")));
                names.try_for_each(|(name, of)| self.interface(&bond.node, name, &field(of)))
            }
            Expect::Ecmp(spread) => self.ecmp(spread, &field),
            Expect::Isolation(isolation) => self.isolation(isolation, &field),
            Expect::ReturnPath(path) => self.return_path(path, &field),
            Expect::Loss(loss) => match (loss.at_most, loss.lost_at_most) {
                (None, None) => {
                    let error = self.source.error_at(at, "`loss` needs `at-most`, `lost-at-most`, or both");
                    Err(error.hint("`lost-at-most: 0` for a stream that loses nothing"))
                }
                _ => Ok(()),
            },
            Expect::Convergence(convergence) => {
                self.any_node(&convergence.node, &field("node"))?;
                self.kernel_word(convergence.proto.as_ref(), Word::Protocol, &field("proto"))?;
                self.gateways(&convergence.via, &field("via"))?;
                self.not_empty(&convergence.via, &field("via"), "`absent: true` expects no route")?;
                match convergence.absent && !convergence.via.is_empty() {
                    true => {
                        Err(self.source.error_at(&field("absent"), "`absent` and `via` are two final states"))
                    }
                    false => Ok(()),
                }
            }
        }
    }

    fn return_path(
        &self,
        path: &ExpectReturnPath,
        field: &dyn Fn(&str) -> Vec<Seg>,
    ) -> Result<(), Diagnostic> {
        self.any_node(&path.node, &field("node"))?;
        self.any_node(&path.client, &field("client"))?;
        path.via.as_ref().map_or(Ok(()), |via| self.peer(via, &field("via")))?;
        path.dev.as_ref().map_or(Ok(()), |dev| self.interface(&path.node, dev, &field("dev")))?;
        let refuse = |name: &str, why: &str| Err(self.source.error_at(&field(name), why.to_string()));
        if path.protocol == Protocol::Icmp && path.to.parse::<std::net::IpAddr>().is_err() {
            let error = refuse("protocol", "kube-proxy answers no ICMP for a Service's address");
            return error.map_err(|e| e.hint("ICMP goes with an address of the node itself"));
        }
        if !path.answered && path.dev.is_none() {
            return refuse(
                "answered",
                "`answered: false` goes with `dev`: the way on which the replies are lost",
            );
        }
        if !(1..=64).contains(&path.sources) {
            return refuse("sources", "1 to 64 addresses to ask from");
        }
        match path.requests {
            0 => refuse("requests", "at least one request"),
            1..=1000 => Ok(()),
            _ => refuse("requests", "at most 1000 requests"),
        }
    }
}
