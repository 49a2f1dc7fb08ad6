//! EC2: the launch templates of a target (R4.19).

use aws_sdk_ec2::types::{
    LaunchTemplateVersion, RequestLaunchTemplateData, ResponseLaunchTemplateData,
};

use super::Ec2;
use crate::aws::unreadable::{Unreadable, present};
use crate::diagnostic::Error;
use crate::id::AmiId;
use crate::inventory::{LaunchTemplate, TemplateVersion, is_template_id};

/// What EC2 answers if there is no such launch template, or no such version.
const ABSENT: &[&str] = &[
    "InvalidLaunchTemplateId.Malformed",
    "InvalidLaunchTemplateId.NotFound",
    "InvalidLaunchTemplateName.NotFoundException",
];

/// A version by its number, with what it holds.
type ReadVersion<'a> = (
    u64,
    &'a LaunchTemplateVersion,
    &'a ResponseLaunchTemplateData,
);

/// A version that is to be made.
pub(crate) struct NewVersion<'a> {
    pub(crate) template: &'a LaunchTemplate,
    pub(crate) image: &'a AmiId,
    pub(crate) description: &'a str,
    pub(crate) client_token: &'a str,
}

impl Ec2 {
    /// A launch template, by its ID or its name; `None` if the account has none of that name here
    /// (`ec2:DescribeLaunchTemplateVersions`).
    pub(crate) async fn launch_template(
        &self,
        named: &str,
    ) -> Result<Option<LaunchTemplate>, Error> {
        const ACTION: &str = "ec2:DescribeLaunchTemplateVersions";
        let call = || {
            let call = self.client.get().describe_launch_template_versions();
            let call = if is_template_id(named) {
                call.launch_template_id(named)
            } else {
                call.launch_template_name(named)
            };
            call.versions("$Default").versions("$Latest").send()
        };
        let answer = match self.caller.send(ACTION, Some(named), call).await {
            Err(error) if error.is_aws(ABSENT) => return Ok(None),
            answer => answer?,
        };
        let template = convert(answer.launch_template_versions());
        template
            .map(Some)
            .map_err(|error| self.unreadable(ACTION, &error.of(named)))
    }

    /// Makes a version from the default one with another image; returns its number
    /// (`ec2:CreateLaunchTemplateVersion`).
    pub(crate) async fn create_template_version(&self, new: &NewVersion<'_>) -> Result<u64, Error> {
        const ACTION: &str = "ec2:CreateLaunchTemplateVersion";
        let id = &new.template.id;
        let data = RequestLaunchTemplateData::builder().image_id(new.image.as_ref());
        let call = || {
            self.client
                .get()
                .create_launch_template_version()
                .launch_template_id(id)
                .source_version(new.template.default.number.to_string())
                .version_description(new.description)
                .launch_template_data(data.build())
                .client_token(new.client_token)
                .send()
        };
        let answer = self.caller.send(ACTION, Some(id), call).await?;
        let version = present("LaunchTemplateVersion", answer.launch_template_version());
        let number = version.and_then(|version| number("VersionNumber", version.version_number()));
        number.map_err(|error| self.unreadable(ACTION, &error.of(id)))
    }

    /// Makes a version the default one (`ec2:ModifyLaunchTemplate`).
    pub(crate) async fn set_default_version(&self, id: &str, version: u64) -> Result<(), Error> {
        const ACTION: &str = "ec2:ModifyLaunchTemplate";
        let call = || {
            self.client
                .get()
                .modify_launch_template()
                .launch_template_id(id)
                .default_version(version.to_string())
                .send()
        };
        self.caller.send(ACTION, Some(id), call).await.map(drop)
    }
}

/// The launch template that these are the default and the newest versions of.
fn convert(versions: &[LaunchTemplateVersion]) -> Result<LaunchTemplate, Unreadable> {
    let (mut default, mut latest): (_, Option<ReadVersion<'_>>) = (None, None);
    for version in versions {
        let number = number("VersionNumber", version.version_number())?;
        let data = present("LaunchTemplateData", version.launch_template_data())?;
        let read = (number, version, data);
        if present("DefaultVersion", version.default_version())? {
            default = Some(read);
        }
        if latest.is_none_or(|(newest, ..)| newest < number) {
            latest = Some(read);
        }
    }
    let default = present("DefaultVersion", default)?;
    let latest = present("VersionNumber", latest)?;
    let (_, version, _) = default;
    Ok(LaunchTemplate {
        id: present("LaunchTemplateId", version.launch_template_id())?.to_owned(),
        name: present("LaunchTemplateName", version.launch_template_name())?.to_owned(),
        default: convert_version(default),
        latest: convert_version(latest),
        differs_by_image_only: without_image(default.2) == without_image(latest.2),
    })
}

fn convert_version((number, version, data): ReadVersion<'_>) -> TemplateVersion {
    TemplateVersion {
        number,
        image: data.image_id().map(str::to_owned),
        description: version.version_description().map(str::to_owned),
    }
}

fn without_image(data: &ResponseLaunchTemplateData) -> ResponseLaunchTemplateData {
    let mut data = data.clone();
    data.image_id = None;
    data
}

fn number(member: &'static str, value: Option<i64>) -> Result<u64, Unreadable> {
    let value = present(member, value)?;
    u64::try_from(value).map_err(|_negative| Unreadable::unknown(member, value))
}
