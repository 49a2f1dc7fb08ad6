//! Reads the SSM parameters of `publish-ssm-parameter`.

use std::collections::{BTreeMap, BTreeSet};

use futures::future;

use crate::aws::clients::RegionClients;
use crate::inventory::{Failure, Inventory, Parameter, Part, RegionInventory};
use crate::request::ShareRequest;
use crate::request::name::is_parameter_name;

/// The parameters that this run writes in a Region, by name. Parameters that do not
/// exist are left out, and those that could not be read are failures.
pub(super) async fn read(
    clients: &RegionClients,
    request: &ShareRequest,
    inventory: &Inventory,
    region: &RegionInventory,
) -> (BTreeMap<String, Parameter>, Vec<Failure>) {
    let location = &clients.location;
    let mut reading = Vec::new();
    for name in parameter_names(request, inventory, region) {
        reading.push(async {
            let value = clients.ssm.parameter(&name).await;
            (name, value)
        });
    }
    let (mut values, mut failures) = (BTreeMap::new(), Vec::new());
    for (name, value) in future::join_all(reading).await {
        match value {
            Ok(value) => values.extend(value.map(|value| (name, value))),
            Err(error) => {
                let part = Part::Parameter(location.clone(), name);
                failures.push(Failure::new(part, error));
            }
        }
    }
    (values, failures)
}

fn parameter_names(
    request: &ShareRequest,
    inventory: &Inventory,
    region: &RegionInventory,
) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let Some(template) = &request.parameter else {
        return names;
    };
    if request.options.revoke.is_some() {
        return names;
    }
    for source in &request.images {
        if !request.regions_of(source).contains(&region.location.region) {
            continue;
        }
        if let Some(image) = inventory.source(source) {
            let parts = image.name_parts(region);
            let name = template.fill(&parts);
            if is_parameter_name(&name) && template.no_word_in(&parts).is_none() {
                names.insert(name);
            }
        }
    }
    names
}
