//! Checks Allowed AMIs of the target, which can hide images of the source account (R7.3).

use super::ImageInTarget;
use crate::id::AmiId;
use crate::inventory::{AllowedImagesState, ImageAllowed};
use crate::report::{Check, CheckName};
use crate::verify::evidence::{SharedImageEvidence, TargetEvidence};

const NAME: CheckName = CheckName::AllowedImages;

pub(super) fn check_allowed_images(
    image: ImageInTarget<'_>,
    image_id: &AmiId,
    shared: &SharedImageEvidence,
    target: &TargetEvidence,
) -> Check {
    let seen = target.image(image_id);
    let allowed = match &target.allowed_images {
        Ok(allowed) => allowed,
        Err(error) if seen.is_some() => {
            let detail = format!("the target sees the image ({})", error.code);
            return Check::yes(NAME, detail);
        }
        Err(error) => return Check::unread(NAME, error),
    };
    // What EC2 says of the image counts more than what the criteria seem to mean.
    let by_ec2 = seen.and_then(|image| image.allowed);
    let by_criteria = allowed.judge(&shared.image, image.evidence.now);
    match &allowed.state {
        AllowedImagesState::Disabled => Check::yes(NAME, "nothing hides the image"),
        AllowedImagesState::Enabled => match by_ec2 {
            Some(false) => hidden(image, by_criteria),
            Some(true) => Check::yes(NAME, "the image meets a criterion"),
            None if seen.is_some() => Check::yes(NAME, "the target sees the image"),
            None => unseen(image, by_criteria),
        },
        AllowedImagesState::AuditMode => match (by_ec2, by_criteria) {
            (Some(true), _) | (None, ImageAllowed::Yes) => Check::yes(
                NAME,
                "the image meets a criterion, and they are in audit mode",
            ),
            (_, by_criteria) => in_audit_mode(image, by_criteria),
        },
    }
}

fn hidden(image: ImageInTarget<'_>, by_criteria: ImageAllowed) -> Check {
    let (account, owner) = (image.account, &image.plan.account);
    let why = match by_criteria {
        ImageAllowed::No(why) | ImageAllowed::Unknown(why) => why,
        ImageAllowed::Yes => {
            "EC2 says so, by a criterion that this version cannot judge".to_owned()
        }
    };
    let detail = format!("Allowed AMIs of {account} hide this image of {owner}: {why}");
    Check::no(NAME, detail)
}

/// The target does not see the image, perhaps for another reason.
fn unseen(image: ImageInTarget<'_>, by_criteria: ImageAllowed) -> Check {
    let account = image.account;
    match by_criteria {
        ImageAllowed::No(_) => hidden(image, by_criteria),
        ImageAllowed::Unknown(why) => Check::unknown(
            NAME,
            format!("Allowed AMIs of {account} are enabled, and may hide the image: {why}"),
        ),
        ImageAllowed::Yes => Check::yes(NAME, "the image meets a criterion"),
    }
}

/// In audit mode a launch is not refused, but will be once the setting is enabled.
fn in_audit_mode(image: ImageInTarget<'_>, by_criteria: ImageAllowed) -> Check {
    let account = image.account;
    let why = match by_criteria {
        ImageAllowed::No(why) | ImageAllowed::Unknown(why) => format!(": {why}"),
        ImageAllowed::Yes => String::new(),
    };
    let detail = format!(
        "Allowed AMIs of {account} are in audit mode: they do not refuse a launch now, and would \
         hide the image once enabled{why}"
    );
    Check::unknown(NAME, detail)
}
