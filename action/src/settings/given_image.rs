//! An image as people give it: its ID, or the SSM parameter that holds it.

use std::str::FromStr;

use ami_share::Region;
use ami_share::id::AmiRef;

/// As in launch templates of EC2.
const RESOLVE: &str = "resolve:ssm:";

/// An image, with its Region where the text names one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum GivenImage {
    Id(AmiRef),
    /// The one that an SSM parameter of this name holds.
    Parameter(Option<Region>, String),
}

impl FromStr for GivenImage {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let Some((region, name)) = text.split_once(RESOLVE) else {
            let image: AmiRef = text.parse().map_err(|error| format!("{error}"))?;
            return Ok(Self::Id(image));
        };
        let region = match region.strip_suffix(':') {
            None if region.is_empty() => None,
            Some(region) => Some(region.parse().map_err(|error| format!("{error}"))?),
            None => {
                return Err(format!(
                    "`{text}`: give `{RESOLVE}NAME`, or a Region before it"
                ));
            }
        };
        Ok(Self::Parameter(region, name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_is_an_id_or_a_parameter() {
        let parse = |text: &str| text.parse::<GivenImage>();
        assert!(matches!(parse("ami-1a2b3c4d"), Ok(GivenImage::Id(_))));
        let name = || "/golden/web:3".to_owned();
        let given = parse("resolve:ssm:/golden/web:3").unwrap();
        assert_eq!(given, GivenImage::Parameter(None, name()));
        let given = parse("eu-west-1:resolve:ssm:/golden/web:3").unwrap();
        let region = Some("eu-west-1".parse().unwrap());
        assert_eq!(given, GivenImage::Parameter(region, name()));
        for text in [
            "xresolve:ssm:/a",
            "nowhere:resolve:ssm:/a",
            "resolve:/a",
            "ssm:/a",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
