//! A refusal by a policy: which principal may not do what, on what, and which policy to change.

use super::Call;
use crate::aws::sts::describe_principal;
use crate::diagnostic::{Code, Error};

/// The error of a call that a policy refuses, by what AWS's message tells of the policy.
pub(super) fn explain(call: &Call<'_>, message: &str) -> Error {
    let identity = call.caller.identity.as_ref();
    let principal = text_between(message, "User: ", ' ')
        .or(identity.map(|identity| identity.arn.as_str()))
        .unwrap_or("the caller");
    // A call can be denied because of an action that it implies, as ec2:CreateTags in CopyImage.
    let action = text_between(message, "not authorized to perform: ", ' ').unwrap_or(call.action);
    let resource = text_between(message, "on resource: ", ' ')
        .or(call.resource)
        .unwrap_or("*");
    // Policies are attached to the role behind a session, and name it.
    let whom = describe_principal(principal);
    let denial = Denial {
        principal: if whom == principal {
            "that principal"
        } else {
            "that role"
        },
        action,
        resource,
    };
    let text = format!("{whom} may not perform {action} on {resource}");
    Error::new(Code::AccessDenied, text)
        .remedy(denial.remedy(message))
        .on(resource)
}

/// What is denied to whom.
pub(in crate::aws) struct Denial<'a> {
    /// What the remedy calls the principal.
    pub(in crate::aws) principal: &'a str,
    pub(in crate::aws) action: &'a str,
    pub(in crate::aws) resource: &'a str,
}

impl Denial<'_> {
    /// Which policy to change: an identity policy if AWS's message names none.
    fn remedy(&self, message: &str) -> String {
        self.named_policy(message)
            .unwrap_or_else(|| self.identity_policy())
    }

    fn identity_policy(&self) -> String {
        // The message has the resource already.
        let (action, principal) = (self.action, self.principal);
        format!("allow `{action}` on it in an identity policy of {principal}")
    }

    /// Which policy to change, if AWS's message names one by its kind, and a denying policy in the
    /// same account or organization by its ARN too (R7.25).
    pub(in crate::aws) fn named_policy(&self, message: &str) -> Option<String> {
        let Self {
            principal,
            action,
            resource,
        } = self;
        // What a role trusts is its policy as a resource.
        let of_resource = if *action == "sts:AssumeRole" {
            format!("the trust policy of {resource}")
        } else {
            format!("the policy of {resource}")
        };
        if let Some(policy) = text_between(message, "explicit deny in ", '\0') {
            let policy = policy.split(" Encoded").next().unwrap_or(policy);
            let mut policy = policy.trim_end_matches('.');
            if *action == "sts:AssumeRole" && policy == "a resource-based policy" {
                policy = &of_resource;
            }
            return Some(format!(
                "remove the deny of `{action}` from {policy}, or exempt {principal} from it"
            ));
        }
        // KMS says no more of a key of another account, which may not exist.
        if message.contains("no resource-based policies allow access") {
            return Some(format!(
                "check that this is the key that you mean; if so, have its account add a statement \
                 to its policy that allows `{action}` to {principal}"
            ));
        }
        // The words of AWS are `because no <kind> allows the <action> action`.
        let kind = kind_of(text_between(message, "because no ", '\0')?)?;
        Some(match kind {
            "identity-based policy" => self.identity_policy(),
            "resource-based policy" => format!(
                "add a statement to {of_resource} that allows `{action}` to {principal}, or that \
                 delegates to the account's IAM"
            ),
            "session policy" => {
                format!("allow `{action}` in the session policy that {principal} was assumed with")
            }
            "permissions boundary" => {
                format!("allow `{action}` on it in the permissions boundary of {principal}")
            }
            "VPC endpoint policy" => format!(
                "allow `{action}` to {principal} in the policy of the VPC endpoint through which \
                 this machine calls AWS"
            ),
            "service control policy" | "resource control policy" => format!(
                "have `{action}` allowed by a {kind} of the organization; the account itself \
                 cannot change it"
            ),
            _ => return None,
        })
    }
}

/// The kind of policy in `<kind> allows the <action> action`.
fn kind_of(text: &str) -> Option<&str> {
    let (kind, _) = text.split_once(" allows the ")?;
    Some(kind)
}

/// What a message says after `start` and before `end`; `None` if that is nothing.
fn text_between<'a>(message: &'a str, start: &str, end: char) -> Option<&'a str> {
    let (_, rest) = message.split_once(start)?;
    let text = rest.split(end).next()?.trim();
    (!text.is_empty()).then_some(text)
}
