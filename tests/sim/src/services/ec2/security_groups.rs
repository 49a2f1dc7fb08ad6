//! Security groups (R4.16). Traffic is not simulated: a group opens nothing.

use super::authorize::{account_resource, authorize, authorize_all, set_owner, set_tags};
use super::tags::{self, Tagging};
use super::{dry_run, filter, network, return_true};
use crate::auth::Resource;
use crate::policy::Context;
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Ingress, Instance, SecurityGroup, World};

pub(super) fn create(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let (name, description) = (query.need("GroupName")?, query.need("GroupDescription")?);
    let tags = Tagging::read(query, &["security-group"])?.others;
    let named = query.filled("VpcId");
    let vpc = network::vpc(world, named, request);
    let in_vpc = vpc.as_deref().ok().or(named).unwrap_or("*");
    let action = "ec2:CreateSecurityGroup";
    let (group, vpc_resource) = (resource(world, "*", request), format!("vpc/{in_vpc}"));
    let vpc_resource = account_resource(&vpc_resource, request);
    authorize(request, action, &[vpc_resource], &Context::new())?;
    let requested = tags::context(&tags, None);
    authorize(request, action, std::slice::from_ref(&group), &requested)?;
    if !tags.is_empty() {
        let context = tags::context(&tags, Some("CreateSecurityGroup"));
        authorize(request, "ec2:CreateTags", &[group], &context)?;
    }
    let vpc = vpc?;
    tags::check_policy(world, &tags, request)?;
    let has_name = |group: &SecurityGroup| group.vpc == vpc && group.name == name;
    if world.security_groups.values().any(has_name) {
        let message = format!("The security group '{name}' already exists for VPC '{vpc}'");
        return Err(Fail::bad("InvalidGroup.Duplicate", message));
    }
    dry_run(query)?;
    let id = world.new_id("sg");
    let group = SecurityGroup {
        id: id.clone(),
        name: name.to_owned(),
        description: description.to_owned(),
        owner: request.account().to_owned(),
        region: request.region.to_owned(),
        vpc,
        ingress: Vec::new(),
        // A new group of AWS lets everything out, and nothing in.
        lets_out: true,
        tags,
    };
    world.security_groups.insert(id.clone(), group);
    Ok(Body::Xml(vec![Element::of("groupId", id)]))
}

pub(super) fn describe(world: &World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize_all(request, "ec2:DescribeSecurityGroups")?;
    dry_run(query)?;
    let requested = query.list("GroupId");
    check_all(world, &requested, request)?;
    let filters = query.members("Filter");
    let mut items = Vec::new();
    for group in world.security_groups.values() {
        if !is_own(group, request) {
            continue;
        }
        let fits = filter::fits(&filters, Some(&group.tags), |name| {
            Some(match name {
                "group-id" => vec![&group.id],
                "group-name" => vec![&group.name],
                "vpc-id" => vec![&group.vpc],
                _ => return None,
            })
        })?;
        if fits && (requested.is_empty() || requested.contains(&group.id.as_str())) {
            items.push(render(group));
        }
    }
    let page = filter::page(query, request, items.into_iter().map(Ok), "GroupId")?;
    Ok(page.render("securityGroupInfo", |item| item))
}

fn render(group: &SecurityGroup) -> Vec<Element> {
    let mut ingress = Vec::new();
    for rule in &group.ingress {
        let mut members = render_protocol(rule);
        let range = vec![Element::of("cidrIp", &rule.cidr)];
        members.push(Element::list("ipRanges", [range]));
        ingress.push(members);
    }
    let mut egress = Vec::new();
    if group.lets_out {
        let range = vec![Element::of("cidrIp", "0.0.0.0/0")];
        egress.push(vec![
            Element::of("ipProtocol", "-1"),
            Element::list("ipRanges", [range]),
        ]);
    }
    let mut members = vec![
        Element::of("ownerId", &group.owner),
        Element::of("groupId", &group.id),
        Element::of("groupName", &group.name),
        Element::of("groupDescription", &group.description),
        Element::of("vpcId", &group.vpc),
        Element::list("ipPermissions", ingress),
        Element::list("ipPermissionsEgress", egress),
    ];
    members.extend(tags::render(&group.tags));
    members
}

/// The protocol and ports of a rule.
pub(super) fn render_protocol(rule: &Ingress) -> Vec<Element> {
    let mut members = vec![Element::of("ipProtocol", &rule.protocol)];
    if let Some((from, to)) = rule.ports {
        members.push(Element::of("fromPort", from));
        members.push(Element::of("toPort", to));
    }
    members
}

/// Removes the rule that lets everything out. No other rule for that is simulated.
pub(super) fn revoke_egress(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let id = query.need("GroupId")?;
    let group = resource(world, id, request);
    let action = "ec2:RevokeSecurityGroupEgress";
    authorize(request, action, &[group], &Context::new())?;
    if !find(world, id, request)?.lets_out {
        let message = "The specified rule does not exist in this security group.";
        return Err(Fail::bad("InvalidPermission.NotFound", message));
    }
    dry_run(query)?;
    if let Some(group) = world.security_groups.get_mut(id) {
        group.lets_out = false;
    }
    Ok(return_true())
}

pub(super) fn delete(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let id = query.need("GroupId")?;
    let group = resource(world, id, request);
    let action = "ec2:DeleteSecurityGroup";
    authorize(request, action, &[group], &Context::new())?;
    find(world, id, request)?;
    let is_in_group = |instance: &Instance| {
        let groups = &instance.security_groups;
        instance.state != "terminated" && groups.iter().any(|group| group == id)
    };
    if world.instances.values().any(is_in_group) {
        let message = format!("resource {id} has a dependent object");
        return Err(Fail::bad("DependencyViolation", message));
    }
    dry_run(query)?;
    world.security_groups.remove(id);
    Ok(Body::Xml(vec![
        Element::of("return", true),
        Element::of("groupId", id),
    ]))
}

/// Checks that all groups that a request names exist.
pub(super) fn check_all(world: &World, ids: &[&str], request: &Request<'_>) -> Result<(), Fail> {
    for id in ids {
        find(world, id, request)?;
    }
    Ok(())
}

/// A security group as IAM sees it. `*` is any group, or one that is to be made.
pub(super) fn resource(world: &World, id: &str, request: &Request<'_>) -> Resource {
    let mut resource = account_resource(&format!("security-group/{id}"), request);
    if let Ok(group) = find(world, id, request) {
        set_owner(&mut resource, &group.owner);
        set_tags(&mut resource, Some(&group.tags));
    }
    resource
}

pub(super) fn find<'a>(
    world: &'a World,
    id: &str,
    request: &Request<'_>,
) -> Result<&'a SecurityGroup, Fail> {
    match world.security_groups.get(id) {
        Some(group) if is_own(group, request) => Ok(group),
        _ => {
            let message = format!("The security group '{id}' does not exist");
            Err(Fail::bad("InvalidGroup.NotFound", message))
        }
    }
}

fn is_own(group: &SecurityGroup, request: &Request<'_>) -> bool {
    group.owner == request.account() && group.region == request.region
}
