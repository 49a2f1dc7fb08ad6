//! A finding is there where its cause is, and not where nearly the same is the case.

use super::*;
use crate::id::SnapshotId;
use crate::request::{DeprecateAt, ShareRequestBuilder, TagsToShare};

/// The plan of a request for the inventory's image.
fn planned(
    inventory: &Inventory,
    targets: &[&str],
    adapt: impl FnOnce(ShareRequestBuilder) -> ShareRequestBuilder,
) -> Plan {
    let mut builder = ShareRequest::builder()
        .region("us-east-1".parse().unwrap())
        .image("ami-1a2b3c4d".parse().unwrap());
    for target in targets {
        builder = builder.target_account(target.parse().unwrap());
    }
    let deadline = Instant::now() + Duration::from_secs(1);
    make(&adapt(builder).build().unwrap(), inventory, deadline).unwrap()
}

const TARGETS: &[&str] = &["222222222222"];

/// The message of the only finding with the code, or nothing if there is none.
fn message(plan: &Plan, code: &str) -> String {
    let found = plan.findings.iter().filter(|it| it.code.as_str() == code);
    let messages: Vec<_> = found.map(|it| it.message.clone()).collect();
    assert!(messages.len() < 2, "{messages:?}");
    messages.concat()
}

fn image(inventory: &mut Inventory) -> &mut Image {
    home(inventory).images.values_mut().next().unwrap()
}

#[test]
fn image_is_deprecated_from_its_moment_on() {
    // The clock of the inventory stands at 1970.
    for (at, is_deprecated) in [
        ("1969-12-31T23:59:59.000Z", true),
        ("1970-01-01T00:00:00.000Z", true),
        ("1970-01-01T00:00:01.000Z", false),
    ] {
        let mut inventory = inventory();
        image(&mut inventory).deprecation_time = Some(at.to_owned());
        let message = message(&planned(&inventory, TARGETS, |it| it), "image.deprecated");
        assert_eq!(message.contains(at), is_deprecated, "{at}: {message}");
    }
}

#[test]
fn source_among_targets_is_told_from_the_only_target() {
    let source = "111111111111";
    let cases: [(&[&str], &str); 3] = [
        (TARGETS, ""),
        (&[source], "the only target"),
        (&[source, "222222222222"], "this target"),
    ];
    for (targets, words) in cases {
        let plan = planned(&inventory(), targets, |it| it);
        let message = message(&plan, "target.is-source");
        assert_eq!(message.is_empty(), words.is_empty(), "{message}");
        assert!(message.starts_with(words), "{targets:?}: {message}");
    }
}

#[test]
fn key_that_does_not_work_is_shared_with_nobody_and_copied_from_by_nobody() {
    for (state, code) in [
        (KeyState::Enabled, ""),
        (KeyState::Disabled, "key.disabled"),
        (KeyState::PendingDeletion, "key.pending-deletion"),
    ] {
        for (copies, words) in [(false, "no launch can decrypt"), (true, "cannot be copied")] {
            let mut inventory = inventory();
            let region = home(&mut inventory);
            region.destination_key = copies.then(|| OTHER.parse().unwrap());
            region.keys.get_mut(&ARN.parse().unwrap()).unwrap().state = state.clone();
            let plan = planned(&inventory, TARGETS, |it| it);
            let refusals: Vec<_> = plan.refusals().map(|it| it.code.as_str()).collect();
            assert_eq!(refusals.concat(), code, "{state:?} {copies}");
            let says = message(&plan, code).contains(words);
            assert_eq!(says, !code.is_empty(), "{state:?} {copies}");
        }
    }
}

/// An image that is the copy of the inventory's image, as AWS shows it.
fn existing_copy(inventory: &mut Inventory) -> Image {
    let plan = planned(inventory, TARGETS, |it| it);
    let Step::Copy(step) = &plan.steps[0] else {
        panic!("{:?}", plan.steps)
    };
    let id: SnapshotId = "snap-0000000b".parse().unwrap();
    let region = home(inventory);
    let snapshot = Snapshot {
        id: id.clone(),
        key: Some(OTHER.parse().unwrap()),
        ..region.snapshots.values().next().unwrap().clone()
    };
    region.snapshots.insert(id.clone(), snapshot);
    let mut copy = region.images.values().next().unwrap().clone();
    copy.id = "ami-0000000a".parse().unwrap();
    copy.name.clone_from(&step.name);
    copy.tags.clone_from(&step.tags);
    copy.source = Some(("ami-1a2b3c4d".to_owned(), "us-east-1".to_owned()));
    copy.mappings[0].snapshot = Some(id);
    copy
}

