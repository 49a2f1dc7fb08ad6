//! Worlds of any size.

use super::presets::{consumer, launcher, publisher};
use super::spec::{
    AccountSpec, ImageSpec, KeySpec, OrganizationSpec, RegionSpec, Scenario, UnitSpec,
};

/// How large a world is to be.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Accounts, all in one organization; the first owns the images.
    pub accounts: usize,
    /// Regions; the images are in the first.
    pub regions: usize,
    /// Images, each under a key of its own.
    pub images: usize,
    /// Snapshots of each image.
    pub snapshots: usize,
}

/// The order in which Regions are taken: the most used first.
const REGIONS: [&str; 17] = [
    "us-east-1",
    "eu-west-1",
    "us-west-2",
    "eu-central-1",
    "ap-southeast-1",
    "ap-northeast-1",
    "us-east-2",
    "ap-southeast-2",
    "eu-west-2",
    "ca-central-1",
    "ap-south-1",
    "eu-west-3",
    "eu-north-1",
    "sa-east-1",
    "us-west-1",
    "ap-northeast-2",
    "ap-northeast-3",
];
const FIRST: &str = "111111111111";
const ROOT: &str = "r-ab12";
/// Units within units, and one beside them.
const UNITS: [(&str, &str); 4] = [
    ("ou-ab12-11111111", ROOT),
    ("ou-ab12-22222222", "ou-ab12-11111111"),
    ("ou-ab12-33333333", "ou-ab12-22222222"),
    ("ou-ab12-44444444", ROOT),
];

impl Scenario {
    /// A world of a size. The first account, `111111111111`, owns `image-1` and so on under `key-1`
    /// and so on, in the first Region; each other has the roles `consumer` (external ID `example`)
    /// and `launcher`, and a key `own-<account>`. In the other Regions keys are called
    /// `key-<region>` and `own-<account>-<region>`.
    ///
    /// # Errors
    /// Where there are not so many Regions, or nothing at all.
    pub fn generate(size: Size) -> Result<Self, String> {
        if size.accounts == 0 || size.regions == 0 {
            return Err("a world has at least one account and one Region".to_owned());
        }
        let Some(regions) = REGIONS.get(..size.regions) else {
            return Err(format!(
                "there are {} Regions to take, not {}",
                REGIONS.len(),
                size.regions
            ));
        };
        let accounts: Vec<String> = (0..size.accounts).map(account_id).collect();
        let mut keys: Vec<KeySpec> = (1..=size.images)
            .map(|n| key(format!("key-{n}"), FIRST, None))
            .collect();
        keys.extend(
            regions[1..]
                .iter()
                .map(|region| key(format!("key-{region}"), FIRST, Some(region))),
        );
        for account in &accounts[1..] {
            keys.push(key(format!("own-{account}"), account, None));
            keys.extend(
                regions[1..]
                    .iter()
                    .map(|region| key(format!("own-{account}-{region}"), account, Some(region))),
            );
        }
        let image = |n: usize| ImageSpec {
            name: format!("image-{n}"),
            account: FIRST.to_owned(),
            volumes: vec![Some(format!("key-{n}")); size.snapshots],
            ..ImageSpec::default()
        };
        Ok(Self {
            region: regions[0].to_owned(),
            regions: regions
                .iter()
                .map(|name| RegionSpec {
                    name: (*name).to_owned(),
                    opt_in: false,
                })
                .collect(),
            organization: Some(organization(&accounts)),
            accounts: accounts
                .into_iter()
                .enumerate()
                .map(|(n, id)| account(n, id))
                .collect(),
            keys,
            images: (1..=size.images).map(image).collect(),
            ..Self::default()
        })
    }
}

fn account_id(n: usize) -> String {
    match n {
        0 => FIRST.to_owned(),
        1 => "222222222222".to_owned(),
        more => format!("{:012}", 300_000_000_000 + more as u64 - 2),
    }
}

fn account(n: usize, id: String) -> AccountSpec {
    let roles = if n == 0 {
        vec![publisher(&id)]
    } else {
        vec![consumer(FIRST), launcher(&id)]
    };
    AccountSpec {
        id,
        roles,
        ..AccountSpec::default()
    }
}

fn key(name: String, account: &str, region: Option<&&str>) -> KeySpec {
    KeySpec {
        name,
        account: account.to_owned(),
        region: region.map(|name| (*name).to_owned()),
        ..KeySpec::default()
    }
}

fn organization(accounts: &[String]) -> OrganizationSpec {
    let unit = |(id, parent): (&str, &str)| UnitSpec {
        id: id.to_owned(),
        parent: parent.to_owned(),
    };
    // The first account manages the organization; the others are spread over the units.
    let place = |n: usize| {
        if n == 0 {
            ROOT
        } else {
            UNITS[(n - 1) % UNITS.len()].0
        }
    };
    OrganizationSpec {
        id: "o-example123".to_owned(),
        management: FIRST.to_owned(),
        root: ROOT.to_owned(),
        units: UNITS.map(unit).into(),
        accounts: accounts
            .iter()
            .enumerate()
            .map(|(n, id)| (id.clone(), place(n).to_owned()))
            .collect(),
        ..OrganizationSpec::default()
    }
}
