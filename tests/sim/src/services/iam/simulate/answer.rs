//! The answer to a simulation: one entry for each action (R7.20).

use super::policies::{Matched, Outcome, Verdict, aggregate};
use super::resources;
use crate::policy::Position;
use crate::wire::xml::Element;

/// What was decided on one action.
pub(super) struct ActionResult<'a> {
    pub(super) action: &'a str,
    /// The resources that were asked for; none means all.
    pub(super) resources: &'a [&'a str],
    /// One for each resource, or one for all.
    pub(super) outcomes: Vec<Outcome>,
    /// The condition keys of the policies that the request does not set.
    pub(super) missing: &'a [String],
}

impl ActionResult<'_> {
    pub(super) fn render(&self) -> Vec<Element> {
        let all = aggregate(&self.outcomes);
        let missing = missing_of(all.verdict, self.missing);
        let mut entry = vec![
            Element::of("EvalActionName", self.action),
            Element::of("EvalDecision", all.verdict.word()),
            statements(&all.matched),
            texts("MissingContextValues", missing),
        ];
        entry.extend(Element::optional("EvalResourceName", self.resource_name()));
        if let Some(allowed) = all.by_organization {
            let detail = Element::new("OrganizationsDecisionDetail");
            entry.push(detail.text("AllowedByOrganizations", allowed));
        }
        entry.extend(boundary_detail(&all));
        if !self.resources.is_empty() {
            entry.push(layers(&all));
            let mut specific = Vec::new();
            for (resource, outcome) in self.resources.iter().zip(&self.outcomes) {
                specific.push(self.render_resource(resource, outcome));
            }
            entry.push(Element::members("ResourceSpecificResults", specific));
        }
        entry
    }

    /// Several resources have the name of their kind only.
    fn resource_name(&self) -> Option<&str> {
        match self.resources {
            [] => Some("*"),
            [one] => Some(one),
            _ => resources::template(self.action),
        }
    }

    /// What is empty is left out.
    fn render_resource(&self, resource: &str, outcome: &Outcome) -> Vec<Element> {
        let mut entry = vec![
            Element::of("EvalResourceName", resource),
            Element::of("EvalResourceDecision", outcome.verdict.word()),
        ];
        if !outcome.matched.is_empty() {
            entry.push(statements(&outcome.matched));
        }
        let missing = missing_of(outcome.verdict, self.missing);
        if !missing.is_empty() {
            entry.push(texts("MissingContextValues", missing));
        }
        if !outcome.layers.is_empty() {
            entry.push(layers(outcome));
        }
        entry.extend(boundary_detail(outcome));
        entry
    }
}

/// Only an implicit deny tells what is missing (R7.22).
fn missing_of(verdict: Verdict, missing: &[String]) -> &[String] {
    if verdict == Verdict::ImplicitDeny {
        missing
    } else {
        &[]
    }
}

fn statements(matched: &[Matched]) -> Element {
    let mut items = Vec::new();
    for statement in matched {
        let mut item = vec![
            Element::of("SourcePolicyId", &statement.id),
            Element::of("SourcePolicyType", statement.kind),
        ];
        if let Some((start, end)) = statement.span {
            item.push(position("StartPosition", start));
            item.push(position("EndPosition", end));
        }
        items.push(item);
    }
    Element::members("MatchedStatements", items)
}

fn position(name: &'static str, at: Position) -> Element {
    Element::new(name)
        .text("Line", at.line)
        .text("Column", at.column)
}

fn layers(outcome: &Outcome) -> Element {
    let mut details = Element::new("EvalDecisionDetails");
    for (kind, verdict) in &outcome.layers {
        let entry = Element::new("entry").text("key", kind);
        details = details.child(entry.text("value", verdict.word()));
    }
    details
}

fn boundary_detail(outcome: &Outcome) -> Option<Element> {
    let allowed = outcome.by_boundary?;
    let detail = Element::new("PermissionsBoundaryDecisionDetail");
    Some(detail.text("AllowedByPermissionsBoundary", allowed))
}

pub(super) fn texts(name: &'static str, texts: &[String]) -> Element {
    let mut list = Element::new(name);
    for text in texts {
        list = list.text("member", text);
    }
    list
}
