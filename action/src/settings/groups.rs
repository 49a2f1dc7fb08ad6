//! The groups of a configuration file: each is parsed as inputs are, and all of them are one run.

use std::collections::{BTreeMap, BTreeSet};

use ami_share::request::{Contradiction, ShareRequestBuilder, contradictions};
use ami_share::{Principal, RequestGroup, ShareRequest};

use super::config_file::GroupInputs;
use super::parser::Parser;
use super::{Mode, Settings, expected_plan, parse_one};
use crate::inputs::Problem;

/// Parses each group; every problem names its place in the file.
pub(super) fn parse(mut groups: Vec<GroupInputs>) -> Result<Settings, Vec<Problem>> {
    // The expected plan is that of all groups, not of each.
    let given = groups
        .first()
        .map(|group| group.raw.clone())
        .unwrap_or_default();
    let has_several = groups.len() > 1;
    if has_several {
        for group in &mut groups {
            group.raw.expect_plan = None;
        }
    }

    let (mut parsed, mut problems) = (Vec::new(), Vec::new());
    for group in &groups {
        match parse_one(&group.raw, Vec::new()) {
            Ok(settings) => parsed.push(settings),
            Err(wrong) => {
                for problem in wrong {
                    add_new(&mut problems, group.explain(problem));
                }
            }
        }
    }
    let mut parser = Parser::default();
    let mode = parsed.first().map(|settings| settings.mode);
    let expected = if has_several {
        expected_plan(&mut parser, &given, mode)
    } else {
        None
    };
    problems.append(&mut parser.problems);
    if has_several {
        problems.extend(find_expanded(&groups));
        problems.extend(find_retiring(&groups, mode));
    }
    if let Some(problem) = find_excess(&groups, &parsed) {
        problems.push(problem);
    } else if parsed.len() == groups.len() {
        problems.extend(find_contradictions(&groups, &parsed));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let requests = if has_several {
        request_groups(&groups, &parsed)?
    } else {
        Vec::new()
    };
    let whole = parsed.into_iter().next();
    let no_group = || vec![Problem::new("config-file", "it has no group")];
    let whole = whole.ok_or_else(no_group)?;
    Ok(Settings {
        groups: requests,
        expected,
        ..whole
    })
}

/// The request of each group, which knows the targets of the others.
fn request_groups(
    groups: &[GroupInputs],
    parsed: &[Settings],
) -> Result<Vec<RequestGroup>, Vec<Problem>> {
    let mut requests = Vec::new();
    for (group, settings) in groups.iter().zip(parsed) {
        let own = settings.request.targets();
        let all = parsed
            .iter()
            .flat_map(|settings| settings.request.targets());
        let others = all.filter(|target| !own.contains(*target)).cloned();
        let builder = ShareRequestBuilder::from(settings.request.clone());
        let request = builder.listed_elsewhere(others).build();
        requests.push(RequestGroup {
            name: group.name.clone().unwrap_or_default(),
            request: request.map_err(|problems| {
                let mut wrong = Vec::new();
                for problem in problems {
                    wrong.push(group.problem_of(problem.field, &problem.message));
                }
                wrong
            })?,
        });
    }
    Ok(requests)
}

/// Each group knows the targets of all others, so that what a run is about grows with both.
fn find_excess(groups: &[GroupInputs], parsed: &[Settings]) -> Option<Problem> {
    let most = ShareRequest::MOST_SHARES;
    let shares: usize = parsed.iter().map(|it| it.request.shares()).sum();
    if shares.saturating_mul(parsed.len()) <= most {
        return None;
    }
    let message = format!(
        "{} groups with {shares} shares (targets times images times Regions): groups times shares \
         may be {most} in one run",
        parsed.len()
    );
    Some(groups.first()?.problem_of("config-file", &message))
}

/// Two groups would retire the same images.
fn find_retiring(groups: &[GroupInputs], mode: Option<Mode>) -> Option<Problem> {
    let group = groups.first().filter(|_| mode == Some(Mode::Retire))?;
    let message = "a retirement is about no targets, so there is nothing to group: give its \
                   settings at the top of the file";
    Some(group.problem_of("groups", message))
}

/// What an organization holds is known only when a run has begun.
fn find_expanded(groups: &[GroupInputs]) -> Vec<Problem> {
    let mut problems = Vec::new();
    for group in groups {
        if group.raw.expand_organizations().text == Some("true") {
            let message = "it needs a run without other groups, which may list the same accounts";
            let problem = group.problem_of("expand-organizations", message);
            add_new(&mut problems, problem);
        }
    }
    problems
}

/// What two groups share is one thing: a target may be in both, for other Regions perhaps, but not
/// with other keys, and an image is not deprecated at two dates.
fn find_contradictions(groups: &[GroupInputs], parsed: &[Settings]) -> Vec<Problem> {
    let requests: Vec<&ShareRequest> = parsed.iter().map(|settings| &settings.request).collect();
    // A hundred groups have thousands of pairs, and one thing to mend.
    let mut of_input: BTreeMap<_, Vec<Contradiction>> = BTreeMap::new();
    for contradiction in contradictions(&requests) {
        let (first, target) = (contradiction.groups.0, contradiction.target.clone());
        let about = (first, contradiction.input, target);
        of_input.entry(about).or_default().push(contradiction);
    }
    let of_input = of_input.values();
    let problems = of_input.filter_map(|same| contradiction_problem(groups, same));
    problems.collect()
}

/// The problem of groups that differ in one input about one target, or about none.
fn contradiction_problem(groups: &[GroupInputs], same: &[Contradiction]) -> Option<Problem> {
    let Contradiction {
        groups: (one, other),
        input,
        target,
        ..
    } = same.first()?;
    let (one, other) = (groups.get(*one)?, groups.get(*other)?);
    let first = one.name.as_deref().unwrap_or_default();
    let differing: BTreeSet<_> = same.iter().map(|it| it.groups.1).collect();
    let others = match differing.len() - 1 {
        0 => String::new(),
        1 => " (so it is in 1 more group)".to_owned(),
        more => format!(" (so it is in {more} more groups)"),
    };
    Some(match target {
        None => {
            let message = format!(
                "group `{first}` shares the same images, with another `{input}`{others}: give it \
                 once for all groups, at the top of the file"
            );
            other.problem_of(input, &message)
        }
        Some(target) => {
            let message = format!(
                "{target} is in group `{first}` too, with another `{input}`{others}: give all of \
                 them the same, or the target to one of them"
            );
            let targets = match target {
                Principal::Organization(_) => "target-organizations",
                Principal::OrganizationalUnit(_) => "target-organizational-units",
                _ => "target-accounts",
            };
            other.problem_of(targets, &message)
        }
    })
}

fn add_new(problems: &mut Vec<Problem>, problem: Problem) {
    if !problems.contains(&problem) {
        problems.push(problem);
    }
}

#[cfg(test)]
mod tests;
