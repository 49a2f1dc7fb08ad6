//! EC2: the instance types that fit an image.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{InstanceTypeInfo, LocationType};

use super::{Ec2, filter};
use crate::aws::pages::Pages;
use crate::aws::unreadable::{Unreadable, present};
use crate::diagnostic::Error;
use crate::inventory::{BootMode, Image};
use crate::limits::{FILTER_VALUES, INSTANCE_TYPE_PAGE_SIZE};
use crate::policy::matcher::matches_pattern;

/// The sizes that are looked through for the smallest type.
const SMALL: [&str; 5] = ["*.nano", "*.micro", "*.small", "*.medium", "*.large"];

const INSTANCE_TYPE: &str = "InstanceType";

/// What types are ordered by: those of the free tier first, then small ones.
type Rank = (bool, i64, i32, String);

impl Ec2 {
    /// The instance types of the Region that fit an image, the smallest first; those of the free
    /// tier come before others, as some accounts can launch no others
    /// (`ec2:DescribeInstanceTypes`).
    pub(crate) async fn fitting_types(&self, image: &Image) -> Result<Vec<String>, Error> {
        const ACTION: &str = "ec2:DescribeInstanceTypes";
        let needs = &image.hardware;
        let mut filters = vec![
            filter(
                "processor-info.supported-architecture",
                [&image.architecture],
            ),
            filter("supported-root-device-type", [&image.root_device_type]),
            filter("bare-metal", [false]),
        ];
        if needs.supported.is_empty() {
            filters.push(filter("instance-type", SMALL));
        } else {
            let patterns = needs.supported.iter().take(FILTER_VALUES);
            filters.push(filter("instance-type", patterns));
        }
        let kind = needs.virtualization.iter();
        filters.extend(kind.map(|kind| filter("supported-virtualization-type", [kind])));
        match needs.boot_mode {
            Some(BootMode::Uefi) => filters.push(filter("supported-boot-mode", ["uefi"])),
            Some(BootMode::Legacy) => {
                filters.push(filter("supported-boot-mode", ["legacy-bios"]));
            }
            None => {}
        }
        if !needs.ena {
            let without = ["supported", "unsupported"];
            filters.push(filter("network-info.ena-support", without));
        }
        if needs.tpm {
            filters.push(filter("nitro-tpm-support", ["supported"]));
        }
        let call = || {
            self.client
                .get()
                .describe_instance_types()
                .set_filters(Some(filters))
                .max_results(INSTANCE_TYPE_PAGE_SIZE)
        };
        let pages = move || {
            call()
                .into_paginator()
                .stop_on_duplicate_token(false)
                .send()
        };
        let mut pages = Pages::new(&self.caller, (ACTION, None), pages, |page| {
            (page.instance_types().len(), page.next_token())
        });
        let mut ranked: BTreeSet<Rank> = BTreeSet::new();
        while let Some(page) = pages.next().await? {
            for info in page.instance_types() {
                let rank = rank(info).map_err(|error| self.unreadable(ACTION, &error))?;
                ranked.insert(rank);
            }
        }
        let names = ranked.into_iter().map(|(.., name)| name);
        let is_excluded = |name: &String| {
            let mut patterns = needs.unsupported.iter();
            patterns.any(|pattern| matches_pattern(pattern, name))
        };
        Ok(names.filter(|name| !is_excluded(name)).collect())
    }

    /// Those of the instance types that an Availability Zone offers
    /// (`ec2:DescribeInstanceTypeOfferings`).
    pub(crate) async fn offered_types(
        &self,
        zone: &str,
        types: &[String],
    ) -> Result<Vec<String>, Error> {
        const ACTION: &str = "ec2:DescribeInstanceTypeOfferings";
        let asked = types.get(..FILTER_VALUES).unwrap_or(types);
        let call = || {
            self.client
                .get()
                .describe_instance_type_offerings()
                .location_type(LocationType::AvailabilityZone)
                .filters(filter("location", [zone]))
                .filters(filter("instance-type", asked))
        };
        let pages = move || {
            call()
                .into_paginator()
                .stop_on_duplicate_token(false)
                .send()
        };
        let mut pages = Pages::new(&self.caller, (ACTION, Some(zone)), pages, |page| {
            (page.instance_type_offerings().len(), page.next_token())
        });
        let mut offered = BTreeSet::new();
        while let Some(page) = pages.next().await? {
            for offering in page.instance_type_offerings() {
                let name = present(INSTANCE_TYPE, offering.instance_type());
                let name = name.map_err(|error| self.unreadable(ACTION, &error))?;
                offered.insert(name.as_str().to_owned());
            }
        }
        Ok(asked
            .iter()
            .filter(|name| offered.contains(*name))
            .cloned()
            .collect())
    }
}

fn rank(info: &InstanceTypeInfo) -> Result<Rank, Unreadable> {
    let name = present(INSTANCE_TYPE, info.instance_type())?;
    let memory = info.memory_info().and_then(|memory| memory.size_in_mib());
    let processors = info.v_cpu_info().and_then(|info| info.default_v_cpus());
    Ok((
        info.free_tier_eligible() != Some(true),
        memory.unwrap_or(i64::MAX),
        processors.unwrap_or(i32::MAX),
        name.as_str().to_owned(),
    ))
}
