//! A limit of AWS is reached without a finding, and passed by one.

use super::*;
use crate::id::SnapshotId;
use crate::inventory::{Grant, RolePolicies, Target};
use crate::limits::{
    CONCURRENT_SNAPSHOT_COPIES, GRANTS_PER_KEY, INLINE_POLICY_CHARACTERS, KEY_POLICY_BYTES,
    LAUNCH_PERMISSIONS_PER_IMAGE, TAGS_PER_RESOURCE,
};
use crate::request::{KeyAccessMode, ShareRequestBuilder, TagsToShare, TargetOptions};

/// What is counted, with how many of it there are in the end.
type SetUp = fn(&mut Inventory, usize, ShareRequestBuilder) -> ShareRequestBuilder;

#[test]
fn limit_of_aws_may_be_reached_and_not_passed() {
    let table: [(&str, usize, SetUp); 8] = [
        (
            "image.many-targets",
            LAUNCH_PERMISSIONS_PER_IMAGE,
            launchers,
        ),
        ("copy.queued", CONCURRENT_SNAPSHOT_COPIES, copied_volumes),
        ("copy.too-many-tags", TAGS_PER_RESOURCE, tags_of_copy),
        ("image.too-many-tags", TAGS_PER_RESOURCE, shared_tags),
        ("temporary-access.too-many-tags", TAGS_PER_RESOURCE, records),
        ("grants.too-many", GRANTS_PER_KEY, grants),
        ("key.policy-too-large", KEY_POLICY_BYTES, bytes_of_policy),
        (
            "launch-role.too-large",
            INLINE_POLICY_CHARACTERS,
            inline_policies,
        ),
    ];
    for (code, limit, set_up) in table {
        for (number, is_found) in [(limit - 1, false), (limit, false), (limit + 1, true)] {
            let found = findings(number, set_up);
            let of_code: Vec<&Finding> =
                found.iter().filter(|it| it.code.as_str() == code).collect();
            assert_eq!(
                of_code.len(),
                usize::from(is_found),
                "{code} of {number}: {found:?}"
            );
            for finding in of_code {
                let limit = limit.to_string();
                assert!(finding.message.contains(&limit), "{}", finding.message);
            }
        }
    }
}

fn findings(number: usize, set_up: SetUp) -> Vec<Finding> {
    let mut inventory = inventory();
    let builder = ShareRequest::builder()
        .region("us-east-1".parse().unwrap())
        .image("ami-1a2b3c4d".parse().unwrap())
        .target_account("222222222222".parse().unwrap());
    let request = set_up(&mut inventory, number, builder);
    planned(&inventory, &request).findings
}

fn planned(inventory: &Inventory, request: &ShareRequestBuilder) -> Plan {
    let request = request.clone().build().unwrap();
    let deadline = Instant::now() + Duration::from_secs(1);
    make(&request, inventory, deadline).unwrap()
}

fn image(inventory: &mut Inventory) -> &mut Image {
    home(inventory).images.values_mut().next().unwrap()
}

/// Others that have the image already; one comes.
fn launchers(
    inventory: &mut Inventory,
    number: usize,
    request: ShareRequestBuilder,
) -> ShareRequestBuilder {
    let id = image(inventory).id.clone();
    let account = |n: usize| format!("{:012}", 300_000_000_000 + n);
    let others = (1..number).map(|n| account(n).parse().unwrap()).collect();
    home(inventory).launch_permissions.insert(id, others);
    request
}

fn copied_volumes(
    inventory: &mut Inventory,
    number: usize,
    request: ShareRequestBuilder,
) -> ShareRequestBuilder {
    let region = home(inventory);
    region.destination_key = Some(OTHER.parse().unwrap());
    let first = region.snapshots.values().next().unwrap().clone();
    let mut mappings = Vec::new();
    for n in 0..number {
        let id: SnapshotId = format!("snap-{n:08x}").parse().unwrap();
        mappings.push(Mapping {
            snapshot: Some(id.clone()),
            device: None,
            empty_volume: None,
            is_encrypted: true,
        });
        let snapshot = Snapshot {
            id: id.clone(),
            ..first.clone()
        };
        region.snapshots.insert(id, snapshot);
    }
    image(inventory).mappings = mappings;
    request
}

/// Tags of the image, without those that AWS sets.
fn tag(inventory: &mut Inventory, number: usize) {
    let tags = (0..number).map(|n| (format!("tag-{n}"), String::new()));
    image(inventory).tags = tags.collect();
}

/// Two of them are marks of this tool.
fn tags_of_copy(
    inventory: &mut Inventory,
    number: usize,
    request: ShareRequestBuilder,
) -> ShareRequestBuilder {
    home(inventory).destination_key = Some(OTHER.parse().unwrap());
    tag(inventory, number - 2);
    request.copy_image_tags(true)
}

