//! Roles in targets: those that launch, and those of AWS services.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures::future;

use crate::apply::Apply;
use crate::aws::clients::RegionClients;
use crate::diagnostic::{Code, Error};
use crate::id::{AccountId, KeyArn};
use crate::plan::{LaunchRole, OwnGrant, RemoveRolePolicy, RolePolicy, ServiceRole};
use crate::report::Event;
use crate::run::effect::ChangeKind;

impl Apply<'_> {
    /// Gives roles in targets the policies that they need to launch.
    pub(in crate::apply) async fn allow_launch_roles(&self) {
        let mut allowing = Vec::new();
        for step in self.plan.launch_roles() {
            if !step.in_effect {
                allowing.push(async move {
                    let allowed = self.allow_launch_role(step).await;
                    self.progress().report_error(allowed)
                });
            }
        }
        future::join_all(allowing).await;
    }

    async fn allow_launch_role(&self, step: &LaunchRole) -> Result<(), Error> {
        let Some(clients) = self.iam_clients(&step.account) else {
            return Ok(());
        };
        let policy = match &step.by {
            RolePolicy::Attached(arn) => {
                clients.iam.attach_policy(&step.role, arn).await?;
                arn.clone()
            }
            RolePolicy::Inline { name, document } => {
                clients
                    .iam
                    .put_inline_policy(&step.role, name, document)
                    .await?;
                name.clone()
            }
        };
        let changes = &self.progress().changes;
        changes.note_in(ChangeKind::RolePolicy, &step.role, &step.account);
        self.progress().emit(&Event::RoleAllowed {
            account: step.account.clone(),
            role: step.role.clone(),
            policy,
        });
        Ok(())
    }

    /// Removes the policies by which roles in targets could launch.
    pub(in crate::apply) async fn remove_role_policies(&self) {
        let mut removing = Vec::new();
        for step in self.plan.role_policy_removals() {
            removing.push(async move {
                let removed = self.remove_role_policy(step).await;
                self.progress().report_error(removed)
            });
        }
        future::join_all(removing).await;
    }

    async fn remove_role_policy(&self, step: &RemoveRolePolicy) -> Result<(), Error> {
        let Some(clients) = self.iam_clients(&step.account) else {
            return Ok(());
        };
        if step.managed {
            clients.iam.detach_policy(&step.role, &step.policy).await?;
        } else {
            clients
                .iam
                .delete_inline_policy(&step.role, &step.policy)
                .await?;
        }
        self.progress().emit(&Event::RoleDisallowed {
            account: step.account.clone(),
            role: step.role.clone(),
            policy: step.policy.clone(),
        });
        Ok(())
    }

    /// IAM is the same in every Region that is turned on.
    fn iam_clients(&self, account: &AccountId) -> Option<Arc<RegionClients>> {
        let target = self.run.targets.get(account)?.as_ref().ok()?;
        let accepted_in = target.identity.accepted_in.as_ref();
        Some(target.in_region(accepted_in.or(self.plan.regions.first())?))
    }

    /// Grants the roles of services in targets the use of these keys; the targets make those grants
    /// (R4.11).
    pub(in crate::apply) async fn grant_service_roles(&self, keys: &BTreeSet<&KeyArn>) {
        let mut granting = Vec::new();
        for step in self.plan.service_roles() {
            if !step.in_effect && keys.contains(&step.key) {
                granting.push(async move {
                    let granted = self.grant_service_role(step).await;
                    self.progress().report_error(granted)
                });
            }
        }
        future::join_all(granting).await;
    }

    async fn grant_service_role(&self, step: &ServiceRole) -> Result<(), Error> {
        let (account, key) = (&step.account, &step.key);
        let Some(clients) = self.run.target_clients(account, key.region()) else {
            return Ok(());
        };

        // 1. A service's role may not exist before the account first uses the service.
        let role = match &step.role {
            Some(role) => role.clone(),
            None => create_service_linked_role(&clients, step).await?,
        };
        // IAM has just answered it. KMS may not know it yet, whoever made it (R7.33).
        let changes = &self.progress().changes;
        changes.note_in(ChangeKind::NewRole, &role, account);

        // 2. A target passes on no more than it has (R3.3.9): where it has grants instead of a
        //    statement, it is given all of that first.
        if let Some(parent) = &step.parent {
            let root = key.region().partition().account_root(account);
            let kms = &self.run.key_clients(key).kms;
            kms.create_service_grant(key, &root, parent).await?;
            let changes = &self.progress().changes;
            changes.note_in(ChangeKind::Grants, key, account);
        }

        // 3. The grant itself, by the target.
        self.create_service_grant(&clients, step, &role).await?;
        self.progress().emit(&Event::ServiceRoleGranted {
            account: account.clone(),
            role,
            key: key.clone(),
        });
        Ok(())
    }

    async fn create_service_grant(
        &self,
        clients: &RegionClients,
        step: &ServiceRole,
        role: &str,
    ) -> Result<(), Error> {
        let key = &step.key;
        let name = match &step.grant {
            Some(name) => name.clone(),
            None => OwnGrant::for_service_role(&step.account, &step.service, role).free_name(&[]),
        };
        let resources = [key.as_ref(), role];
        let mut effect = self.run.until_in_effect(clients, resources);
        loop {
            match clients.kms.create_service_grant(key, role, &name).await {
                Err(error) if effect.outlasts(&error).await => {}
                granted => return granted,
            }
        }
    }
}

async fn create_service_linked_role(
    clients: &RegionClients,
    step: &ServiceRole,
) -> Result<String, Error> {
    let role = clients
        .iam
        .create_service_linked_role(&step.service)
        .await?;
    role.ok_or_else(|| {
        Error::new(Code::AwsUnexpected, "IAM made a role and did not say which")
            .remedy("run again, and it is found")
            .at(&step.account, step.key.region())
            .on(&step.service)
    })
}
