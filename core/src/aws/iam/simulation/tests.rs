use aws_sdk_iam::types::{
    OrganizationsDecisionDetail, PermissionsBoundaryDecisionDetail, ResourceSpecificResult,
    Statement,
};

use super::OwnDecision::{Allowed, Denied, NotAllowed};
use super::*;

const ACTION: &str = "kms:Decrypt";
const OWN: &str = "arn:aws:kms:us-east-1:222222222222:key/own";
const FOREIGN: &str = "arn:aws:kms:us-east-1:111111111111:key/shared";
const TEMPLATE: &str = "arn:aws:kms:${Region}:${Account}:key/${KeyId}";

fn simulation(resource: &'static str) -> Simulation<'static> {
    Simulation {
        principal: "arn:aws:iam::222222222222:role/launcher",
        account: "222222222222",
        actions: &[ACTION],
        resource,
        context: &[],
    }
}

/// One answer, as far as it differs from a bare one.
#[derive(Clone, Default)]
struct Answer {
    decision: &'static str,
    /// The name at the top level, if it is not the resource's.
    name: Option<&'static str>,
    /// Whether the resource has a result of its own.
    specific: bool,
    /// The detail of the principal's own policies.
    own: Option<&'static str>,
    boundary: Option<bool>,
    organization: Option<bool>,
    missing: Option<&'static str>,
    policy: Option<&'static str>,
}

fn answer(decision: &'static str) -> Answer {
    Answer {
        decision,
        ..Answer::default()
    }
}

impl Answer {
    fn build(&self, resource: &str) -> EvaluationResult {
        let decision = Decision::from(self.decision);
        let details = self
            .own
            .map(|own| HashMap::from([(IAM_POLICY.to_owned(), Decision::from(own))]));
        let boundary = self.boundary.map(|allowed| {
            PermissionsBoundaryDecisionDetail::builder()
                .allowed_by_permissions_boundary(allowed)
                .build()
        });
        let organization = self.organization.map(|allowed| {
            OrganizationsDecisionDetail::builder()
                .allowed_by_organizations(allowed)
                .build()
        });
        let statements = self
            .policy
            .map(|policy| vec![Statement::builder().source_policy_id(policy).build()]);
        let missing = self.missing.map(|key| vec![key.to_owned()]);
        let specific = ResourceSpecificResult::builder()
            .eval_resource_name(resource)
            .eval_resource_decision(decision.clone())
            .set_eval_decision_details(details.clone())
            .set_permissions_boundary_decision_detail(boundary.clone())
            .set_matched_statements(statements.clone())
            .build()
            .unwrap();
        EvaluationResult::builder()
            .eval_action_name(ACTION)
            .eval_resource_name(self.name.unwrap_or(resource))
            .eval_decision(decision)
            .set_eval_decision_details(details)
            .set_permissions_boundary_decision_detail(boundary)
            .set_organizations_decision_detail(organization)
            .set_matched_statements(statements)
            .set_missing_context_values(missing)
            .set_resource_specific_results(self.specific.then(|| vec![specific]))
            .build()
            .unwrap()
    }
}

fn is_unknown(decision: &OwnDecision) -> bool {
    matches!(decision, OwnDecision::Unknown(_))
}

fn with_own(decision: &'static str, own: &'static str) -> Answer {
    Answer {
        own: Some(own),
        specific: true,
        ..answer(decision)
    }
}

#[test]
fn simulation_is_read_by_resource_and_own_side() {
    let by_policy = |policy: &str| Denier::IdentityPolicy(Some(policy.to_owned()));
    let named = Answer {
        policy: Some("role_launcher_deny"),
        ..answer("explicitDeny")
    };
    let with_boundary = |decision, allowed| Answer {
        boundary: Some(allowed),
        ..answer(decision)
    };
    let with_organization = |decision, allowed| Answer {
        organization: Some(allowed),
        ..answer(decision)
    };
    let by_template = Answer {
        name: Some(TEMPLATE),
        specific: true,
        ..answer("allowed")
    };
    let of_other_service = Answer {
        missing: Some("ec2:Owner"),
        ..answer("implicitDeny")
    };
    let table = [
        (OWN, answer("allowed"), Allowed),
        (OWN, answer("implicitDeny"), NotAllowed),
        (OWN, named, Denied(by_policy("role_launcher_deny"))),
        (OWN, by_template, Allowed),
        (OWN, of_other_service, NotAllowed),
        (OWN, with_boundary("implicitDeny", true), NotAllowed),
        (
            OWN,
            with_boundary("implicitDeny", false),
            Denied(Denier::Boundary),
        ),
        // A policy of the resource can allow it all the same; the role's boundary counts.
        (
            OWN,
            with_boundary("allowed", false),
            Denied(Denier::Boundary),
        ),
        (OWN, with_organization("allowed", true), Allowed),
        (FOREIGN, answer("allowed"), Allowed),
        (FOREIGN, with_own("implicitDeny", "allowed"), Allowed),
        (
            FOREIGN,
            with_own("implicitDeny", "implicitDeny"),
            NotAllowed,
        ),
        (
            FOREIGN,
            with_own("explicitDeny", "explicitDeny"),
            Denied(Denier::IdentityPolicy(None)),
        ),
    ];
    for (index, (resource, answer, expected)) in table.into_iter().enumerate() {
        let results = [answer.build(resource)];
        let decision = decide(&simulation(resource), ACTION, &results).decision;
        assert_eq!(decision, expected, "row {index}");
    }
}

/// What cannot be understood is neither allowed nor denied.
#[test]
fn simulation_that_is_not_understood_is_unknown() {
    let with_organization = |decision, allowed| Answer {
        organization: Some(allowed),
        ..answer(decision)
    };
    let missing = Answer {
        missing: Some("aws:SourceVpce"),
        ..answer("implicitDeny")
    };
    let of_another = Answer {
        name: Some("*"),
        ..answer("allowed")
    };
    let by_template = Answer {
        name: Some(TEMPLATE),
        ..answer("allowed")
    };
    let table = [
        (OWN, answer("perhaps")),
        (OWN, answer("")),
        (OWN, missing),
        (OWN, of_another),
        (OWN, by_template),
        // A condition of a service control policy may be what denies it.
        (OWN, with_organization("explicitDeny", false)),
        (OWN, with_organization("implicitDeny", false)),
        (FOREIGN, with_organization("explicitDeny", false)),
        (FOREIGN, answer("implicitDeny")),
        (FOREIGN, answer("explicitDeny")),
        (FOREIGN, answer("perhaps")),
        (FOREIGN, with_own("implicitDeny", "perhaps")),
    ];
    for (index, (resource, answer)) in table.into_iter().enumerate() {
        let results = [answer.build(resource)];
        let decision = decide(&simulation(resource), ACTION, &results).decision;
        assert!(is_unknown(&decision), "row {index}: {decision:?}");
    }
    // Fewer results than were asked for.
    assert!(is_unknown(&decide(&simulation(OWN), ACTION, &[]).decision));
    let results = [answer("allowed").build(OWN)];
    let decision = decide(&simulation(OWN), "kms:CreateGrant", &results).decision;
    assert!(is_unknown(&decision), "{decision:?}");
}
