//! The policies that a simulation leaves out.

use super::invalid;
use super::policies::Source;
use super::resources::is_arn;
use super::sources::Subject;
use crate::policy::matches;
use crate::wire::{Fail, Query};

/// Takes policies away from a principal: by type, by ARN, or by name and owner. What fits no policy
/// is ignored.
///
/// # Errors
/// For a malformed ARN.
pub(super) fn apply(query: &Query, subject: &mut Subject) -> Result<(), Fail> {
    for entry in query.members("PolicyExclusionList.member") {
        if let Some(kind) = entry.get("PolicyType") {
            exclude_type(kind, subject);
        }
        if let Some(arn) = entry.get("PolicyArn") {
            if !is_arn(arn) {
                return Err(invalid(format!(
                    "Invalid ARN provided in the request: {arn}"
                )));
            }
            remove(&mut subject.managed, arn);
        }
        let part = |name: &str| entry.get(&format!("InlinePolicyIdentifier.{name}"));
        let owner = part("AttachmentType").zip(part("AttachmentName"));
        if let (Some((kind, owner)), Some(name)) = (owner, part("PolicyName")) {
            remove(&mut subject.inline, &format!("{kind}/{owner}/{name}"));
        }
    }
    Ok(())
}

fn exclude_type(kind: &str, subject: &mut Subject) {
    const AWS: &str = "arn:*:iam::aws:policy/*";
    match kind {
        "inline" => subject.inline.clear(),
        "aws-managed" => remove(&mut subject.managed, AWS),
        "user-managed" => subject.managed.retain(|source| matches(AWS, &source.key)),
        "permission-boundary" => subject.boundary = None,
        "scp" => subject.controls = subject.controls.take().map(|_| Vec::new()),
        _ => {}
    }
}

fn remove(sources: &mut Vec<Source>, pattern: &str) {
    sources.retain(|source| !matches(pattern, &source.key));
}
