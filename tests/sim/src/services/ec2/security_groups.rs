//! Security groups (R4.16). Networks are not simulated: each group is in its account's default VPC,
//! and opens nothing.

use std::net::Ipv4Addr;

use super::tags::Tagging;
use super::{authorize, authorize_all, dry_run, filter, network, owned, tags};
use crate::auth::On;
use crate::policy::Context;
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Ingress, SecurityGroup, World, hex};

pub(super) fn create(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let (name, description) = (query.need("GroupName")?, query.need("GroupDescription")?);
    let tags = Tagging::read(query, &["security-group"])?.others;
    let vpc = network::default_id("vpc", request);
    let vpc_on = On::arn(format!(
        "arn:aws:ec2:{}:{}:vpc/{vpc}",
        request.region,
        request.account()
    ));
    authorize(
        request,
        "ec2:CreateSecurityGroup",
        &[on(world, "*", request), vpc_on],
        &Context::new(),
    )?;
    if !tags.is_empty() {
        let context = tags::context(&tags, Some("CreateSecurityGroup"));
        authorize(
            request,
            "ec2:CreateTags",
            &[on(world, "*", request)],
            &context,
        )?;
    }
    if let Some(other) = query.filled("VpcId").filter(|id| *id != vpc) {
        return Err(Fail::bad(
            "InvalidVpcID.NotFound",
            format!("The vpc ID '{other}' does not exist"),
        ));
    }
    if world
        .security_groups
        .values()
        .any(|group| group.vpc == vpc && group.name == name)
    {
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
        // AWS lets everything out of a new group, and nothing in.
        lets_out: true,
        tags,
    };
    world.security_groups.insert(id.clone(), group);
    Ok(Body::Xml(vec![Element::of("groupId", id)]))
}

/// Lets IPv4 addresses in; other sources are not simulated.
pub(super) fn authorize_ingress(
    world: &mut World,
    query: &Query,
    request: &Request<'_>,
) -> Outcome {
    let id = query.need("GroupId")?;
    authorize(
        request,
        "ec2:AuthorizeSecurityGroupIngress",
        &[on(world, id, request)],
        &Context::new(),
    )?;
    let group = find(world, id, request)?;
    let mut new = Vec::new();
    let permissions = query.members("IpPermissions");
    if permissions.is_empty() {
        new.push(ingress(query, query.need("CidrIp")?)?);
    }
    for permission in &permissions {
        permission.need("IpRanges.1.CidrIp")?;
        for range in permission.members("IpRanges") {
            new.push(ingress(permission, range.need("CidrIp")?)?);
        }
    }
    if let Some(known) = new.iter().find(|rule| group.ingress.contains(rule)) {
        let ports = known
            .ports
            .map(|(from, to)| format!(", from port: {from}, to port: {to}"))
            .unwrap_or_default();
        let (peer, protocol) = (&known.cidr, known.protocol.to_uppercase());
        let message =
            format!("the specified rule \"peer: {peer}, {protocol}{ports}, ALLOW\" already exists");
        return Err(Fail::bad("InvalidPermission.Duplicate", message));
    }
    dry_run(query)?;
    let shown = new.iter().map(|rule| {
        let mut members = vec![
            Element::of(
                "securityGroupRuleId",
                format!("sgr-0{}", hex(&format!("{id} {rule:?}"), 16)),
            ),
            Element::of("groupId", id),
            Element::of("groupOwnerId", request.account()),
            Element::of("isEgress", false),
            Element::of("cidrIpv4", &rule.cidr),
        ];
        members.extend(protocol(rule));
        members
    });
    let shown = Element::list("securityGroupRuleSet", shown);
    if let Some(group) = world.security_groups.get_mut(id) {
        group.ingress.extend(new);
    }
    Ok(Body::Xml(vec![Element::of("return", true), shown]))
}

fn ingress(of: &Query, cidr: &str) -> Result<Ingress, Fail> {
    let invalid = |message: String| Fail::bad("InvalidParameterValue", message);
    let is_range = cidr.split_once('/').is_some_and(|(address, bits)| {
        address.parse::<Ipv4Addr>().is_ok() && bits.parse::<u8>().is_ok_and(|bits| bits <= 32)
    });
    if !is_range {
        return Err(invalid(format!("CIDR block {cidr} is malformed")));
    }
    let protocol = of.need("IpProtocol")?.to_owned();
    let port = |name| of.get(name).and_then(|port| port.parse().ok());
    let ports = match (protocol.as_str(), port("FromPort"), port("ToPort")) {
        ("tcp" | "udp", Some(from), Some(to)) if from <= to => Some((from, to)),
        ("tcp" | "udp", ..) => {
            let message =
                "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.";
            return Err(invalid(message.to_owned()));
        }
        _ => None,
    };
    Ok(Ingress {
        protocol,
        ports,
        cidr: cidr.to_owned(),
    })
}