/// One of them is new.
fn shared_tags(
    inventory: &mut Inventory,
    number: usize,
    request: ShareRequestBuilder,
) -> ShareRequestBuilder {
    tag(inventory, number - 1);
    request.share_tags(TagsToShare::Keys(["tag-0".to_owned()].into()))
}

/// The target, with what it has in the image's Region.
fn reach_target(inventory: &mut Inventory, roles: BTreeMap<String, Option<RolePolicies>>) {
    let location = AccountRegion {
        account: "222222222222".parse().unwrap(),
        region: "us-east-1".parse().unwrap(),
    };
    let mut region = RegionInventory::new(location.clone());
    let arn: KeyArn = ARN.replace("111111111111", "222222222222").parse().unwrap();
    let own = Key {
        arn: arn.clone(),
        ..key(ARN)
    };
    region.destination_key = Some(arn.clone());
    region.keys.insert(arn, own);
    let target = Target {
        regions: BTreeMap::from([(location.region, region)]),
        roles,
        services: BTreeMap::new(),
        failures: Vec::new(),
    };
    inventory.targets.insert(location.account, Ok(target));
}

fn with_role() -> TargetOptions {
    TargetOptions::default().role("consumer".parse().unwrap())
}

/// What is given for a time is written down in three tags.
fn records(
    inventory: &mut Inventory,
    number: usize,
    request: ShareRequestBuilder,
) -> ShareRequestBuilder {
    reach_target(inventory, BTreeMap::new());
    tag(inventory, number - 3);
    let key = "1234abcd-12ab-34cd-56ef-1234567890ab".parse().unwrap();
    request.target_options(with_role().kms_key(key).unshare_after_copy(true))
}

/// Others that the key has already; one comes.
fn grants(
    inventory: &mut Inventory,
    number: usize,
    request: ShareRequestBuilder,
) -> ShareRequestBuilder {
    let grant = |n: usize| Grant {
        id: n.to_string(),
        name: String::new(),
        grantee: "arn:aws:iam::333333333333:root".to_owned(),
        for_service: false,
        issuer: "111111111111".to_owned(),
        operations: BTreeSet::new(),
        constrained: false,
    };
    let key = home(inventory).keys.get_mut(&ARN.parse().unwrap()).unwrap();
    key.grants = Some((1..number).map(grant).collect());
    request.key_access(KeyAccessMode::Grants)
}

/// The policy has a statement that is long enough for the whole to be of that size.
fn bytes_of_policy(
    inventory: &mut Inventory,
    number: usize,
    request: ShareRequestBuilder,
) -> ShareRequestBuilder {
    let fill = |inventory: &mut Inventory, characters: usize| {
        let statement = serde_json::json!({
            "Sid": "x".repeat(characters),
            "Effect": "Allow",
            "Principal": { "AWS": "arn:aws:iam::111111111111:root" },
            "Action": "kms:*",
            "Resource": "*",
        });
        let policy = serde_json::json!({ "Statement": [statement] }).to_string();
        let key = home(inventory).keys.get_mut(&ARN.parse().unwrap()).unwrap();
        key.policy = Some(KeyPolicy::parse(&policy).map_err(|error| error.to_string()));
    };
    fill(inventory, 0);
    let plan = planned(inventory, &request);
    let change = plan.steps.iter().find_map(|step| match step {
        Step::KeyAccess(access) => access.policy.as_ref(),
        _ => None,
    });
    fill(inventory, number - change.unwrap().after.len());
    request
}

/// Another policy of the role is long enough; white space is not counted (R5.8).
fn inline_policies(
    inventory: &mut Inventory,
    number: usize,
    request: ShareRequestBuilder,
) -> ShareRequestBuilder {
    let fill = |inventory: &mut Inventory, characters: usize| {
        let document = format!(" {}\n", "x".repeat(characters));
        let policies = RolePolicies {
            inline: BTreeMap::from([("other".to_owned(), document)]),
            ..RolePolicies::default()
        };
        let roles = BTreeMap::from([("launcher".to_owned(), Some(policies))]);
        reach_target(inventory, roles);
    };
    fill(inventory, 0);
    let request = request.target_options(with_role().launch_roles(["launcher".to_owned()]));
    let plan = planned(inventory, &request);
    let document = plan.steps.iter().find_map(|step| match step {
        Step::LaunchRole(role) => match &role.by {
            RolePolicy::Inline { document, .. } => Some(document),
            RolePolicy::Attached(_) => None,
        },
        _ => None,
    });
    let characters = document.unwrap().chars().filter(|c| !c.is_whitespace());
    fill(inventory, number - characters.count());
    request
}
