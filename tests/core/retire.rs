//! Images that are retired: deprecated, later disabled, later deregistered, and never one that
//! somebody needs.

mod bad_input;
mod beside;
mod cut_off;
mod holds;
mod moments;
mod property;
mod steps;

use std::collections::BTreeMap;
use std::time::Duration;

use ami_share::request::{Retire, ShareRequestBuilder, ShareSnapshots};
use ami_share::{Plan, Report, ShareRequest};
use ami_share_sim::world::ImageState;

use super::image_usage::use_image;
use super::support::*;

const DAY: Duration = Duration::from_hours(24);
const TAG: &str = "ami-share:disabled";

/// A world whose images `image-1`, `image-2` and so on were made a day after each other, with the
/// tag `Product=web`, and are shared with B together with their snapshots.
pub(super) async fn build_group(count: u32) -> World {
    let world = World::generate(3, 1, usize::try_from(count).unwrap(), 1);
    let mut names = Vec::new();
    for number in 1..=count {
        let name = format!("image-{number}");
        world.edit_image(&world.image_id(&name), |image| {
            image.created = DAY * number;
            let tags = image.tags.entry(A.to_owned()).or_default();
            tags.insert("Product".to_owned(), "web".to_owned());
        });
        names.push(name);
    }
    tokio::time::advance(DAY * (count + 1)).await;
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let request = world.build_request(&names);
    world
        .share(request.share_snapshots(ShareSnapshots::Always))
        .await;
    world
}

/// Keeps this many of the newest.
pub(super) fn keep(last: usize) -> Retire {
    Retire {
        tags: BTreeMap::from([("Product".to_owned(), "web".to_owned())]),
        keep_last: Some(last),
        ..Retire::default()
    }
}

pub(super) fn with_deregistration(last: usize) -> Retire {
    Retire {
        deregister: true,
        ..keep(last)
    }
}

pub(super) fn request(world: &World, retire: Retire) -> ShareRequestBuilder {
    ShareRequest::builder()
        .region(world.region().parse().unwrap())
        .retire(retire)
}

/// Lets the default grace pass.
pub(super) async fn wait() {
    tokio::time::advance(DAY * 14).await;
}

/// How far an image is, in one word: `shared`, `private`, `deprecated`, `disabled` or `gone`.
pub(super) fn standing(world: &World, name: &str) -> &'static str {
    let id = world.image_id(name);
    world.edit_image(&id, |image| match image.state {
        ImageState::Deregistered => "gone",
        ImageState::Disabled => "disabled",
        _ if !image.launch_permissions.contains(B) => "private",
        _ if image.deprecated_at.is_some() => "deprecated",
        _ => "shared",
    })
}

pub(super) fn standings(world: &World, count: u32) -> Vec<&'static str> {
    let numbers = 1..=count;
    numbers
        .map(|number| standing(world, &format!("image-{number}")))
        .collect()
}

/// The codes of a plan's findings.
fn codes(plan: &Plan) -> Vec<&'static str> {
    plan.findings
        .iter()
        .map(|finding| finding.code.as_str())
        .collect()
}

/// Whether anybody but A has access to a snapshot of the image.
fn has_shared_snapshots(world: &World, name: &str) -> bool {
    let id = world.image_id(name);
    let state = world.sim.state();
    let snapshots = state["snapshots"].as_object().unwrap().values();
    let ids: Vec<String> = world.edit_image(&id, |image| {
        image.snapshot_ids().map(str::to_owned).collect()
    });
    let mut own = snapshots.filter(|it| ids.iter().any(|id| it["id"] == id.as_str()));
    own.any(|it| it["create_volume_permissions"].to_string().contains(B))
}

/// Retires step after step, until everything is done that can be.
pub(super) async fn retire_all(world: &World, retire: Retire) -> Report {
    for _ in 0..2 {
        world.share(request(world, retire.clone())).await;
        wait().await;
    }
    world.share(request(world, retire)).await
}
