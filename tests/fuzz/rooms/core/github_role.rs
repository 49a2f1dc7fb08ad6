//! In place of the role that needs the SDK: every address, token and partition is taken.

use crate::ShareRequest;
use crate::id::RoleArn;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitHubRole(RoleArn);

pub struct InvalidSetting {
    pub name: &'static str,
    pub reason: String,
}

impl GitHubRole {
    pub fn new(arn: RoleArn, _url: &str, _token: &str) -> Result<Self, InvalidSetting> {
        Ok(Self(arn))
    }

    pub fn check_partition(&self, _request: &ShareRequest) -> Result<(), InvalidSetting> {
        Ok(())
    }
}
