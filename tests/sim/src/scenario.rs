//! Worlds as data: the state in which a simulation begins.

mod build;
mod build_image;
mod check;
mod generate;
mod presets;
mod spec;
mod spec_launching;

use std::collections::BTreeMap;

use serde::Serialize;

pub use generate::Size;
pub use spec::{
    AccountSpec, AllowedImagesSpec, AllowedImagesState, EmptyVolumeSpec, GitHubJobSpec, ImageSpec,
    ImageStateSpec, KeySpec, KeyStateSpec, LaunchingSpec, MachineSpec, OrganizationSpec,
    PolicySpec, RegionSpec, RoleSpec, Scenario, SubnetSpec, UnitSpec,
};

/// What the simulation tells of itself when it is ready.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Facts {
    /// The Region.
    pub region: String,
    /// Administrators' access keys by account.
    pub accounts: BTreeMap<String, AccountFacts>,
    /// Image IDs by name.
    pub images: BTreeMap<String, String>,
    /// Key ARNs by name.
    pub keys: BTreeMap<String, String>,
    /// Role ARNs by account and name.
    pub roles: BTreeMap<String, BTreeMap<String, String>>,
    /// How the job on GitHub gets its ID tokens, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub github_job: Option<GitHubJobFacts>,
}

/// Where the simulation gives ID tokens.
pub(crate) const ID_TOKEN_PATH: &str = "/_sim/github/id-token";

/// How a job on GitHub gets its ID tokens.
#[derive(Clone, Debug, Serialize)]
pub struct GitHubJobFacts {
    /// What follows the endpoint in `ACTIONS_ID_TOKEN_REQUEST_URL`.
    pub request_path: String,
    /// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
    pub request_token: String,
}

/// An administrator's access key.
#[derive(Clone, Debug, Serialize)]
pub struct AccountFacts {
    /// The ID.
    pub access_key_id: String,
    /// The secret.
    pub secret_access_key: String,
}
