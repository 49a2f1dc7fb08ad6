//! A launch template of a target: the two versions that launches get without a number.

use crate::id::AmiId;

/// A parameter of Systems Manager in the place of an image, which each launch resolves (R4.21).
const RESOLVE: &str = "resolve:";

/// A launch template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LaunchTemplate {
    /// Its ID, `lt-…`.
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) default: TemplateVersion,
    /// The newest version, which may be the default one.
    pub(crate) latest: TemplateVersion,
    /// Whether the newest version differs from the default one by nothing but the image.
    pub(crate) differs_by_image_only: bool,
}

/// A version of a launch template, which never changes (R4.19).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TemplateVersion {
    pub(crate) number: u64,
    /// The image as the version names it; `None` if it names none.
    pub(crate) image: Option<String>,
    pub(crate) description: Option<String>,
}

/// What must be done to a launch template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TemplateChange {
    /// Nothing: this version names the image.
    Nothing(u64),
    /// This version names the image, and is to become the default one.
    SetDefault(u64),
    /// A new version, made from the default one.
    NewVersion,
}

impl LaunchTemplate {
    /// What must be done so that the default version, or else the newest one, names an image.
    ///
    /// The new version is made from the default one, which is the one that the template's owner
    /// has launches use: the newest may be somebody's draft. One that a run cut off made is
    /// recognised by what it holds and by its description.
    pub(crate) fn change_to(&self, image: &AmiId, set_default: bool) -> TemplateChange {
        let latest = &self.latest;
        let is_made = self.differs_by_image_only
            && latest.names(image)
            && latest.description.as_ref() == Some(&self.description_with(image));
        match set_default {
            true if self.default.names(image) => TemplateChange::Nothing(self.default.number),
            true if is_made => TemplateChange::SetDefault(latest.number),
            false if latest.names(image) => TemplateChange::Nothing(latest.number),
            _ => TemplateChange::NewVersion,
        }
    }

    /// The version that launches get now, which the one with the image takes the place of.
    pub(crate) fn replaced(&self, set_default: bool) -> &TemplateVersion {
        if set_default {
            &self.default
        } else {
            &self.latest
        }
    }

    /// The description of the version that is made from the default one with an image.
    pub(crate) fn description_with(&self, image: &AmiId) -> String {
        let number = self.default.number;
        format!("ami-share: {image}, otherwise as version {number}")
    }

    /// The parameter that one of its versions has instead of an image. Launches get the image that
    /// is in it, so a version with an image of its own would come between.
    pub(crate) fn resolved_parameter(&self) -> Option<&str> {
        let versions = [&self.default, &self.latest].into_iter();
        let mut images = versions.filter_map(|version| version.image.as_deref());
        images.find(|image| image.starts_with(RESOLVE))
    }
}

impl TemplateVersion {
    /// The image that it names, if that is the ID of one.
    pub(crate) fn image_id(&self) -> Option<AmiId> {
        self.image.as_ref()?.parse().ok()
    }

    fn names(&self, image: &AmiId) -> bool {
        self.image.as_deref() == Some(image.as_ref())
    }
}

/// Whether a text is the ID of a launch template; every other one is a name.
pub(crate) fn is_template_id(text: &str) -> bool {
    let id = text.strip_prefix("lt-");
    id.is_some_and(|id| id.len() >= 8 && id.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(number: u64, image: Option<&str>) -> TemplateVersion {
        TemplateVersion {
            number,
            image: image.map(str::to_owned),
            description: None,
        }
    }

    /// The default version 1, and the newest version 2.
    fn template(default: Option<&str>, latest: Option<&str>) -> LaunchTemplate {
        LaunchTemplate {
            id: "lt-0123456789abcdef0".to_owned(),
            name: "web".to_owned(),
            default: version(1, default),
            latest: version(2, latest),
            differs_by_image_only: true,
        }
    }

    const OLD: Option<&str> = Some("ami-11111111");
    const NEW: Option<&str> = Some("ami-22222222");

    #[test]
    fn change_depends_on_the_version_that_launches_get() {
        use TemplateChange::{NewVersion, Nothing};
        let image: AmiId = "ami-22222222".parse().unwrap();
        for (default, latest, with_default, without) in [
            (OLD, OLD, NewVersion, NewVersion),
            (NEW, OLD, Nothing(1), NewVersion),
            (NEW, NEW, Nothing(1), Nothing(2)),
            (None, None, NewVersion, NewVersion),
            // Somebody else made the newest version, which may be a draft.
            (OLD, NEW, NewVersion, Nothing(2)),
        ] {
            let template = template(default, latest);
            assert_eq!(template.change_to(&image, true), with_default);
            assert_eq!(template.change_to(&image, false), without);
        }
    }

    #[test]
    fn only_the_version_of_a_run_cut_off_becomes_the_default_one() {
        let image: AmiId = "ami-22222222".parse().unwrap();
        let mut made = template(OLD, NEW);
        made.latest.description = Some(made.description_with(&image));
        assert_eq!(made.change_to(&image, true), TemplateChange::SetDefault(2));
        let mut edited = made.clone();
        edited.differs_by_image_only = false;
        assert_eq!(edited.change_to(&image, true), TemplateChange::NewVersion);
        let mut moved = made.clone();
        moved.default.number = 7;
        assert_eq!(moved.change_to(&image, true), TemplateChange::NewVersion);
    }

    #[test]
    fn parameter_of_either_version_is_seen() {
        let resolved = Some("resolve:ssm:/golden");
        for (default, latest, expected) in [
            (OLD, NEW, None),
            (resolved, NEW, resolved),
            (OLD, resolved, resolved),
        ] {
            let template = template(default, latest);
            assert_eq!(template.resolved_parameter(), expected);
        }
    }

    #[test]
    fn id_is_told_from_a_name() {
        for (text, expected) in [
            ("lt-0123456789abcdef0", true),
            ("lt-web", false),
            ("web", false),
        ] {
            assert_eq!(is_template_id(text), expected, "{text}");
        }
    }
}
