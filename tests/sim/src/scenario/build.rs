//! From a scenario to a world.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::json;

use super::{AccountFacts, AccountSpec, Facts, ImageSpec, KeySpec, RoleSpec, Scenario};
use crate::policy::{Document, PrincipalFacts};
use crate::sim::Options;
use crate::world::{
    Account, Credential, Fate, Image, ImageState, Key, KeyState, Mapping, Principal, Role, Snapshot, World, hex,
};

impl Scenario {
    /// Reads a scenario file.
    ///
    /// # Errors
    /// One message with the place of the mistake.
    pub fn parse(text: &str) -> Result<Self, String> {
        let scenario: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        scenario.check()?;
        Ok(scenario)
    }

    fn check(&self) -> Result<(), String> {
        let documents = self.accounts.iter().enumerate().flat_map(|(a, account)| {
            account.roles.iter().enumerate().flat_map(move |(r, role)| {
                [("trust", &role.trust), ("policy", &role.policy)]
                    .map(|(name, document)| (format!("accounts[{a}].roles[{r}].{name}"), document))
            })
        });
        for (path, document) in documents {
            Document::parse(document).map_err(|problem| format!("{path}: {problem}"))?;
        }
        let known = |id: &str| self.accounts.iter().any(|account| account.id == id);
        for (index, key) in self.keys.iter().enumerate() {
            if !known(&key.account) {
                return Err(format!("keys[{index}].account: {} is no account of this file", key.account));
            }
            key_state(key).ok_or_else(|| format!("keys[{index}].state: no state of a key"))?;
        }
        for (index, image) in self.images.iter().enumerate() {
            if !known(&image.account) {
                return Err(format!("images[{index}].account: {} is no account of this file", image.account));
            }
            let unknown = |name: &&String| *name != "aws/ebs" && !self.keys.iter().any(|key| key.name == **name);
            if let Some(name) = image.volumes.iter().flatten().find(unknown) {
                return Err(format!("images[{index}].volumes: {name} is no key of this file"));
            }
            image_state(image).ok_or_else(|| format!("images[{index}].state: neither failed nor disabled"))?;
        }
        Ok(())
    }