fn protocol(rule: &Ingress) -> Vec<Element> {
    let ports = rule
        .ports
        .into_iter()
        .flat_map(|(from, to)| [Element::of("fromPort", from), Element::of("toPort", to)]);
    [Element::of("ipProtocol", &rule.protocol)]
        .into_iter()
        .chain(ports)
        .collect()
}

pub(super) fn describe(world: &World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize_all(request, "ec2:DescribeSecurityGroups")?;
    dry_run(query)?;
    let wanted = query.list("GroupId");
    for id in &wanted {
        find(world, id, request)?;
    }
    let filters = query.members("Filter");
    let mut found = Vec::new();
    for group in world
        .security_groups
        .values()
        .filter(|group| is_own(group, request))
    {
        let named = wanted.is_empty() || wanted.contains(&group.id.as_str());
        let fits = filter::fits(&filters, Some(&group.tags), |name| {
            Some(match name {
                "group-id" => vec![&group.id],
                "group-name" => vec![&group.name],
                "vpc-id" => vec![&group.vpc],
                _ => return None,
            })
        })?;
        if named && fits {
            found.push(render(group));
        }
    }
    Ok(Body::Xml(vec![Element::list("securityGroupInfo", found)]))
}

fn render(group: &SecurityGroup) -> Vec<Element> {
    let ingress = group.ingress.iter().map(|rule| {
        let range = vec![Element::of("cidrIp", &rule.cidr)];
        protocol(rule)
            .into_iter()
            .chain([Element::list("ipRanges", [range])])
            .collect()
    });
    let everywhere = Element::list("ipRanges", [vec![Element::of("cidrIp", "0.0.0.0/0")]]);
    let egress = group
        .lets_out
        .then(|| vec![Element::of("ipProtocol", "-1"), everywhere]);
    let mut members = vec![
        Element::of("ownerId", &group.owner),
        Element::of("groupId", &group.id),
        Element::of("groupName", &group.name),
        Element::of("groupDescription", &group.description),
        Element::of("vpcId", &group.vpc),
        Element::list("ipPermissions", ingress),
        Element::list("ipPermissionsEgress", egress),
    ];
    members.extend(
        Some(&group.tags)
            .filter(|tags| !tags.is_empty())
            .map(tags::render),
    );
    members
}

/// Takes the rule away that lets everything out: no other rule for that is simulated.
pub(super) fn revoke_egress(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let id = query.need("GroupId")?;
    authorize(
        request,
        "ec2:RevokeSecurityGroupEgress",
        &[on(world, id, request)],
        &Context::new(),
    )?;
    if !find(world, id, request)?.lets_out {
        let message = "The specified rule does not exist in this security group.";
        return Err(Fail::bad("InvalidPermission.NotFound", message));
    }
    dry_run(query)?;
    if let Some(group) = world.security_groups.get_mut(id) {
        group.lets_out = false;
    }
    Ok(super::done())
}

pub(super) fn delete(world: &mut World, query: &Query, request: &Request<'_>) -> Outcome {
    let id = query.need("GroupId")?;
    authorize(
        request,
        "ec2:DeleteSecurityGroup",
        &[on(world, id, request)],
        &Context::new(),
    )?;
    find(world, id, request)?;
    let used = |of: &crate::world::Instance| {
        of.state != "terminated" && of.security_groups.iter().any(|used| used == id)
    };
    if world.instances.values().any(used) {
        return Err(Fail::bad(
            "DependencyViolation",
            format!("resource {id} has a dependent object"),
        ));
    }
    dry_run(query)?;
    world.security_groups.remove(id);
    Ok(Body::Xml(vec![
        Element::of("return", true),
        Element::of("groupId", id),
    ]))
}

/// Whether all groups that a launch names are there.
pub(super) fn check(world: &World, ids: &[&str], request: &Request<'_>) -> Result<(), Fail> {
    ids.iter()
        .try_for_each(|id| find(world, id, request).map(|_| ()))
}

/// A security group as IAM sees it; `*` is any, or one that is to be made.
pub(super) fn on(world: &World, id: &str, request: &Request<'_>) -> On {
    let mut on = On::arn(format!(
        "arn:aws:ec2:{}:{}:security-group/{id}",
        request.region,
        request.account()
    ));
    if let Ok(group) = find(world, id, request) {
        owned(&mut on, &group.owner, Some(&group.tags));
    }
    on
}

fn find<'a>(world: &'a World, id: &str, request: &Request<'_>) -> Result<&'a SecurityGroup, Fail> {
    let missing = || {
        Fail::bad(
            "InvalidGroup.NotFound",
            format!("The security group '{id}' does not exist"),
        )
    };
    world
        .security_groups
        .get(id)
        .filter(|group| is_own(group, request))
        .ok_or_else(missing)
}

fn is_own(group: &SecurityGroup, request: &Request<'_>) -> bool {
    group.owner == request.account() && group.region == request.region
}
