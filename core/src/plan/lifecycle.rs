//! What is done with an image once it is shared: deprecation, protection, an SSM parameter.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;

use super::planner::Planner;
use super::step::{Deprecate, Protect, Publish, SharedImage, Step};
use crate::diagnostic::{Finding, FindingCode};
use crate::id::{AccountId, AmiId};
use crate::inventory::{Image, Parameter, Part, RegionInventory, seconds};
use crate::request::DeprecateAt;
use crate::request::name::{is_parameter_name, missing_value};

impl Planner<'_> {
    /// Deprecation, protection and the parameter of a shared image, in the source account.
    pub(super) fn plan_lifecycle(
        &mut self,
        region: &RegionInventory,
        source: &Image,
        shared: &SharedImage,
    ) -> Vec<Step> {
        let image = self.existing_image(shared);
        let mut steps = self.plan_release(&region.location.account, image, shared);
        let publish = self.plan_parameter(region, source, shared, shared.image.clone());
        steps.extend(publish.map(Step::Publish));
        steps
    }

    /// Deprecation and protection of a shared image, or of a target's own copy of it, if it exists.
    pub(super) fn plan_release(
        &mut self,
        account: &AccountId,
        image: Option<&Image>,
        shared: &SharedImage,
    ) -> Vec<Step> {
        let mut steps = Vec::new();
        if let Some(when) = self.request.options.deprecate_at {
            let deprecate = self.plan_deprecation(account, when, image, shared);
            steps.extend(deprecate.map(Step::Deprecate));
        }
        if self.request.options.deregistration_protection {
            steps.push(Step::Protect(Protect {
                account: account.clone(),
                shared: shared.clone(),
                in_effect: image.is_some_and(|image| image.deregistration_protected),
            }));
        }
        steps
    }

    fn plan_deprecation(
        &mut self,
        account: &AccountId,
        when: DeprecateAt,
        image: Option<&Image>,
        shared: &SharedImage,
    ) -> Option<Deprecate> {
        let moment = image.and_then(|image| deprecation_moment(when, &image.creation_date));
        // AWS refuses a time in the past.
        if let Some(past) = moment.filter(|moment| *moment <= self.inventory.now) {
            let message = format!(
                "the image would have been deprecated since {}, so that is left out",
                rfc3339(past)
            );
            self.warn(FindingCode::DeprecationPast, &shared.source.ami, message);
            return None;
        }
        let at = match (moment, when) {
            (Some(moment), _) | (None, DeprecateAt::Time(moment)) => rfc3339(moment),
            (None, DeprecateAt::AfterCreation(after)) => {
                format!("{} after it is made", in_days(after))
            }
        };
        let current = image.and_then(|image| seconds(image.deprecation_time.as_deref()?));
        // AWS keeps whole minutes.
        let in_effect = current
            .zip(moment)
            .is_some_and(|(current, moment)| current.abs_diff(moment) <= 60);
        Some(Deprecate {
            account: account.clone(),
            shared: shared.clone(),
            at,
            in_effect,
            when,
        })
    }

    /// The parameter in the account and Region of `region` that holds `image`: the shared image, or
    /// a target's own copy of it. Its name is made from the source.
    pub(super) fn plan_parameter(
        &mut self,
        region: &RegionInventory,
        source: &Image,
        shared: &SharedImage,
        image: Option<AmiId>,
    ) -> Option<Publish> {
        let template = self.request.parameter.as_ref()?;
        let parts = source.name_parts(region);
        let name = template.fill(&parts);
        let part = Part::Parameter(region.location.clone(), name.clone());
        if self.is_broken(&part) {
            return None;
        }
        // A tag would choose which parameter is written.
        if let Some((placeholder, value)) = template.no_word_in(&parts) {
            let message = format!(
                "{placeholder} stands for `{value}`, which is no word between slashes: in the name \
                 of the SSM parameter it would choose another path, `{name}`"
            );
            let finding = Finding::refuse(FindingCode::ParameterNameInvalid, &source.id, message);
            self.refuse_parameter(region, part.clone(), finding);
        } else if !is_parameter_name(&name) {
            let why = missing_value(&name).unwrap_or_else(|| "AWS does not take that".to_owned());
            let message = format!("the SSM parameter would be named `{name}`, but {why}");
            let finding = Finding::refuse(FindingCode::ParameterNameInvalid, &source.id, message);
            self.refuse_parameter(region, part.clone(), finding);
        }
        let parameter = region.parameters.get(&name);
        let current = parameter.and_then(|parameter| parameter.image.clone());
        let replaces_other = parameter.is_some() && current.is_none();
        if let Some(other) = parameter.and_then(Parameter::other_type) {
            let message = format!(
                "this parameter of account {} in {} is of the type {other}, and an AMI ID is a \
                 String",
                region.location.account, region.location.region
            );
            let finding = Finding::refuse(FindingCode::ParameterOtherType, &name, message);
            self.refuse_parameter(region, part, finding);
        } else if replaces_other && !self.request.options.overwrite_parameter {
            let message = format!(
                "this parameter of account {} in {} holds something that is no AMI ID",
                region.location.account, region.location.region
            );
            let finding = Finding::refuse(FindingCode::ParameterNotImage, &name, message);
            self.refuse_parameter(region, part, finding);
        }
        Some(Publish {
            account: region.location.account.clone(),
            shared: shared.clone(),
            image,
            current,
            replaces_other,
            name,
        })
    }

    /// Refuses a parameter: that of one target keeps the image from nobody.
    fn refuse_parameter(&mut self, region: &RegionInventory, part: Part, finding: Finding) {
        if region.location.account == self.inventory.account {
            self.add_to_part(finding);
        } else {
            self.refuse_part(part, finding);
        }
    }

    /// Whether each parameter gets one image only: of two, it would hold the one written last.
    pub(super) fn check_parameters(&mut self, steps: &[Step]) {
        let mut sources = BTreeMap::new();
        for step in steps {
            let Step::Publish(publish) = step else {
                continue;
            };
            let parameter = (&publish.account, &publish.shared.region, &publish.name);
            let source = &publish.shared.source;
            if let Some(other) = sources.insert(parameter, source) {
                let message =
                    format!("{other} and {source} would both be written into this parameter");
                self.refuse_run(FindingCode::ParameterAmbiguous, &publish.name, message);
            }
        }
    }
}

