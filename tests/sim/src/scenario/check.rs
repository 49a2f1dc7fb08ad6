//! What a scenario must be beside its form: names that mean something.

use std::collections::BTreeSet;

use serde_json::Value;

use super::spec::Scenario;
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
        let scenario: Self = super::read(text)?;
        scenario.check_documents()?;
        scenario.check_names()?;
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
                documents.extend(role.boundary.iter().map(|boundary| (of("boundary"), boundary)));
            }
            let policies = account.policies.iter().enumerate();
            documents.extend(
                policies.map(|(p, policy)| (format!("accounts[{a}].policies[{p}].document"), &policy.document)),
            );
        }
        for (k, key) in self.keys.iter().enumerate() {
            documents.extend(key.policy.iter().map(|policy| (format!("keys[{k}].policy"), policy)));
        }
        let controls = self.organization.iter().flat_map(|all| &all.service_control_policies);
        for (id, policies) in controls {
            let path = |p: usize| format!("organization.service-control-policies.{id}[{p}]");
            documents.extend(policies.iter().enumerate().map(|(p, policy)| (path(p), policy)));
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
            if id.len() != 12 || !id.bytes().all(|b| b.is_ascii_digit()) {
                return Err(format!("accounts[{a}].id: {id} has not twelve digits"));
            }
            if !accounts.insert(id.as_str()) {
                return Err(format!("accounts[{a}].id: {id} is there already"));
            }
            if let Some(name) = account.default_ebs_key.as_ref().filter(|name| !self.has_key(name)) {
                return Err(format!("accounts[{a}].default-ebs-key: {name} is no key of this file"));
            }
        }
        let known = |path: String, id: &str| {
            if accounts.contains(id) { Ok(()) } else { Err(format!("{path}: {id} is no account of this file")) }
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
                if let Some(name) = name.as_ref().filter(|name| *name != "aws/ebs" && !self.has_key(name)) {
                    return Err(format!("images[{i}].volumes[{v}]: {name} is no key of this file"));
                }
            }
        }
        Ok(())
    }

    fn has_key(&self, name: &str) -> bool {
        self.keys.iter().any(|key| key.name == name)
    }

    fn check_organization(&self) -> Result<(), String> {
        let Some(all) = &self.organization else { return Ok(()) };
        let places: BTreeSet<&str> = all.units.iter().map(|unit| unit.id.as_str()).chain([all.root.as_str()]).collect();
        for (u, unit) in all.units.iter().enumerate() {
            if !places.contains(unit.parent.as_str()) {
                return Err(format!("organization.units[{u}].parent: {} is neither the root nor a unit", unit.parent));
            }
        }
        for (account, place) in &all.accounts {
            if !self.accounts.iter().any(|of| of.id == *account) {
                return Err(format!("organization.accounts.{account}: no account of this file"));
            }
            if !places.contains(place.as_str()) {
                return Err(format!("organization.accounts.{account}: {place} is neither the root nor a unit"));
            }
        }
        Ok(())
    }
}
