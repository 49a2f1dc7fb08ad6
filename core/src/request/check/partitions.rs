//! Partitions are never mixed: nothing crosses from one to another.

use std::fmt::Display;

use super::Check;
use crate::id::{Partition, Principal, Region};

impl Check<'_> {
    pub(super) fn partitions(&mut self) {
        let (request, options) = (self.request, &self.request.options);
        let regions = request.regions();
        let Some(home) = regions.first() else { return };

        for region in regions.iter().skip(1) {
            let field = if options.copy_to_regions.contains(region) {
                "copy-to-regions"
            } else {
                "ami-id"
            };
            self.same_partition(home, region.partition(), field, region);
        }
        for target in &options.targets {
            let field = match target {
                Principal::OrganizationalUnit(_) => "target-organizational-units",
                _ => "target-organizations",
            };
            if let Some(partition) = target.partition() {
                self.same_partition(home, partition, field, target);
            }
        }
        for key in options.keys.each() {
            // A key in one of the Regions is in their partition.
            if let Some(region) = key.region()
                && !regions.contains(region)
            {
                self.same_partition(home, region.partition(), "kms-key-id", key);
            }
        }
        let expand = options.expand_organizations.as_ref();
        if let Some(role) = expand.and_then(|expand| expand.role.as_ref()) {
            self.same_partition(home, role.partition(), "organizations-role", role);
        }
        if let Some(role) = &options.key_role {
            self.same_partition(home, role.partition(), "key-role", role);
        }
        if let Some(role) = &options.in_targets.role
            && role.is_arn()
            && let Some(partition) = role.partition()
        {
            self.same_partition(home, partition, "target-role", role);
        }
    }

    fn same_partition(
        &mut self,
        home: &Region,
        partition: Partition,
        field: &'static str,
        given: &dyn Display,
    ) {
        let of_home = home.partition();
        self.require(
            partition == of_home,
            field,
            format!("`{given}` is in the partition {partition}, and {home} is in {of_home}"),
        );
    }
}
