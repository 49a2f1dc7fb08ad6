//! The findings that say what stays.

use std::collections::BTreeSet;

use super::Remains;
use crate::diagnostic::names::first_names;
use crate::diagnostic::{Finding, FindingCode};
use crate::id::{AmiId, Principal, SourceImage};
use crate::policy::key_policy::PolicyPrincipal;

const OTHER_WAY: FindingCode = FindingCode::RevokeOtherWay;

impl Remains {
    /// The finding that says it.
    pub(in crate::plan) fn finding(&self) -> Finding {
        let (resource, message) = match self {
            Self::Copy { copy, source, with } => {
                return if with.is_empty() {
                    copy_kept_for_now(copy, source)
                } else {
                    copy_still_shared(copy, source, with)
                };
            }
            Self::NotOurs(_, finding) => return finding.clone(),
            Self::Launchers(image, with) => return image_still_shared(image, with),
            Self::Statements(key, principals) => (
                key,
                format!(
                    "statements that an earlier run wrote still let {} use the key, and with this \
                     `key-access` they stay: `mode: revoke` with `key-access` `policy` removes \
                     them",
                    first_names(principals)
                ),
            ),
            Self::Policy(key, principals, problem) => (
                key,
                format!(
                    "whether the key policy lets {} use the key too is unknown: {problem}",
                    first_names(principals)
                ),
            ),
            Self::UnreadGrants(key, principals) => (
                key,
                format!(
                    "whether grants let {} use the key too is unknown: they could not be read",
                    first_names(principals)
                ),
            ),
            Self::Grants(key, principal, grants) => {
                let who = describe(principal);
                let grants = first_names(grants);
                (
                    key,
                    format!(
                        "{who} can use the key by grants that this run does not revoke, or may do \
                         so: {grants}"
                    ),
                )
            }
        };
        Finding::warn(OTHER_WAY, resource, message)
    }
}

/// The finding of a copy that is not removed because it is still shared.
pub(crate) fn copy_still_shared(
    copy: &AmiId,
    source: &SourceImage,
    with: &BTreeSet<Principal>,
) -> Finding {
    let names: Vec<String> = with.iter().map(ToString::to_string).collect();
    let message = format!(
        "this copy of {source} is still shared with {}, so it is kept",
        names.join(", ")
    );
    Finding::warn(FindingCode::CopyStillShared, copy, message)
}

/// The finding of an image that was shared again while it was revoked.
pub(crate) fn image_shared_again(image: &AmiId, with: &BTreeSet<Principal>) -> Finding {
    let message = format!(
        "AWS still shows it as shared with {} after this run has revoked that: somebody has shared \
         it again, or the answer is out of date",
        first_names(with)
    );
    Finding::warn(FindingCode::RevokeSharedAgain, image, message)
}

/// The finding of an image that stays shared with more than accounts.
pub(crate) fn image_still_shared(image: &AmiId, with: &BTreeSet<Principal>) -> Finding {
    let names: Vec<String> = with.iter().map(ToString::to_string).collect();
    let message = format!(
        "the image is still shared with {}, so accounts that belong there can still launch it",
        names.join(", ")
    );
    Finding::warn(OTHER_WAY, image, message)
}

/// A copy that all its users lose in this run, each by another group.
fn copy_kept_for_now(copy: &AmiId, source: &SourceImage) -> Finding {
    let message = format!(
        "this copy of {source} is kept although nobody has access to it after this run: those who \
         have it are targets of several groups, each of which takes it from its own only"
    );
    let mut finding = Finding::warn(FindingCode::CopyStillShared, copy, message);
    "run again: the next run removes the copy".clone_into(&mut finding.remedy);
    finding
}

pub(in crate::plan) fn describe(principal: &PolicyPrincipal) -> String {
    match principal {
        PolicyPrincipal::Account(account) => format!("account {account}"),
        PolicyPrincipal::Organization(text) | PolicyPrincipal::Unit(text) => text.clone(),
    }
}
