//! The rules: their ids, their severities, and their pages in `docs/lints`.

use std::fmt;

use thiserror::Error;

use crate::diag::{Severity, nearest};

/// No rule has this id.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no lint `{id}`")]
pub struct UnknownRule {
    pub id: String,
    pub nearest: Option<&'static str>,
}

macro_rules! rules {
    ($($(#[$doc:meta])* $variant:ident = $id:literal, $severity:ident;)*) => {
        /// What a finding is about. An error: the extras do not do what they say, or not for long. A warning: they may.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Rule {
            $($(#[$doc])* $variant,)*
        }

        impl Rule {
            /// Every rule, in the order of their ids' list in `docs/lints/README.md`.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The id that output, `allow` and the documentation use.
            pub fn id(self) -> &'static str {
                match self { $(Self::$variant => $id,)* }
            }

            pub fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// Its page, Markdown.
            pub fn page(self) -> &'static str {
                match self {
                    $(Self::$variant => include_str!(concat!("../../../../../docs/lints/", $id, ".md")),)*
                }
            }
        }
    };
}

rules! {
    /// FRR refuses the line, and with it every later change of MetalLB's configuration.
    RejectedLine = "rejected-line", Error;
    /// A `match` line that stands in no route-map entry.
    MisplacedMatch = "misplaced-match", Error;
    /// `ge` and `le` that FRR refuses.
    PrefixRange = "prefix-range", Error;
    /// A prefix list or route map of a name that MetalLB renders.
    NameCollision = "name-collision", Error;
    /// A route map that no session uses.
    UnknownPeer = "unknown-peer", Error;
    /// One route-map entry, spelt `permit` here and `deny` there: it flips at each reload.
    SharedSequence = "shared-sequence", Error;
    /// An entry behind one that takes every route.
    UnreachableEntry = "unreachable-entry", Error;
    /// A match on a prefix list that nobody defines.
    UndefinedList = "undefined-list", Error;
    /// `match ip` and `match ipv6` in one entry.
    ContradictingMatches = "contradicting-matches", Error;
    /// A match on a family that the session does not carry.
    FamilyMismatch = "family-mismatch", Error;
    /// Two matches of one kind in one entry.
    ReplacedMatch = "replaced-match", Error;
    /// A sequence number twice in one prefix list.
    DuplicateSequence = "duplicate-sequence", Error;
    /// A line of a prefix list behind one that covers it with the other action.
    ShadowedLine = "shadowed-line", Error;
    /// The release does not read extras.
    ExtrasIgnored = "extras-ignored", Error;
    /// Two ConfigMaps `bgpextras`: the later replaces the earlier.
    ReplacedConfigMap = "replaced-config-map", Error;
    /// A line beyond prefix lists, `route-map PEER-in` and match clauses.
    OutsideContract = "outside-contract", Warning;
    /// A prefix list of a name that MetalLB may come to render.
    ReservedName = "reserved-name", Warning;
    /// The form that falls to the FRR ordering bug on FRR 7.5.
    OrderingBug = "ordering-bug", Warning;
    /// A route map through which no route of its peer's own family can pass.
    OwnFamilyUnmatched = "own-family-unmatched", Warning;
    /// A prefix list that nothing uses.
    UnusedList = "unused-list", Warning;
    /// A prefix list that only denies, where a match needs a permit.
    ListNeverPermits = "list-never-permits", Warning;
    /// A route map that only denies: MetalLB's does so anyway.
    DenyOnly = "deny-only", Warning;
    /// A prefix list without `seq`, on an FRR whose reloads stumble over it.
    ListWithoutSeq = "list-without-seq", Warning;
    /// A prefix that FRR spells otherwise.
    PrefixSpelling = "prefix-spelling", Warning;
    /// An IPv6 prefix in an `ip prefix-list`.
    PrefixFamily = "prefix-family", Warning;
    /// A command cut short.
    Abbreviated = "abbreviated", Warning;
    /// A key of the ConfigMap beside `extras`.
    UnreadKey = "unread-key", Warning;
}

impl Rule {
    /// The rule of an id.
    ///
    /// # Errors
    /// [`UnknownRule`] names the nearest one.
    pub fn find(id: &str) -> Result<Self, UnknownRule> {
        let found = Self::ALL.iter().find(|rule| rule.id() == id);
        let unknown =
            || UnknownRule { id: id.to_owned(), nearest: nearest(id, Self::ALL.iter().map(|r| r.id())) };
        found.copied().ok_or_else(unknown)
    }

    /// Where its page lies, relative to the project.
    pub fn docs(self) -> String {
        format!("docs/lints/{}.md", self.id())
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}
