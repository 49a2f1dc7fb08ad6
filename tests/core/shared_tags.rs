//! Tags of an image that every recipient sees: only its owner writes them.

use ami_share::request::TagsToShare;

use super::support::*;

const PREFIX: &str = "ec2:SharedTag/";

fn tag(world: &World, image: &str, tags: &[(&str, &str)]) {
    world.edit_image(&world.image_id(image), |image| {
        let own = image.tags.entry(A.to_owned()).or_default();
        own.extend(
            tags.iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned())),
        );
    });
}

fn keys(keys: &[&str]) -> TagsToShare {
    TagsToShare::Keys(keys.iter().map(|key| (*key).to_owned()).collect())
}

/// The tags that B sees of an image.
async fn tags_in_target(world: &World, image_id: &str) -> Vec<(String, String)> {
    let ec2 = aws_sdk_ec2::Client::new(&world.config(B));
    let shown = ec2.describe_images().image_ids(image_id).send().await;
    let image = shown.unwrap().images.unwrap().remove(0);
    let mut tags = Vec::new();
    for tag in image.tags.unwrap_or_default() {
        tags.push((tag.key.unwrap(), tag.value.unwrap()));
    }
    tags.sort();
    tags
}

fn pairs(tags: &[(&str, &str)]) -> Vec<(String, String)> {
    let pair = |(key, value): &(&str, &str)| (format!("{PREFIX}{key}"), (*value).to_owned());
    tags.iter().map(pair).collect()
}

/// The actions that were called in a target, or as one of its roles.
fn list_actions_in_targets(world: &World) -> Vec<String> {
    let calls = world.sim.journal().into_iter();
    let elsewhere = calls.filter(|call| call.account != A);
    elsewhere.map(|call| call.action).collect()
}

#[tokio::test(start_paused = true)]
async fn recipient_sees_shared_tags_without_a_call_in_its_account() {
    let world = World::new();
    tag(
        &world,
        "golden",
        &[("Team", "web"), ("Stage", "beta"), ("secret", "x")],
    );
    let request = || {
        let request = world.build_request(&["golden"]);
        request.share_tags(keys(&["Team", "Stage"]))
    };
    let report = world.share(request()).await;
    assert!(list_actions_in_targets(&world).is_empty());
    let actions = world.list_actions(0);
    let position = |wanted: &str| actions.iter().position(|action| action == wanted);
    assert!(position("ec2:CreateTags") < position("ec2:ModifyImageAttribute"));
    let golden = world.image_id("golden");
    let expected = pairs(&[("Stage", "beta"), ("Team", "web")]);
    assert_eq!(tags_in_target(&world, &golden).await, expected);
    assert_eq!(report.images[0].shared_tags.len(), 2);

    let again = world.share(request()).await;
    assert!(!again.changed && again.images[0].shared_tags.len() == 2);

    // A tag that changed is written again.
    tag(&world, "golden", &[("Stage", "released")]);
    let report = world.share(request()).await;
    assert!(report.changed);
    let expected = pairs(&[("Stage", "released"), ("Team", "web")]);
    assert_eq!(tags_in_target(&world, &golden).await, expected);
}

#[tokio::test(start_paused = true)]
async fn only_tags_that_the_image_lacks_are_named() {
    let world = World::new();
    tag(&world, "golden", &[("Team", "web")]);
    for (asked, lacks) in [(&["Team"][..], None), (&["Team", "Stage"], Some("Stage"))] {
        let request = world.build_request(&["golden"]).share_tags(keys(asked));
        let plan = world.plan(request).await;
        let mut findings = plan.findings.iter();
        let found = findings.find(|found| found.code.as_str() == "image.tag-not-shared");
        let message = found.map(|found| found.message.as_str());
        assert_eq!(message.is_some(), lacks.is_some(), "{asked:?}: {message:?}");
        if let Some((message, lacks)) = message.zip(lacks) {
            assert!(message.contains(&format!("the tags {lacks}:")), "{message}");
        }
    }
}

