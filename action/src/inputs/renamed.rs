//! Inputs that had other names, so that a workflow with an old one is told the new one.

/// The old name, the new one, and what else is different.
const RENAMED: [(&str, &str, &str); 6] = [
    (
        "copy-completion-minutes",
        "copy-completion",
        ", a duration such as `45m`",
    ),
    ("copy-tags", "copy-image-tags", ""),
    ("force-key-revoke", "revoke-keys-in-use", ""),
    (
        "keep-shared",
        "unshare-after-copy",
        ", with the opposite meaning",
    ),
    ("remove-copies", "revoke-copies", ""),
    ("service-linked-roles", "target-service-linked-roles", ""),
];

/// What became of an input; `None` if none had this name.
pub(crate) fn describe(name: &str) -> Option<String> {
    let (_, new_name, difference) = RENAMED.iter().find(|(old_name, ..)| *old_name == name)?;
    Some(format!("is now called `{new_name}`{difference}"))
}

#[cfg(test)]
mod tests {
    use super::super::INPUTS;
    use super::*;

    #[test]
    fn renamed_inputs_lead_to_inputs_that_exist() {
        for (old_name, new_name, _) in RENAMED {
            assert!(INPUTS.iter().all(|input| input.name != old_name));
            assert!(INPUTS.iter().any(|input| input.name == new_name));
        }
    }
}
