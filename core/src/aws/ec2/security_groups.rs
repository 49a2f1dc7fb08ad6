//! EC2: the networks and security groups of `verify: launch`.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, IpPermission, ResourceType, SecurityGroup as SdkGroup};

use super::convert::convert_tags;
use super::{Ec2, filter, tagged, tags};
use crate::aws::accept_codes;
use crate::aws::pages::Pages;
use crate::aws::unreadable::{Unreadable, present};
use crate::diagnostic::Error;

/// A place in a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Subnet {
    pub(crate) vpc: String,
    /// The Availability Zone.
    pub(crate) zone: Option<String>,
}

/// A security group.
#[derive(Clone, Debug)]
pub(crate) struct SecurityGroup {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) tags: BTreeMap<String, String>,
    /// How many rules let something in.
    pub(crate) ingress: usize,
    egress: Vec<IpPermission>,
}

impl SecurityGroup {
    pub(crate) fn lets_out(&self) -> bool {
        !self.egress.is_empty()
    }

    /// Whether it lets nothing in or out.
    pub(crate) fn is_closed(&self) -> bool {
        self.ingress == 0 && self.egress.is_empty()
    }
}

impl Ec2 {
    /// Where a subnet is (`ec2:DescribeSubnets`).
    pub(crate) async fn subnet(&self, id: &str) -> Result<Subnet, Error> {
        const ACTION: &str = "ec2:DescribeSubnets";
        let call = || self.client.get().describe_subnets().subnet_ids(id).send();
        let answer = self.caller.send(ACTION, Some(id), call).await?;
        let subnet = answer.subnets().first();
        let vpc = present("VpcId", subnet.and_then(|subnet| subnet.vpc_id()));
        let vpc = vpc.map_err(|error| self.unreadable(ACTION, &error.of(id)))?;
        let zone = subnet.and_then(|subnet| subnet.availability_zone());
        Ok(Subnet {
            vpc: vpc.to_owned(),
            zone: zone.map(str::to_owned),
        })
    }

    /// The default VPC, if there is one (`ec2:DescribeVpcs`).
    pub(crate) async fn default_vpc(&self) -> Result<Option<String>, Error> {
        const ACTION: &str = "ec2:DescribeVpcs";
        let call = || {
            self.client
                .get()
                .describe_vpcs()
                .filters(filter("is-default", [true]))
        };
        let pages = move || {
            call()
                .into_paginator()
                .stop_on_duplicate_token(false)
                .send()
        };
        let mut pages = Pages::new(&self.caller, (ACTION, None), pages, |page| {
            (page.vpcs().len(), page.next_token())
        });
        while let Some(page) = pages.next().await? {
            if let Some(vpc) = page.vpcs().first() {
                let id = present("VpcId", vpc.vpc_id());
                let id = id.map_err(|unreadable| self.unreadable(ACTION, &unreadable))?;
                return Ok(Some(id.to_owned()));
            }
        }
        Ok(None)
    }

    /// The security groups of a name, in a VPC if that is given (`ec2:DescribeSecurityGroups`).
    pub(crate) async fn security_groups_named(
        &self,
        name: &str,
        vpc: Option<&str>,
    ) -> Result<Vec<SecurityGroup>, Error> {
        let mut filters = vec![filter("group-name", [name])];
        filters.extend(vpc.map(|vpc| filter("vpc-id", [vpc])));
        self.security_groups_by(filters).await
    }

    /// The security groups that have a tag (`ec2:DescribeSecurityGroups`).
    pub(crate) async fn security_groups_tagged(
        &self,
        key: &str,
    ) -> Result<Vec<SecurityGroup>, Error> {
        let filters = vec![filter("tag-key", [key])];
        self.security_groups_by(filters).await
    }

    async fn security_groups_by(&self, filters: Vec<Filter>) -> Result<Vec<SecurityGroup>, Error> {
        const ACTION: &str = "ec2:DescribeSecurityGroups";
        let call = || {
            self.client
                .get()
                .describe_security_groups()
                .set_filters(Some(filters))
        };
        let pages = move || {
            call()
                .into_paginator()
                .stop_on_duplicate_token(false)
                .send()
        };
        let mut pages = Pages::new(&self.caller, (ACTION, None), pages, |page| {
            (page.security_groups().len(), page.next_token())
        });
        let mut groups = Vec::new();
        while let Some(page) = pages.next().await? {
            for group in page.security_groups() {
                let group = convert_group(group);
                groups.push(group.map_err(|error| self.unreadable(ACTION, &error))?);
            }
        }
        Ok(groups)
    }

    /// Creates a security group (`ec2:CreateSecurityGroup`). One of that name that is there already
    /// is no error.
    pub(crate) async fn create_security_group(
        &self,
        name: &str,
        vpc: &str,
        all_tags: &BTreeMap<String, String>,
    ) -> Result<(), Error> {
        let tags = tags(all_tags);
        let call = || {
            self.client
                .get()
                .create_security_group()
                .group_name(name)
                .description("ami-share: lets nothing in or out")
                .vpc_id(vpc)
                .tag_specifications(tagged(ResourceType::SecurityGroup, &tags))
                .send()
        };
        let answer = self
            .caller
            .send("ec2:CreateSecurityGroup", Some(name), call)
            .await;
        accept_codes(answer, &["InvalidGroup.Duplicate"])
    }

    /// Removes every rule that lets something out, as a new group has
    /// (`ec2:RevokeSecurityGroupEgress`).
    pub(crate) async fn close_security_group(&self, group: &SecurityGroup) -> Result<(), Error> {
        let id = &group.id;
        let call = || {
            self.client
                .get()
                .revoke_security_group_egress()
                .group_id(id)
                .set_ip_permissions(Some(group.egress.clone()))
                .send()
        };
        let answer = self
            .caller
            .send("ec2:RevokeSecurityGroupEgress", Some(id), call)
            .await;
        accept_codes(answer, &["InvalidPermission.NotFound"])
    }

    /// Deletes a security group (`ec2:DeleteSecurityGroup`); one that does not exist is no error.
    /// Returns whether it is gone: a group that something is still in stays.
    pub(crate) async fn delete_security_group(&self, id: &str) -> Result<bool, Error> {
        let call = || {
            self.client
                .get()
                .delete_security_group()
                .group_id(id)
                .send()
        };
        let answer = self
            .caller
            .send("ec2:DeleteSecurityGroup", Some(id), call)
            .await;
        match answer {
            Err(error) if error.is_aws(&["DependencyViolation", "InvalidGroup.InUse"]) => Ok(false),
            answer => accept_codes(answer, &["InvalidGroup.NotFound"]).map(|()| true),
        }
    }
}

fn convert_group(group: &SdkGroup) -> Result<SecurityGroup, Unreadable> {
    let id = present("GroupId", group.group_id())?;
    convert_known_group(group, id).map_err(|unreadable| unreadable.of(id))
}

/// A group without lists of rules is not a closed one.
fn convert_known_group(group: &SdkGroup, id: &str) -> Result<SecurityGroup, Unreadable> {
    let ingress = present("IpPermissions", group.ip_permissions.as_ref())?;
    let egress = present("IpPermissionsEgress", group.ip_permissions_egress.as_ref())?;
    Ok(SecurityGroup {
        id: id.to_owned(),
        name: group.group_name().unwrap_or_default().to_owned(),
        tags: convert_tags(group.tags())?,
        ingress: ingress.len(),
        egress: egress.clone(),
    })
}
