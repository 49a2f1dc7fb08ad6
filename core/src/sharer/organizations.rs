//! Takes organizations and units for their accounts too, before anything else is read.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::Sharer;
use crate::aws::clients::Account;
use crate::aws::organizations::Organizations;
use crate::aws::roles::Role;
use crate::diagnostic::names::first_names;
use crate::diagnostic::{Error, Finding, FindingCode};
use crate::id::{OrganizationArn, Principal};
use crate::observe;
use crate::request::ShareRequest;

/// A request whose organizations are listed, or what refuses it.
pub(super) type Expanded<'r> = Result<Cow<'r, ShareRequest>, Finding>;

impl Sharer {
    /// Lists the accounts of the organizations of a request, as far as it asks for that.
    pub(super) async fn expand_organizations<'r>(
        &self,
        source: &Account,
        request: &'r ShareRequest,
    ) -> Result<Expanded<'r>, Error> {
        let targets = request.organizations_to_list();
        if targets.is_empty() {
            return Ok(Ok(Cow::Borrowed(request)));
        }
        let organizations = self.organizations(source, request).await?;
        let own = organizations.organization().await?;
        if let Some(finding) = other_organization(&targets, &own) {
            return Ok(Err(finding));
        }
        let members = observe::list_members(&organizations, targets).await?;
        let expanded = request.expanded(members, &source.identity.account);
        Ok(
            match not_members(&expanded).or_else(|| nobody_left(&expanded)) {
                Some(finding) => Err(finding),
                None => Ok(Cow::Owned(expanded)),
            },
        )
    }

    /// Organizations, as the role that lists them, or as the source account.
    async fn organizations(
        &self,
        source: &Account,
        request: &ShareRequest,
    ) -> Result<Organizations, Error> {
        let known = source.identity.accepted_in.as_ref();
        let region = known.unwrap_or(request.home()).clone();
        let Some(arn) = request.organizations_role() else {
            return Ok(source.in_region(&region).organizations.clone());
        };
        let role = Role {
            arn: arn.clone(),
            region: region.clone(),
            session: "ami-share-organizations".to_owned(),
            external_id: None,
            input: "organizations-role",
        };
        let reached = self.roles.reach(source, &role, &request.regions()).await?;
        let accepted = reached.identity.accepted_in.clone();
        let clients = reached.in_region(&accepted.unwrap_or(region));
        Ok(clients.organizations.clone())
    }
}

/// Which target belongs to another organization than the one that can be listed.
fn other_organization(targets: &BTreeSet<&Principal>, own: &OrganizationArn) -> Option<Finding> {
    let mut targets = targets.iter();
    let other = targets.find(|target| target.organization_arn().as_ref() != Some(own))?;
    let message = format!(
        "this target is not of {own}, the organization that the caller can list, so its accounts \
         are not known"
    );
    Some(Finding::refuse(
        FindingCode::OrganizationOther,
        other,
        message,
    ))
}

/// That accounts which are to be left out are in none of the organizations of a request.
fn not_members(expanded: &ShareRequest) -> Option<Finding> {
    let strangers = expanded.excluded_strangers();
    let first = strangers.first()?;
    let message = format!(
        "`exclude-accounts` names accounts that are in none of the organizations and units of the \
         request: {}",
        first_names(&strangers)
    );
    Some(Finding::refuse(
        FindingCode::OrganizationNotMember,
        first,
        message,
    ))
}

/// That nobody is left of the targets of a request.
fn nobody_left(expanded: &ShareRequest) -> Option<Finding> {
    if !expanded.targets().is_empty() {
        return None;
    }
    let message = "no account of the organizations is left: all are excluded, not active, or the \
                   source account itself";
    Some(Finding::refuse(
        FindingCode::OrganizationEmpty,
        "expand-organizations",
        message,
    ))
}
