//! EC2: the instances of `verify: launch`, and their security group.

use aws_sdk_ec2::types::{
    BlockDeviceMapping, EbsBlockDevice, Filter, HttpTokensState, InstanceMetadataEndpointState,
    InstanceMetadataOptionsRequest, InstanceNetworkInterfaceSpecification, InstanceType,
    IpPermission, IpRange, ResourceType, ShutdownBehavior, Tag, TagSpecification,
};

use super::Ec2;
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

/// An instance, as far as it matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Instance {
    pub(crate) id: String,
    pub(crate) state: String,
    /// Why it ended.
    pub(crate) reason: Option<String>,
    /// In seconds since 1970.
    pub(crate) launched: i64,
}

impl Ec2 {
    /// Launches one instance that can do nothing and reach nobody: no profile, no public address,
    /// no metadata service; it and its volumes go when it is shut down (`ec2:RunInstances`).
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
        let gone = EbsBlockDevice::builder()
            .delete_on_termination(true)
            .build();
        let volumes = new
            .image
            .mappings
            .iter()
            .filter(|mapping| mapping.snapshot.is_some())
            .filter_map(|mapping| {
                let device = mapping.device.as_ref()?;
                Some(
                    BlockDeviceMapping::builder()
                        .device_name(device)
                        .ebs(gone.clone())
                        .build(),
                )
            });
        let tag = Tag::builder().key(new.tag.0).value(new.tag.1).build();
        let tagged = |kind| {
            TagSpecification::builder()
                .resource_type(kind)
                .tags(tag.clone())
                .build()
        };
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
            .set_block_device_mappings(Some(volumes.collect()))
            .tag_specifications(tagged(ResourceType::Instance))
            .tag_specifications(tagged(ResourceType::Volume))
            .send();
        let answer = self
            .caller
            .send("ec2:RunInstances", Some(new.image.id.as_ref()), call)
            .await?;
        let launched = answer.instances().first().and_then(instance);
        launched.ok_or_else(|| self.unexpected(&new.image.id, "no instance"))
    }

    /// The instances with a tag, whatever its value; one ID alone where it is given
    /// (`ec2:DescribeInstances`).
    pub(crate) async fn instances(
        &self,
        tag: &str,
        id: Option<&str>,
    ) -> Result<Vec<Instance>, Error> {
        let mut filters = vec![Filter::builder().name("tag-key").values(tag).build()];
        filters.extend(id.map(|id| Filter::builder().name("instance-id").values(id).build()));
        let (mut found, mut token) = (Vec::new(), None);
        loop {
            let call = self
                .client
                .describe_instances()
                .set_filters(Some(filters.clone()))
                .set_next_token(token);
            let answer = self
                .caller
                .send("ec2:DescribeInstances", id, call.send())
                .await?;
            let instances = answer.reservations().iter().flat_map(|of| of.instances());
            found.extend(instances.filter_map(instance));
            token = answer.next_token.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(found);
            }
        }
    }

    /// Ends an instance (`ec2:TerminateInstances`).
    pub(crate) async fn terminate(&self, id: &str) -> Result<(), Error> {
        let call = self.client.terminate_instances().instance_ids(id).send();
        match self
            .caller
            .send("ec2:TerminateInstances", Some(id), call)
            .await
        {
            Err(error) if !error.is_aws(&["InvalidInstanceID.NotFound"]) => Err(error),
            _ => Ok(()),
        }
    }

    /// The VPC of a subnet (`ec2:DescribeSubnets`).
    pub(crate) async fn vpc_of(&self, subnet: &str) -> Result<Option<String>, Error> {
        let call = self.client.describe_subnets().subnet_ids(subnet).send();
        let answer = self
            .caller
            .send("ec2:DescribeSubnets", Some(subnet), call)
            .await?;
        Ok(answer
            .subnets()
            .first()
            .and_then(|subnet| subnet.vpc_id.clone()))
    }

    /// A security group by its name, in a VPC where that is given (`ec2:DescribeSecurityGroups`).
    pub(crate) async fn security_group(
        &self,
        name: &str,
        vpc: Option<&str>,
    ) -> Result<Option<String>, Error> {
        let mut filters = vec![Filter::builder().name("group-name").values(name).build()];
        filters.extend(vpc.map(|vpc| Filter::builder().name("vpc-id").values(vpc).build()));
        let call = self
            .client
            .describe_security_groups()
            .set_filters(Some(filters))
            .send();
        let answer = self
            .caller
            .send("ec2:DescribeSecurityGroups", Some(name), call)
            .await?;
        Ok(answer
            .security_groups()
            .first()
            .and_then(|group| group.group_id.clone()))
    }

    /// Makes a security group that lets nothing in or out (`ec2:CreateSecurityGroup`,
    /// `ec2:RevokeSecurityGroupEgress`).
    pub(crate) async fn create_closed_group(
        &self,
        name: &str,
        vpc: Option<&str>,
    ) -> Result<String, Error> {
        let call = self
            .client
            .create_security_group()
            .group_name(name)
            .description("ami-share: lets nothing in or out");
        let call = call.set_vpc_id(vpc.map(str::to_owned)).send();
        let made = self
            .caller
            .send("ec2:CreateSecurityGroup", Some(name), call)
            .await?;
        let id = made
            .group_id
            .ok_or_else(|| self.unexpected(name, "no security group"))?;
        // A new group lets everything out.
        let all = IpRange::builder().cidr_ip("0.0.0.0/0").build();
        let all = IpPermission::builder()
            .ip_protocol("-1")
            .ip_ranges(all)
            .build();
        let call = self
            .client
            .revoke_security_group_egress()
            .group_id(&id)
            .ip_permissions(all)
            .send();
        self.caller
            .send("ec2:RevokeSecurityGroupEgress", Some(&id), call)
            .await?;
        Ok(id)
    }

    /// Removes a security group; one that something still uses stays (`ec2:DeleteSecurityGroup`).
    pub(crate) async fn delete_group(&self, id: &str) -> Result<(), Error> {
        let call = self.client.delete_security_group().group_id(id).send();
        match self
            .caller
            .send("ec2:DeleteSecurityGroup", Some(id), call)
            .await
        {
            Err(error)
                if !error.is_aws(&[
                    "DependencyViolation",
                    "InvalidGroup.NotFound",
                    "InvalidGroup.KeyUsage",
                ]) =>
            {
                Err(error)
            }
            _ => Ok(()),
        }
    }
}

fn instance(found: &aws_sdk_ec2::types::Instance) -> Option<Instance> {
    let reason = found
        .state_reason()
        .and_then(|reason| reason.message().or(reason.code()))
        .map(str::to_owned);
    Some(Instance {
        id: found.instance_id()?.to_owned(),
        state: found.state()?.name()?.as_str().to_owned(),
        reason,
        launched: found.launch_time().map_or(0, |time| time.secs()),
    })
}
