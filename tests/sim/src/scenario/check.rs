//! Checks of a scenario that its JSON Schema cannot express: policies, and names that must exist.

use std::collections::BTreeSet;

use serde_json::Value;

use super::spec::{AccountSpec, OrganizationSpec, Scenario};
use crate::json_file;
use crate::partition;
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
        scenario.check_accounts()?;
        scenario.check_keys()?;
        scenario.check_images()?;
        scenario.check_regions()?;
        scenario.check_organization()?;
        Ok(scenario)
    }

    fn check_documents(&self) -> Result<(), String> {
        for (index, account) in self.accounts.iter().enumerate() {
            check_account_documents(account, &format!("accounts[{index}]"))?;
        }
        for (index, key) in self.keys.iter().enumerate() {
            check_document(&format!("keys[{index}].policy"), key.policy.as_ref())?;
            check_document(
                &format!("keys[{index}].ram-policy"),
                key.ram_policy.as_ref(),
            )?;
        }
        let Some(organization) = &self.organization else {
            return Ok(());
        };
        for (kind, policies) in [
            ("service", &organization.service_control_policies),
            ("resource", &organization.resource_control_policies),
        ] {
            for (id, policies) in policies {
                for (index, policy) in policies.iter().enumerate() {
                    let path = format!("organization.{kind}-control-policies.{id}[{index}]");
                    check_document(&path, Some(policy))?;
                }
            }
        }
        Ok(())
    }

    fn check_accounts(&self) -> Result<(), String> {
        let mut known = BTreeSet::new();
        for (index, account) in self.accounts.iter().enumerate() {
            let id = &account.id;
            if !is_account_id(id) {
                return Err(format!("accounts[{index}].id: {id} has not twelve digits"));
            }
            if !known.insert(id) {
                return Err(format!("accounts[{index}].id: {id} is there already"));
            }
            if let Some(name) = &account.default_ebs_key {
                self.check_key_name(&format!("accounts[{index}].default-ebs-key"), name)?;
            }
        }
        Ok(())
    }

    fn check_keys(&self) -> Result<(), String> {
        let mut known = BTreeSet::new();
        for (index, key) in self.keys.iter().enumerate() {
            self.check_account_id(&format!("keys[{index}].account"), &key.account)?;
            let name = &key.name;
            if !known.insert(name) {
                return Err(format!("keys[{index}].name: {name} is there already"));
            }
        }
        Ok(())
    }

    fn check_images(&self) -> Result<(), String> {
        let mut known = BTreeSet::new();
        for (index, image) in self.images.iter().enumerate() {
            self.check_account_id(&format!("images[{index}].account"), &image.account)?;
            let name = &image.name;
            if !known.insert(name) {
                return Err(format!("images[{index}].name: {name} is there already"));
            }
            for (volume, key) in image.volumes.iter().enumerate() {
                match key.as_deref() {
                    None | Some("aws/ebs") => {}
                    Some(name) => {
                        self.check_key_name(&format!("images[{index}].volumes[{volume}]"), name)?;
                    }
                }
            }
        }
        Ok(())
    }

    fn check_account_id(&self, path: &str, id: &str) -> Result<(), String> {
        if self.accounts.iter().any(|account| account.id == id) {
            return Ok(());
        }
        Err(format!("{path}: {id} is no account of this file"))
    }

    fn check_key_name(&self, path: &str, name: &str) -> Result<(), String> {
        if self.keys.iter().any(|key| key.name == name) {
            return Ok(());
        }
        Err(format!("{path}: {name} is no key of this file"))
    }

    /// If the file lists Regions, there are no others. All are in one partition.
    fn check_regions(&self) -> Result<(), String> {
        if self.region.is_empty() {
            return Err("region: it is empty".to_owned());
        }
        let home = partition::of_region(&self.region).name;
        for (index, region) in self.regions.iter().enumerate() {
            let other = partition::of_region(&region.name).name;
            if other != home {
                let problem = format!("in the partition {other}, and the world is in {home}");
                return Err(format!("regions[{index}].name: {problem}"));
            }
        }
        if self.regions.is_empty() {
            return Ok(());
        }
        self.check_region("region", &self.region)?;
        for (index, key) in self.keys.iter().enumerate() {
            if let Some(region) = &key.region {
                self.check_region(&format!("keys[{index}].region"), region)?;
            }
        }
        for (index, image) in self.images.iter().enumerate() {
            if let Some(region) = &image.region {
                self.check_region(&format!("images[{index}].region"), region)?;
            }
        }
        for (index, account) in self.accounts.iter().enumerate() {
            for (position, region) in account.opted_in.iter().enumerate() {
                let path = format!("accounts[{index}].opted-in[{position}]");
                self.check_region(&path, region)?;
            }
        }
        Ok(())
    }

    fn check_region(&self, path: &str, name: &str) -> Result<(), String> {
        if self.regions.iter().any(|region| region.name == name) {
            return Ok(());
        }
        Err(format!("{path}: {name} is no Region of this file"))
    }

    fn check_organization(&self) -> Result<(), String> {
        let Some(organization) = &self.organization else {
            return Ok(());
        };
        organization.check_units()?;
        for (account, unit) in &organization.accounts {
            let path = format!("organization.accounts.{account}");
            if !self.accounts.iter().any(|known| known.id == *account) {
                return Err(format!("{path}: no account of this file"));
            }
            if !organization.has_unit(unit) {
                return Err(format!("{path}: {unit} is neither the root nor a unit"));
            }
        }
        organization.check_members()
    }
}

