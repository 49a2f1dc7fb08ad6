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
/// Units within units, and one apart from them.
const UNITS: [(&str, &str); 4] = [
    ("ou-ab12-11111111", ROOT),
    ("ou-ab12-22222222", "ou-ab12-11111111"),
    ("ou-ab12-33333333", "ou-ab12-22222222"),
    ("ou-ab12-44444444", ROOT),
];

impl Scenario {
    /// A world of a size. The first account, `111111111111`, owns `image-1` and so on under `key-1`
    /// and so on, in the first Region. Each other account has the roles `consumer` (external ID
    /// `example`) and `launcher`, and a key `own-<account>`. In the other Regions, the keys are
    /// `key-<region>` and `own-<account>-<region>`.
    ///
    /// # Errors
    /// If the size has no account or no Region, or more Regions than there are.
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
        let mut world = Self {
            region: regions[0].to_owned(),
            ..Self::default()
        };
        for name in regions {
            world.regions.push(RegionSpec {
                name: (*name).to_owned(),
                opt_in: false,
            });
        }
        for index in 0..size.accounts {
            world.accounts.push(account(index));
        }
        world.organization = Some(organization(size.accounts));
        for number in 1..=size.images {
            world.keys.push(key(format!("key-{number}"), FIRST, None));
            world.images.push(image(number, size.snapshots));
        }
        for region in &regions[1..] {
            world
                .keys
                .push(key(format!("key-{region}"), FIRST, Some(region)));
        }
        for index in 1..size.accounts {
            let account = account_id(index);
            world
                .keys
                .push(key(format!("own-{account}"), &account, None));
            for region in &regions[1..] {
                let name = format!("own-{account}-{region}");
                world.keys.push(key(name, &account, Some(region)));
            }
        }
        Ok(world)
    }
}

fn account_id(index: usize) -> String {
    match index {
        0 => FIRST.to_owned(),
        1 => "222222222222".to_owned(),
        more => format!("{:012}", 300_000_000_000 + more as u64 - 2),
    }
}

fn account(index: usize) -> AccountSpec {
    let id = account_id(index);
    let roles = if index == 0 {
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

fn key(name: String, account: &str, region: Option<&str>) -> KeySpec {
    KeySpec {
        name,
        account: account.to_owned(),
        region: region.map(str::to_owned),
        ..KeySpec::default()
    }
}

fn image(number: usize, snapshots: usize) -> ImageSpec {
    ImageSpec {
        name: format!("image-{number}"),
        account: FIRST.to_owned(),
        volumes: vec![Some(format!("key-{number}")); snapshots],
        ..ImageSpec::default()
    }
}

/// The first account manages the organization. The others are spread over the units.
fn organization(accounts: usize) -> OrganizationSpec {
    let mut organization = OrganizationSpec {
        id: "o-example123".to_owned(),
        management: FIRST.to_owned(),
        root: ROOT.to_owned(),
        ..OrganizationSpec::default()
    };
    for (id, parent) in UNITS {
        organization.units.push(UnitSpec {
            id: id.to_owned(),
            parent: parent.to_owned(),
        });
    }
    for index in 0..accounts {
        let (unit, _) = match index.checked_sub(1) {
            None => (ROOT, ""),
            Some(other) => UNITS[other % UNITS.len()],
        };
        organization
            .accounts
            .insert(account_id(index), unit.to_owned());
    }
    organization
}
