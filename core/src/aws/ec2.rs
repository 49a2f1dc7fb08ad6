//! EC2: images, snapshots, volumes and instances, and the settings of an account.

mod allowed_images;
mod change;
mod convert;
mod image_usage;
mod images;
mod instance_types;
mod instances;
mod launch_templates;
mod locks;
mod permissions;
mod security_groups;
mod settings;
mod snapshots;
mod template_images;
mod volumes;

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};

use super::Caller;
use super::on_demand::OnDemand;
use super::unreadable::Unreadable;
use crate::diagnostic::Error;

pub(crate) use change::NewCopy;
pub(crate) use image_usage::{ReportState, RequestedReport};
pub(crate) use instances::{Instance, NewInstance};
pub(crate) use launch_templates::NewVersion;
pub(crate) use permissions::Change;
pub(crate) use security_groups::{SecurityGroup, Subnet};
pub(crate) use template_images::TemplateImage;

/// EC2 in one account and Region.
#[derive(Clone, Debug)]
pub(crate) struct Ec2 {
    pub(crate) client: OnDemand<aws_sdk_ec2::Client>,
    pub(crate) caller: Caller,
}

impl Ec2 {
    fn unreadable(&self, action: &'static str, unreadable: &Unreadable) -> Error {
        self.caller.unreadable(action, unreadable)
    }

    fn unexpected(&self, resource: impl ToString, what: &str) -> Error {
        let message = format!("EC2 answered with {what} that this version cannot read");
        self.caller.unexpected(resource, message)
    }
}

/// The owners to ask for: the account itself, or anybody.
fn owners(own: bool) -> Option<Vec<String>> {
    own.then(|| vec!["self".to_owned()])
}

fn filter(name: &str, values: impl IntoIterator<Item = impl ToString>) -> Filter {
    let values = values.into_iter().map(|value| value.to_string());
    Filter::builder()
        .name(name)
        .set_values(Some(values.collect()))
        .build()
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

fn tags(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    tags.iter().map(|(key, value)| tag(key, value)).collect()
}

/// The tags of a resource of this type that a call creates.
fn tagged(resource_type: ResourceType, tags: &[Tag]) -> TagSpecification {
    TagSpecification::builder()
        .resource_type(resource_type)
        .set_tags(Some(tags.to_vec()))
        .build()
}
