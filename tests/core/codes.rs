//! Every code of a finding or an error is the end of a scenario, and `docs/FINDINGS.md` lists
//! exactly these.

use std::collections::BTreeSet;
use std::time::Duration;

use ami_share::diagnostic::{Code, FindingCode, Severity};
use ami_share::request::{KeyAccessMode, Revoke, ShareRequestBuilder};
use ami_share::{Plan, Report, Sharer};
use ami_share_sim::world::{Grant, Grantee, ImageState, KeyState};
use ami_share_sim::{KeySpec, RegionSpec, Scenario, Size};
use serde_json::json;

use super::failures::{assume, denied};
use super::findings::{Found, add, pitfalls};
use super::support::*;

#[tokio::test(start_paused = true)]
async fn every_finding_is_found_with_each_of_its_severities() {
    let mut found = pitfalls().await;
    of_plans(&mut found).await;
    of_runs(&mut found).await;
    of_targets(&mut found).await;
    let declared: Found = FindingCode::ALL
        .iter()
        .flat_map(|code| {
            code.severities()
                .iter()
                .map(|severity| (code.as_str(), *severity))
        })
        .collect();
    assert_eq!(found, declared);
}

#[test]
fn codes_are_unique_kebab_case_and_say_what_they_mean_and_what_to_do() {
    let findings = FindingCode::ALL
        .iter()
        .map(|code| (code.as_str(), code.meaning(), code.remedy()));
    let errors = Code::ALL
        .iter()
        .map(|code| (code.as_str(), code.meaning(), code.remedy()));
    let mut codes = BTreeSet::new();
    for (code, meaning, remedy) in findings.chain(errors) {
        assert!(codes.insert(code), "{code} is there twice");
        assert!(
            code.bytes()
                .all(|b| b.is_ascii_lowercase() || b == b'-' || b == b'.'),
            "{code}"
        );
        assert!(
            meaning.ends_with('.') && meaning.starts_with(|c: char| c.is_ascii_uppercase()),
            "{code}: {meaning}"
        );
        // A remedy follows `What to do: ` in a sentence.
        assert!(
            !remedy.ends_with('.') && !remedy.starts_with(|c: char| c.is_ascii_uppercase()),
            "{code}: {remedy}"
        );
    }
}

/// `docs/FINDINGS.md` as the code has it. `UPDATE_FINDINGS=1 cargo test -p ami-share codes` writes
/// it.
fn page() -> String {
    let mut text = "# Findings and errors\n\n\
        <!-- Made from the code: UPDATE_FINDINGS=1 cargo test -p ami-share codes -->\n\n\
        Each finding and each error has a code that never changes its meaning, by which a pipeline can tell them\n\
        apart: in the log, in the step summary, and in the [report](report.schema.json). References such as R1.5.17 are to\n\
        the [rules of AWS](../tests/sim/RULES.md) behind them.\n\n\
        ## Findings\n\n\
        A finding is a pitfall that shows before anything is changed, or for a few only while a run goes on. One that\n\
        *refuses* ends the run with exit status 3, and nothing was changed; one that *warns* is said, and the run goes on.\n\n\
        | code | it | what it means | what to do |\n|---|---|---|---|\n"
        .to_owned();
    let cell = |text: &str| text.replace('|', "\\|");
    for code in FindingCode::ALL {
        let does: Vec<&str> = code
            .severities()
            .iter()
            .map(|severity| {
                if *severity == Severity::Refuse {
                    "refuses"
                } else {
                    "warns"
                }
            })
            .collect();
        let (meaning, remedy) = (cell(code.meaning()), cell(code.remedy()));
        text += &format!(
            "| `{code}` | {} | {meaning} | {remedy} |\n",
            does.join(" or ")
        );
    }
    text += "\n## Errors\n\n\
        An error is something that went wrong: exit status 1, and 4 for `deadline`. What does not depend on it goes on. The message\n\
        says where it happened and what AWS said, and often more exactly what to do than this table can.\n\n\
        | code | what it means | what to do |\n|---|---|---|\n";
    for code in Code::ALL {
        text += &format!(
            "| `{code}` | {} | {} |\n",
            cell(code.meaning()),
            cell(code.remedy())
        );
    }
    text
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "asked for by whoever changed a code"
)]
fn the_page_of_codes_is_made_from_them() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/FINDINGS.md");
    if std::env::var_os("UPDATE_FINDINGS").is_some() {
        std::fs::write(&path, page()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, page(), "UPDATE_FINDINGS=1 writes it anew");
}

