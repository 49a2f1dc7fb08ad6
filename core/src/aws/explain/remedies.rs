//! What to do about answers of AWS that people meet when they share images, where it is more than
//! the code of the error says.

use crate::diagnostic::AwsAnswer;

/// An answer by its code and by words of its message, to one action or to any.
struct Known {
    action: &'static str,
    code: &'static str,
    words: &'static str,
    remedy: &'static str,
}

const ANY: &str = "";
const WITH_WEB_IDENTITY: &str = "sts:AssumeRoleWithWebIdentity";

/// The first that fits counts.
const KNOWN: &[Known] = &[
    // Images and snapshots (R1.5, R2.8 to R2.17).
    Known {
        action: ANY,
        code: "InvalidRequest",
        words: "access the storage",
        remedy: "share the image's snapshots with the account too: set `share-snapshots: true`",
    },
    Known {
        action: ANY,
        code: "InvalidRequest",
        words: "AWS Marketplace",
        remedy: "share the image itself, without `kms-key-id`, `copy-to-regions` and \
                 `target-kms-key-id`, and let the target subscribe to the product; AWS copies no \
                 image with a product code to another account",
    },
    Known {
        action: ANY,
        code: "InvalidRequest",
        words: "BillingProduct",
        remedy: "share the image itself, without `target-kms-key-id`: AWS copies no image with a \
                 billing product, such as Windows, to another account",
    },
    Known {
        action: ANY,
        code: "InvalidParameter",
        words: "AWS Managed CMK",
        remedy: "set `kms-key-id` to a customer managed key: a snapshot under `aws/ebs` can be \
                 shared with nobody",
    },
    Known {
        action: ANY,
        code: "OperationNotPermitted",
        words: "EBS default key",
        remedy: "set `kms-key-id` to a customer managed key: a snapshot under `aws/ebs` can be \
                 shared with nobody",
    },
    Known {
        action: ANY,
        code: "InvalidAMIAttributeItemValue",
        words: "",
        remedy: "check the account that AWS's message names: it may be mistyped or closed",
    },
    Known {
        action: ANY,
        code: "InvalidAMIID.Unavailable",
        words: "pending",
        remedy: "run again when the image is available",
    },
    Known {
        action: ANY,
        code: "OperationNotPermitted",
        words: "eregistration protection",
        remedy: "turn the image's deregistration protection off \
                 (`ec2:DisableImageDeregistrationProtection`); with a cooldown AWS waits 24 hours \
                 more",
    },
    Known {
        action: ANY,
        code: "OptInRequired",
        words: "not subscribed to this service",
        remedy: "complete the sign-up of the account: its owner must have a means of payment and a \
                 verified telephone number there, and a new account may need 24 hours",
    },
    Known {
        action: ANY,
        code: "OptInRequired",
        words: "",
        remedy: "subscribe to the product in the account, or accept its terms there",
    },
    Known {
        action: ANY,
        code: "InvalidRegion",
        words: "",
        remedy: "check the name of the Region",
    },
    // Keys (R3.2, R3.3).
    Known {
        action: "kms:PutKeyPolicy",
        code: "LimitExceededException",
        words: "",
        remedy: "set `key-access: grants`, share with organizational units instead of single \
                 accounts, or remove statements that nobody needs from the key policy",
    },
    Known {
        action: "kms:PutKeyPolicy",
        code: "MalformedPolicyDocumentException",
        words: "update the key policy in the future",
        remedy: "add a statement to the key policy that allows `kms:PutKeyPolicy` to the caller \
                 or to the account, then run again: KMS takes no policy that locks its writer out",
    },
    Known {
        action: "kms:CreateGrant",
        code: "LimitExceededException",
        words: "",
        remedy: "the key has as many grants as KMS allows for one key: revoke grants that nobody \
                 needs, set `key-access: policy`, or have AWS raise the quota \"Grants per KMS \
                 key\"",
    },
    Known {
        action: "kms:CreateGrant",
        code: "InvalidArnException",
        words: "",
        remedy: "check that the account or role in AWS's message exists; one that was made a \
                 moment ago may take a minute to be known to KMS",
    },
    Known {
        action: ANY,
        code: "KMSInvalidStateException",
        words: "pending deletion",
        remedy: "cancel the deletion of the key (`kms:CancelKeyDeletion`) and enable it, or use \
                 another key",
    },
    Known {
        action: ANY,
        code: "KMSInvalidStateException",
        words: "pending import",
        remedy: "import the key material, or use another key",
    },
    Known {
        action: ANY,
        code: "KMSInvalidStateException",
        words: "",
        remedy: "bring the key into a state in which it can be used, or use another key",
    },
    Known {
        action: ANY,
        code: "DisabledException",
        words: "",
        remedy: "enable the key (`kms:EnableKey`), or use another key",
    },
    // Credentials (R5.3, R5.5).
    Known {
        action: ANY,
        code: "SignatureDoesNotMatch",
        words: "",
        remedy: "check the clock of this machine, and that access key and secret belong together",
    },
    Known {
        action: ANY,
        code: "RegionDisabledException",
        words: "",
        remedy: "turn STS on for the Region in the account's settings, or set `aws-region` to \
                 another one",
    },
    // ID tokens of CI systems (R5.18, R5.19).
    Known {
        action: WITH_WEB_IDENTITY,
        code: "AccessDenied",
        words: "",
        remedy: "check that the role exists, and that its trust policy allows \
                 `sts:AssumeRoleWithWebIdentity` to the provider of identities that gave the \
                 token, for exactly the `aud` and `sub` that the token has (docs/IAM.md)",
    },
    Known {
        action: WITH_WEB_IDENTITY,
        code: "InvalidIdentityToken",
        words: "No OpenIDConnect provider",
        remedy: "create the provider of identities in the account of the role \
                 (`iam:CreateOpenIDConnectProvider`, docs/SETUP.md)",
    },
    Known {
        action: WITH_WEB_IDENTITY,
        code: "InvalidIdentityToken",
        words: "audience",
        remedy: "add the token's `aud` to the audiences of the provider of identities in the \
                 account of the role (`iam:AddClientIDToOpenIDConnectProvider`)",
    },
    Known {
        action: WITH_WEB_IDENTITY,
        code: "InvalidIdentityToken",
        words: "",
        remedy: "check that the provider of identities in the account of the role is the one that \
                 gave the token, and that AWS can reach it",
    },
    Known {
        action: WITH_WEB_IDENTITY,
        code: "ExpiredTokenException",
        words: "",
        remedy: "check the clock of what gave the token; one in a file must be written anew \
                 before it expires",
    },
    // Accounts of organizations (R7.40).
    Known {
        action: ANY,
        code: "AccessDeniedException",
        words: "permissions to access this resource",
        remedy: "set `organizations-role` to a role in the management account of the \
                 organization, or in that of a delegated administrator: Organizations lists \
                 accounts to no other",
    },
    Known {
        action: ANY,
        code: "AWSOrganizationsNotInUseException",
        words: "",
        remedy: "set `organizations-role` to a role in the management account of the \
                 organization, or in that of a delegated administrator: the account of the caller \
                 is in no organization",
    },
    Known {
        action: ANY,
        code: "ParentNotFoundException",
        words: "",
        remedy: "check `target-organizational-units`: the organization has no such unit",
    },
    // Roles and parameters in targets (R5.8, R5.9).
    Known {
        action: ANY,
        code: "UnmodifiableEntity",
        words: "",
        remedy: "leave the role out of `target-launch-roles`: AWS alone changes a service-linked \
                 role. `target-service-linked-roles` gives it the key",
    },
    Known {
        action: ANY,
        code: "NoSuchEntity",
        words: "",
        remedy: "check the name of the role or policy in the account of the message",
    },
    Known {
        action: ANY,
        code: "ParameterPatternMismatchException",
        words: "",
        remedy: "give the parameter an `allowedPattern` that takes AMI IDs, or name another one",
    },
    Known {
        action: ANY,
        code: "ParameterMaxVersionLimitExceeded",
        words: "",
        remedy: "take the labels off old versions of the parameter: Systems Manager keeps 100 \
                 versions, and drops none that has a label",
    },
    Known {
        action: ANY,
        code: "TooManyUpdates",
        words: "",
        remedy: "run again: somebody else writes the same parameter at this moment",
    },
];

/// What to do about an answer; `None` if nothing special is known.
pub(in crate::aws) fn remedy(action: &str, aws: &AwsAnswer) -> Option<&'static str> {
    for known in KNOWN {
        let same_action = known.action == ANY || known.action == action;
        if same_action && known.code == aws.code && aws.message.contains(known.words) {
            return Some(known.remedy);
        }
    }
    None
}
