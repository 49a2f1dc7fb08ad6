//! Every place where text of others enters, by what it could say, over every exit: log, summary,
//! outputs and report. No runner finds a command, and no reader Markdown of others.
//!
//! The lists beside this file say where each input comes out. A test whose list is wrong writes the
//! right one.

mod answers;
mod exits;
mod inputs;
mod markdown;
mod payloads;
mod runners;
mod seen;
mod stories;
mod texts;

use std::collections::BTreeSet;

use ami_share_action::Exit;
use ami_share_sim::Sim;
use serde_json::json;

use answers::{Answers, Place};
use exits::{WAYS, in_threads};
use payloads::{batches, long};
use seen::Seen;
use stories::{STORIES, Story};
pub(crate) use stories::{build_world, build_world_with};

/// Puts texts into a place; the further ones only if the first came out.
async fn try_place(story: &Story, fault: Option<&str>, place: &Place, seen: &mut Seen) {
    let mut texts = batches();
    texts.push(long());
    for (number, text) in texts.iter().enumerate() {
        let text = match fault {
            Some(_) if place.path.ends_with("essage") && number % 2 == 1 => denial(text),
            _ => text.clone(),
        };
        let sim = begin(story, fault).await;
        let answers = Answers::with_text(place, &text);
        let exits = story.run(&sim, &answers, WAYS[number % WAYS.len()]).await;
        seen.add(&place.to_string(), &exits);
        if !exits.has_mark() {
            return;
        }
    }
}

async fn begin(story: &Story, fault: Option<&str>) -> Sim {
    let sim = story.begin().await;
    if let Some(operation) = fault {
        let error = json!({ "status": 400, "code": "OddError", "message": "Odd." });
        let fault = json!({ "operation": operation, "effect": { "error": error } });
        sim.fault(serde_json::from_value(fault).unwrap());
    }
    sim
}

/// A denial in AWS's words, with a text in the place of each name.
fn denial(text: &str) -> String {
    format!(
        "User: {text} is not authorized to perform: {text} on resource: {text} with an explicit \
         deny in a resource-based policy: {text}"
    )
}

/// A place is tried in the first story that has it.
fn divide<P: Clone + Ord>(stories: Vec<(Story, BTreeSet<P>)>) -> Vec<(Story, Vec<P>)> {
    let mut known = BTreeSet::new();
    let mut divided = Vec::new();
    for (story, mut places) in stories {
        places.retain(|place| known.insert(place.clone()));
        divided.push((story, places.into_iter().collect()));
    }
    divided
}

#[test]
fn text_in_answers_to_a_dry_run_is_text_in_every_exit() {
    let mut stories = STORIES.to_vec();
    stories.retain(|story| story.name == "dry run");
    check_answers(stories, 5);
}

#[test]
#[ignore = "takes minutes: every text in every place of every answer"]
fn text_in_answers_of_aws_is_text_in_every_exit() {
    check_answers(STORIES.to_vec(), 50);
}

/// At least this many places come out, so that the test is about something.
fn check_answers(stories: Vec<Story>, printed: usize) {
    let stories = in_threads(stories, async |story: Story| {
        let (sim, answers) = (begin(&story, None).await, Answers::unchanged());
        let usual = story.run(&sim, &answers, WAYS[0]).await;
        assert_eq!(usual.problems(), [""; 0], "{}", story.name);
        assert_ne!(usual.exit, Exit::BadInput, "{}: {}", story.name, usual.log);
        (story, answers.seen())
    });
    let seen = in_threads(
        divide(stories),
        async |(story, places): (Story, Vec<Place>)| {
            let mut seen = Seen::default();
            for place in places {
                try_place(&story, None, &place, &mut seen).await;
            }
            seen
        },
    );
    let seen = Seen::merge(seen);
    seen.check("answers");
    assert!(seen.printed() >= printed);
}

#[test]
#[ignore = "takes minutes: every text in the error of every operation"]
fn text_in_errors_of_aws_is_text_in_every_exit() {
    let stories = in_threads(STORIES.to_vec(), async |story: Story| {
        let sim = begin(&story, None).await;
        let from = sim.journal().len();
        story.run(&sim, &Answers::unchanged(), WAYS[0]).await;
        let calls = sim.journal().into_iter().skip(from);
        (story, calls.map(|call| call.action).collect())
    });
    let seen = in_threads(
        divide(stories),
        async |(story, operations): (Story, Vec<String>)| {
            let mut seen = Seen::default();
            for operation in &operations {
                for place in places_of_error(&story, operation).await {
                    try_place(&story, Some(operation), &place, &mut seen).await;
                }
            }
            seen
        },
    );
    let seen = Seen::merge(seen);
    seen.check("errors");
    assert!(seen.printed() >= 10);
}

/// The places in the error that every call of an operation gets.
async fn places_of_error(story: &Story, operation: &str) -> Vec<Place> {
    let (sim, answers) = (begin(story, Some(operation)).await, Answers::unchanged());
    story.run(&sim, &answers, WAYS[0]).await;
    let mut places: Vec<Place> = answers.seen().into_iter().collect();
    places.retain(|place| {
        let path = place.path.to_lowercase();
        operation.ends_with(&format!(":{}", place.operation))
            && (path.starts_with("err") || path == "message" || path == "__type")
    });
    places
}
