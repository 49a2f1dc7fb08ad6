//! Service-linked roles that launch, and grants of theirs that are wrong.

use ami_share_sim::world::{Constraint, Grant};
use proptest::prelude::*;

use super::*;

const AUTO_SCALING: &str = "autoscaling.amazonaws.com";
const FLEET: &str = "ec2fleet.amazonaws.com";

/// The services of the roles, with the suffixes of their names.
const ROLES: [(&str, Option<&str>); 3] = [
    (AUTO_SCALING, None),
    (AUTO_SCALING, Some("blue")),
    (FLEET, None),
];
pub(super) const SERVICE_ROLES: usize = ROLES.len();

/// What is wrong with the grants of one role. A number is that of the role, of those that exist.
#[derive(Clone, Copy, Debug)]
pub(super) enum ServiceGrant {
    Missing(usize),
    WithoutOperation(usize),
    ByOwner(usize),
    Constrained(usize),
    OfFormerRole(usize),
    /// Only its name is wrong.
    Renamed(usize),
}

pub(super) fn service_grants() -> impl Strategy<Value = ServiceGrant> {
    use ServiceGrant::*;
    (0..SERVICE_ROLES, 0_usize..6).prop_map(|(role, kind)| match kind {
        0 => Missing(role),
        1 => WithoutOperation(role),
        2 => ByOwner(role),
        3 => Constrained(role),
        4 => OfFormerRole(role),
        _ => Renamed(role),
    })
}

/// The services of the first roles.
pub(super) fn services_of(roles: usize) -> Vec<String> {
    let mut services = Vec::new();
    for (service, _) in &ROLES[..roles] {
        if !services.contains(&(*service).to_owned()) {
            services.push((*service).to_owned());
        }
    }
    services
}

/// Creates that many roles, and returns their names.
pub(super) async fn create_service_roles(world: &World, roles: usize) -> Vec<String> {
    let iam = aws_sdk_iam::Client::new(&world.config(B));
    let mut names = Vec::new();
    for (service, suffix) in &ROLES[..roles] {
        let call = iam.create_service_linked_role().aws_service_name(*service);
        let created = call.set_custom_suffix(suffix.map(str::to_owned));
        let created = created.send().await.unwrap();
        names.push(created.role.unwrap().role_name);
    }
    names
}

impl ServiceGrant {
    /// Changes every grant that the role has.
    pub(super) fn apply(self, world: &World, roles: &[String]) {
        let (Self::Missing(role)
        | Self::WithoutOperation(role)
        | Self::ByOwner(role)
        | Self::Constrained(role)
        | Self::OfFormerRole(role)
        | Self::Renamed(role)) = self;
        let Some(name) = roles.get(role) else { return };
        let end = format!("/{name}");
        world.sim.edit(|state| {
            for key in state.keys.values_mut() {
                let is_of_role = |grant: &Grant| grant.grantee.arn.ends_with(&end);
                if matches!(self, Self::Missing(_)) {
                    key.grants.retain(|grant| !is_of_role(grant));
                }
                for grant in key.grants.iter_mut().filter(|grant| is_of_role(grant)) {
                    self.change(grant);
                }
            }
        });
    }

    fn change(self, grant: &mut Grant) {
        match self {
            Self::Missing(_) => {}
            Self::WithoutOperation(_) => {
                grant
                    .operations
                    .retain(|operation| operation != "CreateGrant");
            }
            Self::ByOwner(_) => A.clone_into(&mut grant.issuing_account),
            Self::Constrained(_) => {
                let volume = [("aws:ebs:id".to_owned(), "vol-1".to_owned())];
                grant.constraint = Some(Constraint::EncryptionContextSubset(volume.into()));
            }
            Self::OfFormerRole(_) => {
                let id = "AROAFORMERROLE000000".to_owned();
                grant.grantee.arn.clone_from(&id);
                grant.grantee.unique_id = Some(id);
            }
            Self::Renamed(_) => grant.name = Some("another".to_owned()),
        }
    }
}
