//! Which resources actions take, and how answers name them.

/// The ARN that stands for several resources of an action, in AWS's words. It is known only for
/// some actions, and AWS leaves it out for others (R7.20).
pub(super) fn template(action: &str) -> Option<&'static str> {
    let (service, name) = action.split_once(':')?;
    Some(match service.to_ascii_lowercase().as_str() {
        "ec2" => "arn:aws:ec2:${Region}:${Account}:${ResourceType}/${ResourcePath}",
        "iam" => "arn:aws:iam::${Account}:${ResourceType}/${ResourceName}",
        "kms" => "arn:aws:kms:${Region}:${Account}:${ResourceType}/${ResourceId}",
        "s3" if is_of_object(name) => "arn:aws:s3:::${BucketName}/${KeyName}",
        "s3" => "arn:aws:s3:::${BucketName}",
        _ => return None,
    })
}

/// Whether an action takes a resource. Of most actions only the service is known here.
pub(super) fn takes(action: &str, arn: &str) -> bool {
    if arn == "*" {
        return true;
    }
    let Some((service, name)) = action.split_once(':') else {
        return false;
    };
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [_, _, of_service, _, _, resource] = parts[..] else {
        return false;
    };
    let service = service.to_ascii_lowercase();
    match service.as_str() {
        // STS has no resources of its own.
        "sts" => of_service == "iam",
        "s3" if of_service == "s3" && is_of_object(name) => resource.contains('/'),
        "kms" if of_service == "kms" => {
            name.to_ascii_lowercase().contains("alias") || resource.starts_with("key/")
        }
        "iam" if of_service == "iam" => iam_type(name).is_none_or(|kind| {
            resource.split('/').next().is_some_and(|of| of == kind) || resource == "*"
        }),
        other => of_service == other,
    }
}

fn is_of_object(name: &str) -> bool {
    name.to_ascii_lowercase().contains("object")
}

/// What an action of IAM is about, by its name: a user, a group or a role.
fn iam_type(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let types = ["user", "group", "role"];
    types.into_iter().find(|kind| name.ends_with(kind))
}

/// Whether a text has the form of an ARN.
pub(super) fn is_arn(text: &str) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [arn, partition, service, _, _, resource] = parts[..] else {
        return false;
    };
    arn == "arn" && ![partition, service, resource].contains(&"")
}

/// The account that an ARN names.
pub(super) fn account_of(arn: &str) -> Option<&str> {
    let account = arn.split(':').nth(4)?;
    (!account.is_empty()).then_some(account)
}
