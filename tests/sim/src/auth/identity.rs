//! What the policies of a principal allow, and what limits them.

use super::refusal::{PolicyKind, Refusal, encode};
use super::{context, set};
use crate::policy::{AccessRequest, Context, Decision, Document, PrincipalMatch};
use crate::wire::Fail;
use crate::world::Principal;

/// The resource of an action, with the condition keys that only it has.
#[derive(Clone, Debug)]
pub(crate) struct Resource {
    pub(crate) arn: String,
    pub(crate) context: Context,
}

impl Resource {
    /// A resource without condition keys of its own.
    pub(crate) fn new(arn: impl Into<String>) -> Self {
        Self {
            arn: arn.into(),
            context: Context::new(),
        }
    }

    /// Sets a condition key of the resource.
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        set(&mut self.context, key, value);
    }
}

/// What all policies decide on one request, those of resources apart.
pub(super) struct IdentityDecision {
    /// An explicit deny.
    deny: Option<Refusal>,
    /// A level of the organization has no service control policy that allows it.
    control: Option<Refusal>,
    session: Option<Refusal>,
    boundary: Option<Refusal>,
    /// Whether an identity policy allows it.
    allowed: bool,
}

impl IdentityDecision {
    pub(super) fn evaluate(principal: &Principal, access: &AccessRequest<'_>) -> Self {
        let session = principal.session_policy.as_ref();
        let session = session.map(|policy| policy.evaluate(access));
        let boundary = principal.boundary.as_ref();
        let boundary = boundary.map(|policy| policy.evaluate(access));

        let (mut allowed, mut denied) = (false, false);
        for policy in &principal.policies {
            let decision = policy.evaluate(access);
            allowed |= decision.is_allow();
            denied |= decision == Decision::ExplicitDeny;
        }

        // Each level of the organization must allow (R3.1.11).
        let (mut controls_allow, mut controls_deny) = (true, false);
        for level in &principal.controls {
            let mut level_allows = false;
            for policy in level {
                let decision = policy.evaluate(access);
                level_allows |= decision.is_allow();
                controls_deny |= decision == Decision::ExplicitDeny;
            }
            controls_allow &= level_allows;
        }

        let deny = if controls_deny {
            Some(PolicyKind::ServiceControl)
        } else if denied {
            Some(PolicyKind::Identity)
        } else if boundary == Some(Decision::ExplicitDeny) {
            Some(PolicyKind::Boundary)
        } else if session == Some(Decision::ExplicitDeny) {
            Some(PolicyKind::Session)
        } else {
            None
        };
        let implicit = |kind, missing: bool| missing.then_some(Refusal::ImplicitDeny(kind));
        Self {
            deny: deny.map(Refusal::ExplicitDeny),
            control: implicit(PolicyKind::ServiceControl, !controls_allow),
            session: implicit(PolicyKind::Session, session == Some(Decision::ImplicitDeny)),
            boundary: implicit(
                PolicyKind::Boundary,
                boundary == Some(Decision::ImplicitDeny),
            ),
            allowed,
        }
    }

    /// Fails for an explicit deny, and for what the organization does not allow. No policy of a
    /// resource can allow that.
    pub(super) fn check_denials(&self) -> Result<(), Refusal> {
        self.deny.or(self.control).map_or(Ok(()), Err)
    }

    /// Fails if a session policy or a boundary does not allow what a policy of a resource gives to
    /// the role (R5.4).
    pub(super) fn check_limits(&self) -> Result<(), Refusal> {
        self.boundary.or(self.session).map_or(Ok(()), Err)
    }

    /// Fails unless the principal's own policies allow it.
    pub(super) fn check_allowed(&self) -> Result<(), Refusal> {
        self.check_denials()?;
        if !self.allowed {
            return Err(Refusal::ImplicitDeny(PolicyKind::Identity));
        }
        self.check_limits()
    }
}

fn check(
    principal: &Principal,
    action: &str,
    resource: &str,
    context: &Context,
) -> Result<(), Refusal> {
    let access = AccessRequest {
        principal: &principal.facts,
        action,
        resource,
        context,
    };
    IdentityDecision::evaluate(principal, &access).check_allowed()
}

/// Checks that the principal's policies allow an action of EC2 on each of these (R1.6).
///
/// # Errors
/// `UnauthorizedOperation` in AWS's words.
pub(crate) fn authorize_ec2(
    caller: &Principal,
    action: &str,
    resources: &[Resource],
    context: &Context,
) -> Result<(), Fail> {
    for Resource { arn, context: own } in resources {
        let mut context = context.clone();
        context.extend(own.clone());
        if let Err(refusal) = check(caller, action, arn, &context) {
            let message = format!(
                "You are not authorized to perform this operation. User: {} is not authorized to \
                 perform: {action} on resource: {arn} {}. Encoded authorization failure message: \
                 {}",
                caller.facts.arn,
                refusal.words(action),
                encode(&caller.facts, action, arn, refusal),
            );
            return Err(Fail::new(403, "UnauthorizedOperation", message));
        }
    }
    Ok(())
}

/// Checks that the principal's policies allow an action, in the words of services other than EC2.
///
/// # Errors
/// An error with this status and code.
pub(crate) fn authorize_service(
    caller: &Principal,
    action: &str,
    resource: &str,
    context: &Context,
    (status, code): (u16, &'static str),
) -> Result<(), Fail> {
    check(caller, action, resource, context).map_err(|refusal| {
        let (user, words) = (&caller.facts.arn, refusal.words(action));
        let message = format!(
            "User: {user} is not authorized to perform: {action} on resource: {resource} {words}"
        );
        Fail::new(status, code, message)
    })
}

/// Whether the principal may assume a role. The trust policy must name it. If that names only the
/// account, or the role is in another account, the principal's own policies must allow it too
/// (R5.1).
pub(crate) fn may_assume(
    caller: &Principal,
    role_arn: &str,
    trust: &Document,
    external_id: Option<&str>,
    region: &str,
) -> bool {
    let mut context = context(caller, region);
    if let Some(id) = external_id {
        set(&mut context, "sts:ExternalId", id);
    }
    let access = AccessRequest {
        principal: &caller.facts,
        action: "sts:AssumeRole",
        resource: role_arn,
        context: &context,
    };
    let same_account = role_arn.contains(&format!("::{}:", caller.facts.account));
    let own = IdentityDecision::evaluate(caller, &access);
    match trust.evaluate(&access) {
        Decision::Allow(PrincipalMatch::Exact) if same_account => own.check_denials().is_ok(),
        Decision::Allow(PrincipalMatch::Role) if same_account => {
            own.check_denials().and(own.check_limits()).is_ok()
        }
        Decision::Allow(_) => own.check_allowed().is_ok(),
        Decision::ExplicitDeny | Decision::ImplicitDeny => false,
    }
}
