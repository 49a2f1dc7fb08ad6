//! The page that explains each code, in the repository that the step was taken from.

/// The page in the repository.
const PATH: &str = "docs/FINDINGS.md";

/// Where the page is.
pub(crate) struct FindingsPage {
    address: Option<String>,
}

impl FindingsPage {
    /// The page by the variables of GitHub, which say where an action comes from.
    pub(crate) fn of<'a>(variable: impl Fn(&str) -> Option<&'a str>) -> Self {
        Self {
            address: address(variable),
        }
    }

    /// The address, or the path in the repository if nothing says where that is.
    pub(crate) fn name(&self) -> &str {
        self.address.as_deref().unwrap_or(PATH)
    }

    /// The address of the section about a code.
    pub(crate) fn section(&self, code: &str) -> Option<String> {
        let address = self.address.as_ref()?;
        Some(format!("{address}#{}", code.replace('.', "")))
    }
}

fn address<'a>(variable: impl Fn(&str) -> Option<&'a str>) -> Option<String> {
    let repository = variable("GITHUB_ACTION_REPOSITORY").filter(|name| !name.is_empty())?;
    let server = variable("GITHUB_SERVER_URL").unwrap_or("https://github.com");
    let version = variable("GITHUB_ACTION_REF").filter(|name| !name.is_empty());
    let version = version.unwrap_or("HEAD");
    Some(format!("{server}/{repository}/blob/{version}/{PATH}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn section_is_in_the_version_of_the_action() {
        let page = FindingsPage::of(|name| match name {
            "GITHUB_ACTION_REPOSITORY" => Some("owner/ami-share"),
            "GITHUB_ACTION_REF" => Some("v1"),
            _ => None,
        });
        let section = "https://github.com/owner/ami-share/blob/v1/docs/FINDINGS.md#imagenot-found";
        assert_eq!(page.section("image.not-found").unwrap(), section);
        let nowhere = FindingsPage::of(|_| None);
        assert_eq!(nowhere.section("image.not-found"), None);
        assert_eq!(nowhere.name(), "docs/FINDINGS.md");
    }
}
