//! Lists of the accounts and units of an organization.

use std::collections::BTreeSet;

use ami_share_sim::{Options, OrganizationSpec, Scenario, UnitSpec};
use serde_json::{Value, json};

use super::support::*;

const C: &str = "333333333333";
const OUTER: &str = "ou-ab12-11111111";
const INNER: &str = "ou-ab12-22222222";

/// A manages an organization with B, which may list it, and C, which is suspended.
fn build_scenario() -> Scenario {
    let mut scenario = Scenario::two_accounts();
    let mut c = scenario.accounts[1].clone();
    C.clone_into(&mut c.id);
    scenario.accounts.push(c);
    let unit = |id: &str, parent: &str| UnitSpec {
        id: id.to_owned(),
        parent: parent.to_owned(),
    };
    let place = |account: &str, unit: &str| (account.to_owned(), unit.to_owned());
    scenario.organization = Some(OrganizationSpec {
        id: "o-example123".to_owned(),
        management: A.to_owned(),
        root: "r-ab12".to_owned(),
        units: vec![unit(OUTER, "r-ab12"), unit(INNER, OUTER)],
        accounts: [place(B, OUTER), place(C, INNER)].into(),
        delegated_administrators: vec![B.to_owned()],
        account_states: [place(C, "SUSPENDED")].into(),
        ..OrganizationSpec::default()
    });
    scenario
}

fn administrator(a: &Caller, account: &str) -> Caller {
    a.with_key(&a.sim.facts().accounts[account].access_key_id)
}

const CALLS: [(&str, Option<&str>); 3] = [
    ("ListAccounts", None),
    ("ListAccountsForParent", Some(OUTER)),
    ("ListOrganizationalUnitsForParent", Some(OUTER)),
];

fn parameters_of(parent: Option<&str>) -> Value {
    parent.map_or_else(|| json!({}), |parent| json!({ "ParentId": parent }))
}

#[tokio::test]
async fn rule_7_40_organization_is_listed_for_its_administrators() {
    let (a, b) = callers(build_scenario(), Options::default());
    let c = administrator(&a, C);
    for (operation, parent) in CALLS {
        for caller in [&a, &b] {
            let answer = caller.organizations(operation, parameters_of(parent)).await;
            answer.unwrap();
        }
        let refused = c.organizations(operation, parameters_of(parent)).await;
        fails(
            refused,
            400,
            "AccessDeniedException",
            "You don't have permissions to access this resource.",
        );
    }
    for caller in [&a, &b, &c] {
        let answer = caller
            .organizations("DescribeOrganization", json!({}))
            .await;
        let organization = answer.unwrap().json()["Organization"].clone();
        assert_eq!(organization["MasterAccountId"], A);
        let arn = "arn:aws:organizations::111111111111:organization/o-example123";
        assert_eq!(organization["Arn"], arn);
    }
    let (alone, _) = two_accounts();
    let mut calls = CALLS.to_vec();
    calls.push(("DescribeOrganization", None));
    for (operation, parent) in calls {
        let refused = alone.organizations(operation, parameters_of(parent)).await;
        assert_code(refused, "AWSOrganizationsNotInUseException");
    }
}

#[tokio::test]
async fn rule_7_40_lists_need_permission_of_iam() {
    let (a, _) = callers(build_scenario(), Options::default());
    for (allowed, parent) in CALLS {
        let policy = policy_of(&[allow(format!("organizations:{allowed}"))]);
        let role = role_arn(A, "administrator");
        let session = a.assume(&role, &[("Policy", &policy)]).await.unwrap();
        for (operation, _) in CALLS {
            let answer = session
                .organizations(operation, parameters_of(parent))
                .await;
            assert_eq!(answer.is_ok(), operation == allowed, "{operation}");
        }
    }
}

/// The values of a member on every page of a list.
async fn list(a: &Caller, operation: &str, parent: Option<&str>, member: &str) -> BTreeSet<String> {
    let mut parameters = parameters_of(parent);
    let mut values = BTreeSet::new();
    loop {
        let answer = a.organizations(operation, parameters.clone()).await;
        let answer = answer.unwrap().json();
        let name = ["Accounts", "OrganizationalUnits"];
        let list = name.iter().find_map(|name| answer[name].as_array());
        for item in list.unwrap() {
            values.insert(item[member].as_str().unwrap().to_owned());
        }
        match answer.get("NextToken") {
            Some(token) => parameters["NextToken"] = token.clone(),
            None => return values,
        }
    }
}

fn set(values: &[&str]) -> BTreeSet<String> {
    values.iter().map(|value| (*value).to_owned()).collect()
}

#[tokio::test]
async fn rule_7_41_lists_have_everything_on_pages_that_may_be_empty() {
    for short_pages in [false, true] {
        let options = Options {
            short_pages,
            ..Options::default()
        };
        let (a, _) = callers(build_scenario(), options);
        assert_eq!(list(&a, "ListAccounts", None, "Id").await, set(&[A, B, C]));
        let states = list(&a, "ListAccounts", None, "State").await;
        assert_eq!(states, set(&["ACTIVE", "SUSPENDED"]));
        let of = async |parent| list(&a, "ListAccountsForParent", Some(parent), "Id").await;
        assert_eq!(of("r-ab12").await, set(&[]));
        assert_eq!(of(OUTER).await, set(&[B]));
        assert_eq!(of(INNER).await, set(&[C]));
        let units = "ListOrganizationalUnitsForParent";
        let below = list(&a, units, Some("r-ab12"), "Id").await;
        assert_eq!(below, set(&[OUTER]));
        assert_eq!(list(&a, units, Some(OUTER), "Id").await, set(&[INNER]));
    }
}

#[tokio::test]
async fn rule_7_41_pages_have_at_most_twenty_entries() {
    let (a, _) = callers(build_scenario(), Options::default());
    let first = a
        .organizations("ListAccounts", json!({ "MaxResults": 2 }))
        .await;
    let first = first.unwrap().json();
    assert_eq!(first["Accounts"].as_array().unwrap().len(), 2);
    assert!(first["NextToken"].is_string());
    assert_eq!(first["Accounts"][0].get("Status"), None);
    for (wrong, code) in [
        (json!({ "MaxResults": 0 }), "InvalidInputException"),
        (json!({ "MaxResults": 21 }), "InvalidInputException"),
        (json!({ "NextToken": "x" }), "InvalidInputException"),
    ] {
        assert_code(a.organizations("ListAccounts", wrong).await, code);
    }
    let none = json!({ "ParentId": "ou-ab12-99999999" });
    let answer = a.organizations("ListAccountsForParent", none).await;
    assert_code(answer, "ParentNotFoundException");
}
