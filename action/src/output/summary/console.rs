//! Links to the console of AWS.

use ami_share::id::{KeyArn, Partition};
use ami_share::{AmiId, Region};

use super::markdown::Markdown;
use crate::output::key_name::KeyNames;

/// An image by its ID, with a link to it.
pub(super) fn image(id: &AmiId, region: &Region) -> Markdown {
    let page = format!("ec2/home?region={region}#ImageDetails:imageId={id}");
    linked(Markdown::code(id), region, &page)
}

/// A key by its name, as the log has it, with a link to it.
pub(super) fn key(key: &KeyArn, names: &KeyNames) -> Markdown {
    let region = key.region();
    let id = key.as_ref().rsplit('/').next().unwrap_or_default();
    let page = format!("kms/home?region={region}#/kms/keys/{id}");
    let name = names.shorten(key.as_ref());
    let name = name.strip_prefix("key ").unwrap_or(&name);
    linked(Markdown::code(name), region, &page)
}

/// The text with a link, if the address of the console is known in the Region's partition.
fn linked(text: Markdown, region: &Region, page: &str) -> Markdown {
    let host = match region.partition() {
        Partition::Aws => "console.aws.amazon.com",
        Partition::AwsCn => "console.amazonaws.cn",
        Partition::AwsUsGov => "console.amazonaws-us-gov.com",
        _ => return text,
    };
    text.linked(&format!("https://{region}.{host}/{page}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_goes_to_the_console_of_the_partition() {
        let id: AmiId = "ami-1a2b3c4d".parse().unwrap();
        let table = [
            (
                "us-east-1",
                Some("https://us-east-1.console.aws.amazon.com/ec2/home?"),
            ),
            (
                "cn-north-1",
                Some("https://cn-north-1.console.amazonaws.cn/ec2/home?"),
            ),
            (
                "us-gov-west-1",
                Some("https://us-gov-west-1.console.amazonaws-us-gov.com/ec2/home?"),
            ),
            ("us-iso-east-1", None),
        ];
        for (region, link) in table {
            let text = image(&id, &region.parse().unwrap()).whole_text(false);
            assert!(text.contains("<code>ami-1a2b3c4d</code>"), "{text}");
            match link {
                Some(link) => assert!(text.contains(link), "{text}"),
                None => assert!(!text.contains("https"), "{text}"),
            }
        }
    }
}
