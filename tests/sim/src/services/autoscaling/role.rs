//! The service-linked role of a group (R4.11).

use super::invalid;
use crate::auth;
use crate::services::Request;
use crate::wire::{Fail, Query};
use crate::world::{Role, World, uuid};

const SERVICE: &str = "autoscaling.amazonaws.com";

/// The ARN of the role that a request names, or of the default one, which is made at its first
/// use.
pub(super) fn read(
    world: &mut World,
    query: &Query,
    request: &Request<'_>,
) -> Result<String, Fail> {
    let account = world.accounts.get(request.account());
    let mut roles = account
        .into_iter()
        .flat_map(|account| account.roles.values());
    let default = default_arn(request);
    let arn = query.filled("ServiceLinkedRoleARN").unwrap_or(&default);
    let path = Role::path_of_service(SERVICE);
    let exists = roles.any(|role| role.arn == arn && role.path == path);
    drop(roles);
    if arn != default {
        authorize(request, "iam:PassRole", arn)?;
        if !exists {
            let message = "ARN specified for Service-Linked Role does not exist.";
            return Err(invalid(message));
        }
    } else if !exists {
        create(world, arn, request)?;
    }
    Ok(arn.to_owned())
}

fn default_arn(request: &Request<'_>) -> String {
    let path = Role::path_of_service(SERVICE);
    let name = Role::name_of_service(SERVICE).unwrap_or_default();
    Role::arn_of(request.partition(), request.account(), &path, name)
}

/// Makes the default role in the caller's name.
fn create(world: &mut World, arn: &str, request: &Request<'_>) -> Result<(), Fail> {
    if let Err(fail) = authorize(request, "iam:CreateServiceLinkedRole", arn) {
        let message = format!(
            "The default Service-Linked Role for Auto Scaling could not be created.  \
             com.amazonaws.services.identitymanagement.model.AmazonIdentityManagementException: {} \
             (Service: AmazonIdentityManagement; Status Code: 403; Error Code: AccessDenied; \
             Request ID: {})",
            fail.message,
            uuid(&world.issue(32))
        );
        return Err(Fail::new(403, "AccessDenied", message));
    }
    world.add_service_linked_role(request.account(), SERVICE, request.now);
    Ok(())
}

fn authorize(request: &Request<'_>, action: &str, arn: &str) -> Result<(), Fail> {
    let mut context = request.context();
    auth::set(&mut context, "iam:AWSServiceName", SERVICE);
    auth::set(&mut context, "iam:PassedToService", SERVICE);
    auth::authorize_service(request.caller, action, arn, &context, (403, "AccessDenied"))
}
