//! What is done in targets needs a role there, and accounts to find it in.

use std::collections::BTreeSet;

use super::Check;
use crate::id::{AccountId, Partition, Principal, Region, is_service_principal};
use crate::request::name::{NameTemplate, is_launch_template_name};
use crate::request::target_names::{TargetRole, is_external_id, is_iam_name};
use crate::request::{ShareRequestBuilder, Verify};

const SUBNET: &str = "verify-subnet-id";
const TEMPLATES: &str = "target-launch-templates";

impl Check<'_> {
    pub(super) fn target_options(&mut self) {
        self.inputs_that_need_others();
        self.names_in_targets();
        if let Some(role) = &self.request.options.in_targets.role {
            self.target_role(role);
            self.target_keys();
        }
    }

    fn inputs_that_need_others(&mut self) {
        let options = &self.request.options.in_targets;
        let (copies, launches) = (options.copies(), options.verify == Verify::Launch);
        for (field, given) in [
            ("target-external-id", options.external_id.is_some()),
            ("target-kms-key-id", copies),
            ("target-launch-roles", !options.launch_roles.is_empty()),
            ("target-service-linked-roles", !options.services.is_empty()),
            (TEMPLATES, !options.launch_templates.is_empty()),
            ("verify", launches),
        ] {
            self.require(
                !given || options.role.is_some(),
                field,
                "needs `target-role`, a role in each target that this run may assume",
            );
        }
        self.require(
            !options.unshare_after_copy || copies,
            "unshare-after-copy",
            "needs copies in the targets: give `target-kms-key-id`",
        );
        self.require(
            options.launch_policy.is_none() || !options.launch_roles.is_empty(),
            "target-launch-policy",
            "needs `target-launch-roles`, the roles to attach it to",
        );
        self.require(
            !options.set_default_version || !options.launch_templates.is_empty(),
            "set-default-version",
            "needs `target-launch-templates`, the launch templates to set it of",
        );
        let launch = &options.launch;
        let has_subnet = launch.subnet.is_some() || !launch.subnets.is_empty();
        let field = if has_subnet {
            SUBNET
        } else {
            "verify-instance-type"
        };
        let given = has_subnet || launch.instance_type.is_some();
        self.require(!given || launches, field, "needs `verify: launch`");
        self.subnets();
    }

    /// Each subnet has the form of one, and each place is a target, a Region of the run, or both.
    fn subnets(&mut self) {
        let launch = &self.request.options.in_targets.launch;
        for subnet in launch.subnet.iter().chain(launch.subnets.values()) {
            self.require(
                is_subnet(subnet),
                SUBNET,
                format!("`{subnet}` is not the ID of a subnet, such as `subnet-1a2b3c4d`"),
            );
        }
        let (regions, accounts) = (self.request.regions(), target_accounts(self.request));
        for place in launch.subnets.keys() {
            let parts: Vec<&str> = place.split('/').collect();
            let is_account = |part: &str| {
                let is_id = part.parse::<AccountId>().is_ok();
                is_id && self.is_expanding() || accounts.iter().any(|known| known.as_ref() == part)
            };
            let is_region = |part: &str| regions.iter().any(|known| known.as_ref() == part);
            let is_known = match parts[..] {
                [account, region] => is_account(account) && is_region(region),
                [part] => is_account(part) || is_region(part),
                _ => false,
            };
            self.require(
                is_known,
                SUBNET,
                format!(
                    "`{place}=…`: this is neither one of `target-accounts`, nor a Region of the \
                     run, nor both as `222222222222/eu-west-1`"
                ),
            );
        }
    }

    fn names_in_targets(&mut self) {
        let options = &self.request.options.in_targets;
        if let Some(id) = &options.external_id {
            self.require(
                is_external_id(id),
                "target-external-id",
                "must be 2 to 1224 letters, digits or `_+=,.@:/-`",
            );
        }
        for name in &options.launch_roles {
            self.require(
                is_iam_name(name),
                "target-launch-roles",
                format!("`{name}` is not the name of a role"),
            );
        }
        for name in &options.launch_templates {
            let shortest = name.contains('{') || is_launch_template_name(name);
            match NameTemplate::for_launch_templates(name) {
                Err(problem) => self.refuse(TEMPLATES, format!("`{name}`: {problem}")),
                Ok(_) => self.require(
                    shortest,
                    TEMPLATES,
                    format!("`{name}` is not the name of a launch template: 3 to 128 characters"),
                ),
            }
        }
        for service in &options.services {
            self.require(
                is_service_principal(service),
                "target-service-linked-roles",
                format!("`{service}` is not a service, such as `autoscaling.amazonaws.com`"),
            );
        }
    }

    fn target_role(&mut self, role: &TargetRole) {
        const FIELD: &str = "target-role";
        let revokes_all = self.request.options.revoke.is_some_and(|revoke| revoke.all);
        self.require(
            !self.has_organizations() || self.is_expanding(),
            FIELD,
            "is assumed in accounts, and those of an organization are not known: list them as \
             `target-accounts`, or set `expand-organizations`",
        );
        self.require(
            !self.is_expanding() || role.is_of_every_account(),
            FIELD,
            format!(
                "`{role}` is no role of every account: give a name, or an ARN with `{{account}}`"
            ),
        );
        self.require(
            !revokes_all,
            FIELD,
            "is assumed in `target-accounts`, but `revoke-all` is used without them: first revoke \
             access from the accounts with the role, then use `revoke-all` for the rest",
        );
        let regions = self.request.regions();
        let partition = regions.first().map_or(Partition::Aws, Region::partition);
        for account in target_accounts(self.request) {
            self.require(
                role.in_account(partition, account).is_some(),
                FIELD,
                format!(
                    "`{role}` is no role of {account}: give a name, or an ARN with `{{account}}`"
                ),
            );
        }
    }

    fn target_keys(&mut self) {
        const FIELD: &str = "target-kms-key-id";
        let keys = &self.request.options.in_targets.keys;
        let accounts = target_accounts(self.request);
        let (regions, shared) = (self.request.regions(), self.request.shared_regions());
        for problem in keys.problems(&regions, &BTreeSet::new(), &shared) {
            self.refuse(FIELD, problem);
        }
        for key in keys.each() {
            let Some(owner) = key.account() else { continue };
            self.require(
                !self.is_expanding() && accounts.iter().all(|account| *account == owner),
                FIELD,
                format!(
                    "`{key}` is a key of {owner}, which is not the only target: give an alias, \
                     which each target has"
                ),
            );
        }
    }
}

fn is_subnet(text: &str) -> bool {
    let id = text.strip_prefix("subnet-");
    id.is_some_and(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn target_accounts(request: &ShareRequestBuilder) -> BTreeSet<&AccountId> {
    let targets = request.options.targets.iter();
    targets.filter_map(Principal::account).collect()
}
