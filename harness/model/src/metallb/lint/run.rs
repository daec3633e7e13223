//! The lint over a run: states of the cluster in, findings out.

use std::collections::{BTreeMap, HashSet};

use super::catalogue::Rule;
use super::finding::{Draft, Finding, Place};
use super::frr_version::FrrVersion;
use super::peers::Peers;
use super::{families, lists, maps, names, parse};
use crate::diag::Mark;
use crate::metallb::release::{Generation, Release};
use crate::metallb::store::{Applied, Change, METALLB_NAMESPACE, Objects};
use crate::metallb::{admit, render};
use crate::path;
use crate::yaml::Document;

/// Looks at extras beside everything that they meet. Show it each state of the cluster ([`Lint::look`]), then ask for the findings:
/// extras may come before their peers, so they are judged by all peers that were ever there.
#[derive(Clone, Debug)]
pub struct Lint {
    release: &'static Release,
    frr: Option<FrrVersion>,
    peers: Peers,
    /// Each text that the extras had, with the document that it came from, in order.
    extras: Vec<(Document, String)>,
    replaced: Vec<Document>,
}

impl Lint {
    /// `frr` is the FRR of the nodes; without one, what depends on its version is left out.
    pub fn new(release: &'static Release, frr: Option<FrrVersion>) -> Self {
        Self { release, frr, peers: Peers::default(), extras: Vec::new(), replaced: Vec::new() }
    }

    /// Takes in a state of the cluster. `applied`: what one `kubectl apply` of some files did to get there.
    pub fn look(&mut self, objects: &Objects, applied: &[Applied]) {
        let (found, complete) = render::peers(self.release, objects);
        self.peers.incomplete |= !complete;
        self.peers.by_id.extend(found.into_iter().map(|peer| (peer.id.clone(), peer)));
        let Some((document, text)) = objects.extras_origin() else { return };
        let known = |(d, t): &(Document, String)| t == text && d.is_same_place(document);
        if !self.extras.iter().any(known) {
            self.extras.push((document.clone(), text.to_owned()));
        }
        let is_extras = |a: &&Applied| {
            a.id.name == admit::EXTRAS_CONFIG_MAP
                && a.id.namespace == METALLB_NAMESPACE
                && a.change != Change::Deleted
        };
        let written: Vec<&Applied> = applied.iter().filter(is_extras).collect();
        if written.len() > 1 && written[1..].iter().any(|a| a.change == Change::Configured) {
            self.replaced.push(document.clone());
        }
    }

    /// Everything that was found, in the order of the extras and of their lines.
    pub fn findings(&self) -> Vec<Finding> {
        let all = self.extras.iter().flat_map(|(document, text)| self.of(document, text));
        let mut seen = HashSet::new();
        let mut found: Vec<Finding> =
            all.filter(|f| seen.insert((f.rule, f.mark, f.source.file.clone()))).collect();
        found.extend(self.replaced.iter().map(replaced));
        found
    }

    fn of(&self, document: &Document, text: &str) -> Vec<Finding> {
        let at = path!["data", admit::EXTRAS_KEY];
        let value = document.locate(&at, true);
        let lines = document.line_marks(&at);
        let mut drafts = Vec::new();
        let mut found: Vec<Finding> = unread_keys(document);
        if self.release.generation < Generation::V0_13_10 {
            let draft = ignored(self.release);
            found.push(draft.placed(document, &[], value));
            return found;
        }
        let extras = parse::read(text, &mut drafts);
        names::check(&extras, &self.peers, self.release, &mut drafts);
        maps::check(&extras, &self.peers, self.frr, &mut drafts);
        families::check(&extras, &self.peers, &mut drafts);
        lists::check(&extras, &self.peers, self.frr, &mut drafts);
        drafts.sort_by_key(|d| (d.place, d.rule));
        found.extend(drafts.into_iter().map(|draft| draft.placed(document, &lines, value)));
        found
    }
}

fn whole(rule: Rule, message: impl Into<String>) -> Draft {
    Draft::new(rule, Place { line: 1, column: 1 }, message)
}

fn ignored(release: &Release) -> Draft {
    whole(Rule::ExtrasIgnored, format!("MetalLB {release} does not read extras"))
        .because("they exist since v0.13.10: nothing of this reaches FRR")
        .fix("use MetalLB v0.13.10 or newer")
}

fn unread_keys(document: &Document) -> Vec<Finding> {
    let Ok(Data { data, .. }) = document.parse::<Data>() else { return Vec::new() };
    let others = data.keys().filter(|key| *key != admit::EXTRAS_KEY);
    let finding = |key: &String| {
        whole(Rule::UnreadKey, format!("MetalLB does not read the key `{key}`"))
            .because(format!(
                "it appends the value of `{}` to frr.conf and looks at no other",
                admit::EXTRAS_KEY
            ))
            .fix(format!("move its lines into `{}`, or leave it out", admit::EXTRAS_KEY))
            .placed(document, &[], document.locate(&path!["data", key.as_str()], true))
    };
    others.map(finding).collect()
}

/// As much of a ConfigMap as is asked for here; what else there is was checked when it was applied.
#[derive(serde::Deserialize)]
struct Data {
    data: BTreeMap<String, serde::de::IgnoredAny>,
}

fn replaced(document: &Document) -> Finding {
    whole(
        Rule::ReplacedConfigMap,
        "this ConfigMap `bgpextras` replaces the one that was applied just before it",
    )
    .because("there is one object of a name: the later file wins, the extras do not add up")
    .fix("put all extras into one ConfigMap")
    .placed(document, &[] as &[Option<Mark>], document.locate(&path!["metadata", "name"], false))
}
