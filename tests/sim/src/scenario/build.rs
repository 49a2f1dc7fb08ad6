//! From a scenario to a world.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::presets::{allow, own_trust};
use super::spec::{
    AccountSpec, AllowedImagesState, KeySpec, KeyStateSpec, OrganizationSpec, RoleSpec, Scenario,
};
use super::{AccountFacts, Facts, GitHubJobFacts, ID_TOKEN_PATH};
use crate::options::Options;
use crate::partition;
use crate::policy::{Document, PrincipalFacts};
use crate::world::{
    Account, AllowedImages, Credential, IdTokens, ImageCriterion, Key, KeyState, Organization,
    Policy, Region, ResourceControl, Role, Settings, World, hex,
};

impl Scenario {
    /// The world of the scenario, and what the simulation tells of it.
    pub(crate) fn build(&self, options: &Options) -> (World, Facts) {
        let mut builder = Builder {
            scenario: self,
            options,
            world: World::default(),
            facts: Facts::default(),
        };
        builder.set_up();
        // Keys belong to accounts, and default keys and images need keys.
        for account in &self.accounts {
            builder.add_account(account);
        }
        for key in &self.keys {
            builder.add_key(key);
        }
        for account in &self.accounts {
            builder.set_default_key(account);
        }
        for image in &self.images {
            builder.add_image(image);
        }
        (builder.world, builder.facts)
    }
}

/// A world that grows by one item of the scenario at a time.
pub(super) struct Builder<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) options: &'a Options,
    pub(super) world: World,
    pub(super) facts: Facts,
}

impl Builder<'_> {
    fn set_up(&mut self) {
        let scenario = self.scenario;
        self.facts.region.clone_from(&scenario.region);
        self.world.partition = partition::of_region(&scenario.region);
        self.world.nonexistent_accounts = scenario.nonexistent_accounts.iter().cloned().collect();
        self.world.copies_as_recorded = scenario.copies_as_recorded;
        if let Some(job) = &scenario.github_job {
            let request_token = hex("job on GitHub", 40);
            self.facts.github_job = Some(GitHubJobFacts {
                request_path: ID_TOKEN_PATH.to_owned() + "?api-version=2.0",
                request_token: request_token.clone(),
            });
            self.world.id_tokens = Some(IdTokens {
                request_token,
                claims: job.claims.clone(),
            });
        }
        for region in &scenario.regions {
            self.world.regions.push(Region {
                name: region.name.clone(),
                opt_in: region.opt_in,
            });
        }
        for (zone, types) in &scenario.not_offered {
            let missing = types.iter().map(|name| (zone.clone(), name.clone()));
            self.world.not_offered.extend(missing);
        }
        let partition = self.world.partition.name;
        let spec = scenario.organization.as_ref();
        self.world.organization = spec.map(|spec| organization(spec, partition));
    }

    fn add_key(&mut self, spec: &KeySpec) {
        let region = spec.region.as_ref().unwrap_or(&self.scenario.region);
        let policy = match &spec.policy {
            Some(policy) => policy.to_string(),
            None => Key::default_policy(&spec.account, region),
        };
        let mut key = Key::new(&spec.account, region, &spec.name, &policy);
        if spec.multi_region {
            let policies = std::mem::take(&mut key.policies);
            key = Key {
                policies,
                ..key.in_region(region)
            };
        }
        key.ram_policy = spec.ram_policy.as_ref().map(Value::to_string);
        key.state = match spec.state {
            KeyStateSpec::Enabled => KeyState::Enabled,
            KeyStateSpec::Disabled => KeyState::Disabled,
            KeyStateSpec::PendingDeletion => KeyState::PendingDeletion,
            KeyStateSpec::PendingImport => KeyState::PendingImport,
            KeyStateSpec::Unavailable => KeyState::Unavailable,
            KeyStateSpec::Creating => KeyState::Creating,
            KeyStateSpec::Updating => KeyState::Updating,
        };
        if let Some(kind) = &spec.spec {
            key.spec.clone_from(kind);
        }
        let (account, name) = (spec.account.clone(), format!("alias/{}", spec.name));
        let alias = (account, region.clone(), name);
        self.world.aliases.insert(alias, key.arn.clone());
        self.facts.keys.insert(spec.name.clone(), key.arn.clone());
        self.world.keys.insert(key.arn.clone(), key);
    }

    fn set_default_key(&mut self, spec: &AccountSpec) {
        let name = spec.default_ebs_key.as_ref();
        let arn = name.and_then(|name| self.facts.keys.get(name));
        if let (Some(arn), Some(account)) = (arn, self.world.accounts.get_mut(&spec.id)) {
            let region = self.scenario.region.clone();
            account.default_ebs_keys.insert(region, arn.clone());
        }
    }

    /// Adds an account with its roles, those of services too, and an administrator.
    fn add_account(&mut self, spec: &AccountSpec) {
        let id = &spec.id;
        let mut account = Account {
            opted_in: spec.opted_in.iter().cloned().collect(),
            identity_providers: spec.identity_providers.clone(),
            ..Account::default()
        };
        let region = self.scenario.region.clone();
        account.settings.insert(region.clone(), settings(spec));
        account.launching.insert(region, spec.launching.build());
        account.tag_policy.clone_from(&spec.tag_policy);
        for managed in &spec.policies {
            let partition = self.world.partition.name;
            let arn = format!("arn:{partition}:iam::{id}:policy/{}", managed.name);
            account.policies.insert(arn, policy(&managed.document));
        }
        let administrator = RoleSpec {
            name: "administrator".to_owned(),
            trust: own_trust(id),
            policy: Some(allow(&json!("*"))),
            ..RoleSpec::default()
        };
        let mut arns = BTreeMap::new();
        for spec in spec.roles.iter().chain([&administrator]) {
            let partition = self.world.partition.name;
            let mut role = role(partition, id, spec);
            if let Some(boundary) = &spec.boundary {
                let arn = format!("arn:{partition}:iam::{id}:policy/{}-boundary", spec.name);
                account.policies.insert(arn.clone(), policy(boundary));
                role.boundary = Some(arn);
            }
            arns.insert(spec.name.clone(), role.arn.clone());
            account.roles.insert(spec.name.clone(), role);
        }
        self.world.accounts.insert(id.clone(), account);
        for service in &spec.service_linked_roles {
            let role = self
                .world
                .add_service_linked_role(id, service, Duration::ZERO);
            arns.extend(role);
        }
        self.facts.roles.insert(id.clone(), arns);
        self.add_administrator(id);
    }

    /// Adds a user who may do everything, and tells its access key.
    fn add_administrator(&mut self, account: &str) {
        let key_id = format!("AKIA{}", hex(&format!("key {account}"), 16).to_uppercase());
        let user_id = hex(&format!("user {account}"), 17).to_uppercase();
        let secret = hex(&format!("secret {account}"), 40);
        let credential = Credential {
            secret: secret.clone(),
            session_token: None,
            expires: None,
            facts: PrincipalFacts {
                account: account.to_owned(),
                arn: format!(
                    "arn:{}:iam::{account}:user/admin",
                    self.world.partition.name
                ),
                role_arn: None,
                unique_id: format!("AIDA{user_id}"),
            },
            administrator: true,
            session_policy: None,
            managed_session_policies: Vec::new(),
        };
        self.world.credentials.insert(key_id.clone(), credential);
        let facts = AccountFacts {
            access_key_id: key_id,
            secret_access_key: secret,
        };
        self.facts.accounts.insert(account.to_owned(), facts);
    }
}

