//! Watermarks of images.

use super::support::*;

async fn attach(caller: &Caller, image: &str, name: &str) -> Result<String, String> {
    let parameters = [("ImageId", image), ("WatermarkName", name)];
    let answer = caller.ec2("AttachImageWatermark", &parameters).await;
    answer
        .map(|answer| answer.first("watermarkKey").to_owned())
        .map_err(|fail| fail.code.into_owned())
}

async fn watermarks(caller: &Caller, image: &str) -> Vec<String> {
    let answer = caller.describe_image(image).await;
    let keys = answer.all("watermarkKey").into_iter();
    keys.map(str::to_owned).collect()
}

fn refused(code: &str) -> Result<String, String> {
    Err(code.to_owned())
}

#[tokio::test(start_paused = true)]
async fn rule_7_13_only_the_owner_attaches_watermarks_and_copies_keep_them() {
    let (a, b) = two_accounts();
    let plain = a.image("plain");
    a.share_wholly(&plain, B).await;
    let key = format!("{A}:approved");
    for _ in 0..2 {
        assert_eq!(attach(&a, &plain, "approved").await, Ok(key.clone()));
    }
    assert_eq!(attach(&b, &plain, "mine").await, refused("AuthFailure"));
    assert_eq!(watermarks(&b, &plain).await, [key.as_str()]);
    let copy = b.copy_as(&plain, &[]).await.unwrap();
    seconds(10).await;
    assert_eq!(watermarks(&b, &copy).await, [key.as_str()]);

    let detach = [("ImageId", plain.as_str()), ("WatermarkKey", key.as_str())];
    a.ec2("DetachImageWatermark", &detach).await.unwrap();
    assert!(watermarks(&a, &plain).await.is_empty());
    assert_eq!(watermarks(&b, &copy).await, [key.as_str()]);
    let again = a.ec2("DetachImageWatermark", &detach).await;
    assert_code(again, "InvalidWatermarkKey.NotFound");
}

#[tokio::test(start_paused = true)]
async fn rule_7_13_watermarks_are_five_at_most_and_of_images_that_are_not_public() {
    let (a, _) = two_accounts();
    let plain = a.image("plain");
    for name in ["ab", "a:b", "naïve", &"a".repeat(129)] {
        let expected = refused("InvalidParameterValue");
        assert_eq!(attach(&a, &plain, name).await, expected, "{name}");
    }
    for number in 0..5 {
        let name = format!("base [{number}] (v1.0) it's_@-/");
        attach(&a, &plain, &name).await.unwrap();
    }
    let sixth = attach(&a, &plain, "sixth").await;
    assert_eq!(sixth, refused("WatermarkLimitExceeded"));
    let public = [
        ("ImageId", plain.as_str()),
        ("LaunchPermission.Add.1.Group", "all"),
    ];
    let made = a.ec2("ModifyImageAttribute", &public).await;
    assert_code(made, "UnsupportedOperation");
    a.sim.edit(|world| {
        let image = world.images.get_mut(&plain).unwrap();
        image.watermarks.clear();
    });
    a.ec2("ModifyImageAttribute", &public).await.unwrap();
    let onto_public = attach(&a, &plain, "approved").await;
    assert_eq!(onto_public, refused("OperationNotPermitted"));
}
