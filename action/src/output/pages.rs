//! The pages of the repository that the step was taken from.

const FINDINGS: &str = "docs/FINDINGS.md";
const INPUTS: &str = "README.md#inputs";

/// Where the pages are.
pub(crate) struct Pages {
    /// The address of the repository's files, in the version of the step.
    repository: Option<String>,
}

impl Pages {
    /// The pages by the variables of GitHub, which say where an action comes from.
    pub(crate) fn of<'a>(variable: impl Fn(&str) -> Option<&'a str>) -> Self {
        Self {
            repository: repository(variable),
        }
    }

    /// The page that explains each code: its address, or where it is if that is not known.
    pub(crate) fn findings(&self) -> String {
        let address = self.address(FINDINGS);
        address.unwrap_or_else(|| format!("{FINDINGS} in the repository of ami-share"))
    }

    /// The address of the section about a code.
    pub(crate) fn section(&self, code: &str) -> Option<String> {
        let address = self.address(FINDINGS)?;
        Some(format!("{address}#{}", code.replace('.', "")))
    }

    /// The address of the section that explains every input.
    pub(crate) fn inputs(&self) -> Option<String> {
        self.address(INPUTS)
    }

    fn address(&self, page: &str) -> Option<String> {
        let repository = self.repository.as_ref()?;
        Some(format!("{repository}/{page}"))
    }
}

fn repository<'a>(variable: impl Fn(&str) -> Option<&'a str>) -> Option<String> {
    let repository = variable("GITHUB_ACTION_REPOSITORY").filter(|name| !name.is_empty())?;
    let server = variable("GITHUB_SERVER_URL").unwrap_or("https://github.com");
    let version = variable("GITHUB_ACTION_REF").filter(|name| !name.is_empty());
    let version = version.unwrap_or("HEAD");
    Some(format!("{server}/{repository}/blob/{version}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_those_of_the_version_of_the_action() {
        let pages = Pages::of(|name| match name {
            "GITHUB_ACTION_REPOSITORY" => Some("owner/ami-share"),
            "GITHUB_ACTION_REF" => Some("v1"),
            _ => None,
        });
        let repository = "https://github.com/owner/ami-share/blob/v1";
        let section = format!("{repository}/docs/FINDINGS.md#imagenot-found");
        assert_eq!(pages.section("image.not-found"), Some(section));
        let inputs = format!("{repository}/README.md#inputs");
        assert_eq!(pages.inputs(), Some(inputs));
    }

    #[test]
    fn page_without_an_address_is_named_with_its_place() {
        let nowhere = Pages::of(|_| None);
        assert_eq!(nowhere.section("image.not-found"), None);
        assert_eq!(nowhere.inputs(), None);
        let name = "docs/FINDINGS.md in the repository of ami-share";
        assert_eq!(nowhere.findings(), name);
    }
}