fn policy(document: &Value) -> Policy {
    Policy::parse(&document.to_string(), Duration::ZERO).unwrap_or_default()
}

fn role(partition: &str, account: &str, spec: &RoleSpec) -> Role {
    let path = spec.path.as_deref().unwrap_or("/");
    let arn = Role::arn_of(partition, account, path, &spec.name);
    let digits = hex(&format!("role {arn}"), 17).to_uppercase();
    let mut role = Role {
        arn,
        path: path.to_owned(),
        unique_id: format!("AROA{digits}"),
        trust: policy(&spec.trust),
        ..Role::default()
    };
    if let Some(document) = &spec.policy {
        role.inline.insert("policy".to_owned(), policy(document));
    }
    role
}

fn settings(spec: &AccountSpec) -> Settings {
    let mut allowed_images = AllowedImages::default();
    if let Some(allowed) = &spec.allowed_images {
        allowed_images.state = Some(match allowed.state {
            AllowedImagesState::Enabled => "enabled",
            AllowedImagesState::AuditMode => "audit-mode",
        });
        if !allowed.providers.is_empty() {
            allowed_images.criteria.push(ImageCriterion {
                providers: allowed.providers.clone(),
                ..ImageCriterion::default()
            });
        }
        allowed_images.criteria.extend(allowed.criteria.clone());
    }
    Settings {
        encryption_by_default: spec.encryption_by_default,
        block_public_images: spec.block_public_images,
        block_public_snapshots: None,
        allowed_images,
    }
}

fn organization(spec: &OrganizationSpec, partition: &'static str) -> Organization {
    let mut organization = Organization {
        id: spec.id.clone(),
        partition,
        management: spec.management.clone(),
        root: spec.root.clone(),
        units: BTreeMap::new(),
        accounts: spec.accounts.clone(),
        delegated_administrators: spec.delegated_administrators.iter().cloned().collect(),
        account_states: spec.account_states.clone(),
        controls: BTreeMap::new(),
        resource_controls: BTreeMap::new(),
    };
    for unit in &spec.units {
        let parent = unit.parent.clone();
        organization.units.insert(unit.id.clone(), parent);
    }
    for (id, policies) in &spec.service_control_policies {
        let mut documents = Vec::new();
        for policy in policies {
            documents.push(Arc::new(Document::parse(policy).unwrap_or_default()));
        }
        organization.controls.insert(id.clone(), documents);
    }
    for (id, policies) in &spec.resource_control_policies {
        let mut controls = Vec::new();
        for policy in policies {
            let name = hex(&format!("control {id} {policy}"), 10);
            let (management, of) = (&spec.management, &spec.id);
            let policies = format!("arn:aws:organizations::{management}:policy/{of}");
            controls.push(ResourceControl {
                arn: format!("{policies}/resource_control_policy/p-{name}"),
                document: Arc::new(Document::parse(policy).unwrap_or_default()),
            });
        }
        organization.resource_controls.insert(id.clone(), controls);
    }
    organization
}
