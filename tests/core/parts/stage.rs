//! A world of several images, Regions and targets, of which parts break.

use std::collections::BTreeMap;
use std::slice;
use std::time::Duration;

use ami_share::request::{DeprecateAt, KeyAccessMode, Revoke, TargetOptions, Verify};
use ami_share::{Principal, Region, Report, ShareRequest, Sharer};
use ami_share_sim::world::{Image, Protection, World as SimWorld};
use ami_share_sim::{Options, Scenario};
use serde_json::{Value, json};

use super::breaks::Broken;
use crate::support::*;

pub(super) const C: &str = "300000000000";
/// Not every account has it turned on.
pub(super) const HOME: &str = "eu-south-1";
pub(super) const WEST: &str = "us-west-2";
pub(super) const OPT_IN: &str = "ap-east-1";

/// The images, each with its Region.
const IMAGES: [(&str, &str); 3] = [("alpha", HOME), ("bravo", HOME), ("west", WEST)];
const TARGETS: [&str; 2] = [B, C];

/// How the names of parameters begin that images are published in.
const PARAMETERS: &str = "/images/";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Share,
    Revoke,
}

pub(super) struct Stage {
    pub(super) world: World,
    access: KeyAccessMode,
    /// Whether targets copy.
    copies: bool,
    verify: Verify,
    /// How many of the images, Regions and targets are asked for.
    images: usize,
    regions: usize,
    targets: usize,
}

impl Stage {
    pub(super) fn new(access: KeyAccessMode, copies: bool) -> Self {
        let world = World::with_options(scenario(), Options::default());
        world.alias_own_keys();
        Self {
            world,
            access,
            copies,
            verify: Verify::default(),
            images: IMAGES.len(),
            regions: 2,
            targets: TARGETS.len(),
        }
    }

    pub(super) fn with_verify(self, verify: Verify) -> Self {
        Self { verify, ..self }
    }

    /// Asks for image `alpha`, in its own Region, for C.
    pub(super) fn of_one_part() -> Self {
        Self {
            images: 1,
            regions: 1,
            targets: 1,
            ..Self::new(KeyAccessMode::Policy, true)
        }
    }

    pub(super) fn request(&self, mode: Mode) -> ShareRequest {
        let region = |name: &str| name.parse::<Region>().unwrap();
        let mut request = ShareRequest::builder();
        for (name, home) in &IMAGES[..self.images] {
            let image_id = self.world.image_id(name).parse().unwrap();
            request = request.image_in(region(home), image_id);
        }
        if self.regions > 1 {
            let key = format!("alias/key-{OPT_IN}").parse().unwrap();
            request = request
                .copy_to_regions([region(OPT_IN)])
                .kms_key_in(region(OPT_IN), key);
        }
        for home in [HOME, WEST] {
            let is_asked = IMAGES[..self.images]
                .iter()
                .any(|(_, region)| *region == home);
            if is_asked && self.regions > 1 {
                let key = format!("alias/key-{home}").parse().unwrap();
                request = request.kms_key_in(region(home), key);
            }
        }
        let mut options = TargetOptions::default()
            .role("consumer".parse().unwrap())
            .verify(self.verify);
        if self.copies {
            options = options.kms_key("alias/own".parse().unwrap());
            request = request
                .deprecate_at(DeprecateAt::AfterCreation(Duration::from_hours(24 * 90)))
                .deregistration_protection(true)
                .publish_ssm_parameter(format!("{PARAMETERS}{{ami-id}}"));
        }
        let skipped = TARGETS.len() - self.targets;
        let targets = TARGETS[skipped..].iter();
        request = request
            .targets(targets.map(|account| Principal::Account(account.parse().unwrap())))
            .key_access(self.access)
            .target_options(options);
        if mode == Mode::Revoke {
            request = request.revoke(Revoke::default());
        }
        request.build().unwrap()
    }

    async fn run(&self, mode: Mode) -> Result<Report, Report> {
        let sharer = Sharer::new(&self.world.config(A));
        let request = self.request(mode);
        let plan = sharer.plan(&request).await.unwrap();
        let applied = Box::pin(sharer.apply(&plan)).await;
        applied.map_err(|incomplete| incomplete.report)
    }

    /// A run that does everything.
    pub(super) async fn succeed(&self, mode: Mode) {
        let report = self.run(mode).await.unwrap_or_else(|report| report);
        assert_eq!(report.errors, [], "{mode:?}");
    }

    /// The report of a run that does not do everything.
    pub(super) async fn fail(&self, mode: Mode) -> Report {
        let report = self.run(mode).await.unwrap_or_else(|report| report);
        assert_ne!(report.errors, [], "{mode:?}");
        report
    }

