//! Service-linked roles: by them services such as Auto Scaling launch instances.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Policy, Role, World};

impl Role {
    /// The name of the service-linked role of a service that launches instances, or of KMS for keys
    /// of several Regions; `None` for every other service.
    pub fn name_of_service(service: &str) -> Option<&'static str> {
        Some(match service {
            "autoscaling.amazonaws.com" => "AWSServiceRoleForAutoScaling",
            "batch.amazonaws.com" => "AWSServiceRoleForBatch",
            "eks-nodegroup.amazonaws.com" => "AWSServiceRoleForAmazonEKSNodegroup",
            "imagebuilder.amazonaws.com" => "AWSServiceRoleForImageBuilder",
            "spot.amazonaws.com" => "AWSServiceRoleForEC2Spot",
            "spotfleet.amazonaws.com" => "AWSServiceRoleForEC2SpotFleet",
            "ec2fleet.amazonaws.com" => "AWSServiceRoleForEC2Fleet",
            "mrk.kms.amazonaws.com" => "AWSServiceRoleForKeyManagementServiceMultiRegionKeys",
            _ => return None,
        })
    }

    /// The path of the service-linked roles of a service.
    pub fn path_of_service(service: &str) -> String {
        format!("/aws-service-role/{service}/")
    }

    /// The ARN of a role, in a partition by its name.
    pub fn arn_of(partition: &str, account: &str, path: &str, name: &str) -> String {
        format!("arn:{partition}:iam::{account}:role{path}{name}")
    }
}

impl World {
    /// Makes a service-linked role, without putting it into the account. It allows the service
    /// everything in EC2, and to resolve a parameter to an image; its access to keys comes from key
    /// policies and grants.
    pub fn service_linked_role(
        &mut self,
        account: &str,
        service: &str,
        name: &str,
        created: Duration,
    ) -> Role {
        let trust = json!({ "Version": "2012-10-17", "Statement": [
            { "Effect": "Allow", "Principal": { "Service": service }, "Action": "sts:AssumeRole" },
        ] });
        let permissions = json!({ "Statement": [
            { "Effect": "Allow", "Action": ["ec2:*", "ssm:GetParameters"], "Resource": "*" },
        ] });
        let path = Role::path_of_service(service);
        Role {
            arn: Role::arn_of(self.partition.name, account, &path, name),
            path,
            unique_id: format!("AROA{}", self.issue(17).to_uppercase()),
            trust: parse(&trust),
            inline: [("service".to_owned(), parse(&permissions))].into(),
            created,
            ..Role::default()
        }
    }

    /// Puts the service-linked role of a service into an account. Returns its name and ARN, or
    /// `None` if the service or the account is unknown.
    pub fn add_service_linked_role(
        &mut self,
        account: &str,
        service: &str,
        created: Duration,
    ) -> Option<(String, String)> {
        let name = Role::name_of_service(service)?;
        let role = self.service_linked_role(account, service, name, created);
        let arn = role.arn.clone();
        let roles = &mut self.accounts.get_mut(account)?.roles;
        roles.insert(name.to_owned(), role);
        Some((name.to_owned(), arn))
    }
}

fn parse(document: &Value) -> Policy {
    Policy::parse(&document.to_string(), Duration::ZERO).unwrap_or_default()
}
