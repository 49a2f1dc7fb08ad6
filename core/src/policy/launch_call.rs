//! What is known of the calls on a key that EC2 makes for a principal that launches (R4.3), as the
//! condition keys that policies see.

use super::evaluate::CalledBy;
use super::key_policy::PolicyPrincipal;
use super::launch_operations::CREATE_GRANT;
use super::matcher::{Context, ContextValue};
use crate::id::{KeyArn, Region};

/// EC2 in a Region, as `kms:ViaService` may name it: in some partitions it is not known with which
/// suffix it does.
pub(crate) fn ec2_services(region: &Region) -> Vec<String> {
    let patterns = region.partition().via_ec2().iter();
    patterns
        .map(|pattern| pattern.replace('*', region.as_ref()))
        .collect()
}

/// Keys that no call of EC2 for a principal carries: it comes through no VPC endpoint, and is not
/// made by a service for itself.
const ABSENT: [&str; 9] = [
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:vpcsourceip",
    "aws:sourcearn",
    "aws:sourceaccount",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:principalservicename",
    "aws:principalservicenameslist",
];

/// Keys that only CreateGrant has, and whose values are not known in advance.
const OF_GRANTS: [&str; 3] = [
    "kms:granteeprincipal",
    "kms:retiringprincipal",
    "kms:grantconstrainttype",
];

/// The condition keys of a call that EC2 makes. A key that is not among them is unknown.
pub(crate) fn launch_context(by: CalledBy<'_>, key: &KeyArn, action: &str) -> Context {
    let mut context = caller_context(by, key);
    let mut set = |name: &str, value| context.insert(name.to_owned(), value);
    set(
        "kms:viaservice",
        ContextValue::one_of(ec2_services(key.region())),
    );
    set(
        "aws:requestedregion",
        ContextValue::text(key.region().to_string()),
    );
    // EC2 calls from an address of its own, with TLS.
    set("aws:sourceip", ContextValue::AddressOfAws);
    set("aws:securetransport", ContextValue::text("true"));
    set("aws:viaawsservice", ContextValue::text("true"));
    for name in ABSENT {
        set(name, ContextValue::Absent);
    }
    if action == CREATE_GRANT {
        set("kms:grantisforawsresource", ContextValue::text("true"));
        set("kms:grantoperations", ContextValue::text("Decrypt"));
    } else {
        set("kms:grantisforawsresource", ContextValue::Absent);
        set("kms:grantoperations", ContextValue::Absent);
        for name in OF_GRANTS {
            set(name, ContextValue::Absent);
        }
    }
    context
}

/// The condition keys of the call by which an instance decrypts its volumes. It comes from EC2's
/// own network; whether `aws:ViaAWSService` is set in it is not known.
pub(crate) fn instance_context(by: CalledBy<'_>, key: &KeyArn) -> Context {
    let mut context = launch_context(by, key, "kms:Decrypt");
    context.remove("aws:viaawsservice");
    context
}

/// The condition keys of any call by a principal, whichever way it is made.
pub(crate) fn caller_context(by: CalledBy<'_>, key: &KeyArn) -> Context {
    let owner = key.account().as_ref();
    let mut context = Context::new();
    let mut set = |name: &str, value| context.insert(name.to_owned(), value);
    set("aws:resourceaccount", ContextValue::text(owner));
    set("aws:principalisawsservice", ContextValue::text("false"));
    match by {
        CalledBy::Caller(caller) => {
            let account = caller.account.as_ref();
            set("kms:calleraccount", ContextValue::text(account));
            set("aws:principalaccount", ContextValue::text(account));
            let arn = match caller.arn.strip_suffix(":root") {
                Some(of_account) => ContextValue::StartingWith(format!("{of_account}:")),
                None => ContextValue::text(&caller.arn),
            };
            set("aws:principalarn", arn);
        }
        CalledBy::Member(principal) => {
            let other = || ContextValue::OtherThan(owner.to_owned());
            set("kms:calleraccount", other());
            set("aws:principalaccount", other());
            if let Some(organization) = organization_of(principal) {
                set("aws:principalorgid", ContextValue::text(organization));
            }
        }
    }
    context
}

/// The ID of the organization; that of a unit begins its paths.
fn organization_of(principal: &PolicyPrincipal) -> Option<&str> {
    match principal {
        PolicyPrincipal::Account(_) => None,
        PolicyPrincipal::Organization(id) => Some(id),
        PolicyPrincipal::Unit(paths) => paths.split('/').next(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::evaluate::Caller;

    /// The root of an account stands for each of its principals; a role whose name ends alike is
    /// one principal.
    #[test]
    fn only_root_of_account_stands_for_its_principals() {
        let key: KeyArn =
            "arn:aws:kms:us-east-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab"
                .parse()
                .unwrap();
        let any = ContextValue::StartingWith("arn:aws:iam::222222222222:".to_owned());
        let chroot = "arn:aws:iam::222222222222:role/chroot";
        for (arn, expected) in [
            ("arn:aws:iam::222222222222:root", any),
            (chroot, ContextValue::text(chroot)),
        ] {
            let caller = Caller {
                account: "222222222222".parse().unwrap(),
                arn: arn.to_owned(),
            };
            let context = caller_context(CalledBy::Caller(&caller), &key);
            assert_eq!(context.get("aws:principalarn"), Some(&expected), "{arn}");
        }
    }
    /// Only whether a service calls is not known of the call by which an instance decrypts.
    #[test]
    fn instance_calls_as_a_launch_does() {
        let key: KeyArn =
            "arn:aws:kms:us-east-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab"
                .parse()
                .unwrap();
        let caller = Caller {
            account: "222222222222".parse().unwrap(),
            arn: "arn:aws:iam::222222222222:root".to_owned(),
        };
        let by = CalledBy::Caller(&caller);
        let mut launch = launch_context(by, &key, "kms:Decrypt");
        assert_eq!(launch["kms:grantoperations"], ContextValue::Absent);
        assert!(launch.remove("aws:viaawsservice").is_some());
        assert_eq!(instance_context(by, &key), launch);
    }
}
