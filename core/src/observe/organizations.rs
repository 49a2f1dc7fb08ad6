//! Which accounts organizations and units have. One that is not listed to its end is an error:
//! accounts that are not known are not absent.

use std::collections::{BTreeMap, BTreeSet};

use futures::future;

use crate::aws::organizations::{Member, Organizations};
use crate::diagnostic::Error;
use crate::id::{OuArn, Principal};
use crate::limits::MOST_LEVELS;
use crate::request::Members;
use crate::run::together::join_some;

/// The accounts of each of these organizations and units, all of the caller's organization.
pub(crate) async fn list_members(
    organizations: &Organizations,
    targets: BTreeSet<&Principal>,
) -> Result<BTreeMap<Principal, Members>, Error> {
    let mut lists = BTreeMap::new();
    for target in targets {
        let members = match target {
            Principal::Organization(_) => sort(organizations.accounts().await?),
            Principal::OrganizationalUnit(unit) => list_unit(organizations, unit).await?,
            Principal::Account(_) | Principal::Public => continue,
        };
        lists.insert(target.clone(), members);
    }
    Ok(lists)
}

/// The accounts of a unit and of the units below it, level by level.
async fn list_unit(organizations: &Organizations, unit: &OuArn) -> Result<Members, Error> {
    let mut level = BTreeSet::from([unit.id().to_owned()]);
    // A unit that is moved meanwhile may be met again.
    let mut met = level.clone();
    let mut accounts = Vec::new();
    for depth in 1.. {
        if level.is_empty() {
            break;
        }
        if depth > MOST_LEVELS {
            return Err(organizations.endless_units(unit.id(), depth));
        }
        let mut reading = Vec::new();
        for unit in &level {
            let (accounts, units) = (
                organizations.accounts_in(unit),
                organizations.units_in(unit),
            );
            reading.push(future::try_join(accounts, units));
        }
        let mut below = BTreeSet::new();
        for read in join_some(reading).await {
            let (of_unit, units) = read?;
            accounts.extend(of_unit);
            below.extend(units);
        }
        below.retain(|unit| met.insert(unit.clone()));
        level = below;
    }
    Ok(sort(accounts))
}

fn sort(accounts: Vec<Member>) -> Members {
    let mut members = Members::default();
    for Member { account, is_active } in accounts {
        let list = if is_active {
            &mut members.active
        } else {
            &mut members.inactive
        };
        list.insert(account);
    }
    members
}
