//! Why something is not allowed, in AWS's words (R1.6, R3.1.8).

/// Why something is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// A policy of this kind denies it.
    ExplicitDeny(PolicyKind),
    /// No policy of this kind allows it.
    ImplicitDeny(PolicyKind),
}

/// The kinds of policy that may refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PolicyKind {
    Identity,
    Session,
    Boundary,
    ServiceControl,
    Resource,
}

impl PolicyKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Identity => "identity-based policy",
            Self::Session => "session policy",
            Self::Boundary => "permissions boundary",
            Self::ServiceControl => "service control policy",
            Self::Resource => "resource-based policy",
        }
    }
}

impl Refusal {
    /// The end of AWS's message.
    pub(super) fn words(self, action: &str) -> String {
        match self {
            Self::ExplicitDeny(kind) => {
                let article = if kind == PolicyKind::Identity {
                    "an"
                } else {
                    "a"
                };
                format!("with an explicit deny in {article} {}", kind.as_str())
            }
            Self::ImplicitDeny(kind) => {
                format!("because no {} allows the {action} action", kind.as_str())
            }
        }
    }
}
