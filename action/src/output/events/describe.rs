//! What happened, in words.

use ami_share::Event;

use crate::output::principal_name::{list, list_principals};

/// One line for an event that changed something or confirms a state, and of which others do not say
/// the same; `None` for other events.
pub(super) fn describe(event: &Event) -> Option<String> {
    copies(event)
        .or_else(|| key_access(event))
        .or_else(|| permissions(event))
        .or_else(|| lifecycle(event))
        .or_else(|| test_instances(event))
}

fn copies(event: &Event) -> Option<String> {
    Some(match event {
        Event::CopyRemoved { image } => format!("the copy {image} is removed"),
        Event::LeftoverRemoved { resource } => {
            format!("{resource}, left by a failed copy, is removed")
        }
        _ => return None,
    })
}

fn key_access(event: &Event) -> Option<String> {
    Some(match event {
        Event::KeyPolicyPut { key, removed, .. } if !removed.is_empty() => {
            let removed = list_principals(removed);
            format!("the policy of {key} no longer has statements for {removed}")
        }
        Event::KeyPolicyPut { key, added, .. } => {
            let added = list_principals(added);
            format!("the policy of {key} now has statements for {added}")
        }
        Event::KeyAccessConfirmed { key, principals } => {
            let principals = list_principals(principals);
            format!("confirmed: the policy of {key} has statements for {principals}")
        }
        Event::GrantsCreated { key, image, added } => {
            let added = list_principals(added);
            format!(
                "grants of {key} for {image} are made for {added}; they can take five minutes to \
                 be effective"
            )
        }
        Event::GrantsRevoked { key, grantees } => {
            format!("grants of {key} are revoked: {}", list_principals(grantees))
        }
        _ => return None,
    })
}

fn permissions(event: &Event) -> Option<String> {
    Some(match event {
        Event::SnapshotPermissionAdded { snapshot, added } => {
            let added = list_principals(added);
            format!("create-volume permission of {snapshot} is added for {added}")
        }
        Event::SnapshotPermissionRemoved { snapshot, removed } => {
            let removed = list_principals(removed);
            format!("create-volume permission of {snapshot} is removed from {removed}")
        }
        Event::LaunchPermissionAdded { image, added, .. } => {
            let added = list_principals(added);
            format!("launch permission of {image} is added for {added}")
        }
        Event::LaunchPermissionConfirmed {
            image, principals, ..
        } => {
            let principals = list_principals(principals);
            format!("confirmed: launch permission of {image} for {principals}")
        }
        Event::LaunchPermissionRemoved { image, removed, .. } => {
            let removed = list_principals(removed);
            format!("launch permission of {image} is removed from {removed}")
        }
        Event::TemporaryAccessRecorded { image } => {
            format!("the record of temporary access in the tags of {image} is written")
        }
        Event::TemporaryAccessForgotten { image, remains } => {
            let what = if *remains {
                "is shorter now"
            } else {
                "is removed"
            };
            format!("the record of temporary access in the tags of {image} {what}")
        }
        _ => return None,
    })
}

fn lifecycle(event: &Event) -> Option<String> {
    Some(match event {
        Event::ImageDisabled { image, .. } => format!("{image} is disabled"),
        Event::DisabledNoted { image, since, .. } => {
            format!("a tag of {image} says that it is disabled since {since}")
        }
        Event::DisabledForgotten { image, .. } => {
            format!("{image} has no tag any more that says it is disabled")
        }
        Event::ImageDeregistered { image, .. } => format!("{image} is deregistered"),
        Event::TagsShared { image, keys, .. } => {
            format!(
                "every recipient of {image} sees these tags now: {}",
                list(keys)
            )
        }
        Event::Watermarked {
            image, watermark, ..
        } => format!("{image} has the watermark {watermark} now"),
        _ => return None,
    })
}

fn test_instances(event: &Event) -> Option<String> {
    Some(match event {
        Event::TestInstanceStarted {
            account,
            region,
            image,
            instance,
        } => format!("{instance} in {region} of {account} tests the launch of {image}"),
        Event::TestInstanceTerminated {
            account,
            region,
            instance,
            is_abandoned,
        } => {
            let whose = if *is_abandoned {
                ", which a test launch of an earlier run had left,"
            } else {
                ", the instance of a test launch,"
            };
            format!("{instance} in {region} of {account}{whose} is terminated")
        }
        _ => return None,
    })
}