    pub(super) fn name_of(&self, image_id: &str) -> &'static str {
        let mut names = IMAGES.iter().map(|(name, _)| *name);
        names
            .find(|name| self.world.image_id(name) == image_id)
            .unwrap()
    }

    /// What has become of each image in each Region for each target: whether it may launch it, has
    /// a copy, and finds it published; and for A, whether it is published.
    pub(super) fn list_ends(&self) -> BTreeMap<(&'static str, String, &'static str), String> {
        let mut ends = BTreeMap::new();
        self.world.sim.edit(|world| {
            for image in world.images.values() {
                let source = image.source.as_ref().map_or(&image.id, |(id, _)| id);
                for (name, _) in IMAGES {
                    let region = image.region.clone();
                    if source != &self.world.image_id(name) || image.owner != A {
                        continue;
                    }
                    let copies = |target: &str| {
                        let mut copies = world.images.values().filter(|copy| {
                            let source = copy.source.as_ref().map(|(id, _)| id);
                            copy.owner == target && source == Some(&image.id)
                        });
                        copies.next().is_some()
                    };
                    for target in TARGETS {
                        let launch = image.launch_permissions.contains(target);
                        let key = world.keys_of(image).into_iter().all(|key| {
                            let key = &world.keys[key];
                            let named = key.policy().contains(target);
                            named
                                || key
                                    .grants
                                    .iter()
                                    .any(|grant| grant.grantee.arn.contains(target))
                        });
                        let own = copies(target);
                        let published = is_published(world, target, image);
                        let end = format!("launch {launch}, key {key}, own {own}, {published}");
                        ends.insert((name, region.clone(), target), end);
                    }
                    let published = is_published(world, A, image);
                    ends.insert((name, region, A), published);
                }
            }
        });
        ends
    }

    /// Every part that does not depend on the broken ones ends as in a world without these.
    pub(super) async fn check_ends(&self, mode: Mode, broken: &[Broken]) {
        let whole = Self::new(self.access, self.copies);
        if mode == Mode::Revoke {
            whole.succeed(Mode::Share).await;
        }
        whole.succeed(mode).await;
        let ends = self.list_ends();
        // An image that stays shared keeps its key, and so does everybody who is named for it.
        let is_image =
            |part: &Broken| part.breaks("alpha", HOME, B) && !part.breaks("bravo", HOME, B);
        let keeps_key = mode == Mode::Revoke && broken.iter().any(is_image);
        for ((image, region, target), mut expected) in whole.list_ends() {
            let depends = broken
                .iter()
                .any(|part| part.breaks(image, &region, target));
            if keeps_key && region == HOME {
                expected = expected.replace("key false", "key true");
            }
            let part = (image, region, target);
            if !depends {
                assert_eq!(ends.get(&part), Some(&expected), "{broken:?}: {part:?}");
            }
        }
    }
}

/// Whether an account finds an image, or its own copy of it, in a parameter, deprecated from a date
/// on and protected.
fn is_published(world: &SimWorld, account: &str, image: &Image) -> String {
    let mut images = world.images.values();
    let own = images.find(|other| {
        let source = other.source.as_ref().map(|(id, _)| id);
        let is_meant = other.id == image.id || account != image.owner && source == Some(&image.id);
        other.owner == account && is_meant
    });
    let Some(own) = own else {
        return "nothing".to_owned();
    };
    let parameters = &world.accounts[account].parameters;
    let mut versions = parameters.values().flatten();
    let published = versions.any(|parameter| parameter.value == own.id);
    let deprecated = own.deprecation_time.is_some();
    let protected = own.protection != Protection::Off;
    format!("published {published}, deprecated {deprecated}, protected {protected}")
}

/// A owns images in two Regions; the first of them and a third one, for copies, must be enabled.
fn scenario() -> Scenario {
    let regions = [HOME, WEST, OPT_IN];
    let mut keys = Vec::new();
    for region in regions {
        let name = format!("key-{region}");
        keys.push(json!({ "name": name, "account": A, "region": region }));
        for account in TARGETS {
            let name = format!("own-{account}-{region}");
            keys.push(json!({ "name": name, "account": account, "region": region }));
        }
    }
    let mut images = Vec::new();
    for (name, region) in IMAGES {
        images.push(json!({
            "name": name, "account": A, "region": region, "volumes": [format!("key-{region}")] }));
    }
    let role = json!({
        "name": "consumer",
        "trust": { "Version": "2012-10-17", "Statement": [{ "Effect": "Allow",
            "Principal": { "AWS": format!("arn:aws:iam::{A}:root") }, "Action": "sts:AssumeRole" }] },
        "policy": { "Version": "2012-10-17", "Statement": [{ "Effect": "Allow",
            "Action": "*", "Resource": "*" }] } });
    let account =
        |id: &str, roles: &[Value]| json!({ "id": id, "roles": roles, "opted-in": [HOME, OPT_IN] });
    let world = json!({
        "region": HOME,
        "regions": [{ "name": HOME, "opt-in": true }, { "name": WEST },
            { "name": OPT_IN, "opt-in": true }],
        "accounts": [account(A, &[]), account(B, slice::from_ref(&role)), account(C, slice::from_ref(&role))],
        "keys": keys,
        "images": images });
    Scenario::parse(&world.to_string()).unwrap()
}
