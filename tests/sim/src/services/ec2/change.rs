//! What a request adds to and removes from a permission.

use crate::policy::Context;
use crate::wire::Query;

/// The names that a request adds and removes, as the user wrote them.
#[derive(Debug, Default)]
pub(super) struct Change {
    pub(super) add: Vec<Item>,
    pub(super) remove: Vec<Item>,
}

/// One name, and what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// `UserId`, `Group`, `OrganizationArn` or `OrganizationalUnitArn`.
    pub(super) kind: String,
    pub(super) name: String,
}

impl Change {
    /// Reads the modern form, `LaunchPermission.Add.1.UserId`.
    pub(super) fn modern(query: &Query, name: &str) -> Self {
        let read = |list: &str| {
            let members = query.members(&format!("{name}.{list}"));
            let items = |member: &Query| -> Vec<Item> {
                member
                    .pairs()
                    .map(|(kind, name)| Item {
                        kind: kind.to_owned(),
                        name: name.to_owned(),
                    })
                    .collect()
            };
            members.iter().flat_map(items).collect()
        };
        Self {
            add: read("Add"),
            remove: read("Remove"),
        }
    }

    /// Reads the older form, `OperationType` with `UserId.1` and `UserGroup.1`; nothing where it
    /// has no operation.
    pub(super) fn legacy(query: &Query) -> Option<Self> {
        let lists = [
            ("UserId", "UserId"),
            ("UserGroup", "Group"),
            ("OrganizationArn", "OrganizationArn"),
            ("OrganizationalUnitArn", "OrganizationalUnitArn"),
        ];
        let items = lists
            .iter()
            .flat_map(|(list, kind)| query.list(list).into_iter().map(|name| (*kind, name)))
            .map(|(kind, name)| Item {
                kind: kind.to_owned(),
                name: name.to_owned(),
            })
            .collect();
        match query.get("OperationType") {
            Some("add") => Some(Self {
                add: items,
                remove: Vec::new(),
            }),
            Some("remove") => Some(Self {
                add: Vec::new(),
                remove: items,
            }),
            _ => None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.add.is_empty() && self.remove.is_empty()
    }

    /// Everything that it names.
    pub(super) fn items(&self) -> impl Iterator<Item = &Item> {
        self.add.iter().chain(&self.remove)
    }

    /// The condition keys of the request: a batch makes them multivalued (R2.22).
    pub(super) fn context(&self) -> Context {
        let mut context = Context::new();
        for (items, verb) in [(&self.add, "add"), (&self.remove, "remove")] {
            for item in items {
                let kind = item.kind.to_lowercase();
                let values: &mut Vec<String> =
                    context.entry(format!("ec2:{verb}/{kind}")).or_default();
                if !values.contains(&item.name) {
                    values.push(item.name.clone());
                }
            }
        }
        context
    }
}

impl Item {
    /// Whether it has the form of what it is.
    pub(super) fn is_well_formed(&self) -> bool {
        let name = self.name.as_str();
        match self.kind.as_str() {
            "UserId" => name.len() == 12 && name.bytes().all(|byte| byte.is_ascii_digit()),
            "Group" => name == "all",
            "OrganizationArn" => crate::policy::matches(
                "arn:aws*:organizations::????????????:organization/o-*",
                name,
            ),
            "OrganizationalUnitArn" => {
                crate::policy::matches("arn:aws*:organizations::????????????:ou/o-*/ou-*", name)
            }
            _ => false,
        }
    }
}
