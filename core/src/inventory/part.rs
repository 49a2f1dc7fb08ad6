//! The parts of a request that can fail while the others are done.

use crate::diagnostic::Error;
use crate::id::{AccountId, AccountRegion, AmiId, KeyArn, Region, SourceImage};

/// A part of a request. If it fails, only what depends on it is left out.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// Whatever is shared in a Region.
    Region(Region),
    /// An image of the source account in its own Region, and everything that is made of it.
    Image(Region, AmiId),
    /// What is shared of an image in one Region.
    ImageIn(SourceImage, Region),
    /// A key of the source account's images, and the images that are shared under it.
    Key(KeyArn),
    /// What else is shared in a Region: keys that it may need are not taken from anybody.
    OtherShares(Region),
    /// An SSM parameter.
    Parameter(AccountRegion, String),
    /// A launch template of a target, by what the request names it.
    LaunchTemplate(AccountRegion, String),
    /// What the run does in a Region of a target.
    TargetRegion(AccountId, Region),
    /// A role that is to launch in a target.
    LaunchRole(AccountId, String),
    /// The service-linked roles of a service in a target.
    ServiceRoles(AccountId, String),
}

impl Part {
    /// The Region that the part is in, if it is in one.
    pub(crate) fn region(&self) -> Option<&Region> {
        match self {
            Self::Region(region)
            | Self::Image(region, _)
            | Self::ImageIn(_, region)
            | Self::OtherShares(region)
            | Self::TargetRegion(_, region) => Some(region),
            Self::Key(key) => Some(key.region()),
            Self::Parameter(location, _) | Self::LaunchTemplate(location, _) => {
                Some(&location.region)
            }
            Self::LaunchRole(..) | Self::ServiceRoles(..) => None,
        }
    }

    /// The target that the part belongs to.
    pub(crate) fn target(&self) -> Option<&AccountId> {
        match self {
            Self::TargetRegion(account, _)
            | Self::LaunchRole(account, _)
            | Self::ServiceRoles(account, _) => Some(account),
            Self::LaunchTemplate(location, _) => Some(&location.account),
            _ => None,
        }
    }
}

/// A part that could not be read, and why.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) part: Part,
    pub(crate) error: Error,
}

impl Failure {
    pub(crate) fn new(part: Part, error: Error) -> Self {
        Self { part, error }
    }
}
