//! The policies of a simulation, and what they decide.

use std::sync::Arc;

use crate::policy::{AccessRequest, Decision, Document, Position, statement_spans};

/// The policies that decide together.
#[derive(Clone, Debug, Default)]
pub(super) struct Policies {
    pub(super) identity: Vec<Source>,
    pub(super) boundary: Option<Source>,
    /// Service control policies by level; `None` outside an organization.
    pub(super) controls: Option<Vec<Vec<Arc<Document>>>>,
    pub(super) resource: Option<Source>,
}

/// One policy with the name that answers call it by.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) id: String,
    /// The ARN of a managed policy, the owner and name of an inline one.
    pub(super) key: String,
    pub(super) text: String,
    pub(super) document: Arc<Document>,
}

/// A decision in the order from best to worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    Allowed,
    ImplicitDeny,
    ExplicitDeny,
}

impl Verdict {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::ImplicitDeny => "implicitDeny",
            Self::ExplicitDeny => "explicitDeny",
        }
    }

    fn of(allows: bool, denies: bool) -> Self {
        match (allows, denies) {
            (_, true) => Self::ExplicitDeny,
            (true, false) => Self::Allowed,
            (false, false) => Self::ImplicitDeny,
        }
    }
}

/// A statement that decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Matched {
    /// The place of its policy among all policies, and its own in the policy.
    pub(super) rank: (usize, usize),
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) span: Option<(Position, Position)>,
}

/// The names of the kinds of policies in answers, which are not those of AWS's models.
pub(super) const IDENTITY: &str = "IAM Policy";
pub(super) const BOUNDARY: &str = "Permissions Boundary Policy";
pub(super) const RESOURCE: &str = "Resource Policy";

/// What policies of one kind decide.
struct Layer {
    kind: &'static str,
    verdict: Verdict,
    allows: Vec<Matched>,
    denies: Vec<Matched>,
}

/// What all policies decide on one action and resource.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    pub(super) verdict: Verdict,
    pub(super) matched: Vec<Matched>,
    /// The kinds of policies on their own; only across accounts.
    pub(super) layers: Vec<(&'static str, Verdict)>,
    pub(super) by_boundary: Option<bool>,
    pub(super) by_organization: Option<bool>,
}

/// One request of a simulation.
#[derive(Clone, Copy)]
pub(super) struct Question<'a> {
    pub(super) access: AccessRequest<'a>,
    /// Whether the action takes such a resource. If not, no statement applies.
    pub(super) fits: bool,
    pub(super) across_accounts: bool,
}

impl Policies {
    /// Decides on one request (R7.20 to R7.22).
    pub(super) fn decide(&self, question: Question<'_>) -> Outcome {
        let controls = self.controls.as_ref();
        let controls = controls.map(|levels| evaluate_controls(levels, &question.access));
        let identity: Vec<&Source> = self.identity.iter().collect();
        let count = identity.len();
        let identity = evaluate(&identity, 0, IDENTITY, question);
        let boundary = self.boundary.as_ref();
        let boundary = boundary.map(|source| evaluate(&[source], count, BOUNDARY, question));
        let resource = self.resource.as_ref();
        let resource = resource.map(|source| evaluate(&[source], count + 1, RESOURCE, question));

        let verdict = combine(
            controls,
            &identity,
            boundary.as_ref(),
            resource.as_ref(),
            question.across_accounts,
        );
        let mut layers = Vec::new();
        let controls_allow = controls.is_none_or(|verdict| verdict == Verdict::Allowed);
        if question.across_accounts && controls_allow {
            let by_resource = resource.as_ref().map(|layer| layer.verdict);
            layers.extend(boundary.as_ref().map(|layer| (BOUNDARY, layer.verdict)));
            layers.push((RESOURCE, by_resource.unwrap_or(Verdict::ImplicitDeny)));
            layers.push((IDENTITY, identity.verdict));
        }
        let by_boundary = boundary.as_ref().map(|layer| layer.verdict);
        let mut matched = Vec::new();
        for layer in [Some(identity), boundary, resource].into_iter().flatten() {
            match verdict {
                // Allows of a boundary are not listed, nor are denies of controls.
                Verdict::Allowed if layer.kind == BOUNDARY => {}
                Verdict::Allowed => matched.extend(layer.allows),
                Verdict::ExplicitDeny => matched.extend(layer.denies),
                Verdict::ImplicitDeny => {}
            }
        }
        Outcome {
            verdict,
            matched,
            layers,
            by_boundary: by_boundary.map(|verdict| verdict == Verdict::Allowed),
            by_organization: controls.map(|verdict| verdict == Verdict::Allowed),
        }
    }
}

