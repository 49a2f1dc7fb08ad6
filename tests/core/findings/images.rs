//! Findings about images.

use Severity::{Refuse, Warn};
use ami_share::diagnostic::Severity;
use ami_share::request::TagsToShare;
use ami_share_sim::world::{ImageState, Protection, Watermark, World as State};

use super::{Seen, image_named, under_golden};
use crate::not_ours;
use crate::support::*;

pub(super) async fn collect(seen: &mut Seen) {
    seen.expect_of_golden(("image.not-owned", Refuse), |state, _| {
        let image = image_named(state, "golden");
        B.clone_into(&mut image.owner);
        image.launch_permissions.insert(A.to_owned());
    })
    .await;
    seen.expect_of_golden(("image.failed", Refuse), |state, _| {
        let image = image_named(state, "golden");
        image.state = ImageState::Failed;
        image.state_reason = Some("Copy image failed with an internal error".to_owned());
    })
    .await;
    seen.expect_of_golden(("image.disabled", Refuse), |state, _| {
        image_named(state, "golden").state = ImageState::Disabled;
    })
    .await;
    seen.expect_of_golden(("image.snapshot-archived", Refuse), |state, _| {
        let id = image_named(state, "golden").mappings[0].snapshot.clone();
        state.snapshots.get_mut(&id.unwrap()).unwrap().archived = true;
    })
    .await;
    seen.expect_of_golden(("image.product-code", Warn), |state, _| {
        let image = image_named(state, "golden");
        image.product_codes.push("abc".to_owned());
    })
    .await;
    seen.expect_of_request(("image.not-copied", Refuse), &["golden"], |request| {
        under_golden(request).share_source(false)
    })
    .await;
    seen.expect(
        ("image.public", Warn),
        &["plain"],
        |state, _| {
            let image = image_named(state, "plain");
            image.launch_permissions.insert("all".to_owned());
        },
        |request| request,
    )
    .await;
    seen.expect(
        ("copy.lifecycle-lost", Warn),
        &["plain"],
        |state, _| {
            let image = image_named(state, "plain");
            image.deprecation_time = Some("2099-01-01T00:00:00.000Z".to_owned());
            image.protection = Protection::On { cooldown: false };
        },
        under_golden,
    )
    .await;
    seen.expect_of_golden(("image.deprecated", Warn), |state, _| {
        let past = "2021-01-01T00:00:00.000Z".to_owned();
        image_named(state, "golden").deprecation_time = Some(past);
    })
    .await;
    seen.expect_of_golden(("image.snapshot-missing", Refuse), |state, _| {
        let image = image_named(state, "golden");
        let id = image.mappings[0].snapshot.clone().unwrap();
        state.snapshots.remove(&id);
    })
    .await;
    parameters(seen).await;
    let store = "image.instance-store";
    seen.expect(
        (store, Warn),
        &["plain"],
        back_by_instance_store,
        |request| request,
    )
    .await;
    seen.expect(
        (store, Refuse),
        &["plain"],
        back_by_instance_store,
        under_golden,
    )
    .await;
    seen.expect_of_request(("image.tag-missing", Refuse), &["golden"], |request| {
        request.require_image_tag("release", "yes")
    })
    .await;
    collect_watermarks(seen).await;
    collect_tags(seen).await;
    let thousand = (0..1000_u64).map(|n| (300_000_000_000 + n).to_string().parse().unwrap());
    seen.expect_of_request(("image.many-targets", Warn), &["plain"], |request| {
        request.target_accounts(thousand)
    })
    .await;
}

/// Parameters that hold something else.
async fn parameters(seen: &mut Seen) {
    for (code, kind) in [
        ("parameter.not-image", "String"),
        ("parameter.other-type", "StringList"),
    ] {
        seen.expect(
            (code, Refuse),
            &["golden"],
            |state, _| not_ours::put_parameter(state, "/golden/id", kind, "something,else"),
            |request| request.publish_ssm_parameter("/golden/id"),
        )
        .await;
    }
}

async fn collect_watermarks(seen: &mut Seen) {
    seen.expect(
        ("image.no-watermark", Refuse),
        &["plain"],
        |state, _| {
            for number in 0..5 {
                image_named(state, "plain").watermarks.push(Watermark {
                    key: format!("{A}:base-{number}"),
                    ..Watermark::default()
                });
            }
        },
        |request| request.watermark("approved"),
    )
    .await;
}

async fn collect_tags(seen: &mut Seen) {
    seen.expect_of_request(("image.tag-not-shared", Warn), &["golden"], |request| {
        request.share_tags(TagsToShare::Keys(["Team".to_owned()].into()))
    })
    .await;
    seen.expect(
        ("image.too-many-tags", Refuse),
        &["golden"],
        |state, _| {
            let tags = (0..26).map(|n| (format!("key-{n}"), "value".to_owned()));
            let own = image_named(state, "golden").tags.entry(A.to_owned());
            *own.or_default() = tags.collect();
        },
        |request| request.share_tags(TagsToShare::All),
    )
    .await;
}

fn back_by_instance_store(state: &mut State, _: &str) {
    let image = image_named(state, "plain");
    image.mappings.clear();
    "instance-store".clone_into(&mut image.root_device_type);
}