/// AWS copies neither (R1.2.7, R7.32).
#[test]
fn what_a_copy_loses_is_said_unless_the_copy_or_the_request_has_it() {
    const AT: &str = "2030-01-01T00:00:00.000Z";
    type Give = fn(&mut Image);
    type Ask = fn(ShareRequestBuilder) -> ShareRequestBuilder;
    let deprecated: Give = |image| image.deprecation_time = Some(AT.to_owned());
    let protected: Give = |image| image.deregistration_protected = true;
    let nothing: Give = |_| ();
    let table: [(&str, Give, Ask); 2] = [
        ("deprecated at 2030-01-01", deprecated, |it| {
            it.deprecate_at(DeprecateAt::Time(4_102_444_800))
        }),
        ("protected from deregistration", protected, |it| {
            it.deregistration_protection(true)
        }),
    ];
    for (words, give, ask) in table {
        // What the source has, whether a copy exists and what that has, and what is asked for.
        let cases: [(Give, Option<Give>, Ask, bool); 6] = [
            (nothing, None, |it| it, false),
            (give, None, |it| it, true),
            (give, None, ask, false),
            (give, Some(nothing), |it| it, true),
            (give, Some(give), |it| it, false),
            (nothing, Some(give), |it| it, false),
        ];
        for (number, (of_source, of_copy, ask, is_lost)) in cases.into_iter().enumerate() {
            let mut inventory = inventory();
            home(&mut inventory).destination_key = Some(OTHER.parse().unwrap());
            if let Some(of_copy) = of_copy {
                let mut copy = existing_copy(&mut inventory);
                of_copy(&mut copy);
                home(&mut inventory).copies.push(copy);
            }
            of_source(image(&mut inventory));
            let plan = planned(&inventory, TARGETS, ask);
            let copies = plan.changing_steps();
            let copies = copies.filter(|step| matches!(step, Step::Copy(_))).count();
            assert_eq!(copies, usize::from(of_copy.is_none()), "{words} {number}");
            let message = message(&plan, "copy.lifecycle-lost");
            assert_eq!(message.contains(words), is_lost, "{number}: {message}");
            assert_eq!(message.is_empty(), !is_lost, "{number}: {message}");
        }
    }
}

/// Of what the image has, `all` is neither AWS's nor this tool's, nor a copy of itself.
#[test]
fn all_tags_are_those_of_users() {
    let mut inventory = inventory();
    let keys = ["Team", "aws:cloudformation:stack-name", "ami-share:source"];
    let tags = keys.map(|key| (key.to_owned(), "value".to_owned()));
    image(&mut inventory).tags = tags.into();
    let plan = planned(&inventory, TARGETS, |it| it.share_tags(TagsToShare::All));
    assert_eq!(message(&plan, "image.tag-not-shared"), "");
    let shared = plan.steps.iter().find_map(|step| match step {
        Step::ShareTags(share) => Some(share.tags.keys().cloned().collect::<Vec<_>>()),
        _ => None,
    });
    let shared = shared.unwrap();
    assert!(
        shared.len() == 1 && shared[0].ends_with("Team"),
        "{shared:?}"
    );
    let step = plan
        .changing_steps()
        .any(|step| matches!(step, Step::ShareTags(_)));
    assert!(step, "{:?}", plan.steps);

    image(&mut inventory)
        .tags
        .insert(shared[0].clone(), "value".to_owned());
    let plan = planned(&inventory, TARGETS, |it| it.share_tags(TagsToShare::All));
    assert_eq!(message(&plan, "image.tag-not-shared"), "");
    let step = plan
        .steps
        .iter()
        .find(|step| matches!(step, Step::ShareTags(_)));
    assert!(!step.unwrap().changes(), "{step:?}");
}

/// Tag values are no numbers and no policies.
#[test]
fn approved_plan_is_another_where_a_tag_is() {
    let digest = |value: &str| {
        let mut inventory = inventory();
        image(&mut inventory).tags = [("Version".to_owned(), value.to_owned())].into();
        planned(&inventory, TARGETS, |it| it.share_tags(TagsToShare::All)).digest()
    };
    assert_eq!(digest("1.0"), digest("1.0"));
    for other in ["1.00", "1", "1e0", "\"1.0\"", " 1.0", "true", "null", ""] {
        assert_ne!(digest("1.0"), digest(other), "{other}");
    }
}