    /// The world, and what there is to tell of it.
    pub(crate) fn build(&self, options: &Options) -> (World, Facts) {
        let mut world = World::default();
        world.nonexistent_accounts = self.nonexistent_accounts.iter().cloned().collect();
        world.copies_as_recorded = self.copies_as_recorded;
        let mut facts = Facts { region: self.region.clone(), ..Facts::default() };
        for account in &self.accounts {
            add_account(&mut world, &mut facts, account);
        }
        for key in &self.keys {
            self.add_key(&mut world, &mut facts, key);
        }
        for account in &self.accounts {
            let key = account.default_ebs_key.as_ref().and_then(|name| facts.keys.get(name));
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
        let policy = spec.policy.as_ref().map_or_else(|| Key::default_policy(&spec.account), ToString::to_string);
        let mut key = Key::new(&spec.account, region, &spec.name, &policy);
        key.state = key_state(spec).unwrap_or(KeyState::Enabled);
        if let Some(kind) = &spec.spec {
            key.spec.clone_from(kind);
        }
        let alias = (spec.account.clone(), region.clone(), format!("alias/{}", spec.name));
        world.aliases.insert(alias, key.arn.clone());
        facts.keys.insert(spec.name.clone(), key.arn.clone());
        world.keys.insert(key.arn.clone(), key);
    }

    fn add_image(&self, world: &mut World, facts: &mut Facts, spec: &ImageSpec, options: &Options) {
        let region = spec.region.as_ref().unwrap_or(&self.region);
        let at = options.copy_time;
        let fate = spec.building.then_some(Fate { from: Duration::ZERO, at, failure: None });
        let mut mappings = Vec::new();
        for (index, key) in spec.volumes.iter().enumerate() {
            let key = key.as_ref().and_then(|name| match name.as_str() {
                "aws/ebs" => world.find_key("alias/aws/ebs", &spec.account, region),
                name => facts.keys.get(name).cloned(),
            });
            let snapshot = snapshot(spec, region, index, key, fate.as_ref());
            let device = format!("/dev/xvd{}", char::from(b'a' + u8::try_from(index % 26).unwrap_or(0)));
            mappings.push(Mapping { device, snapshot: Some(snapshot.id.clone()), virtual_name: None });
            world.snapshots.insert(snapshot.id.clone(), snapshot);
        }
        for index in 0..spec.ephemeral {
            let (device, name) = (format!("/dev/sd{index}"), format!("ephemeral{index}"));
            mappings.push(Mapping { device, snapshot: None, virtual_name: Some(name) });
        }
        let state =
            if spec.building { ImageState::Pending } else { image_state(spec).unwrap_or(ImageState::Available) };
        let image = Image {
            id: format!("ami-{}", hex(&format!("image {} {region} {}", spec.account, spec.name), 17)),
            name: spec.name.clone(),
            description: String::new(),
            owner: spec.account.clone(),
            region: region.clone(),
            state,
            state_reason: (state == ImageState::Failed).then(|| "Copy image failed with an internal error".to_owned()),
            created: Duration::ZERO,
            fate,
            root_device_type: if spec.volumes.is_empty() { "instance-store" } else { "ebs" }.to_owned(),
            mappings,
            product_codes: spec.product_codes.clone(),
            tags: [(spec.account.clone(), spec.tags.clone())].into(),
            launch_permissions: BTreeSet::new(),
            source: None,
        };
        facts.images.insert(spec.name.clone(), image.id.clone());
        world.images.insert(image.id.clone(), image);
    }
}

fn snapshot(spec: &ImageSpec, region: &str, index: usize, key: Option<String>, fate: Option<&Fate>) -> Snapshot {
    Snapshot {
        id: format!("snap-{}", hex(&format!("snapshot {} {region} {} {index}", spec.account, spec.name), 17)),
        owner: spec.account.clone(),
        region: region.to_owned(),
        state: if fate.is_some() { "pending" } else { "completed" },
        state_message: None,
        progress: if fate.is_some() { 0 } else { 100 },
        volume: format!("vol-{}", hex(&format!("volume {} {region} {} {index}", spec.account, spec.name), 17)),
        size: 8,
        key,
        description: String::new(),
        created: Duration::ZERO,
        fate: fate.cloned(),
        tags: [(spec.account.clone(), spec.tags.clone())].into(),
        create_volume_permissions: BTreeSet::new(),
    }
}

fn key_state(spec: &KeySpec) -> Option<KeyState> {
    match spec.state.as_deref() {
        None | Some("Enabled") => Some(KeyState::Enabled),
        Some("Disabled") => Some(KeyState::Disabled),
        Some("PendingDeletion") => Some(KeyState::PendingDeletion),
        Some("PendingImport") => Some(KeyState::PendingImport),
        Some(_) => None,
    }
}

fn image_state(spec: &ImageSpec) -> Option<ImageState> {
    match spec.state.as_deref() {
        None => Some(ImageState::Available),
        Some("failed") => Some(ImageState::Failed),
        Some("disabled") => Some(ImageState::Disabled),
        Some(_) => None,
    }
}

/// The account with its administrator: a user whose key is told, and a role that the account may assume.
fn add_account(world: &mut World, facts: &mut Facts, spec: &AccountSpec) {
    let id = &spec.id;
    let everything =
        json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }] });
    let administrator =
        RoleSpec { name: "administrator".to_owned(), trust: super::own(id), policy: everything.clone() };
    let mut account = Account::default();
    let of_account = facts.roles.entry(id.clone()).or_default();
    for role in spec.roles.iter().chain([&administrator]) {
        let arn = format!("arn:aws:iam::{id}:role/{}", role.name);
        of_account.insert(role.name.clone(), arn.clone());
        let unique_id = format!("AROA{}", hex(&format!("role {arn}"), 17).to_uppercase());
        let trust = Document::parse(&role.trust).unwrap_or_default();
        let policies = vec![Document::parse(&role.policy).unwrap_or_default()];
        account.roles.insert(role.name.clone(), Role { arn, unique_id, trust, policies });
    }
    world.accounts.insert(id.clone(), account);

    let key_id = format!("AKIA{}", hex(&format!("key {id}"), 16).to_uppercase());
    let secret = hex(&format!("secret {id}"), 40);
    let principal = PrincipalFacts {
        account: id.clone(),
        arn: format!("arn:aws:iam::{id}:user/admin"),
        role_arn: None,
        unique_id: format!("AIDA{}", hex(&format!("user {id}"), 17).to_uppercase()),
    };
    let policies = vec![Document::parse(&everything).unwrap_or_default()];
    let principal = Principal { facts: principal, policies, session_policy: None };
    let credential = Credential { secret: secret.clone(), session_token: None, expires: None, principal };
    world.credentials.insert(key_id.clone(), credential);
    facts.accounts.insert(id.clone(), AccountFacts { access_key_id: key_id, secret_access_key: secret });
}