fn check_account_documents(account: &AccountSpec, path: &str) -> Result<(), String> {
    for (index, role) in account.roles.iter().enumerate() {
        let path = format!("{path}.roles[{index}]");
        if let Some(of_role) = &role.path
            && !(of_role.starts_with('/') && of_role.ends_with('/'))
        {
            return Err(format!("{path}.path: {of_role} is not between slashes"));
        }
        check_document(&format!("{path}.trust"), Some(&role.trust))?;
        check_document(&format!("{path}.policy"), role.policy.as_ref())?;
        check_document(&format!("{path}.boundary"), role.boundary.as_ref())?;
    }
    for (index, policy) in account.policies.iter().enumerate() {
        let path = format!("{path}.policies[{index}].document");
        check_document(&path, Some(&policy.document))?;
    }
    Ok(())
}

fn check_document(path: &str, document: Option<&Value>) -> Result<(), String> {
    if let Some(document) = document {
        Document::parse(document).map_err(|problem| format!("{path}: {problem}"))?;
    }
    Ok(())
}

fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

impl OrganizationSpec {
    fn check_units(&self) -> Result<(), String> {
        let management = &self.management;
        if !is_account_id(management) {
            return Err(format!(
                "organization.management: {management} has not twelve digits"
            ));
        }
        for (index, unit) in self.units.iter().enumerate() {
            let (path, parent) = (format!("organization.units[{index}].parent"), &unit.parent);
            if !self.has_unit(parent) {
                return Err(format!("{path}: {parent} is neither the root nor a unit"));
            }
            if !self.leads_to_root(&unit.id) {
                return Err(format!("{path}: {parent} leads in a circle"));
            }
        }
        let resource = self.resource_control_policies.keys();
        for id in self.service_control_policies.keys().chain(resource) {
            if !self.has_unit(id) && !self.accounts.contains_key(id) {
                let problem = "neither the root nor a unit nor an account of it";
                return Err(format!(
                    "organization.service-control-policies.{id}: {problem}"
                ));
            }
        }
        Ok(())
    }

    /// The delegated administrators and the states of accounts are those of its accounts.
    fn check_members(&self) -> Result<(), String> {
        const STATES: [&str; 5] = [
            "ACTIVE",
            "CLOSED",
            "PENDING_ACTIVATION",
            "PENDING_CLOSURE",
            "SUSPENDED",
        ];
        for account in &self.delegated_administrators {
            if !self.accounts.contains_key(account) {
                let path = format!("organization.delegated-administrators.{account}");
                return Err(format!("{path}: no account of it"));
            }
        }
        for (account, state) in &self.account_states {
            let path = format!("organization.account-states.{account}");
            if !self.accounts.contains_key(account) {
                return Err(format!("{path}: no account of it"));
            }
            if !STATES.contains(&state.as_str()) {
                return Err(format!("{path}: {state} is none of {}", STATES.join(", ")));
            }
        }
        Ok(())
    }

    /// Whether an ID is that of the root or a unit.
    fn has_unit(&self, id: &str) -> bool {
        self.root == id || self.units.iter().any(|unit| unit.id == id)
    }

    /// Whether the parents of a unit end at the root. In a circle, there are more parents than
    /// units.
    fn leads_to_root(&self, unit: &str) -> bool {
        let mut current = unit;
        for _ in 0..self.units.len() {
            let Some(unit) = self.units.iter().find(|unit| unit.id == current) else {
                break;
            };
            current = &unit.parent;
        }
        current == self.root
    }
}
