//! Findings about what a request asks for.

use std::time::Duration;

use Severity::{Refuse, Warn};
use ami_share::diagnostic::Severity;
use ami_share::request::{
    DeprecateAt, ExpandOrganizations, Revoke, ShareRequestBuilder, ShareSnapshots, TagsToShare,
    Timing,
};
use ami_share::{RequestGroup, ShareRequest, Sharer};
use ami_share_sim::world::World as State;

use super::{Seen, image_named, under_golden};
use crate::support::*;

pub(super) async fn collect(seen: &mut Seen) {
    copies(seen).await;
    parameters(seen).await;
    let golden = &["golden"];
    seen.expect_of_request(("target.is-source", Warn), golden, |request| {
        request.target_account(A.parse().unwrap())
    })
    .await;
    let quick = Timing {
        settle: Duration::from_secs(3),
        ..Timing::default()
    };
    seen.expect_of_request(("timing.settle-short", Warn), golden, |request| {
        request.timing(quick)
    })
    .await;
    seen.expect_of_request(("account.not-allowed", Refuse), golden, |request| {
        request.allowed_accounts([B.parse().unwrap()])
    })
    .await;
    seen.expect_of_request(("deprecation.past", Warn), golden, |request| {
        let soon = DeprecateAt::AfterCreation(Duration::from_millis(1));
        request.deprecate_at(soon)
    })
    .await;
    seen.expect(
        ("image.tag-still-shared", Warn),
        golden,
        |state, _| {
            let tags = image_named(state, "golden").tags.entry(A.to_owned());
            let tags = tags.or_default();
            tags.insert("Team".to_owned(), "a".to_owned());
            tags.insert("ec2:SharedTag/Team".to_owned(), "a".to_owned());
            tags.insert("ec2:SharedTag/Secret".to_owned(), "b".to_owned());
        },
        |request| request.share_tags(TagsToShare::Keys(["Team".to_owned()].into())),
    )
    .await;
    organizations(seen).await;
    seen.expect_of_request(("snapshot.organization", Warn), golden, |request| {
        request
            .targets([ORGANIZATION.parse().unwrap()])
            .share_snapshots(ShareSnapshots::Always)
    })
    .await;
}

async fn copies(seen: &mut Seen) {
    let plain = &["plain"];
    seen.expect_of_request(("copy.name-invalid", Refuse), plain, |request| {
        under_golden(request).copy_name("{name}".repeat(30))
    })
    .await;
    seen.expect_of_request(("copy.too-many-tags", Refuse), plain, |request| {
        let mut request = under_golden(request);
        for n in 0..49 {
            request = request.tag(format!("k{n}"), "v");
        }
        request
    })
    .await;
    let add_volumes = |state: &mut State, _: &str| {
        let mappings = &mut image_named(state, "plain").mappings;
        mappings.extend(std::iter::repeat_n(mappings[0].clone(), 20));
    };
    seen.expect(("copy.queued", Warn), plain, add_volumes, under_golden)
        .await;
}

async fn parameters(seen: &mut Seen) {
    let both = &["golden", "plain"];
    seen.expect_of_request(("parameter.ambiguous", Refuse), both, |request| {
        request.publish_ssm_parameter("/images/latest")
    })
    .await;
    seen.expect(
        ("parameter.name-invalid", Refuse),
        &["golden"],
        |state, _| "golden (1)".clone_into(&mut image_named(state, "golden").name),
        |request| request.publish_ssm_parameter("/images/{name}"),
    )
    .await;
}

async fn organizations(seen: &mut Seen) {
    let manage = |state: &mut State, _: &str| make_organization(state);
    let expand = |request: ShareRequestBuilder, target: &str, exclude: &[&str]| {
        let exclude = exclude.iter().map(|account| account.parse().unwrap());
        ShareRequest::builder()
            .region("us-east-1".parse().unwrap())
            .images(
                request
                    .build()
                    .unwrap()
                    .images()
                    .iter()
                    .map(|image| image.ami.clone()),
            )
            .targets([target.parse().unwrap()])
            .expand_organizations(ExpandOrganizations {
                exclude: exclude.collect(),
                ..ExpandOrganizations::default()
            })
    };
    seen.expect(
        ("organization.other", Refuse),
        &["golden"],
        manage,
        |request| {
            expand(
                request,
                &ORGANIZATION.replace("example123", "other12345"),
                &[],
            )
        },
    )
    .await;
    seen.expect(
        ("organization.empty", Refuse),
        &["golden"],
        manage,
        |request| expand(request, ORGANIZATION, &[B]),
    )
    .await;
    seen.expect(
        ("organization.not-a-member", Refuse),
        &["golden"],
        manage,
        |request| expand(request, ORGANIZATION, &["999999999999"]),
    )
    .await;
    members(seen).await;

    let world = World::new();
    world.sim.edit(make_organization);
    let group = |name: &str| RequestGroup {
        name: name.to_owned(),
        request: expand(world.build_request(&["golden"]), ORGANIZATION, &[])
            .build()
            .unwrap(),
    };
    let sharer = Sharer::new(&world.config(A));
    let groups = [group("one"), group("other")];
    let plan = sharer.plan_groups(&groups, None).await.unwrap();
    seen.record(&plan.findings);

    let group = |name: &str, request: ShareRequestBuilder| RequestGroup {
        name: name.to_owned(),
        request: request.build().unwrap(),
    };
    let one = world.build_request(&["golden"]);
    let other = world.build_request_for(&["golden"], &["333333333333"]);
    let groups = [
        group("one", one),
        group("other", other.watermark("approved")),
    ];
    let plan = sharer.plan_groups(&groups, None).await.unwrap();
    seen.record(&plan.findings);
}

/// An organization that is shared with as a whole, then without some, and then not at all.
async fn members(seen: &mut Seen) {
    let world = World::generate(5, 1, 1, 1);
    let leaver = "300000000000";
    let request = |exclude: &[&str]| {
        let exclude = exclude.iter().map(|account| account.parse().unwrap());
        let request = world.build_request_for(&["image-1"], &[UNIT]);
        request.expand_organizations(ExpandOrganizations {
            exclude: exclude.collect(),
            ..ExpandOrganizations::default()
        })
    };
    world.share(request(&[])).await;
    let without = world.share(request(&[B])).await;
    seen.record(&without.plan.findings);
    world.sim.edit(|world| {
        let organization = world.organization.as_mut().unwrap();
        organization.accounts.remove(leaver).unwrap();
    });
    let plan = world.plan(request(&[]).revoke(Revoke::default())).await;
    seen.record(&plan.findings);
}
