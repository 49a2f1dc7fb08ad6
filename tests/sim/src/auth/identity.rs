//! What a principal's own policies say, and what limits them.

use super::{Kind, Refusal, context, set};
use crate::policy::{Ask, Context, Document, Named, Verdict};
use crate::wire::Fail;
use crate::world::{Principal, hex};

/// Something that an action is asked for on, with the condition keys that only it has.
#[derive(Clone, Debug)]
pub(crate) struct On {
    pub(crate) arn: String,
    pub(crate) context: Context,
}

impl On {
    /// Without condition keys of its own.
    pub(crate) fn arn(arn: impl Into<String>) -> Self {
        Self {
            arn: arn.into(),
            context: Context::new(),
        }
    }
}

/// What everything but policies of resources says to one question.
pub(super) struct Opinion {
    deny: Option<Refusal>,
    control: Option<Refusal>,
    session: Option<Refusal>,
    boundary: Option<Refusal>,
    silent: bool,
}

impl Opinion {
    pub(super) fn of(who: &Principal, ask: &Ask<'_>) -> Self {
        let verdicts: Vec<Verdict> = who.policies.iter().map(|policy| policy.ask(ask)).collect();
        let session = who.session_policy.as_ref().map(|policy| policy.ask(ask));
        let boundary = who.boundary.as_ref().map(|policy| policy.ask(ask));
        let controls: Vec<Vec<Verdict>> = who
            .controls
            .iter()
            .map(|level| level.iter().map(|policy| policy.ask(ask)).collect())
            .collect();
        let denied = [
            (
                Kind::Control,
                controls
                    .iter()
                    .flatten()
                    .any(|verdict| *verdict == Verdict::Denied),
            ),
            (Kind::Identity, verdicts.contains(&Verdict::Denied)),
            (Kind::Boundary, boundary == Some(Verdict::Denied)),
            (Kind::Session, session == Some(Verdict::Denied)),
        ];
        let allows = |verdict: &Verdict| matches!(verdict, Verdict::Allowed(_));
        let missing = |kind: Kind, silent: bool| silent.then_some(Refusal::Silent(kind));
        Self {
            deny: denied
                .into_iter()
                .find(|(_, denies)| *denies)
                .map(|(kind, _)| Refusal::Denied(kind)),
            control: missing(
                Kind::Control,
                !controls.iter().all(|level| level.iter().any(allows)),
            ),
            session: missing(Kind::Session, session == Some(Verdict::Silent)),
            boundary: missing(Kind::Boundary, boundary == Some(Verdict::Silent)),
            silent: !verdicts.iter().any(allows),
        }
    }

    /// What no policy of a resource can give back: explicit denials, and what the organization does
    /// not allow.
    pub(super) fn forbidden(&self) -> Result<(), Refusal> {
        self.deny.or(self.control).map_or(Ok(()), Err)
    }

    /// What a session or boundary leaves of what a policy of a resource gives to the role (R5.4).
    pub(super) fn limits(&self) -> Result<(), Refusal> {
        self.boundary.or(self.session).map_or(Ok(()), Err)
    }

    /// Whether the principal's own policies allow it.
    pub(super) fn allows(&self) -> Result<(), Refusal> {
        self.forbidden()?;
        if self.silent {
            Err(Refusal::Silent(Kind::Identity))
        } else {
            self.limits()
        }
    }
}

fn allowed(
    who: &Principal,
    action: &str,
    resource: &str,
    context: &Context,
) -> Result<(), Refusal> {
    Opinion::of(
        who,
        &Ask {
            principal: &who.facts,
            action,
            resource,
            context,
        },
    )
    .allows()
}

/// Whether EC2 lets the principal do something to each of these (R1.6).
///
/// # Errors
/// `UnauthorizedOperation` in AWS's words.
pub(crate) fn ec2(who: &Principal, action: &str, on: &[On], context: &Context) -> Result<(), Fail> {
    for On { arn, context: own } in on {
        let mut context = context.clone();
        context.extend(own.clone());
        allowed(who, action, arn, &context).map_err(|refusal| {
            let message = format!(
                "You are not authorized to perform this operation. User: {} is not authorized to \
                 perform: {action} on resource: {arn} {}. Encoded authorization failure message: \
                 {}",
                who.facts.arn,
                refusal.words(action),
                hex(&format!("{action} {arn}"), 40),
            );
            Fail::new(403, "UnauthorizedOperation", message)
        })?;
    }
    Ok(())
}

/// Whether IAM lets the principal do something, in the words of services other than EC2.
///
/// # Errors
/// An error with this status and code.
pub(crate) fn service(
    who: &Principal,
    action: &str,
    resource: &str,
    context: &Context,
    (status, code): (u16, &'static str),
) -> Result<(), Fail> {
    allowed(who, action, resource, context).map_err(|refusal| {
        let (user, words) = (&who.facts.arn, refusal.words(action));
        Fail::new(
            status,
            code,
            format!(
                "User: {user} is not authorized to perform: {action} on resource: {resource} \
                     {words}"
            ),
        )
    })
}

/// Whether STS lets the principal assume a role: the trust policy must name it, and where it names
/// only the account, or another account than the role's, IAM must allow it too (R5.1).
pub(crate) fn assume(
    who: &Principal,
    role_arn: &str,
    trust: &Document,
    external_id: Option<&str>,
    region: &str,
) -> bool {
    let mut context = context(who, region);
    if let Some(id) = external_id {
        set(&mut context, "sts:ExternalId", id);
    }
    let ask = Ask {
        principal: &who.facts,
        action: "sts:AssumeRole",
        resource: role_arn,
        context: &context,
    };
    let same_account = role_arn.contains(&format!("::{}:", who.facts.account));
    let opinion = Opinion::of(who, &ask);
    match trust.ask(&ask) {
        Verdict::Allowed(Named::Exactly) if same_account => opinion.forbidden().is_ok(),
        Verdict::Allowed(Named::Closely) if same_account => {
            opinion.forbidden().and(opinion.limits()).is_ok()
        }
        Verdict::Allowed(_) => opinion.allows().is_ok(),
        Verdict::Denied | Verdict::Silent => false,
    }
}

/// What SimulatePrincipalPolicy says: policies of the principal, its boundary and controls, and
/// nothing else.
pub(crate) fn simulate(
    who: &Principal,
    action: &str,
    resource: &str,
    context: &Context,
) -> &'static str {
    match allowed(who, action, resource, context) {
        Ok(()) => "allowed",
        Err(Refusal::Denied(_)) => "explicitDeny",
        Err(Refusal::Silent(_)) => "implicitDeny",
    }
}
