//! AWS Organizations, as far as its accounts and units are listed (R7.40, R7.41).

use serde_json::{Map, Value, json};

use super::Request;
use super::pages::Page;
use crate::auth;
use crate::wire::{Body, Fail, Outcome};
use crate::world::{Organization, World};

type Params = Map<String, Value>;

/// How many entries a page has at most.
const PAGE_SIZE: u64 = 20;

pub(super) fn call(
    world: &mut World,
    operation: &str,
    params: &Params,
    request: &Request<'_>,
) -> Outcome {
    match operation {
        "DescribeOrganization" => describe(world, request),
        "ListAccounts" => list_accounts(world, params, request),
        "ListAccountsForParent" => list_accounts_in(world, params, request),
        "ListOrganizationalUnitsForParent" => list_units_in(world, params, request),
        _ => Err(Fail::bad("UnknownOperationException", "")),
    }
}

fn authorize(request: &Request<'_>, operation: &str, resource: &str) -> Result<(), Fail> {
    let action = format!("organizations:{operation}");
    let denied = (400, "AccessDeniedException");
    auth::authorize_service(
        request.caller,
        &action,
        resource,
        &request.context(),
        denied,
    )
}

/// The organization of the caller's account.
fn own<'a>(world: &'a World, request: &Request<'_>) -> Result<&'a Organization, Fail> {
    let account = request.account();
    let is_own = |organization: &&Organization| {
        organization.management == account || organization.accounts.contains_key(account)
    };
    world.organization.as_ref().filter(is_own).ok_or_else(|| {
        Fail::bad(
            "AWSOrganizationsNotInUseException",
            "Your account is not a member of an organization.",
        )
    })
}

/// The organization, for a caller that may list it.
fn listed<'a>(world: &'a World, request: &Request<'_>) -> Result<&'a Organization, Fail> {
    let (organization, account) = (own(world, request)?, request.account());
    if organization.management == account || organization.delegated_administrators.contains(account)
    {
        return Ok(organization);
    }
    let message = "You don't have permissions to access this resource.";
    Err(Fail::bad("AccessDeniedException", message))
}

fn describe(world: &World, request: &Request<'_>) -> Outcome {
    authorize(request, "DescribeOrganization", "*")?;
    let organization = own(world, request)?;
    let management = &organization.management;
    Ok(Body::Json(json!({ "Organization": {
        "Id": organization.id,
        "Arn": organization.arn(),
        "FeatureSet": "ALL",
        "MasterAccountArn": organization.arn_of("account", management),
        "MasterAccountId": management,
        "MasterAccountEmail": email(management),
        "AvailablePolicyTypes": [],
    } })))
}

fn list_accounts(world: &World, params: &Params, request: &Request<'_>) -> Outcome {
    authorize(request, "ListAccounts", "*")?;
    let organization = listed(world, request)?;
    let mut accounts = Vec::new();
    if !organization.accounts.contains_key(&organization.management) {
        accounts.push(render(organization, &organization.management, request));
    }
    for account in organization.accounts.keys() {
        accounts.push(render(organization, account, request));
    }
    answer("Accounts", accounts, params, request)
}

fn list_accounts_in(world: &World, params: &Params, request: &Request<'_>) -> Outcome {
    let parent = parent(world, params, "ListAccountsForParent", request)?;
    let organization = listed(world, request)?;
    let mut accounts = Vec::new();
    for (account, unit) in &organization.accounts {
        if *unit == parent {
            accounts.push(render(organization, account, request));
        }
    }
    answer("Accounts", accounts, params, request)
}

fn list_units_in(world: &World, params: &Params, request: &Request<'_>) -> Outcome {
    let parent = parent(world, params, "ListOrganizationalUnitsForParent", request)?;
    let organization = listed(world, request)?;
    let mut units = Vec::new();
    for (unit, above) in &organization.units {
        if *above == parent {
            units.push(json!({
                "Id": unit,
                "Arn": organization.arn_of("ou", unit),
                "Name": unit,
            }));
        }
    }
    answer("OrganizationalUnits", units, params, request)
}

/// The root or unit that a request is about.
fn parent(
    world: &World,
    params: &Params,
    operation: &str,
    request: &Request<'_>,
) -> Result<String, Fail> {
    let id = params.get("ParentId").and_then(Value::as_str);
    let id = id.unwrap_or_default();
    let kind = if id.starts_with("r-") { "root" } else { "ou" };
    let arn = own(world, request)?.arn_of(kind, id);
    authorize(request, operation, &arn)?;
    let organization = listed(world, request)?;
    if id == organization.root || organization.units.contains_key(id) {
        return Ok(id.to_owned());
    }
    let message = "You specified parent that doesn't exist.";
    Err(Fail::bad("ParentNotFoundException", message))
}

/// An account. The member `Status` was retired in September 2026; `State` is in its place.
fn render(organization: &Organization, account: &str, request: &Request<'_>) -> Value {
    let state = organization.account_states.get(account);
    json!({
        "Id": account,
        "Arn": organization.arn_of("account", account),
        "Email": email(account),
        "Name": account,
        "State": state.map_or("ACTIVE", String::as_str),
        "JoinedMethod": "CREATED",
        "JoinedTimestamp": request.clock.epoch(std::time::Duration::ZERO),
    })
}

fn email(account: &str) -> String {
    format!("{account}@example.com")
}

fn answer(name: &str, items: Vec<Value>, params: &Params, request: &Request<'_>) -> Outcome {
    let size = params.get("MaxResults").map(Value::as_u64);
    let size = size.unwrap_or(Some(PAGE_SIZE)).unwrap_or_default();
    if !(1..=PAGE_SIZE).contains(&size) {
        return Err(invalid("You specified an invalid value for MaxResults."));
    }
    let token = params.get("NextToken").and_then(Value::as_str);
    let page = Page::of(token, usize::try_from(size).unwrap_or(1), request);
    let page = page.ok_or_else(|| invalid("You specified an invalid value for nextToken."))?;
    let (items, next) = page.slice(items);
    let mut answer = json!({ name: items });
    if let Some(next) = next {
        answer["NextToken"] = json!(next);
    }
    Ok(Body::Json(answer))
}

fn invalid(message: &str) -> Fail {
    Fail::bad("InvalidInputException", message)
}
