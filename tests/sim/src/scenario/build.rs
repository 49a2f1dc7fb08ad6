//! From a scenario to a world.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::presets::{allow, own};
use super::spec::{
    AccountSpec, AllowedImagesState, ImageSpec, ImageStateSpec, KeySpec, KeyStateSpec,
    OrganizationSpec, RoleSpec, Scenario,
};
use super::{AccountFacts, Facts};
use crate::options::Options;
use crate::policy::{Document, PrincipalFacts};
use crate::world::{
    Account, AllowedImages, Credential, Fate, Image, ImageState, Key, KeyState, Mapping,
    Organization, Policy, Protection, Region, Role, Settings, Shared, Snapshot, World, hex,
};

impl Scenario {
    /// The world, and what there is to tell of it.
    pub(crate) fn build(&self, options: &Options) -> (World, Facts) {
        let mut world = World::default();
        world.nonexistent_accounts = self.nonexistent_accounts.iter().cloned().collect();
        world.copies_as_recorded = self.copies_as_recorded;
        world.regions = self
            .regions
            .iter()
            .map(|r| Region {
                name: r.name.clone(),
                opt_in: r.opt_in,
            })
            .collect();
        world.organization = self.organization.as_ref().map(organization);
        let mut facts = Facts {
            region: self.region.clone(),
            ..Facts::default()
        };
        for account in &self.accounts {
            self.add_account(&mut world, &mut facts, account);
        }
        for key in &self.keys {
            self.add_key(&mut world, &mut facts, key);
        }
        for account in &self.accounts {
            let key = account
                .default_ebs_key
                .as_ref()
                .and_then(|name| facts.keys.get(name));
            if let (Some(arn), Some(of)) = (key, world.accounts.get_mut(&account.id)) {
                of.default_ebs_keys.insert(self.region.clone(), arn.clone());
            }
        }
        for image in &self.images {
            self.add_image(&mut world, &mut facts, image, options);
        }
        (world, facts)
    }

    fn add_key(&self, world: &mut World, facts: &mut Facts, spec: &KeySpec) {
        let region = spec.region.as_ref().unwrap_or(&self.region);
        let policy = spec
            .policy
            .as_ref()
            .map_or_else(|| Key::default_policy(&spec.account), ToString::to_string);
        let mut key = Key::new(&spec.account, region, &spec.name, &policy);
        key.state = match spec.state {
            KeyStateSpec::Enabled => KeyState::Enabled,
            KeyStateSpec::Disabled => KeyState::Disabled,
            KeyStateSpec::PendingDeletion => KeyState::PendingDeletion,
            KeyStateSpec::PendingImport => KeyState::PendingImport,
        };
        if let Some(kind) = &spec.spec {
            key.spec.clone_from(kind);
        }
        let alias = (
            spec.account.clone(),
            region.clone(),
            format!("alias/{}", spec.name),
        );
        world.aliases.insert(alias, key.arn.clone());
        facts.keys.insert(spec.name.clone(), key.arn.clone());
        world.keys.insert(key.arn.clone(), key);
    }

    fn add_image(&self, world: &mut World, facts: &mut Facts, spec: &ImageSpec, options: &Options) {
        let region = spec.region.as_ref().unwrap_or(&self.region);
        let fate = spec
            .building
            .then(|| Fate::success(Duration::ZERO, options.copy_time));
        let mut mappings = Vec::new();
        for (index, key) in spec.volumes.iter().enumerate() {
            let key = key.as_ref().and_then(|name| match name.as_str() {
                "aws/ebs" => world.find_key("alias/aws/ebs", &spec.account, region),
                name => facts.keys.get(name).cloned(),
            });
            let snapshot = snapshot(spec, region, index, key, fate.as_ref());
            let device = format!(
                "/dev/xvd{}",
                char::from(b'a' + u8::try_from(index % 26).unwrap_or(0))
            );
            mappings.push(Mapping::of_snapshot(device, snapshot.id.clone(), "gp3"));
            world.snapshots.insert(snapshot.id.clone(), snapshot);
        }
        for index in 0..spec.ephemeral {
            mappings.push(Mapping::ephemeral(
                format!("/dev/sd{index}"),
                format!("ephemeral{index}"),
            ));
        }
        let state = match spec.state {
            _ if spec.building => ImageState::Pending,
            ImageStateSpec::Available => ImageState::Available,
            ImageStateSpec::Failed => ImageState::Failed,
            ImageStateSpec::Disabled => ImageState::Disabled,
        };
        let image = Image {
            id: id(
                "ami",
                &format!("image {} {region} {}", spec.account, spec.name),
            ),
            name: spec.name.clone(),
            description: String::new(),
            owner: spec.account.clone(),
            region: region.clone(),
            state,
            state_reason: (state == ImageState::Failed)
                .then(|| "Copy image failed with an internal error".to_owned()),
            created: Duration::ZERO,
            fate,
            root_device_type: if spec.volumes.is_empty() {
                "instance-store"
            } else {
                "ebs"
            }
            .to_owned(),
            root_device: mappings
                .first()
                .map_or("/dev/xvda", |mapping| &mapping.device)
                .to_owned(),
            mappings,
            product_codes: spec.product_codes.clone(),
            tags: [(spec.account.clone(), spec.tags.clone())].into(),
            launch_permissions: shared(&spec.shared_with),
            source: None,
            source_instance: None,
            architecture: "x86_64".to_owned(),
            imds_support: None,
            deprecation_time: None,
            deprecated_at: None,
            protection: if spec.protected {
                Protection::On { cooldown: false }
            } else {
                Protection::Off
            },
        };
        facts.images.insert(spec.name.clone(), image.id.clone());
        world.images.insert(image.id.clone(), image);
    }

