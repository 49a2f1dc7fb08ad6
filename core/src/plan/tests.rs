mod causes;
mod limits;
mod own_copy;
mod run;

use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::id::AccountRegion;
use crate::inventory::{
    Hardware, Image, ImageState, Inventory, Key, KeyState, Mapping, RamPolicy, RegionInventory,
    Snapshot,
};
use crate::policy::key_policy::KeyPolicy;

const ARN: &str = "arn:aws:kms:us-east-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const OTHER: &str = "arn:aws:kms:us-east-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ac";

fn key(arn: &str) -> Key {
    let policy = KeyPolicy::parse(r#"{"Statement":[]}"#).map_err(|error| error.to_string());
    Key {
        arn: arn.parse().unwrap(),
        aws_managed: false,
        state: KeyState::Enabled,
        symmetric: true,
        description: String::new(),
        policy: Some(policy),
        ram_policy: RamPolicy::NotRead,
        grants: None,
    }
}

/// One image with one volume under the first key.
fn inventory() -> Inventory {
    let snapshot = Snapshot {
        id: "snap-1a2b3c4d".parse().unwrap(),
        state: "completed".to_owned(),
        state_message: None,
        progress: Some(100),
        is_encrypted: true,
        key: Some(ARN.parse().unwrap()),
        archived: false,
        description: String::new(),
        tags: BTreeMap::new(),
    };
    let image = Image {
        id: "ami-1a2b3c4d".parse().unwrap(),
        name: "web".to_owned(),
        description: String::new(),
        owner: "111111111111".to_owned(),
        state: ImageState::Available,
        state_reason: None,
        root_device_type: "ebs".to_owned(),
        creation_date: String::new(),
        deprecation_time: None,
        deregistration_protected: false,
        architecture: "x86_64".to_owned(),
        hardware: Hardware::default(),
        mappings: [Some(snapshot.id.clone()), None]
            .map(|snapshot| Mapping {
                snapshot,
                device: None,
                empty_volume: None,
                is_encrypted: true,
            })
            .into(),
        product_codes: Vec::new(),
        tags: BTreeMap::new(),
        source: None,
        source_instance: None,
        watermarks: Vec::new(),
        scan: None,
        allowed: None,
    };
    let location = AccountRegion {
        account: "111111111111".parse().unwrap(),
        region: "us-east-1".parse().unwrap(),
    };
    let region = RegionInventory {
        images: BTreeMap::from([(image.id.clone(), image)]),
        snapshots: BTreeMap::from([(snapshot.id.clone(), snapshot)]),
        keys: [ARN, OTHER]
            .map(|arn| (arn.parse().unwrap(), key(arn)))
            .into(),
        ..RegionInventory::new(location.clone())
    };
    Inventory {
        account: location.account,
        now: 0,
        regions: BTreeMap::from([(location.region, region)]),
        disabled_regions: BTreeSet::new(),
        fixed_session: false,
        key_usage: BTreeMap::new(),
        other_launches: BTreeMap::new(),
        image_usage: BTreeMap::new(),
        targets: BTreeMap::new(),
        retirement: crate::inventory::Retirement::default(),
        failures: Vec::new(),
    }
}

fn home(inventory: &mut Inventory) -> &mut RegionInventory {
    inventory.regions.values_mut().next().unwrap()
}

fn request(name: &str) -> ShareRequest {
    let builder = ShareRequest::builder()
        .region("us-east-1".parse().unwrap())
        .image("ami-1a2b3c4d".parse().unwrap());
    builder
        .target_account("222222222222".parse().unwrap())
        .copy_name(name)
        .build()
        .unwrap()
}

fn plan(inventory: &Inventory, name: &str) -> Plan {
    make(
        &request(name),
        inventory,
        Instant::now() + Duration::from_secs(1),
    )
    .unwrap()
}

#[test]
fn steps_are_copies_then_key_access_then_launch_permission() {
    let mut inventory = inventory();
    let steps = |plan: &Plan| {
        let name = |step: &Step| {
            serde_json::to_value(step).unwrap()["step"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        plan.steps.iter().map(name).collect::<Vec<_>>()
    };
    let shared = plan(&inventory, "{name}");
    assert_eq!(
        (steps(&shared), shared.keys().len()),
        (
            vec!["key-access".to_owned(), "launch-permission".to_owned()],
            1
        )
    );
    home(&mut inventory).destination_key = Some(OTHER.parse().unwrap());
    let copied = plan(&inventory, "{name}");
    assert_eq!(steps(&copied), ["copy", "key-access", "launch-permission"]);
    // Targets need the copy's key, not the source's.
    assert_eq!(
        copied
            .keys()
            .into_iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        [OTHER]
    );
}

#[test]
fn plan_is_refused_if_the_policy_of_a_key_is_unknown() {
    let mut unread = inventory();
    home(&mut unread)
        .keys
        .get_mut(&ARN.parse().unwrap())
        .unwrap()
        .policy = None;
    let mut unknown = inventory();
    home(&mut unknown).keys.clear();
    for inventory in [unread, unknown] {
        let refused = plan(&inventory, "{name}");
        assert_eq!(
            refused
                .refusals()
                .map(|finding| finding.code.as_str())
                .collect::<Vec<_>>(),
            ["key.policy-unreadable"]
        );
    }
}

#[test]
fn client_tokens_are_equal_for_equal_requests_only() {
    let mut inventory = inventory();
    home(&mut inventory).destination_key = Some(OTHER.parse().unwrap());
    let token = |plan: &Plan, attempt| match &plan.steps[0] {
        Step::Copy(copy) => copy.client_token(attempt),
        step => panic!("{step:?} is no copy"),
    };
    let (one, same, named) = (
        plan(&inventory, "{name}"),
        plan(&inventory, "{name}"),
        plan(&inventory, "{name}-2"),
    );
    assert_eq!(token(&one, 0), token(&same, 0));
    assert_eq!(token(&one, 0).len(), 64);
    let distinct: BTreeSet<String> = [token(&one, 0), token(&one, 1), token(&named, 0)].into();
    assert_eq!(distinct.len(), 3);
}