/// The time at which an image of that creation date is deprecated, in seconds since 1970.
pub(crate) fn deprecation_moment(when: DeprecateAt, creation_date: &str) -> Option<i64> {
    match when {
        DeprecateAt::Time(moment) => Some(moment),
        DeprecateAt::AfterCreation(after) => {
            seconds(creation_date)?.checked_add(i64::try_from(after.as_secs()).ok()?)
        }
    }
}

/// Whether a time that AWS answered is over.
pub(super) fn is_past(date: &str, now: i64) -> bool {
    seconds(date).is_some_and(|moment| moment <= now)
}

/// Seconds since 1970 as a time in RFC 3339.
pub(crate) fn rfc3339(moment: i64) -> String {
    DateTime::from_secs(moment)
        .fmt(Format::DateTime)
        .unwrap_or_else(|_| moment.to_string())
}

/// A duration in days, hours and less: months and years have no one length.
fn in_days(duration: Duration) -> String {
    const DAY: u64 = 24 * 60 * 60;
    let seconds = duration.as_secs();
    let rest = humantime::format_duration(Duration::from_secs(seconds % DAY));
    let days = match seconds / DAY {
        0 => return rest.to_string(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    };
    if seconds.is_multiple_of(DAY) {
        days
    } else {
        format!("{days} {rest}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_is_told_in_days() {
        let table = [
            (90 * 86_400, "90 days"),
            (86_400, "1 day"),
            (400 * 86_400 + 3_600, "400 days 1h"),
            (7_200, "2h"),
        ];
        for (seconds, text) in table {
            assert_eq!(in_days(Duration::from_secs(seconds)), text);
        }
    }
}
