//! EC2: the instances of `verify: launch`.

use aws_sdk_ec2::types::{
    BlockDeviceMapping, EbsBlockDevice, HttpTokensState, InstanceMetadataEndpointState,
    InstanceMetadataOptionsRequest, InstanceNetworkInterfaceSpecification, InstanceType,
    ResourceType, ShutdownBehavior,
};

use super::{Ec2, filter, tag, tagged};
use crate::aws::accept_codes;
use crate::aws::unreadable::{Unreadable, present};
use crate::diagnostic::Error;
use crate::inventory::Image;

/// What is launched.
pub(crate) struct NewInstance<'a> {
    pub(crate) image: &'a Image,
    pub(crate) instance_type: &'a str,
    pub(crate) subnet: Option<&'a str>,
    pub(crate) group: &'a str,
    pub(crate) client_token: &'a str,
    /// The key and the value of its tag.
    pub(crate) tag: (&'a str, &'a str),
}

/// An instance, as `DescribeInstances` answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Instance {
    pub(crate) id: String,
    pub(crate) state: String,
    /// Why it ended.
    pub(crate) reason: Option<String>,
    /// In seconds since 1970.
    pub(crate) launched: i64,
}

impl Instance {
    pub(crate) fn is_terminated(&self) -> bool {
        self.state == "terminated"
    }
}

impl Ec2 {
    /// Launches one instance that can do nothing and reach nobody: no profile, no public address,
    /// no metadata service. A shutdown deletes it and its volumes (`ec2:RunInstances`).
    pub(crate) async fn run_instance(&self, new: &NewInstance<'_>) -> Result<Instance, Error> {
        let network = InstanceNetworkInterfaceSpecification::builder()
            .device_index(0)
            .associate_public_ip_address(false)
            .delete_on_termination(true)
            .groups(new.group)
            .set_subnet_id(new.subnet.map(str::to_owned))
            .build();
        let metadata = InstanceMetadataOptionsRequest::builder()
            .http_endpoint(InstanceMetadataEndpointState::Disabled)
            .http_tokens(HttpTokensState::Required)
            .build();
        let (key, value) = new.tag;
        let tags = [tag(key, value)];
        let call = self
            .client
            .run_instances()
            .image_id(new.image.id.as_ref())
            .instance_type(InstanceType::from(new.instance_type))
            .min_count(1)
            .max_count(1)
            .client_token(new.client_token)
            .network_interfaces(network)
            .metadata_options(metadata)
            .instance_initiated_shutdown_behavior(ShutdownBehavior::Terminate)
            .set_block_device_mappings(Some(volumes_deleted_on_termination(new.image)))
            .tag_specifications(tagged(ResourceType::Instance, &tags))
            .tag_specifications(tagged(ResourceType::Volume, &tags))
            .send();
        let answer = self
            .caller
            .send("ec2:RunInstances", Some(new.image.id.as_ref()), call)
            .await?;
        match answer.instances().first() {
            Some(instance) => convert_instance(instance)
                .map_err(|unreadable| self.unreadable("ec2:RunInstances", &unreadable)),
            None => Err(self.unexpected(&new.image.id, "no instance")),
        }
    }

    /// The instances with a tag, whatever its value; only the one with the ID, if that is given
    /// (`ec2:DescribeInstances`).
    pub(crate) async fn instances(
        &self,
        tag: &str,
        id: Option<&str>,
    ) -> Result<Vec<Instance>, Error> {
        const ACTION: &str = "ec2:DescribeInstances";
        let mut filters = vec![filter("tag-key", [tag])];
        filters.extend(id.map(|id| filter("instance-id", [id])));
        let call = self.client.describe_instances().set_filters(Some(filters));
        let mut pages = call.into_paginator().send();
        let mut instances = Vec::new();
        while let Some(page) = self.caller.send(ACTION, id, pages.try_next()).await? {
            for reservation in page.reservations() {
                for instance in reservation.instances() {
                    let instance = convert_instance(instance);
                    instances.push(instance.map_err(|error| self.unreadable(ACTION, &error))?);
                }
            }
        }
        Ok(instances)
    }

    /// Terminates an instance; one that does not exist is no error (`ec2:TerminateInstances`).
    pub(crate) async fn terminate_instance(&self, id: &str) -> Result<(), Error> {
        let call = self.client.terminate_instances().instance_ids(id).send();
        let answer = self
            .caller
            .send("ec2:TerminateInstances", Some(id), call)
            .await;
        accept_codes(answer, &["InvalidInstanceID.NotFound"])
    }
}

/// The volumes of the image, each deleted with its instance whatever the image says.
fn volumes_deleted_on_termination(image: &Image) -> Vec<BlockDeviceMapping> {
    let deleted = EbsBlockDevice::builder()
        .delete_on_termination(true)
        .build();
    let mut volumes = Vec::new();
    for mapping in &image.mappings {
        if let (Some(device), Some(_)) = (&mapping.device, &mapping.snapshot) {
            let volume = BlockDeviceMapping::builder()
                .device_name(device)
                .ebs(deleted.clone());
            volumes.push(volume.build());
        }
    }
    volumes
}

fn convert_instance(instance: &aws_sdk_ec2::types::Instance) -> Result<Instance, Unreadable> {
    let id = present("InstanceId", instance.instance_id())?;
    let state = instance.state().and_then(|state| state.name());
    let state = present("State", state).map_err(|unreadable| unreadable.of(id))?;
    let reason = instance.state_reason();
    let reason = reason.and_then(|reason| reason.message().or(reason.code()));
    Ok(Instance {
        id: id.to_owned(),
        state: state.as_str().to_owned(),
        reason: reason.map(str::to_owned),
        launched: instance.launch_time().map_or(0, |time| time.secs()),
    })
}