/// A tag that only the copies have is not a misspelt one of the image that they are made of.
#[tokio::test(start_paused = true)]
async fn tag_that_the_request_gives_to_copies_is_not_called_misspelt() {
    let world = World::generate(2, 2, 1, 1);
    let request = |asked: &[&str]| {
        let region: ami_share::Region = "eu-west-1".parse().unwrap();
        let request = world.build_request(&["image-1"]).tag("Stage", "beta");
        let request = request.copy_to_regions([region.clone()]);
        let key = |name: &str| world.key_arn(name).parse().unwrap();
        let request = request.kms_key_in(region, key("key-eu-west-1"));
        let request = request.kms_key_in(world.region().parse().unwrap(), key("key-1"));
        request.share_tags(keys(asked))
    };
    for (asked, expected) in [
        (&["Stage"][..], &["nothing, if"][..]),
        (&["Stage", "Staeg"], &["check the spelling", "nothing, if"]),
    ] {
        let plan = world.plan(request(asked)).await;
        let mut remedies = Vec::new();
        for found in &plan.findings {
            if found.code.as_str() == "image.tag-not-shared" {
                remedies.push(found.remedy.as_str());
            }
        }
        for words in expected {
            let found = remedies.iter().filter(|it| it.contains(words)).count();
            assert!(found > 0, "{words}: {remedies:?}");
        }
        let misspelt = remedies.iter().any(|it| it.contains("spelling"));
        assert_eq!(misspelt, asked.len() > 1, "{remedies:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn copy_carries_shared_tags_of_its_source_and_of_the_request() {
    let world = World::new();
    tag(&world, "plain", &[("Team", "web"), ("aws:made-by", "aws")]);
    let request = || {
        let request = world.build_copy_request(&["plain"]).tag("Stage", "beta");
        request.share_tags(TagsToShare::All)
    };
    let report = world.share(request()).await;
    let copy = report.images[0].image.as_ref().unwrap().to_string();
    let expected = pairs(&[("Stage", "beta"), ("Team", "web")]);
    assert_eq!(tags_in_target(&world, &copy).await, expected);
    assert!(!world.share(request()).await.changed);
}

#[tokio::test(start_paused = true)]
async fn no_target_writes_a_shared_tag() {
    for own_copies in [false, true] {
        for shares in [false, true] {
            let world = World::generate(2, 1, 1, 1);
            world
                .allow_actions(B, "consumer", &["ec2:*", "kms:*"])
                .await;
            world.alias_own_keys();
            let tags = [("Team", "web"), ("ec2:SharedTag/Team", "web")];
            tag(&world, "image-1", &tags);
            let request = || {
                let mut options = with_target_role();
                if own_copies {
                    options = options.kms_key("alias/own".parse().unwrap());
                }
                let request = world.build_request(&["image-1"]).target_options(options);
                if shares {
                    request.share_tags(TagsToShare::All)
                } else {
                    request
                }
            };
            let what = format!("own copies {own_copies}, shared {shares}");
            let report = world.share(request()).await;
            assert!(report.errors.is_empty(), "{what}: {:?}", report.errors);
            let tagging = list_actions_in_targets(&world).contains(&"ec2:CreateTags".to_owned());
            assert_eq!(tagging, !own_copies && !shares, "{what}");
            let shared = world.edit_image(&world.image_id("image-1"), |image| {
                let of_b = image.tags.get(B).cloned().unwrap_or_default();
                of_b.keys().filter(|key| key.starts_with(PREFIX)).count()
            });
            assert_eq!(shared, 0, "{what}");
            let copied = report
                .plan
                .target_copies()
                .flat_map(|copy| copy.tags.keys());
            assert_eq!(
                copied.filter(|key| key.starts_with(PREFIX)).count(),
                0,
                "{what}"
            );
            assert!(!world.share(request()).await.changed, "{what}");
        }
    }
}

/// What recipients see and the request does not name is said in each run, and stays: somebody may
/// have shared it by hand.
#[tokio::test(start_paused = true)]
async fn tags_that_an_earlier_run_shared_are_said_to_be_seen_still() {
    let said = |report: &ami_share::Report| -> Vec<String> {
        let findings = report.findings.iter();
        let of_code = findings.filter(|it| it.code.as_str() == "image.tag-still-shared");
        of_code
            .map(|it| format!("{} {}", it.resource, it.message))
            .collect()
    };
    for with_copy in [false, true] {
        let world = World::generate(3, 1, 2, 1);
        tag(&world, "image-1", &[("Team", "web"), ("Secret", "x")]);
        let request = |shared: TagsToShare| {
            let request = world.build_request(&["image-1"]);
            let request = if with_copy {
                request.kms_key(world.key_arn("key-2").parse().unwrap())
            } else {
                request
            };
            request.share_tags(shared)
        };
        let report = world.share(request(TagsToShare::All)).await;
        assert!(said(&report).is_empty());
        let shared = report.images[0].image.clone().unwrap();
        let all = tags_in_target(&world, shared.as_ref()).await;
        for _ in 0..2 {
            let report = world.share(request(keys(&["Team"]))).await;
            assert!(!report.changed);
            let said = said(&report);
            assert_eq!(said.len(), 1, "{said:?}");
            assert!(said[0].starts_with(shared.as_ref()) && said[0].contains("SharedTag/Secret"));
            assert!(!said[0].contains("SharedTag/Team"), "{said:?}");
        }
        assert_eq!(tags_in_target(&world, shared.as_ref()).await, all);
        assert!(said(&world.share(request(TagsToShare::All)).await).is_empty());
    }
}
