//! What is done with a shared image beside sharing it: deprecation, protection, an SSM parameter.

use std::collections::BTreeMap;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

use super::step::{Deprecate, Protect, Publish, SharedImage, Step};
use crate::diagnostic::{Finding, FindingCode};
use crate::id::AmiId;
use crate::inventory::{Image, Inventory, RegionInventory};
use crate::request::name::is_parameter_name;
use crate::request::{DeprecateAt, ShareRequest};

pub(super) fn plan(
    request: &ShareRequest,
    inventory: &Inventory,
    there: &RegionInventory,
    source: &Image,
    shared: &SharedImage,
    findings: &mut Vec<Finding>,
) -> Vec<Step> {
    let existing = shared.image.as_ref();
    let image = existing.and_then(|id| there.image(id));
    let mut steps = Vec::new();
    if let Some(when) = request.options.deprecate_at {
        steps.extend(deprecate(when, inventory.now, image, shared, findings));
    }
    if request.options.deregistration_protection {
        let held = image.is_some_and(|image| image.deregistration_protected);
        steps.push(Step::Protect(Protect {
            shared: shared.clone(),
            in_effect: held,
        }));
    }
    steps.extend(
        publish(request, there, source, shared, existing.cloned(), findings).map(Step::Publish),
    );
    steps
}

/// The parameter that names `image`, which is shared or is a target's own copy, in the account and
/// Region of `there`.
pub(super) fn publish(
    request: &ShareRequest,
    there: &RegionInventory,
    source: &Image,
    shared: &SharedImage,
    image: Option<AmiId>,
    findings: &mut Vec<Finding>,
) -> Option<Publish> {
    let name = request
        .parameter
        .as_ref()?
        .fill(&source.name_parts(&there.location));
    if !is_parameter_name(&name) {
        findings.push(Finding::refuse(
            FindingCode::ParameterNameInvalid,
            &source.id,
            format!("the SSM parameter would be named `{name}`, which AWS does not take"),
        ));
    }
    let current = there.parameters.get(&name).cloned();
    Some(Publish {
        account: there.location.account.clone(),
        shared: shared.clone(),
        image,
        name,
        current,
    })
}

fn deprecate(
    when: DeprecateAt,
    now: i64,
    image: Option<&Image>,
    shared: &SharedImage,
    findings: &mut Vec<Finding>,
) -> Option<Step> {
    let moment = image.and_then(|image| deprecation_moment(when, &image.creation_date));
    if let Some(past) = moment.filter(|moment| *moment <= now) {
        findings.push(Finding::warn(
            FindingCode::DeprecationPast,
            &shared.source.ami,
            format!(
                "the image would have been deprecated since {}, so that is left out",
                rfc3339(past)
            ),
        ));
        return None;
    }
    let at = match (moment, when) {
        (Some(moment), _) | (None, DeprecateAt::Time(moment)) => rfc3339(moment),
        (None, DeprecateAt::AfterCreation(after)) => {
            format!("{} after it is made", humantime::format_duration(after))
        }
    };
    let set = image.and_then(|image| seconds(image.deprecation_time.as_deref()?));
    // AWS keeps whole minutes.
    let held = set
        .zip(moment)
        .is_some_and(|(set, moment)| set.abs_diff(moment) <= 60);
    Some(Step::Deprecate(Deprecate {
        shared: shared.clone(),
        at,
        in_effect: held,
        when,
    }))
}

/// The moment at which an image of that creation date is deprecated, in seconds since 1970.
pub(crate) fn deprecation_moment(when: DeprecateAt, creation_date: &str) -> Option<i64> {
    match when {
        DeprecateAt::Time(moment) => Some(moment),
        DeprecateAt::AfterCreation(after) => {
            seconds(creation_date)?.checked_add(i64::try_from(after.as_secs()).ok()?)
        }
    }
}

fn seconds(date: &str) -> Option<i64> {
    DateTime::from_str(date, Format::DateTime)
        .ok()
        .map(|date| date.secs())
}

/// Whether a moment that AWS answered is over.
pub(super) fn is_past(date: &str, now: i64) -> bool {
    seconds(date).is_some_and(|moment| moment <= now)
}

/// A moment in RFC 3339.
pub(crate) fn rfc3339(moment: i64) -> String {
    DateTime::from_secs(moment)
        .fmt(Format::DateTime)
        .unwrap_or_else(|_| moment.to_string())
}

/// Two images would be written into one parameter: which one it held would be chance.
pub(super) fn ambiguous_parameters(steps: &[Step], findings: &mut Vec<Finding>) {
    let mut images = BTreeMap::new();
    for step in steps {
        if let Step::Publish(publish) = step
            && let Some(other) = images.insert(
                (&publish.account, &publish.shared.region, &publish.name),
                &publish.shared.source,
            )
        {
            findings.push(Finding::refuse(
                FindingCode::ParameterAmbiguous,
                &publish.name,
                format!(
                    "{other} and {} would both be written into this parameter",
                    publish.shared.source
                ),
            ));
        }
    }
}
