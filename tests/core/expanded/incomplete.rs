//! An organization that is not listed to its end.

use ami_share::Sharer;

use super::*;

/// The calls that list an organization or a unit.
fn is_list(action: &str) -> bool {
    action.starts_with("organizations:")
}

/// With short pages every list takes several calls: none of them may be missing.
fn build_world() -> World {
    let options = ami_share_sim::Options {
        short_pages: true,
        ..ami_share_sim::Options::default()
    };
    World::with_options(generate_scenario(5, 1, 1, 1), options)
}

#[tokio::test(start_paused = true)]
async fn nothing_is_changed_if_any_call_of_the_list_fails() {
    for target in [ORGANIZATION, UNIT] {
        let whole = build_world();
        whole.share(build_request(&whole, target)).await;
        let calls = whole.count_calls();
        let calls = calls.iter().filter(|(action, _)| is_list(action));
        let mut tried = 0;
        for (action, count) in calls {
            for call in 1..=*count {
                let world = build_world();
                let error = serde_json::json!({ "status": 400, "code": "AccessDeniedException",
                    "message": "no longer" });
                let fault = serde_json::json!({ "operation": action, "call": call,
                    "effect": { "error": error } });
                let world = world.with_fault(fault);
                let sharer = Sharer::new(&world.config(A));
                let request = build_request(&world, target).build().unwrap();
                let errors = sharer.plan(&request).await.unwrap_err().to_string();
                assert!(errors.contains("no longer"), "{action} {call}: {errors}");
                assert!(world.count_changes().is_empty(), "{action} {call}");
                tried += 1;
            }
        }
        assert!(tried >= 6, "{target}: {tried}");
    }
}

/// What answers in the place of AWS may show units below units for ever.
#[tokio::test(start_paused = true)]
async fn units_without_end_are_an_error() {
    for (levels, is_listed) in [(5, true), (18, true), (30, false)] {
        let world = World::generate(5, 1, 1, 1);
        let first = UNIT.rsplit('/').next().unwrap();
        world.sim.edit(|state| {
            let organization = state.organization.as_mut().unwrap();
            for level in 0..levels {
                let parent = match level {
                    0 => first.to_owned(),
                    _ => format!("ou-abcd-{:08}", level - 1),
                };
                organization
                    .units
                    .insert(format!("ou-abcd-{level:08}"), parent);
            }
        });
        let request = build_request(&world, UNIT).build().unwrap();
        let planned = Sharer::new(&world.config(A)).plan(&request).await;
        let codes: Vec<String> = match &planned {
            Ok(_) => Vec::new(),
            Err(errors) => errors.iter().map(|error| error.code.to_string()).collect(),
        };
        let expected: &[&str] = if is_listed { &[] } else { &["aws.unexpected"] };
        assert_eq!(codes, expected, "{levels} levels");
    }
}

#[tokio::test(start_paused = true)]
async fn list_that_cannot_be_read_is_not_empty() {
    for (operation, path) in [
        ("organizations:DescribeOrganization", "Organization/Arn"),
        ("organizations:ListAccountsForParent", "Accounts"),
        ("organizations:ListAccountsForParent", "Accounts/Id"),
        ("organizations:ListAccountsForParent", "Accounts/State"),
        (
            "organizations:ListOrganizationalUnitsForParent",
            "OrganizationalUnits",
        ),
        (
            "organizations:ListOrganizationalUnitsForParent",
            "OrganizationalUnits/Id",
        ),
    ] {
        let world = World::generate(5, 1, 1, 1).with_fault(answer_without(operation, path));
        let request = build_request(&world, UNIT).build().unwrap();
        let planned = Sharer::new(&world.config(A)).plan(&request).await;
        let errors = planned.unwrap_err();
        let codes: Vec<&str> = errors.iter().map(|error| error.code.as_str()).collect();
        assert_eq!(
            codes,
            ["aws.unreadable"],
            "{operation} without {path}: {errors}"
        );
        assert!(world.count_changes().is_empty());
    }
}
