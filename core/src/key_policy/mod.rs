//! temporary
use crate::id::{AccountId, Partition};
use crate::request::KeyScope;
use std::collections::BTreeSet;
#[derive(Clone, Debug)]
pub struct KeyPolicy;
#[derive(Clone, Debug, thiserror::Error)]
#[error("x")]
pub struct PolicyError;
impl KeyPolicy {
    pub const LIMIT: usize = 32_768;
    pub fn parse(_: &str) -> Result<Self, PolicyError> {
        Ok(Self)
    }
    pub fn text(&self) -> String {
        String::new()
    }
    pub fn access(&self, _: Partition, _: KeyScope) -> BTreeSet<AccountId> {
        BTreeSet::new()
    }
    pub fn grant(&self, _: Partition, _: KeyScope, _: &BTreeSet<AccountId>) -> Result<Self, PolicyError> {
        Ok(Self)
    }
    pub fn stale_principals(&self) -> Vec<String> {
        Vec::new()
    }
    pub fn taken_sids(&self, _: Partition, _: KeyScope) -> Vec<String> {
        Vec::new()
    }
    pub fn size(&self) -> usize {
        0
    }
}
pub fn statements(_: Partition, _: KeyScope, _: &BTreeSet<AccountId>) -> Vec<serde_json::Value> {
    Vec::new()
}