/// Across accounts both sides must allow. Within one, a policy of the resource is enough, whoever
/// it names, and a boundary limits only what identity policies give.
fn combine(
    controls: Option<Verdict>,
    identity: &Layer,
    boundary: Option<&Layer>,
    resource: Option<&Layer>,
    across_accounts: bool,
) -> Verdict {
    let boundary = boundary.map(|layer| layer.verdict);
    let resource = resource.map(|layer| layer.verdict);
    let of_all = [controls, Some(identity.verdict), boundary, resource];
    if of_all.contains(&Some(Verdict::ExplicitDeny)) {
        return Verdict::ExplicitDeny;
    }
    let allows = |verdict: Option<Verdict>| verdict == Some(Verdict::Allowed);
    let missing = |verdict: Option<Verdict>| verdict == Some(Verdict::ImplicitDeny);
    let by_identity = identity.verdict == Verdict::Allowed && !missing(boundary);
    let allowed = if across_accounts {
        by_identity && allows(resource)
    } else {
        by_identity || allows(resource)
    };
    Verdict::of(allowed && !missing(controls), false)
}

/// Each level of the organization must allow (R3.1.11).
fn evaluate_controls(levels: &[Vec<Arc<Document>>], access: &AccessRequest<'_>) -> Verdict {
    let mut verdict = Verdict::Allowed;
    for level in levels {
        let decisions: Vec<Decision> = level.iter().map(|policy| policy.evaluate(access)).collect();
        let allows = decisions.iter().any(|decision| decision.is_allow());
        let denies = decisions.contains(&Decision::ExplicitDeny);
        verdict = verdict.max(Verdict::of(allows, denies));
    }
    verdict
}

/// Evaluates policies of one kind, which have this rank and the next ones among all.
fn evaluate(sources: &[&Source], rank: usize, kind: &'static str, question: Question<'_>) -> Layer {
    let (mut allows, mut denies) = (Vec::new(), Vec::new());
    for (index, source) in sources.iter().enumerate().filter(|_| question.fits) {
        let spans = statement_spans(&source.text);
        for (statement, is_allow) in source.document.matching(&question.access) {
            let side = if is_allow { &mut allows } else { &mut denies };
            side.push(Matched {
                rank: (rank + index, statement),
                id: source.id.clone(),
                kind,
                span: spans.get(statement).copied(),
            });
        }
    }
    Layer {
        kind,
        verdict: Verdict::of(!allows.is_empty(), !denies.is_empty()),
        allows,
        denies,
    }
}

/// What holds of several resources together: the worst decision, with the statements of all.
pub(super) fn aggregate(outcomes: &[Outcome]) -> Outcome {
    let mut all = Outcome {
        verdict: Verdict::Allowed,
        matched: Vec::new(),
        layers: Vec::new(),
        by_boundary: None,
        by_organization: None,
    };
    for outcome in outcomes {
        all.verdict = all.verdict.max(outcome.verdict);
        for matched in &outcome.matched {
            if !all.matched.contains(matched) {
                all.matched.push(matched.clone());
            }
        }
        for (kind, verdict) in &outcome.layers {
            match all.layers.iter_mut().find(|(known, _)| known == kind) {
                Some((_, worst)) => *worst = (*worst).max(*verdict),
                None => all.layers.push((kind, *verdict)),
            }
        }
        all.by_boundary = both(all.by_boundary, outcome.by_boundary);
        all.by_organization = both(all.by_organization, outcome.by_organization);
    }
    // The last policy comes first, but the statements of each stay in their order (recorded).
    all.matched
        .sort_by_key(|matched| (std::cmp::Reverse(matched.rank.0), matched.rank.1));
    all
}

fn both(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one && other),
        (one, other) => one.or(other),
    }
}