fn note(found: &mut Found, findings: &[ami_share::Finding]) {
    found.extend(
        findings
            .iter()
            .map(|finding| (finding.code.as_str(), finding.severity)),
    );
}

/// What takes more than one change to be found in a plan.
async fn of_plans(found: &mut Found) {
    let world = World::slow();
    let sharer = Sharer::new(&assume(&world, "administrator", None).await);
    let request = world.request(&["building"]).build().unwrap();
    let plan = sharer.preview(&request).await.unwrap();
    // It would wait with credentials that may end before.
    assert_eq!(codes_of(&plan), ["credentials.may-expire", "image.pending"]);
    note(found, &plan.findings);

    let mut scenario = Scenario::generate(Size {
        accounts: 2,
        regions: 1,
        images: 1,
        snapshots: 1,
    })
    .unwrap();
    scenario.regions.push(RegionSpec {
        name: "ap-east-1".to_owned(),
        opt_in: true,
    });
    let world = World::of(scenario);
    let elsewhere = world
        .request(&["image-1"])
        .copy_to_regions(["ap-east-1".parse().unwrap()]);
    let request = elsewhere.kms_key("alias/key-1".parse().unwrap());
    note(found, &world.plan(request).await.findings);

    let world = World::new();
    let golden = world.key("golden");
    let grant = |n: usize| Grant {
        id: format!("grant-{n}"),
        issuing_account: A.to_owned(),
        grantee: Grantee {
            arn: format!("arn:aws:iam::{A}:role/launcher"),
            unique_id: None,
        },
        operations: vec!["Decrypt".to_owned()],
        ..Grant::default()
    };
    world.sim.edit(|state| {
        state
            .keys
            .get_mut(&golden)
            .unwrap()
            .grants
            .extend((0..50_000).map(grant))
    });
    let plan = world
        .plan(world.request(&["golden"]).key_access(KeyAccessMode::Grants))
        .await;
    assert_eq!(codes_of(&plan), ["grants.redelegable", "grants.too-many"]);
    note(found, &plan.findings);
}

fn codes_of(plan: &Plan) -> Vec<&'static str> {
    plan.findings
        .iter()
        .map(|finding| finding.code.as_str())
        .collect()
}