    /// The account with its administrator: a user whose key is told, and a role that the account
    /// may assume.
    fn add_account(&self, world: &mut World, facts: &mut Facts, spec: &AccountSpec) {
        let id = &spec.id;
        let everything = Some(allow(&json!("*")));
        let administrator = RoleSpec {
            name: "administrator".to_owned(),
            trust: own(id),
            policy: everything,
            boundary: None,
        };
        let mut account = Account {
            opted_in: spec.opted_in.iter().cloned().collect(),
            ..Account::default()
        };
        account.settings.insert(self.region.clone(), settings(spec));
        for managed in &spec.policies {
            account.policies.insert(
                format!("arn:aws:iam::{id}:policy/{}", managed.name),
                policy(&managed.document),
            );
        }
        let of_account = facts.roles.entry(id.clone()).or_default();
        for spec in spec.roles.iter().chain([&administrator]) {
            let role = role(id, "/", spec);
            of_account.insert(spec.name.clone(), role.arn.clone());
            account.roles.insert(spec.name.clone(), role);
        }
        world.accounts.insert(id.clone(), account);
        for service in &spec.service_linked_roles {
            let arn = world.add_service_linked_role(id, service, Duration::ZERO);
            if let Some((name, arn)) = arn {
                facts.roles.entry(id.clone()).or_default().insert(name, arn);
            }
        }
        let key_id = format!("AKIA{}", hex(&format!("key {id}"), 16).to_uppercase());
        let secret = hex(&format!("secret {id}"), 40);
        let principal = PrincipalFacts {
            account: id.clone(),
            arn: format!("arn:aws:iam::{id}:user/admin"),
            role_arn: None,
            unique_id: format!("AIDA{}", hex(&format!("user {id}"), 17).to_uppercase()),
        };
        let credential = Credential {
            secret: secret.clone(),
            session_token: None,
            expires: None,
            facts: principal,
            administrator: true,
            session_policy: None,
        };
        world.credentials.insert(key_id.clone(), credential);
        facts.accounts.insert(
            id.clone(),
            AccountFacts {
                access_key_id: key_id,
                secret_access_key: secret,
            },
        );
    }
}

/// An ID that a text stands for: the same in every run, and of the form of AWS's.
fn id(prefix: &str, text: &str) -> String {
    format!("{prefix}-0{}", hex(text, 16))
}

fn shared(names: &[String]) -> Shared {
    let mut shared = Shared::default();
    for name in names {
        shared.insert(name.clone());
    }
    shared
}

fn policy(document: &Value) -> Policy {
    Policy::parse(&document.to_string(), Duration::ZERO).unwrap_or_default()
}

fn role(account: &str, path: &str, spec: &RoleSpec) -> Role {
    let arn = format!("arn:aws:iam::{account}:role{path}{}", spec.name);
    Role {
        unique_id: format!("AROA{}", hex(&format!("role {arn}"), 17).to_uppercase()),
        arn,
        path: path.to_owned(),
        trust: policy(&spec.trust),
        inline: spec
            .policy
            .iter()
            .map(|document| ("policy".to_owned(), policy(document)))
            .collect(),
        attached: BTreeMap::new(),
        boundary: spec
            .boundary
            .as_ref()
            .map(|boundary| policy(boundary).document),
        created: Duration::ZERO,
    }
}

fn settings(spec: &AccountSpec) -> Settings {
    let allowed_images =
        spec.allowed_images
            .as_ref()
            .map_or_else(AllowedImages::default, |allowed| AllowedImages {
                state: Some(match allowed.state {
                    AllowedImagesState::Enabled => "enabled",
                    AllowedImagesState::AuditMode => "audit-mode",
                }),
                providers: vec![allowed.providers.clone()],
            });
    Settings {
        encryption_by_default: spec.encryption_by_default,
        block_public_images: spec.block_public_images,
        block_public_snapshots: None,
        allowed_images,
    }
}

fn organization(spec: &OrganizationSpec) -> Organization {
    let parse = |document: &Value| Arc::new(Document::parse(document).unwrap_or_default());
    let controls = spec.service_control_policies.iter();
    Organization {
        id: spec.id.clone(),
        management: spec.management.clone(),
        root: spec.root.clone(),
        units: spec
            .units
            .iter()
            .map(|unit| (unit.id.clone(), unit.parent.clone()))
            .collect(),
        accounts: spec.accounts.clone(),
        controls: controls
            .map(|(id, policies)| (id.clone(), policies.iter().map(parse).collect()))
            .collect(),
    }
}

fn snapshot(
    spec: &ImageSpec,
    region: &str,
    index: usize,
    key: Option<String>,
    fate: Option<&Fate>,
) -> Snapshot {
    Snapshot {
        id: id(
            "snap",
            &format!("snapshot {} {region} {} {index}", spec.account, spec.name),
        ),
        owner: spec.account.clone(),
        region: region.to_owned(),
        state: if fate.is_some() {
            "pending"
        } else {
            "completed"
        },
        progress: if fate.is_some() { 0 } else { 100 },
        volume: id(
            "vol",
            &format!("volume {} {region} {} {index}", spec.account, spec.name),
        ),
        size: spec.size.unwrap_or(8),
        key,
        completed: fate.is_none().then_some(Duration::ZERO),
        fate: fate.cloned(),
        tags: [(spec.account.clone(), spec.tags.clone())].into(),
        create_volume_permissions: shared(&spec.snapshots_shared_with),
        ..Snapshot::default()
    }
}
