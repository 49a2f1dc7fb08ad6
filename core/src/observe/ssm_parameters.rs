//! Reads the SSM parameters of `publish-ssm-parameter`.

use std::collections::{BTreeMap, BTreeSet};

use futures::future;

use crate::aws::clients::RegionClients;
use crate::diagnostic::Error;
use crate::id::AccountRegion;
use crate::inventory::Inventory;
use crate::request::ShareRequest;
use crate::request::name::is_parameter_name;

/// The current values of the parameters that this run writes in this Region, by name. Parameters
/// that do not exist are left out.
pub(super) async fn read(
    clients: &RegionClients,
    request: &ShareRequest,
    inventory: &Inventory,
) -> Result<BTreeMap<String, String>, Error> {
    let mut reading = Vec::new();
    for name in parameter_names(request, inventory, &clients.location) {
        reading.push(async {
            let value = clients.ssm.parameter(&name).await?;
            Ok::<_, Error>(value.map(|value| (name, value)))
        });
    }
    let values = future::try_join_all(reading).await?;
    Ok(values.into_iter().flatten().collect())
}

fn parameter_names(
    request: &ShareRequest,
    inventory: &Inventory,
    location: &AccountRegion,
) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let Some(template) = &request.parameter else {
        return names;
    };
    if request.options.revoke.is_some() {
        return names;
    }
    for source in &request.images {
        if !request.regions_of(source).contains(&location.region) {
            continue;
        }
        if let Some(image) = inventory.source(source) {
            let name = template.fill(&image.name_parts(location));
            names.extend(Some(name).filter(|name| is_parameter_name(name)));
        }
    }
    names
}
