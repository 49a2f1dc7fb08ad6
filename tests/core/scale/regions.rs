//! Many images in many Regions.

use ami_share::Region;

use super::*;

#[tokio::test(start_paused = true)]
async fn three_images_in_four_regions_for_fifty_accounts_take_expected_calls() {
    let world = World::generate(51, 4, 3, 1);
    let accounts = world.sim.facts().accounts.keys();
    let targets = accounts.filter(|id| *id != A);
    let region = |name: &str| name.parse::<Region>().unwrap();
    let key = |name: &str| world.key_arn(name).parse().unwrap();
    let names = ["eu-west-1", "us-west-2", "eu-central-1"];
    let mut request = world
        .build_request(&["image-1", "image-2", "image-3"])
        .copy_to_regions(names.map(region))
        .target_accounts(targets.map(|id| id.parse().unwrap()))
        .kms_key_in(region("us-east-1"), key("key-1"));
    for name in names {
        request = request.kms_key_in(region(name), key(&format!("key-{name}")));
    }
    let report = world.share(request).await;
    assert_eq!(report.images.len(), 12);
    for image in &report.images {
        assert_eq!(image.principals.len(), 50);
    }
    let (calls, settle_reads) = count_calls(&world);
    let all = calls.values().sum::<usize>() + settle_reads;
    println!("{all} calls, {settle_reads} of them settle reads: {calls:?}");
    assert_eq!(
        settle_reads, 9,
        "in each Region, one when the put has settled, one after launch permissions; at home, these \
         are written at two moments"
    );
    let expected = build_table(&[
        ("sts:GetCallerIdentity", 1),
        // Whether all Regions are enabled.
        ("ec2:DescribeRegions", 1),
        // The images themselves, and existing copies in each Region; 11 times whether the token of
        // a copy names a deregistered image; and in each Region all copies once when they begin
        // and once when they should be available. The image at home is shared long before the
        // end, when it is looked at once more, and its launch permission too.
        ("ec2:DescribeImages", 1 + 4 + 11 + 4 * 2 + 1),
        // Those of the images and of existing copies; the progress of each Region's copies once;
        // and the volumes of each finished copy, to check their encryption.
        ("ec2:DescribeSnapshots", 1 + 4 + 4 + 11),
        // The key of each Region, and the two others that images at home are under; at the end the
        // key of each Region, which may be disabled by then.
        ("kms:DescribeKey", 4 + 2 + 4),
        // To plan, and again right before the change.
        ("kms:GetKeyPolicy", 4 * 2),
        // Of each image to plan, and of each that is shared right before the change.
        ("ec2:DescribeImageAttribute", 3 + 12 + 1),
        // Every image to every Region; but the image at home that is under the key already is
        // shared itself.
        ("ec2:CopyImage", 3 * 4 - 1),
        ("kms:PutKeyPolicy", 4),
        ("ec2:ModifyImageAttribute", 12),
    ]);
    assert_eq!(calls, expected);
}
