//! EC2: the security group of `verify: launch`.

use aws_sdk_ec2::types::{IpPermission, IpRange};

use super::{Ec2, filter};
use crate::aws::accept_codes;
use crate::diagnostic::Error;

impl Ec2 {
    /// The VPC of a subnet (`ec2:DescribeSubnets`).
    pub(crate) async fn vpc_of(&self, subnet: &str) -> Result<Option<String>, Error> {
        let call = self.client.describe_subnets().subnet_ids(subnet).send();
        let answer = self
            .caller
            .send("ec2:DescribeSubnets", Some(subnet), call)
            .await?;
        let subnet = answer.subnets().first();
        Ok(subnet.and_then(|subnet| subnet.vpc_id.clone()))
    }

    /// The ID of a security group by its name, in a VPC if that is given
    /// (`ec2:DescribeSecurityGroups`).
    pub(crate) async fn security_group(
        &self,
        name: &str,
        vpc: Option<&str>,
    ) -> Result<Option<String>, Error> {
        const ACTION: &str = "ec2:DescribeSecurityGroups";
        let mut filters = vec![filter("group-name", [name])];
        filters.extend(vpc.map(|vpc| filter("vpc-id", [vpc])));
        let call = self
            .client
            .describe_security_groups()
            .set_filters(Some(filters));
        let mut pages = call.into_paginator().send();
        while let Some(page) = self
            .caller
            .send(ACTION, Some(name), pages.try_next())
            .await?
        {
            if let Some(group) = page.security_groups().first() {
                return Ok(group.group_id.clone());
            }
        }
        Ok(None)
    }

    /// Creates a security group that lets nothing in or out, and returns its ID
    /// (`ec2:CreateSecurityGroup`, `ec2:RevokeSecurityGroupEgress`).
    pub(crate) async fn create_closed_security_group(
        &self,
        name: &str,
        vpc: Option<&str>,
    ) -> Result<String, Error> {
        let call = self
            .client
            .create_security_group()
            .group_name(name)
            .description("ami-share: lets nothing in or out")
            .set_vpc_id(vpc.map(str::to_owned))
            .send();
        let answer = self
            .caller
            .send("ec2:CreateSecurityGroup", Some(name), call)
            .await?;
        let Some(id) = answer.group_id else {
            return Err(self.unexpected(name, "no security group"));
        };
        // A new group lets everything out.
        let everywhere = IpRange::builder().cidr_ip("0.0.0.0/0").build();
        let everything = IpPermission::builder()
            .ip_protocol("-1")
            .ip_ranges(everywhere)
            .build();
        let call = self
            .client
            .revoke_security_group_egress()
            .group_id(&id)
            .ip_permissions(everything)
            .send();
        self.caller
            .send("ec2:RevokeSecurityGroupEgress", Some(&id), call)
            .await?;
        Ok(id)
    }

    /// Deletes a security group (`ec2:DeleteSecurityGroup`). A group that is still in use is kept,
    /// without an error.
    pub(crate) async fn delete_security_group(&self, id: &str) -> Result<(), Error> {
        let call = self.client.delete_security_group().group_id(id).send();
        let answer = self
            .caller
            .send("ec2:DeleteSecurityGroup", Some(id), call)
            .await;
        let accepted = [
            "DependencyViolation",
            "InvalidGroup.NotFound",
            "InvalidGroup.InUse",
        ];
        accept_codes(answer, &accepted)
    }
}
