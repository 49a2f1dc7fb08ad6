//! What a scenario must be beside its form: names that mean something.

use std::collections::BTreeSet;

use serde_json::Value;

use super::spec::{OrganizationSpec, Scenario};
use crate::json_file;
use crate::policy::Document;

impl Scenario {
    /// Reads a scenario file.
    ///
    /// # Errors
    /// One message with the JSON path of the mistake.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.trim_start().starts_with('[') {
            return Err("a scenario is an object, not a list".to_owned());
        }
        let scenario: Self = json_file::read(text)?;
        scenario.check_documents()?;
        scenario.check_names()?;
        scenario.check_regions()?;
        scenario.check_organization()?;
        Ok(scenario)
    }

    fn check_documents(&self) -> Result<(), String> {
        let mut documents: Vec<(String, &Value)> = Vec::new();
        for (a, account) in self.accounts.iter().enumerate() {
            for (r, role) in account.roles.iter().enumerate() {
                let of = |name: &str| format!("accounts[{a}].roles[{r}].{name}");
                documents.push((of("trust"), &role.trust));
                documents.extend(role.policy.iter().map(|policy| (of("policy"), policy)));
                documents.extend(
                    role.boundary
                        .iter()
                        .map(|boundary| (of("boundary"), boundary)),
                );
            }
            let policies = account.policies.iter().enumerate();
            documents.extend(policies.map(|(p, policy)| {
                (
                    format!("accounts[{a}].policies[{p}].document"),
                    &policy.document,
                )
            }));
        }
        for (k, key) in self.keys.iter().enumerate() {
            documents.extend(
                key.policy
                    .iter()
                    .map(|policy| (format!("keys[{k}].policy"), policy)),
            );
        }
        let controls = self
            .organization
            .iter()
            .flat_map(|all| &all.service_control_policies);
        for (id, policies) in controls {
            let path = |p: usize| format!("organization.service-control-policies.{id}[{p}]");
            documents.extend(
                policies
                    .iter()
                    .enumerate()
                    .map(|(p, policy)| (path(p), policy)),
            );
        }
        for (path, document) in documents {
            Document::parse(document).map_err(|problem| format!("{path}: {problem}"))?;
        }
        Ok(())
    }

    fn check_names(&self) -> Result<(), String> {
        let mut accounts = BTreeSet::new();
        for (a, account) in self.accounts.iter().enumerate() {
            let id = &account.id;
            if !is_account_id(id) {
                return Err(format!("accounts[{a}].id: {id} has not twelve digits"));
            }
            if !accounts.insert(id.as_str()) {
                return Err(format!("accounts[{a}].id: {id} is there already"));
            }
            if let Some(name) = account
                .default_ebs_key
                .as_ref()
                .filter(|name| !self.has_key(name))
            {
                return Err(format!(
                    "accounts[{a}].default-ebs-key: {name} is no key of this file"
                ));
            }
        }
        let known = |path: String, id: &str| {
            if accounts.contains(id) {
                Ok(())
            } else {
                Err(format!("{path}: {id} is no account of this file"))
            }
        };
        let mut keys = BTreeSet::new();
        for (k, key) in self.keys.iter().enumerate() {
            known(format!("keys[{k}].account"), &key.account)?;
            if !keys.insert(&key.name) {
                return Err(format!("keys[{k}].name: {} is there already", key.name));
            }
        }
        let mut images = BTreeSet::new();
        for (i, image) in self.images.iter().enumerate() {
            known(format!("images[{i}].account"), &image.account)?;
            if !images.insert(&image.name) {
                return Err(format!("images[{i}].name: {} is there already", image.name));
            }
            for (v, name) in image.volumes.iter().enumerate() {
                if let Some(name) = name
                    .as_ref()
                    .filter(|name| *name != "aws/ebs" && !self.has_key(name))
                {
                    return Err(format!(
                        "images[{i}].volumes[{v}]: {name} is no key of this file"
                    ));
                }
            }
        }
        Ok(())
    }

    /// Where the file lists its Regions, there are no others.
    fn check_regions(&self) -> Result<(), String> {
        let known = |path: String, region: &str| {
            if self.regions.is_empty() || self.regions.iter().any(|of| of.name == region) {
                Ok(())
            } else {
                Err(format!("{path}: {region} is no Region of this file"))
            }
        };
        known("region".to_owned(), &self.region)?;
        for (k, key) in self.keys.iter().enumerate() {
            key.region
                .iter()
                .try_for_each(|region| known(format!("keys[{k}].region"), region))?;
        }
        for (i, image) in self.images.iter().enumerate() {
            image
                .region
                .iter()
                .try_for_each(|region| known(format!("images[{i}].region"), region))?;
        }
        for (a, account) in self.accounts.iter().enumerate() {
            let on = account.opted_in.iter().enumerate();
            on.into_iter().try_for_each(|(r, region)| {
                known(format!("accounts[{a}].opted-in[{r}]"), region)
            })?;
        }
        Ok(())
    }

    fn has_key(&self, name: &str) -> bool {
        self.keys.iter().any(|key| key.name == name)
    }

    fn check_organization(&self) -> Result<(), String> {
        let Some(all) = &self.organization else {
            return Ok(());
        };
        if !is_account_id(&all.management) {
            return Err(format!(
                "organization.management: {} has not twelve digits",
                all.management
            ));
        }
        let places: BTreeSet<&str> = all
            .units
            .iter()
            .map(|unit| unit.id.as_str())
            .chain([all.root.as_str()])
            .collect();
        for (u, unit) in all.units.iter().enumerate() {
            if !places.contains(unit.parent.as_str()) {
                return Err(format!(
                    "organization.units[{u}].parent: {} is neither the root nor a unit",
                    unit.parent
                ));
            }
            if !all.leads_to_the_root(&unit.id) {
                return Err(format!(
                    "organization.units[{u}].parent: {} leads in a circle",
                    unit.parent
                ));
            }
        }
        for id in all.service_control_policies.keys() {
            if !places.contains(id.as_str()) && !all.accounts.contains_key(id) {
                let what = "neither the root nor a unit nor an account of it";
                return Err(format!(
                    "organization.service-control-policies.{id}: {what}"
                ));
            }
        }
        for (account, place) in &all.accounts {
            if !self.accounts.iter().any(|of| of.id == *account) {
                return Err(format!(
                    "organization.accounts.{account}: no account of this file"
                ));
            }
            if !places.contains(place.as_str()) {
                return Err(format!(
                    "organization.accounts.{account}: {place} is neither the root nor a unit"
                ));
            }
        }
        Ok(())
    }
}

fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

impl OrganizationSpec {
    /// Whether the way up from a unit ends, after as many steps as there are units at most.
    fn leads_to_the_root(&self, unit: &str) -> bool {
        let parent = |of: &str| {
            self.units
                .iter()
                .find(|unit| unit.id == of)
                .map(|unit| unit.parent.as_str())
        };
        let way = std::iter::successors(Some(unit), |at| parent(at)).take(self.units.len() + 1);
        way.last() == Some(self.root.as_str())
    }
}
