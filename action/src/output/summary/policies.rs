//! Policies in a summary, folded: what would change in those of keys, and what others must still
//! add.

use ami_share::{Plan, Report};

use super::markdown::Markdown;
use crate::output::ending::{count, leaves_keys_to_others, needs_launch_policy};
use crate::output::key_name::KeyNames;
use crate::output::plan_text;

/// Longer texts are only in the outputs and the report, and so are the changes of further keys.
const MAX_LINES: usize = 200;
const MAX_POLICIES: usize = 5;

/// What a plan would change in the policies of keys.
pub(super) fn changes(text: &mut Markdown, plan: &Plan) {
    let changes = plan_text::policy_changes(plan);
    let keys = KeyNames::of(plan);
    for (title, lines) in changes.iter().take(MAX_POLICIES) {
        folded(text, &keys.shorten(title), lines);
    }
    if changes.len() > MAX_POLICIES {
        let more = count(changes.len() - MAX_POLICIES, "more key");
        text.push_literal("\n");
        text.push(Markdown::text(format!(
            "The changes of {more} are in the report."
        )));
        text.push_literal("\n");
    }
}

/// Every step of a plan: the tables show access, and those who approve see all of it.
pub(super) fn steps(text: &mut Markdown, plan: &Plan) {
    if !plan.changes() {
        return;
    }
    let [add, change, remove] = plan_text::sums(plan);
    let title = format!("Every step: {add} to add, {change} to change, {remove} to remove");
    let keys = KeyNames::of(plan);
    let lines = plan_text::lines(plan);
    let lines: Vec<String> = lines.iter().map(|line| keys.shorten(line)).collect();
    folded(text, &title, &lines);
}

/// What launches still need that the run does not give.
pub(super) fn left_to_do(text: &mut Markdown, report: &Report) {
    if leaves_keys_to_others(&report.plan) {
        let (title, statements) = plan_text::statements(&report.plan);
        folded(text, title, &statements);
    }
    if needs_launch_policy(report)
        && let Some(policy) = report.plan.launch_policy()
    {
        let title = "Policy that principals in the targets need to launch";
        folded(text, title, &plan_text::pretty(&policy));
    }
}

/// Lines of code under a title.
fn folded(text: &mut Markdown, title: &str, lines: &[String]) {
    text.push_literal("\n<details><summary>");
    text.push(Markdown::text(title));
    text.push_literal("</summary>\n\n");
    for line in lines.iter().take(MAX_LINES) {
        // GitHub keeps the spaces within code, and whoever copies it gets JSON.
        text.push(Markdown::code(line));
        text.push_literal("<br>\n");
    }
    if lines.len() > MAX_LINES {
        text.push_literal("… the rest is in the outputs\n");
    }
    text.push_literal("\n</details>\n");
    text.end_block();
}
