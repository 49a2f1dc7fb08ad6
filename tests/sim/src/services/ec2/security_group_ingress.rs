//! `AuthorizeSecurityGroupIngress`. It lets IPv4 addresses in; other sources are not simulated.

use std::net::Ipv4Addr;

use super::authorize::authorize;
use super::dry_run;
use super::security_groups::{find, render_protocol, resource};
use crate::policy::Context;
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Ingress, SecurityGroup, World, hex};

pub(super) fn authorize_ingress(
    world: &mut World,
    query: &Query,
    request: &Request<'_>,
) -> Outcome {
    let id = query.need("GroupId")?;
    let group = resource(world, id, request);
    let action = "ec2:AuthorizeSecurityGroupIngress";
    authorize(request, action, &[group], &Context::new())?;
    let group = find(world, id, request)?;
    let rules = read_rules(query)?;
    check_new(group, &rules)?;
    dry_run(query)?;
    let mut items = Vec::new();
    for rule in &rules {
        items.push(render_rule(id, rule, request));
    }
    if let Some(group) = world.security_groups.get_mut(id) {
        group.ingress.extend(rules);
    }
    Ok(Body::Xml(vec![
        Element::of("return", true),
        Element::list("securityGroupRuleSet", items),
    ]))
}

fn read_rules(query: &Query) -> Result<Vec<Ingress>, Fail> {
    let permissions = query.members("IpPermissions");
    if permissions.is_empty() {
        return Ok(vec![read_rule(query, query.need("CidrIp")?)?]);
    }
    let mut rules = Vec::new();
    for permission in &permissions {
        permission.need("IpRanges.1.CidrIp")?;
        for range in permission.members("IpRanges") {
            rules.push(read_rule(permission, range.need("CidrIp")?)?);
        }
    }
    Ok(rules)
}

fn read_rule(permission: &Query, cidr: &str) -> Result<Ingress, Fail> {
    if !is_ipv4_range(cidr) {
        return Err(Fail::invalid_value(format!(
            "CIDR block {cidr} is malformed"
        )));
    }
    let protocol = permission.need("IpProtocol")?.to_owned();
    let port = |name| permission.get(name).and_then(|port| port.parse().ok());
    let ports = match (protocol.as_str(), port("FromPort"), port("ToPort")) {
        ("tcp" | "udp", Some(from), Some(to)) if from <= to => Some((from, to)),
        ("tcp" | "udp", ..) => {
            let message =
                "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.";
            return Err(Fail::invalid_value(message));
        }
        _ => None,
    };
    Ok(Ingress {
        protocol,
        ports,
        cidr: cidr.to_owned(),
    })
}

fn is_ipv4_range(cidr: &str) -> bool {
    let Some((address, bits)) = cidr.split_once('/') else {
        return false;
    };
    address.parse::<Ipv4Addr>().is_ok() && bits.parse::<u8>().is_ok_and(|bits| bits <= 32)
}

fn check_new(group: &SecurityGroup, rules: &[Ingress]) -> Result<(), Fail> {
    let Some(known) = rules.iter().find(|rule| group.ingress.contains(rule)) else {
        return Ok(());
    };
    let ports = match known.ports {
        Some((from, to)) => format!(", from port: {from}, to port: {to}"),
        None => String::new(),
    };
    let (peer, protocol) = (&known.cidr, known.protocol.to_uppercase());
    let message =
        format!("the specified rule \"peer: {peer}, {protocol}{ports}, ALLOW\" already exists");
    Err(Fail::bad("InvalidPermission.Duplicate", message))
}

fn render_rule(group: &str, rule: &Ingress, request: &Request<'_>) -> Vec<Element> {
    let rule_id = format!("sgr-0{}", hex(&format!("{group} {rule:?}"), 16));
    let mut members = vec![
        Element::of("securityGroupRuleId", rule_id),
        Element::of("groupId", group),
        Element::of("groupOwnerId", request.account()),
        Element::of("isEgress", false),
        Element::of("cidrIpv4", &rule.cidr),
    ];
    members.extend(render_protocol(rule));
    members
}