/// What is found of things that an earlier run left, or shows only while one goes on.
async fn of_runs(found: &mut Found) {
    for (name, state) in [
        ("disabled", ImageState::Disabled),
        ("available", ImageState::Available),
    ] {
        let world = World::new();
        let first = world.share(world.copying(&["plain"])).await.images[0]
            .image
            .clone()
            .unwrap();
        world.sim.edit(|world| {
            world.images.get_mut(first.as_ref()).unwrap().state = state;
            world.tokens.clear();
            // Hidden from the second run, so that it makes one more.
            world
                .images
                .get_mut(first.as_ref())
                .unwrap()
                .tags
                .retain(|_, _| name == "disabled");
        });
        let report = world.share(world.copying(&["plain"])).await;
        note(found, &report.findings);
        let second = report.images[0].image.clone().unwrap();
        world.sim.edit(|world| {
            let tags = world.images[second.as_ref()].tags.clone();
            world.images.get_mut(first.as_ref()).unwrap().tags = tags;
        });
        note(
            found,
            &world.share(world.copying(&["plain"])).await.findings,
        );
    }

    let duplicate = error(
        "ec2:CopyImage",
        "InvalidAMIName.Duplicate",
        "AMI name plain is already in use",
    );
    let world = World::new().with(&duplicate);
    note(
        found,
        &world.share(world.copying(&["plain"])).await.findings,
    );

    // What a failed copy left cannot be removed.
    let fail = r#"{"operation":"ec2:CopyImage","call":1,"effect":{"fail-copy":{"message":"Copy image failed with an internal error"}}}"#;
    let world = World::new().with(fail).with(&error(
        "ec2:DeregisterImage",
        "OperationNotPermitted",
        "It is protected",
    ));
    world
        .try_share(world.copying(&["plain"]))
        .await
        .unwrap_err();
    note(
        found,
        &world.share(world.copying(&["plain"])).await.findings,
    );

    let more = "333333333333";
    let world = World::new();
    world
        .share(
            world
                .copying(&["plain"])
                .target_account(more.parse().unwrap()),
        )
        .await;
    world.share(world.request(&["golden"])).await;
    let golden = world.key("golden");
    let theirs = json!({ "Sid": "Theirs", "Effect": "Allow", "Principal": { "AWS": B }, "Action": "kms:Decrypt", "Resource": "*" });
    world.sim.edit(|state| {
        let policy = &mut state
            .keys
            .get_mut(&golden)
            .unwrap()
            .policies
            .last_mut()
            .unwrap()
            .1;
        let mut document: serde_json::Value = serde_json::from_str(policy).unwrap();
        document["Statement"].as_array_mut().unwrap().push(theirs);
        *policy = document.to_string();
    });
    let revoke = Revoke {
        remove_copies: true,
        ..Revoke::default()
    };
    // The copy keeps the key in use; then it is itself still shared with another account.
    note(
        found,
        &world
            .share(world.request(&["golden"]).revoke(revoke))
            .await
            .findings,
    );
    note(
        found,
        &world
            .share(world.request(&["plain"]).revoke(revoke))
            .await
            .findings,
    );
}

