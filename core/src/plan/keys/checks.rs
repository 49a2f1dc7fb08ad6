//! What prevents targets from using a key, or lets them do more than launch.

use std::collections::BTreeSet;

use crate::diagnostic::FindingCode;
use crate::diagnostic::names::first_names;
use crate::inventory::{Grant, Key, KeyState};
use crate::limits::KEY_POLICY_BYTES;
use crate::plan::own_grant::OwnGrant;
use crate::plan::planner::Planner;
use crate::plan::step::LaunchPermission;
use crate::policy::key_policy::{KeyPolicy, PolicyPrincipal, is_account};
use crate::request::KeyScope;

/// Tools that write whole key policies: what their marks contain, and their names.
const POLICY_TOOLS: [(&str, &str); 5] = [
    ("terraform", "Terraform"),
    ("opentofu", "OpenTofu"),
    ("cloudformation", "CloudFormation"),
    ("cdk-", "the AWS CDK"),
    ("pulumi", "Pulumi"),
];

impl Planner<'_> {
    /// Whether targets can be given the use of the key at all, for these images.
    pub(super) fn check_key(
        &mut self,
        key: &Key,
        launches: &[&LaunchPermission],
        encrypts_copies: bool,
    ) -> bool {
        let mut images = BTreeSet::new();
        for launch in launches {
            images.insert(launch.shared.source.ami.as_ref());
        }
        let images = first_names(images);
        let is_editable = self
            .request
            .options
            .can_change_key(&self.inventory.account, &key.arn);

        let (code, message) = if key.aws_managed {
            // R2.9
            let message =
                format!("{images}: this key is AWS's (`aws/ebs`), which nobody can share");
            (FindingCode::KeyAwsManaged, message)
        } else if !is_editable {
            // R3.1.2
            let owner = key.arn.account();
            let message = format!(
                "{images}: the key belongs to account {owner}, so its policy cannot be changed \
                 from here"
            );
            (FindingCode::KeyForeign, message)
        } else {
            // R3.4
            match &key.state {
                KeyState::Disabled => (
                    FindingCode::KeyDisabled,
                    format!("{images}: the key is disabled, so no launch can decrypt"),
                ),
                KeyState::PendingDeletion => (
                    FindingCode::KeyPendingDeletion,
                    format!("{images}: the key is pending deletion, so no launch can decrypt"),
                ),
                KeyState::Other(state) => (
                    FindingCode::KeyUnusable,
                    format!("{images}: the key is in state `{state}` and cannot be used"),
                ),
                // R1.3.6
                _ if encrypts_copies && !key.symmetric => (
                    FindingCode::KeyUnusable,
                    "EBS takes only symmetric encryption keys".to_owned(),
                ),
                _ => return true,
            }
        };
        self.refuse(code, &key.arn, message);
        false
    }

    /// Warns of a policy that is larger than AWS documented once: AWS may take it all the same
    /// (R3.2.2), and KMS answers if it does not.
    pub(super) fn check_policy_size(&mut self, key: &Key, added: usize, bytes: usize) {
        if bytes > KEY_POLICY_BYTES {
            let message = format!(
                "with {added} more accounts the key policy would have {bytes} bytes, and KMS takes \
                 {KEY_POLICY_BYTES} unless AWS has raised the limit"
            );
            self.warn(FindingCode::KeyPolicyTooLarge, &key.arn, message);
        }
    }

    /// Finds marks of tools that write the whole policy from their own files, and so remove what
    /// others add.
    pub(super) fn check_other_tools(&mut self, key: &Key, policy: &KeyPolicy) {
        let mut texts = vec![key.description.to_ascii_lowercase()];
        for (sid, principals) in policy.foreign_statements(&key.arn) {
            texts.push(sid.to_ascii_lowercase());
            texts.extend(principals.iter().map(|name| name.to_ascii_lowercase()));
        }
        for (mark, tool) in POLICY_TOOLS {
            if texts.iter().any(|text| text.contains(mark)) {
                let message = format!(
                    "this key seems to be managed by {tool}, which removes what others add to its \
                     policy when it next runs"
                );
                self.warn(FindingCode::KeyPolicyManaged, &key.arn, message);
                return;
            }
        }
    }

    /// Finds other users of the key: a target that may call KMS directly can decrypt their data.
    pub(super) fn check_other_users(&mut self, key: &Key, policy: &KeyPolicy) {
        let mut others = policy.other_users(&key.arn);
        others.retain(|name| !is_account(name, key.arn.account()));
        if !others.is_empty() {
            let message = format!(
                "others use this key too ({}), and targets that may call KMS directly can decrypt \
                 with it what is not of these images",
                first_names(others)
            );
            self.warn(FindingCode::KeyUsedByMany, &key.arn, message);
        }
    }

    /// Warns of targets that an earlier run let call KMS directly, by statements or grants. This
    /// run lets them use the key only through EC2 and takes nothing: other images may need that.
    pub(super) fn check_wider_access(
        &mut self,
        key: &Key,
        policy: &KeyPolicy,
        principals: &BTreeSet<PolicyPrincipal>,
    ) {
        let direct = policy.principals_with_any_access(&key.arn, KeyScope::Direct);
        let direct = direct.intersection(principals).map(ToString::to_string);
        let mut wider: BTreeSet<String> = direct.collect();
        let own = key.known_grants().iter();
        let own = own.filter(|grant| OwnGrant::includes(&key.arn, grant));
        for account in own.filter_map(Grant::grantee_account) {
            if principals.contains(&PolicyPrincipal::Account(account.clone())) {
                wider.insert(account.to_string());
            }
        }
        if !wider.is_empty() {
            let message = format!(
                "earlier runs let {} call KMS directly with this key, and that stays: this run \
                 adds access through EC2, and takes none",
                first_names(wider)
            );
            self.warn(FindingCode::KeyAccessWider, &key.arn, message);
        }
    }
}
