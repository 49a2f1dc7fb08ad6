//! Changes of the simulated world that no call of a test makes.

use std::sync::Arc;
use std::time::Duration;

use ami_share_sim::policy::Document;
use ami_share_sim::world::{
    AllowedImages, Grant, Grantee, Image, Key, Organization, Policy, Role, World as State,
};
use serde_json::Value;

use super::{A, World};

impl World {
    pub(crate) fn edit_image<T>(&self, image_id: &str, change: impl FnOnce(&mut Image) -> T) -> T {
        self.sim
            .edit(|world| change(world.images.get_mut(image_id).unwrap()))
    }

    pub(crate) fn edit_key<T>(&self, key_arn: &str, change: impl FnOnce(&mut Key) -> T) -> T {
        self.sim
            .edit(|world| change(world.keys.get_mut(key_arn).unwrap()))
    }

    pub(crate) fn edit_role<T>(
        &self,
        account: &str,
        role: &str,
        change: impl FnOnce(&mut Role) -> T,
    ) -> T {
        self.sim.edit(|world| {
            let account = world.accounts.get_mut(account).unwrap();
            change(account.roles.get_mut(role).unwrap())
        })
    }

    /// Sets Allowed AMIs of an account in the first Region: their state, and criteria as scenarios
    /// write them.
    pub(crate) fn allow_images(&self, account: &str, state: &'static str, criteria: Value) {
        let allowed = AllowedImages {
            state: Some(state),
            criteria: serde_json::from_value(criteria).unwrap(),
        };
        let region = self.region();
        self.sim.edit(|world| {
            let account = world.accounts.get_mut(account).unwrap();
            let settings = account.settings.entry(region).or_default();
            settings.allowed_images = allowed;
        });
    }

    /// Attaches a service control policy to an account, in place of what it has.
    pub(crate) fn set_control(&self, account: &str, policy: &Value) {
        let document = Document::from_text(&self.localize(policy).to_string()).unwrap();
        self.sim.edit(|world| {
            let organization = world.organization.as_mut().unwrap();
            let controls = vec![Arc::new(document)];
            organization.controls.insert(account.to_owned(), controls);
        });
    }

    /// Sets the permissions boundary of a role, which is a managed policy.
    pub(crate) fn set_boundary(&self, account: &str, role: &str, policy: &Value) {
        let policy = self.localize(policy).to_string();
        let policy = Policy::parse(&policy, Duration::ZERO).unwrap();
        let arn = self.iam_arn(account, "policy/boundary");
        self.sim.edit(|world| {
            let account = world.accounts.get_mut(account).unwrap();
            account.policies.insert(arn.clone(), policy);
            account.roles.get_mut(role).unwrap().boundary = Some(arn);
        });
    }

    /// Gives an account an alias.
    pub(crate) fn set_alias(&self, account: &str, alias: &str) {
        self.sim.edit(|world| {
            let account = world.accounts.get_mut(account).unwrap();
            account.alias = Some(alias.to_owned());
        });
    }

    pub(crate) fn remove_role(&self, account: &str, role: &str) {
        self.sim.edit(|world| {
            let account = world.accounts.get_mut(account).unwrap();
            account.roles.remove(role).unwrap();
        });
    }

    /// Changes the statements of the latest policy of a key.
    pub(crate) fn edit_statements(&self, key_arn: &str, change: impl FnOnce(&mut Vec<Value>)) {
        self.edit_key(key_arn, |key| {
            let text = &mut key.policies.last_mut().unwrap().1;
            let mut document: Value = serde_json::from_str(text).unwrap();
            change(document["Statement"].as_array_mut().unwrap());
            *text = document.to_string();
        });
    }

    /// Keeps removing what another run adds to the policy of `golden`, as a concurrent revoke does:
    /// right after the launch permission, and from then on after every put that has settled.
    pub(crate) async fn keep_removing_access(&self) {
        let (golden, first) = (self.key_arn("golden"), self.read_golden_policy());
        loop {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let actions = self.list_actions(0);
            let is_shared = actions
                .iter()
                .any(|action| action == "ec2:ModifyImageAttribute");
            let has_settled = actions
                .last()
                .is_some_and(|action| action != "kms:PutKeyPolicy");
            if is_shared && has_settled {
                let now = self.elapsed();
                self.edit_key(&golden, |key| key.policies.push((now, first.clone())));
            }
        }
    }

    /// Makes a key of an account the one of new volumes in a Region.
    pub(crate) fn set_default_key(&self, account: &str, region: &str, key: &str) {
        let key_arn = self.key_arn(key);
        self.sim.edit(|world| {
            let account = world.accounts.get_mut(account).unwrap();
            account.default_ebs_keys.insert(region.to_owned(), key_arn);
        });
    }

    /// Gives the own key of every target the alias `alias/own`, in every Region.
    pub(crate) fn alias_own_keys(&self) {
        self.sim.edit(|world| {
            for key in world.keys.values() {
                if key.account == A || key.aws_managed {
                    continue;
                }
                let (account, region) = (key.account.clone(), key.region.clone());
                let alias = (account, region, "alias/own".to_owned());
                world.aliases.insert(alias, key.arn.clone());
            }
        });
    }
}

/// A grant to decrypt, made by an account.
pub(crate) fn build_grant(id: &str, issuing_account: &str, grantee: &str) -> Grant {
    Grant {
        id: id.to_owned(),
        issuing_account: issuing_account.to_owned(),
        grantee: Grantee {
            arn: grantee.to_owned(),
            unique_id: None,
        },
        operations: vec!["Decrypt".to_owned()],
        ..Grant::default()
    }
}

/// Puts the accounts of a world into an organization that A manages; all but A are in the unit.
pub(crate) fn make_organization(state: &mut State) {
    let mut organization = Organization {
        id: "o-example123".to_owned(),
        partition: "aws",
        management: A.to_owned(),
        root: "r-ab12".to_owned(),
        ..Organization::default()
    };
    let (root, unit) = (organization.root.clone(), "ou-ab12-11111111");
    organization.units.insert(unit.to_owned(), root.clone());
    for account in state.accounts.keys() {
        let place = if account == A { &root } else { unit };
        organization
            .accounts
            .insert(account.clone(), place.to_owned());
    }
    state.organization = Some(organization);
}
