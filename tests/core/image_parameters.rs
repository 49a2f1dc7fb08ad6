//! Images that SSM parameters hold: `resolve:ssm:NAME`.

use ami_share::request::ShareRequestBuilder;
use ami_share::{Errors, Plan, Sharer};

use super::not_ours::put_parameter;
use super::support::*;

fn build(world: &World, images: &[&str], parameters: &[&str]) -> ShareRequestBuilder {
    let mut request = world.build_request(images);
    for name in parameters {
        request = request.image_of_parameter(None, *name);
    }
    request
}

async fn try_plan(world: &World, request: ShareRequestBuilder) -> Result<Plan, Errors> {
    let sharer = Sharer::new(&world.config(A));
    sharer.plan(&request.build().unwrap()).await
}

#[tokio::test(start_paused = true)]
async fn image_of_parameter_is_shared_as_if_it_was_named() {
    let world = World::new();
    let [golden, plain] = ["golden", "plain"].map(|name| world.image_id(name));
    world.sim.edit(|state| {
        put_parameter(state, "/images/web", "String", &golden);
        put_parameter(state, "/images/other", "String", &plain);
    });
    // The same image twice is one, and the digest is that of the image.
    let request = || build(&world, &["golden"], &["/images/web", "/images/other"]);
    let plan = world.plan(request()).await;
    let named = world.plan(world.build_request(&["golden", "plain"])).await;
    assert_eq!(plan.digest(), named.digest());
    let report = world.share(request()).await;
    assert_eq!(report.images.len(), 2);
    assert_eq!(world.launch_as_b(&golden).await, "running");

    // Another image since the approval is another request.
    let building = world.image_id("managed");
    world
        .sim
        .edit(|state| put_parameter(state, "/images/other", "String", &building));
    let before = world.count_changes();
    let report = world.try_share(request().expect_plan(plan.digest())).await;
    assert!(list_codes(&report.unwrap_err()).contains(&"plan.not-expected"));
    assert_eq!(world.count_changes(), before);
}

#[tokio::test(start_paused = true)]
async fn parameter_without_image_ends_the_run_and_tells_no_secret() {
    for value in [None, Some("hunter2"), Some("ami-0123456789abcdef0,ami-1")] {
        let world = World::new();
        if let Some(value) = value {
            let put = |state: &mut _| put_parameter(state, "/images/web", "String", value);
            world.sim.edit(put);
        }
        for parameter in ["/images/web", "/images/web:7", "/images/web:label"] {
            let request = build(&world, &["golden"], &[parameter]);
            let errors = try_plan(&world, request).await.unwrap_err();
            let error = errors.iter().next().unwrap();
            assert_eq!(error.code.as_str(), "parameter.without-image", "{error}");
            assert_eq!(error.resource.as_deref(), Some(parameter));
            assert!(!error.to_string().contains("hunter2"));
        }
        assert!(world.count_changes().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn parameter_of_another_region_names_an_image_there() {
    let world = World::generate(2, 2, 1, 1);
    let image_id = world.image_id("image-1");
    world
        .sim
        .edit(|state| put_parameter(state, "/images/web", "String", &image_id));
    let region = "us-east-1".parse().unwrap();
    let request = ami_share::ShareRequest::builder()
        .image_of_parameter(Some(region), "/images/web")
        .target_account(B.parse().unwrap());
    let request: ami_share::ShareRequest = {
        let text = serde_json::to_string(&request.build().unwrap()).unwrap();
        serde_json::from_str(&text).unwrap()
    };
    let plan = Sharer::new(&world.config(A)).plan(&request).await.unwrap();
    assert_eq!(plan.images[0].ami.as_ref(), image_id);
}
