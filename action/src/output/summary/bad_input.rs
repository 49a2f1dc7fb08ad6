//! The summary of a run whose inputs are wrong.

use super::markdown::Markdown;
use super::{LONGEST_ITEM, MAX_ITEMS};
use crate::inputs::Problem;
use crate::output::ending::{Ending, count};
use crate::output::pages::Pages;
use crate::output::text::cut;

/// The verdict, where every input is explained, and a bullet for each problem.
pub(in crate::output) fn markdown(problems: &[Problem], pages: &Pages) -> Markdown {
    let ending = Ending::of_bad_input(problems.len());
    let mut text = Markdown::literal("### ami-share: ");
    text.push(Markdown::message(&ending.verdict));
    text.push_literal("\n\n");
    text.push(match pages.inputs() {
        Some(address) => {
            let inputs = Markdown::literal("every input").linked(&address);
            Markdown::literal("Correct these inputs, and run again. The README explains ")
                .then(inputs)
        }
        None => Markdown::message(&ending.next),
    });
    text.push_literal(".\n");
    for Problem { input, message } in problems.iter().take(MAX_ITEMS) {
        text.push_literal("\n- **");
        text.push(Markdown::text(input));
        text.push_literal("** ");
        text.push(Markdown::message(cut(message, LONGEST_ITEM)));
        text.push_literal("\n");
    }
    if let Some(more) = problems
        .len()
        .checked_sub(MAX_ITEMS)
        .filter(|more| *more > 0)
    {
        text.push_literal("\n- … and ");
        text.push(Markdown::text(count(more, "more problem")));
        text.push_literal(", which the log has\n");
    }
    text.push_literal("\n");
    text
}
