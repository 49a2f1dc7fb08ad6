//! Ways in which parts of a request break.

use ami_share_sim::world::{ImageState, KeyState};
use serde_json::{Value, json};

use super::stage::{C, HOME, OPT_IN, Stage, WEST};
use crate::support::*;

/// A way in which a part breaks: always image `alpha`, the Region that images are copied to, or C.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Broken {
    ImageGone,
    ImageDisabled,
    ImageFailed,
    /// For ever.
    ImagePending,
    ImageUnread,
    ImageUnreadable,
    ImageKept,
    RegionOff,
    RegionUnreachable,
    RegionWithoutKey,
    RegionKeyDisabled,
    RegionPolicyUnread,
    RegionPutRefused,
    /// The Region that `west` is in.
    HomeUnreachable,
    TargetWithoutRole,
    TargetWithoutKey,
    TargetKeyDisabled,
    TargetRegionOff,
    /// The Region that images are copied to.
    TargetCopyRegionOff,
    TargetRefused,
    TargetMayNotCopy,
    /// By its Allowed AMIs.
    TargetHidesImages,
}

impl Broken {
    /// Whether what is shared of an image in a Region with a target depends on it.
    pub(super) fn breaks(self, image: &str, region: &str, target: &str) -> bool {
        match self {
            Self::ImageGone
            | Self::ImageDisabled
            | Self::ImageFailed
            | Self::ImagePending
            | Self::ImageUnread
            | Self::ImageUnreadable
            | Self::ImageKept => image == "alpha",
            Self::RegionOff
            | Self::RegionUnreachable
            | Self::RegionWithoutKey
            | Self::RegionKeyDisabled
            | Self::RegionPolicyUnread
            | Self::RegionPutRefused => region == OPT_IN,
            Self::HomeUnreachable => region == WEST || image == "west",
            Self::TargetWithoutRole | Self::TargetRefused | Self::TargetMayNotCopy => target == C,
            Self::TargetWithoutKey
            | Self::TargetKeyDisabled
            | Self::TargetRegionOff
            | Self::TargetHidesImages => target == C && region == HOME,
            Self::TargetCopyRegionOff => target == C && region == OPT_IN,
        }
    }

    /// Whether only a change or a wait meets it.
    pub(super) fn shows_late(self) -> bool {
        matches!(
            self,
            Self::ImagePending
                | Self::RegionPutRefused
                | Self::TargetRefused
                | Self::TargetMayNotCopy
                | Self::TargetHidesImages
        )
    }

    /// Whether only the copies that targets make depend on it.
    pub(super) fn is_of_copies(self) -> bool {
        matches!(self, Self::TargetWithoutKey | Self::TargetKeyDisabled)
    }
}

impl Stage {
    pub(super) fn break_parts(&self, parts: &[Broken]) {
        for part in parts {
            match fault_of(*part, &self.world.image_id("alpha")) {
                faults if faults.is_empty() => self.break_world(*part),
                faults => {
                    for fault in faults {
                        self.world.sim.fault(serde_json::from_value(fault).unwrap());
                    }
                }
            }
        }
    }

    /// Breaks what is not a fault of calls.
    fn break_world(&self, part: Broken) {
        let alpha = self.world.image_id("alpha");
        match part {
            Broken::ImageGone => self.world.sim.edit(|world| {
                world.images.remove(&alpha);
            }),
            Broken::ImageDisabled => self.set_state(&alpha, ImageState::Disabled),
            Broken::ImageFailed => self.set_state(&alpha, ImageState::Failed),
            Broken::ImagePending => self.set_state(&alpha, ImageState::Pending),
            Broken::ImageUnreadable => self.world.edit_image(&alpha, |image| {
                image.mappings[0].snapshot = Some("?".to_owned());
            }),
            Broken::RegionOff => self.turn_off(A, OPT_IN),
            Broken::TargetRegionOff => self.turn_off(C, HOME),
            Broken::TargetCopyRegionOff => self.turn_off(C, OPT_IN),
            Broken::RegionWithoutKey => {
                self.remove_alias(A, OPT_IN, &format!("alias/key-{OPT_IN}"));
            }
            Broken::RegionKeyDisabled => self.disable_key(&format!("key-{OPT_IN}")),
            Broken::TargetWithoutRole => self.world.remove_role(C, "consumer"),
            Broken::TargetHidesImages => {
                let others = json!([{ "names": ["other-*"] }]);
                self.world.allow_images(C, "enabled", others);
            }
            Broken::TargetWithoutKey => self.remove_alias(C, HOME, "alias/own"),
            Broken::TargetKeyDisabled => self.disable_key(&format!("own-{C}-{HOME}")),
            _ => {}
        }
    }

    fn turn_off(&self, account: &str, region: &str) {
        self.world.sim.edit(|world| {
            let account = world.accounts.get_mut(account).unwrap();
            account.opted_in.remove(region);
        });
    }

    /// The image may be gone already.
    fn set_state(&self, image_id: &str, state: ImageState) {
        self.world.sim.edit(|world| {
            if let Some(image) = world.images.get_mut(image_id) {
                image.state = state;
            }
        });
    }

    fn disable_key(&self, name: &str) {
        let arn = self.world.key_arn(name);
        self.world
            .edit_key(&arn, |key| key.state = KeyState::Disabled);
    }

    fn remove_alias(&self, account: &str, region: &str, alias: &str) {
        let alias = (account.to_owned(), region.to_owned(), alias.to_owned());
        let removed = self.world.sim.edit(|world| world.aliases.remove(&alias));
        assert!(removed.is_some(), "{alias:?}");
    }
}

/// The faults of a way to break; none if the world itself breaks.
fn fault_of(part: Broken, image_id: &str) -> Vec<Value> {
    let error = |status: u16, code: &str, message: &str| {
        let error = json!({ "status": status, "code": code, "message": message });
        json!({ "error": error })
    };
    let of_image = |operation: &str| {
        let denied = error(403, "UnauthorizedOperation", "You are not authorized");
        json!({ "operation": operation, "naming": image_id, "account": A, "effect": denied })
    };
    let in_region = |region: &str, operation: &str, effect: Value| {
        let place = json!(region);
        json!({ "operation": operation, "region": place, "effect": effect })
    };
    let of_target = |operation: &str| {
        let refused = error(400, "InvalidAMIAttributeItemValue", "Invalid value");
        json!({ "operation": operation, "naming": C, "account": A, "effect": refused })
    };
    match part {
        Broken::ImageUnread => vec![of_image("ec2:DescribeImageAttribute")],
        Broken::ImageKept => vec![of_image("ec2:ModifyImageAttribute")],
        Broken::RegionUnreachable => vec![in_region(OPT_IN, "*", json!("drop"))],
        Broken::HomeUnreachable => vec![in_region(WEST, "*", json!("drop"))],
        Broken::RegionPolicyUnread => {
            let denied = error(400, "AccessDeniedException", "no");
            vec![in_region(OPT_IN, "kms:GetKeyPolicy", denied)]
        }
        Broken::RegionPutRefused => {
            let refused = error(400, "MalformedPolicyDocumentException", "lockout");
            vec![in_region(OPT_IN, "kms:PutKeyPolicy", refused)]
        }
        Broken::TargetMayNotCopy => {
            let denied = error(403, "UnauthorizedOperation", "You are not authorized");
            vec![json!({ "operation": "ec2:CopyImage", "account": C, "effect": denied })]
        }
        Broken::TargetRefused => vec![
            of_target("ec2:ModifyImageAttribute"),
            of_target("ec2:ModifySnapshotAttribute"),
        ],
        _ => Vec::new(),
    }
}
