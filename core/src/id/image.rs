//! Images, and the Region that each is in.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{AmiId, InvalidId, Region};

/// An AMI, with its Region where the text named one: `ami-…` or `region:ami-…`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AmiRef {
    /// The Region before the colon.
    pub region: Option<Region>,
    /// The image.
    pub ami: AmiId,
}

impl FromStr for AmiRef {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let parsed = match text.split_once(':') {
            None => text.parse().ok().map(|ami| Self { region: None, ami }),
            Some((region, ami)) => match (region.parse(), ami.parse()) {
                (Ok(region), Ok(ami)) => Some(Self {
                    region: Some(region),
                    ami,
                }),
                _ => None,
            },
        };
        parsed.ok_or_else(|| {
            InvalidId::new(
                "an AMI",
                text,
                "`ami-` and 8 or 17 of 0-9a-f, or the same after a Region and a colon",
            )
        })
    }
}

/// An SSM parameter that holds the ID of an image, in its Region: `resolve:ssm:NAME`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ImageParameter {
    /// The Region of the parameter and of its image.
    pub region: Region,
    /// The name, or the ARN, with or without a version or a label behind a colon.
    pub name: String,
}

impl fmt::Display for ImageParameter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the parameter {} in {}", self.name, self.region)
    }
}

/// An image that a request names, in its Region.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct SourceImage {
    /// The Region of the image.
    pub region: Region,
    /// The image.
    pub ami: AmiId,
}

impl SourceImage {
    /// As the tags of copies name it.
    pub(crate) fn tag(&self) -> String {
        format!("{}/{}", self.region, self.ami)
    }
}

impl fmt::Display for SourceImage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.ami, self.region)
    }
}
