//! The parameters in a version of a launch template, as answers show them.

use std::collections::BTreeMap;

use crate::wire::with_small_letter;
use crate::wire::xml::Element;

/// A parameter with what is under its name: `Ebs.Encrypted` is a text within a structure, and
/// `Tag.1.Key` one within a member of a list.
#[derive(Default)]
struct Node {
    text: Option<String>,
    parts: BTreeMap<String, Self>,
}

/// The parameters as an answer shows them.
pub(super) fn render(data: &BTreeMap<String, String>) -> Element {
    let mut root = Node::default();
    for (name, value) in data {
        let mut node = &mut root;
        for part in name.split('.') {
            node = node.parts.entry(part.to_owned()).or_default();
        }
        node.text = Some(value.clone());
    }
    Element::new("launchTemplateData").children(members(&root, ""))
}

fn members(node: &Node, name: &str) -> Vec<Element> {
    let mut members = Vec::new();
    for (part, child) in &node.parts {
        members.push(render_node(child, part, name));
    }
    members
}

fn render_node(node: &Node, name: &str, within: &str) -> Element {
    if let Some(text) = &node.text {
        return Element::of(with_small_letter(name), text);
    }
    let mut numbered = Vec::new();
    for (part, child) in &node.parts {
        let Ok(number) = part.parse::<u32>() else {
            return Element::new(with_small_letter(name)).children(members(node, name));
        };
        numbered.push((number, child));
    }
    numbered.sort_by_key(|(number, _)| *number);
    let (list, item) = match (within, name) {
        ("NetworkInterface", "SecurityGroupId") => ("groupSet".to_owned(), "groupId"),
        (_, "LicenseSpecification") => ("licenseSet".to_owned(), "item"),
        _ => (format!("{}Set", with_small_letter(name)), "item"),
    };
    let mut element = Element::new(list);
    for (_, child) in numbered {
        element = element.child(match &child.text {
            Some(text) => Element::of(item, text),
            None => Element::new(item).children(members(child, name)),
        });
    }
    element
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_structures_have_the_names_of_answers() {
        let data = [
            ("ImageId", "ami-1"),
            ("BlockDeviceMapping.1.Ebs.KmsKeyId", "k"),
            ("NetworkInterface.1.SecurityGroupId.2", "sg-2"),
            ("NetworkInterface.1.SecurityGroupId.10", "sg-10"),
            ("SecurityGroupId.1", "sg-1"),
        ];
        let data = data.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let expected = "<launchTemplateData><blockDeviceMappingSet><item><ebs>\
                        <kmsKeyId>k</kmsKeyId></ebs></item></blockDeviceMappingSet>\
                        <imageId>ami-1</imageId><networkInterfaceSet><item><groupSet>\
                        <groupId>sg-2</groupId><groupId>sg-10</groupId></groupSet></item>\
                        </networkInterfaceSet><securityGroupIdSet><item>sg-1</item>\
                        </securityGroupIdSet></launchTemplateData>";
        let shown = render(&data.into()).document();
        assert_eq!(shown.lines().last(), Some(expected));
    }
}