/// A world whose target has a key of its own, and a role that may do everything there.
fn with_role(change: impl FnOnce(&mut Scenario)) -> World {
    let mut scenario = Scenario::two_accounts();
    let everything =
        json!({ "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }] });
    let roles = &mut scenario.accounts[1].roles;
    roles
        .iter_mut()
        .find(|role| role.name == "consumer")
        .unwrap()
        .policy = Some(everything);
    scenario.keys.push(KeySpec {
        name: "theirs".to_owned(),
        account: B.to_owned(),
        ..KeySpec::default()
    });
    change(&mut scenario);
    World::of(scenario)
}

/// What is found in a target, by a role there.
async fn of_targets(found: &mut Found) {
    let world = with_role(|_| ());
    let roles = by_role().launch_roles(["nobody".to_owned()]);
    note(
        found,
        &world
            .plan(world.request(&["golden"]).target_options(roles))
            .await
            .findings,
    );

    let large = with_role(|scenario| {
        let launcher = scenario.accounts[1]
            .roles
            .iter_mut()
            .find(|role| role.name == "launcher")
            .unwrap();
        launcher.policy.as_mut().unwrap()["Statement"][0]["Sid"] = "x".repeat(10_200).into();
    });
    let roles = by_role().launch_roles(["launcher".to_owned()]);
    note(
        found,
        &large
            .plan(large.request(&["golden"]).target_options(roles))
            .await
            .findings,
    );

    let theirs = world.key("theirs");
    let copying = || by_role().kms_key(theirs.parse().unwrap());
    let golden = world.image("golden");
    world.sim.edit(|state| {
        let tags = state
            .images
            .get_mut(&golden)
            .unwrap()
            .tags
            .entry(A.to_owned())
            .or_default();
        tags.extend((0..50).map(|n| (format!("tag-{n}"), "x".to_owned())));
    });
    let lending = world
        .request(&["golden"])
        .copy_tags(false)
        .target_options(copying().keep_shared(false));
    note(found, &world.plan(lending).await.findings);
    world
        .sim
        .edit(|state| state.keys.get_mut(&theirs).unwrap().state = KeyState::Disabled);
    note(
        found,
        &world
            .plan(
                world
                    .request(&["golden"])
                    .copy_tags(false)
                    .target_options(copying()),
            )
            .await
            .findings,
    );
}

/// A fault that answers the first call of an operation with an error.
fn error(operation: &str, code: &str, message: &str) -> String {
    json!({ "operation": operation, "call": 1, "effect": { "error": { "status": 400, "code": code, "message": message } } })
        .to_string()
}

type Ask = fn(&World) -> ShareRequestBuilder;

#[tokio::test(start_paused = true)]
async fn every_error_is_the_end_of_a_run() {
    let mut met: BTreeSet<Code> = [denied("ec2:CopyImage").await.code].into();
    let (copying, sharing): (Ask, Ask) = (
        |world| world.copying(&["plain"]),
        |world| world.request(&["golden"]),
    );
    let always = |operation: &str, effect: &str| {
        json!({ "operation": operation, "effect": effect }).to_string()
    };

    let faults = [
        (
            error(
                "ec2:CopyImage",
                "InternalError",
                "An internal error has occurred",
            ),
            copying,
        ),
        (always("ec2:DescribeImages", "throttle"), copying),
        (always("sts:GetCallerIdentity", "drop"), copying),
        (
            error(
                "ec2:ModifyImageAttribute",
                "ResourceLimitExceeded",
                "You have reached your quota",
            ),
            sharing,
        ),
        (
            error(
                "kms:PutKeyPolicy",
                "MalformedPolicyDocumentException",
                "The new key policy will not allow you",
            ),
            sharing,
        ),
        (
            r#"{"operation":"ec2:CopyImage","call":1,"effect":{"fail-copy":{"message":"no"}}}"#
                .to_owned(),
            copying,
        ),
    ];
    for (fault, ask) in faults {
        let world = World::new().with(&fault);
        met.extend(ended(&world, A, ask(&world)).await);
    }

    let world = World::new();
    met.extend(ended(&world, "nobody", sharing(&world)).await);
    met.extend(
        ended(
            &world,
            A,
            sharing(&world).image("ami-1a2b3c4d".parse().unwrap()),
        )
        .await,
    );
    met.extend(
        ended(
            &world,
            A,
            world
                .request(&["plain"])
                .kms_key("alias/none".parse().unwrap()),
        )
        .await,
    );
    met.extend(ended(&world, A, world.request(&["managed"])).await);
    let world = World::slow();
    met.extend(ended(&world, A, copying(&world).timing(timing(600))).await);

    met.extend(of_keys().await);
    let world = with_role(|_| ());
    let strange = by_role()
        .external_id("another")
        .launch_roles(["launcher".to_owned()]);
    met.extend(ended(&world, A, sharing(&world).target_options(strange)).await);
    let world = with_role(|_| ()).with(&error(
        "iam:PutRolePolicy",
        "LimitExceeded",
        "Maximum policy size exceeded",
    ));
    let roles = by_role().launch_roles(["launcher".to_owned()]);
    met.extend(ended(&world, A, sharing(&world).target_options(roles)).await);
    // The plan only warns of a deny under a condition; whether it is met, is looked at once it is
    // shared.
    let world = with_role(|_| ());
    let outsiders = json!({ "Sid": "OnlyOurs", "Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*",
        "Condition": { "StringNotEquals": { "kms:CallerAccount": A } } });
    let golden = world.key("golden");
    world.sim.edit(|state| add(state, &golden, &outsiders));
    met.extend(ended(&world, A, sharing(&world).target_options(by_role())).await);
    let every: BTreeSet<Code> = Code::ALL.iter().copied().collect();
    assert_eq!(met, every);
}

/// The codes of the errors that a run ends with.
async fn ended(world: &World, account: &str, request: ShareRequestBuilder) -> Vec<Code> {
    let sharer = Sharer::new(&world.config(account));
    let plan = match sharer.plan(&request.build().unwrap()).await {
        Ok(plan) => plan,
        Err(errors) => return errors.iter().map(|error| error.code).collect(),
    };
    of_report(&sharer.apply(&plan).await.unwrap_err().report)
}

fn of_report(report: &Report) -> Vec<Code> {
    report.errors.iter().map(|error| error.code).collect()
}

/// Errors that a key, or what goes on beside the run, makes.
async fn of_keys() -> Vec<Code> {
    let mut met = Vec::new();
    let mut scenario = Scenario::two_accounts();
    scenario.nonexistent_accounts = vec!["333333333333".to_owned()];
    let world = World::of(scenario);
    let missing = world
        .request(&["golden"])
        .target_account("333333333333".parse().unwrap());
    met.extend(ended(&world, A, missing).await);

    // Between plan and put the policy becomes what is none.
    let world = World::new();
    let golden = world.key("golden");
    let plan = world.plan(world.request(&["golden"])).await;
    world.sim.edit(|state| {
        state.keys.get_mut(&golden).unwrap().policies[0]
            .1
            .insert_str(1, r#""Statement":[],"#)
    });
    met.extend(of_report(
        &Sharer::new(&world.config(A))
            .apply(&plan)
            .await
            .unwrap_err()
            .report,
    ));

    // One run adds what another goes on taking away.
    let world = World::new();
    let first = world.policy();
    let remover = async {
        loop {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let journal = world.actions(0);
            let shared = journal
                .iter()
                .any(|action| action == "ec2:ModifyImageAttribute");
            if shared
                && journal
                    .last()
                    .is_some_and(|action| action != "kms:PutKeyPolicy")
            {
                let now = world.sim.clock().now();
                world.sim.edit(|state| {
                    state
                        .keys
                        .get_mut(&golden)
                        .unwrap()
                        .policies
                        .push((now, first.clone()))
                });
            }
        }
    };
    met.extend(tokio::select! {
        codes = ended(&world, A, world.request(&["golden"])) => codes,
        () = remover => unreachable!("the remover goes on for ever"),
    });

    // SSM answers, and does not write: the image is gone by then.
    let world = World::new();
    let request = world
        .request(&["golden"])
        .publish_ssm_parameter("/images/{name}");
    let plan = world.plan(request).await;
    let image = world.image("golden");
    let gone = async {
        loop {
            tokio::time::sleep(Duration::from_millis(5)).await;
            if world.changes().contains_key("ec2:ModifyImageAttribute") {
                world.sim.edit(|state| {
                    state.images.get_mut(&image).unwrap().state = ImageState::Deregistered
                });
            }
        }
    };
    let sharer = Sharer::new(&world.config(A));
    met.extend(tokio::select! {
        ended = sharer.apply(&plan) => of_report(&ended.unwrap_err().report),
        () = gone => unreachable!("it goes on for ever"),
    });

    // An instance of the target runs on the key.
    let world = World::new();
    world.share(world.request(&["golden"])).await;
    let held = Grant {
        id: "of-an-instance".to_owned(),
        issuing_account: B.to_owned(),
        grantee: Grantee {
            arn: "ec2.us-east-1.amazonaws.com".to_owned(),
            unique_id: None,
        },
        operations: vec!["Decrypt".to_owned()],
        ..Grant::default()
    };
    world
        .sim
        .edit(|state| state.keys.get_mut(&golden).unwrap().grants.push(held));
    met.extend(
        ended(
            &world,
            A,
            world.request(&["golden"]).revoke(Revoke::default()),
        )
        .await,
    );
    met
}
