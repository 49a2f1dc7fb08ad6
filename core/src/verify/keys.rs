//! What a launch asks of keys (R4.1, R4.2), and whether their policies and grants say yes: pure.

use serde_json::Value;

use crate::id::{AccountId, Region};
use crate::inventory::{Grant, Key};
use crate::policy::evaluate::{self, Caller, Decision};
use crate::policy::matcher::Context;
use crate::report::{Check, CheckName, Verdict};

/// One action that EC2 takes on a key for whoever launches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Need<'a> {
    pub(super) action: &'static str,
    pub(super) key: &'a Key,
}

pub(super) const GRANT: &str = "kms:CreateGrant";
const OF_IMAGE: [&str; 4] = ["kms:DescribeKey", GRANT, "kms:Decrypt", "kms:ReEncryptFrom"];
const OF_VOLUME: [&str; 4] = [
    "kms:DescribeKey",
    GRANT,
    "kms:ReEncryptTo",
    "kms:GenerateDataKeyWithoutPlaintext",
];

/// Of the keys of an image that another account shares.
pub(super) fn of_shared(keys: &[Key]) -> Vec<Need<'_>> {
    keys.iter()
        .flat_map(|key| OF_IMAGE.map(|action| Need { action, key }))
        .collect()
}

/// Of the key that new volumes are encrypted under.
pub(super) fn of_volumes(key: &Key) -> Vec<Need<'_>> {
    OF_VOLUME.map(|action| Need { action, key }).into()
}

/// Of the keys of an own image: its volumes stay under them.
pub(super) fn of_own(keys: &[Key]) -> Vec<Need<'_>> {
    of_shared(keys)
        .into_iter()
        .chain(keys.iter().flat_map(of_volumes))
        .collect()
}

impl Need<'_> {
    /// Whether the key allows it whatever identity policies say (R3.1.3, R3.3.8).
    pub(super) fn is_met_by_key_alone(
        &self,
        account: &AccountId,
        region: &Region,
        launcher: &str,
    ) -> bool {
        self.opinion(account, region, launcher) == Decision::Direct
    }

    /// What the policy and the grants of the key say.
    fn opinion(&self, account: &AccountId, region: &Region, launcher: &str) -> Decision {
        let (key, who) = (
            self.key,
            Caller {
                account: account.clone(),
                arn: launcher.to_owned(),
            },
        );
        let same_account = key.arn.account() == account;
        if key.aws_managed {
            let foreign = || {
                Decision::No("an AWS managed key is for its own account only (R3.1.6)".to_owned())
            };
            return if same_account {
                Decision::Direct
            } else {
                foreign()
            };
        }
        let by_policy = match &key.policy {
            Some(Ok(policy)) => match serde_json::from_str::<Value>(&policy.text()) {
                Ok(document) => {
                    let context = self.context(region, &who);
                    evaluate::evaluate(
                        &document,
                        key.arn.as_ref(),
                        key.arn.account(),
                        &who,
                        self.action,
                        &context,
                    )
                }
                Err(error) => Decision::Unknown(error.to_string()),
            },
            Some(Err(problem)) => Decision::Unknown(problem.clone()),
            None => Decision::Unknown("its policy was not read".to_owned()),
        };
        match by_policy {
            // A deny holds against every grant.
            Decision::Direct | Decision::Denied(_) => by_policy,
            _ => match self.by_grant(&who) {
                Some(by_grant)
                    if by_grant == Decision::Direct || by_policy != Decision::Delegated =>
                {
                    by_grant
                }
                // A grant that was not seen may allow what the policy does not.
                None if key.grants.is_none() && matches!(by_policy, Decision::No(_)) => {
                    Decision::Unknown(format!(
                        "its grants could not be read: allow kms:ListGrants to whoever verifies in \
                         {}",
                        key.arn.account()
                    ))
                }
                _ => by_policy,
            },
        }
    }

    /// Grants for the launcher or its account that are bound to nothing (R3.3.8).
    fn by_grant(&self, who: &Caller) -> Option<Decision> {
        let operation = self.action.strip_prefix("kms:")?;
        let root = format!(":iam::{}:root", who.account);
        let fits = |grant: &&Grant| {
            (grant.grantee == who.arn || grant.grantee.ends_with(&root))
                && grant.operations.contains(operation)
                && !grant.constrained
        };
        let grants: Vec<&Grant> = self.key.grants.iter().flatten().filter(fits).collect();
        let own = self.key.arn.account() == &who.account;
        let direct =
            |grant: &&&Grant| grant.grantee == who.arn && (own || grant.is_issued_by(&who.account));
        let found = grants.iter().find(direct).map(|_| Decision::Direct);
        found.or_else(|| grants.first().map(|_| Decision::Delegated))
    }

    /// The condition keys of the call that EC2 makes; what is not here is not known.
    fn context(&self, region: &Region, who: &Caller) -> Context {
        let one = |text: &str| vec![text.to_owned()];
        let service = format!("ec2.{region}.{}", region.partition().dns_suffix());
        let grants = self.action == GRANT;
        let mut context = Context::from([
            ("kms:viaservice".to_owned(), one(&service)),
            ("kms:calleraccount".to_owned(), one(who.account.as_ref())),
            ("aws:principalaccount".to_owned(), one(who.account.as_ref())),
            (
                "kms:grantisforawsresource".to_owned(),
                if grants { one("true") } else { Vec::new() },
            ),
            (
                "kms:grantoperations".to_owned(),
                if grants { one("Decrypt") } else { Vec::new() },
            ),
        ]);
        if !who.arn.ends_with(":root") {
            context.insert("aws:principalarn".to_owned(), one(&who.arn));
        }
        if !grants {
            context.insert("kms:granteeprincipal".to_owned(), Vec::new());
        }
        context
    }
}

/// Whether the keys' own policies or grants meet the needs of every launcher; what identity
/// policies must add is another check.
pub(super) fn access(
    name: CheckName,
    account: &AccountId,
    region: &Region,
    needs: &[Need<'_>],
    launchers: &[&str],
) -> Check {
    let check = |verdict, detail| Check {
        name,
        verdict,
        detail,
    };
    let mut unsure = None;
    for launcher in launchers {
        for need in needs {
            let (key, action) = (&need.key.arn, need.action);
            match need.opinion(account, region, launcher) {
                Decision::Direct | Decision::Delegated => {}
                Decision::Unknown(why) => {
                    unsure.get_or_insert_with(|| {
                        format!("whether {key} allows {action} to {launcher}: {why}")
                    });
                }
                Decision::Denied(why) => {
                    return check(
                        Verdict::No,
                        format!(
                            "{launcher} may not {action}: in the policy of {key} {why}; exempt it"
                        ),
                    );
                }
                Decision::No(why) => {
                    let remedy = format!(
                        "the policy of {key} must allow {action} to {account} through EC2, or a \
                         grant must"
                    );
                    return check(Verdict::No, format!("{launcher}: {why}; {remedy}"));
                }
            }
        }
    }
    match unsure {
        Some(why) => check(Verdict::Unknown, why),
        None if launchers.is_empty() => {
            check(Verdict::Unknown, "nobody is known to launch".to_owned())
        }
        None => check(Verdict::Yes, "the keys may be used through EC2".to_owned()),
    }
}
