//! EC2: the instances of `verify: launch`.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{
    BlockDeviceMapping, EbsBlockDevice, Filter, HttpTokensState, InstanceMetadataEndpointState,
    InstanceMetadataOptionsRequest, InstanceNetworkInterfaceSpecification, InstanceType,
    ResourceType, ShutdownBehavior, VolumeType,
};

use super::convert::convert_tags;
use super::{Ec2, filter, tagged, tags};
use crate::aws::pages::Pages;
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
    /// The tags of the instance, its volumes and its network interface.
    pub(crate) tags: &'a BTreeMap<String, String>,
}

/// An instance, as `DescribeInstances` answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Instance {
    pub(crate) id: String,
    pub(crate) state: String,
    /// Its type, such as `t3.micro`.
    pub(crate) kind: String,
    pub(crate) client_token: Option<String>,
    pub(crate) tags: BTreeMap<String, String>,
    /// The code of the reason why it ended, and AWS's words.
    pub(crate) end: Option<(String, String)>,
}

impl Instance {
    pub(crate) fn is_terminated(&self) -> bool {
        self.state == "terminated"
    }

    /// Whether it needs nobody to end it.
    pub(crate) fn is_ending(&self) -> bool {
        matches!(self.state.as_str(), "shutting-down" | "terminated")
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
        let tags = tags(new.tags);
        let call = || {
            self.client
                .get()
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
                .tag_specifications(tagged(ResourceType::NetworkInterface, &tags))
                .send()
        };
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

    /// The error of a launch that was answered with an instance of somebody else.
    pub(crate) fn unexpected_instance(&self, id: &str) -> Error {
        let message = "EC2 answered with an instance that this launch did not make";
        self.caller.unexpected(id, message)
    }

    /// The instances that have a tag, with this value if one is given (`ec2:DescribeInstances`).
    pub(crate) async fn instances(
        &self,
        key: &str,
        value: Option<&str>,
    ) -> Result<Vec<Instance>, Error> {
        let filter = match value {
            Some(value) => filter(&format!("tag:{key}"), [value]),
            None => filter("tag-key", [key]),
        };
        self.instances_by(filter).await
    }

    /// An instance by its ID; `None` if AWS does not show it (`ec2:DescribeInstances`).
    pub(crate) async fn instance(&self, id: &str) -> Result<Option<Instance>, Error> {
        let instances = self.instances_by(filter("instance-id", [id])).await?;
        Ok(instances.into_iter().next())
    }

    async fn instances_by(&self, filter: Filter) -> Result<Vec<Instance>, Error> {
        const ACTION: &str = "ec2:DescribeInstances";
        let call = || self.client.get().describe_instances().filters(filter);
        let pages = move || {
            call()
                .into_paginator()
                .stop_on_duplicate_token(false)
                .send()
        };
        let mut pages = Pages::new(&self.caller, (ACTION, None), pages, |page| {
            (page.reservations().len(), page.next_token())
        });
        let mut instances = Vec::new();
        while let Some(page) = pages.next().await? {
            for reservation in page.reservations() {
                for instance in reservation.instances() {
                    let instance = convert_instance(instance);
                    instances.push(instance.map_err(|error| self.unreadable(ACTION, &error))?);
                }
            }
        }
        Ok(instances)
    }

    /// Terminates an instance (`ec2:TerminateInstances`). Returns whether AWS knows it.
    pub(crate) async fn terminate_instance(&self, id: &str) -> Result<bool, Error> {
        let call = || {
            self.client
                .get()
                .terminate_instances()
                .instance_ids(id)
                .send()
        };
        let answer = self
            .caller
            .send("ec2:TerminateInstances", Some(id), call)
            .await;
        match answer {
            Err(error) if error.is_aws(&["InvalidInstanceID.NotFound"]) => Ok(false),
            answer => answer.map(|_| true),
        }
    }
}

/// The volumes of the image, each deleted with its instance whatever the image says. An empty
/// volume is named with all that the image says of it, so that it is the same.
fn volumes_deleted_on_termination(image: &Image) -> Vec<BlockDeviceMapping> {
    let mut volumes = Vec::new();
    for mapping in &image.mappings {
        let Some(device) = &mapping.device else {
            continue;
        };
        let mut ebs = EbsBlockDevice::builder().delete_on_termination(true);
        match (&mapping.snapshot, &mapping.empty_volume) {
            (Some(_), _) => {}
            (None, Some(empty)) => {
                ebs = ebs.volume_size(empty.size).encrypted(mapping.is_encrypted);
                ebs = ebs.set_volume_type(empty.kind.as_deref().map(VolumeType::from));
            }
            (None, None) => continue,
        }
        let volume = BlockDeviceMapping::builder().device_name(device);
        volumes.push(volume.ebs(ebs.build()).build());
    }
    volumes
}

fn convert_instance(instance: &aws_sdk_ec2::types::Instance) -> Result<Instance, Unreadable> {
    let id = present("InstanceId", instance.instance_id())?;
    let state = instance.state().and_then(|state| state.name());
    let state = present("State", state).map_err(|unreadable| unreadable.of(id))?;
    let reason = instance.state_reason();
    let code = reason.and_then(|reason| reason.code());
    let words = reason.and_then(|reason| reason.message()).or(code);
    let transition = instance.state_transition_reason();
    let words = words.or(transition).filter(|words| !words.is_empty());
    let end = words.map(|words| (code.unwrap_or(words).to_owned(), words.to_owned()));
    Ok(Instance {
        id: id.to_owned(),
        state: state.as_str().to_owned(),
        kind: instance
            .instance_type()
            .map(|name| name.as_str())
            .unwrap_or_default()
            .to_owned(),
        client_token: instance.client_token().map(str::to_owned),
        tags: convert_tags(instance.tags()).map_err(|unreadable| unreadable.of(id))?,
        end,
    })
}
