//! Reads the launch templates of `target-launch-templates`.

use std::collections::{BTreeMap, BTreeSet};

use futures::future;

use crate::aws::clients::RegionClients;
use crate::inventory::{Failure, Inventory, LaunchTemplate, Part, RegionInventory};
use crate::request::ShareRequest;
use crate::request::name::is_launch_template_name;

/// The launch templates that this run gives a version in a Region, by what the request names them;
/// `None` for those that do not exist. Those that could not be read are failures.
pub(super) async fn read(
    clients: &RegionClients,
    request: &ShareRequest,
    inventory: &Inventory,
    region: &RegionInventory,
) -> (BTreeMap<String, Option<LaunchTemplate>>, Vec<Failure>) {
    let mut reading = Vec::new();
    for name in template_names(request, inventory, region) {
        reading.push(async {
            // EC2 has none of a name that it does not take.
            let template = if is_launch_template_name(&name) {
                clients.ec2.launch_template(&name).await
            } else {
                Ok(None)
            };
            (name, template)
        });
    }
    let (mut templates, mut failures) = (BTreeMap::new(), Vec::new());
    for (name, template) in future::join_all(reading).await {
        match template {
            Ok(template) => _ = templates.insert(name, template),
            Err(error) => {
                let part = Part::LaunchTemplate(clients.location.clone(), name);
                failures.push(Failure::new(part, error));
            }
        }
    }
    (templates, failures)
}

fn template_names(
    request: &ShareRequest,
    inventory: &Inventory,
    region: &RegionInventory,
) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for source in &request.images {
        if !request.regions_of(source).contains(&region.location.region) {
            continue;
        }
        if let Some(image) = inventory.source(source) {
            let options = &request.options.in_targets;
            names.append(&mut options.launch_templates_for(&image.name_parts(region)));
        }
    }
    names
}
