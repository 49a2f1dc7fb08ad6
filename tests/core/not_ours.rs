//! What is found by a name or a tag alone is not ours: nothing of others is changed, and nothing
//! that they wrote is repeated.
//!
//! What looks like ours, and the table of it: copies and parameters, in the files here; records of
//! temporary access, below; statements of key policies, `policy/key_policy/imitations.rs` in the
//! library; grants, `grants/wrong.rs`; instances and security groups of test launches,
//! `what_others_made_is_not_touched` in `verify/launches/ways_out.rs`.

mod answered_ids;
mod copies;
pub(crate) mod parameters;

use super::support::*;

pub(crate) use parameters::{put_parameter, put_parameter_of};

const OTHER: &str = "333333333333";

#[tokio::test(start_paused = true)]
async fn forged_record_of_temporary_access_takes_nothing_away() {
    let forged = [
        ("ami-share:temporary-launch:00000000", B.to_owned()),
        ("ami-share:temporary-launch:", B.to_owned()),
        ("ami-share:temporary-keys:00000000", format!("{OTHER} {B}")),
        ("ami-share:temporary-snapshots:mine", "everybody".to_owned()),
    ];
    for (key, value) in forged {
        let world = World::generate(2, 1, 1, 1);
        world.alias_own_keys();
        let image = world.image_id("image-1");
        let request = || world.build_request(&["image-1"]);
        world.share(request()).await;
        world.edit_image(&image, |image| {
            let tags = image.tags.entry(A.to_owned()).or_default();
            tags.insert(key.to_owned(), value.clone());
        });
        let options = with_target_role().kms_key("alias/own".parse().unwrap());
        let copying = request().target_options(options.unshare_after_copy(true));
        let report = world.share(copying).await;
        let codes = list_codes(&report);
        assert!(
            codes.contains(&"temporary-access.unread"),
            "{key}: {codes:?}"
        );
        assert_eq!(world.launch_as_b(&image).await, "running", "{key}");
        let tags = world.edit_image(&image, |image| image.tags[A].clone());
        assert_eq!(tags.get(key), Some(&value), "{key} stays");
    }
}
