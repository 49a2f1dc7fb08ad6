//! What a request adds to a permission, and removes from it.

use crate::policy::{Context, matches};
use crate::wire::Query;

/// The names that a request adds and removes, as the user wrote them.
#[derive(Debug, Default)]
pub(super) struct PermissionChange {
    pub(super) add: Vec<Item>,
    pub(super) remove: Vec<Item>,
}

/// One name, and its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// `UserId`, `Group`, `OrganizationArn` or `OrganizationalUnitArn`.
    pub(super) kind: String,
    pub(super) name: String,
}

impl PermissionChange {
    /// Reads the modern form, `LaunchPermission.Add.1.UserId`.
    pub(super) fn modern(query: &Query, permission: &str) -> Self {
        Self {
            add: modern_items(query, &format!("{permission}.Add")),
            remove: modern_items(query, &format!("{permission}.Remove")),
        }
    }

    /// Reads the older form, `OperationType` with `UserId.1` and `UserGroup.1`; `None` if it has
    /// no operation.
    pub(super) fn legacy(query: &Query) -> Option<Self> {
        let lists = [
            ("UserId", "UserId"),
            ("UserGroup", "Group"),
            ("OrganizationArn", "OrganizationArn"),
            ("OrganizationalUnitArn", "OrganizationalUnitArn"),
        ];
        let mut items = Vec::new();
        for (list, kind) in lists {
            for name in query.list(list) {
                items.push(Item::new(kind, name));
            }
        }
        let mut change = Self::default();
        match query.get("OperationType")? {
            "add" => change.add = items,
            "remove" => change.remove = items,
            _ => return None,
        }
        Some(change)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.add.is_empty() && self.remove.is_empty()
    }

    /// Everything that it names.
    pub(super) fn items(&self) -> impl Iterator<Item = &Item> {
        self.add.iter().chain(&self.remove)
    }

    /// Whether it makes something public.
    pub(super) fn makes_public(&self) -> bool {
        self.add.iter().any(|item| item.name == "all")
    }

    /// The condition keys of the request. Several names make a key multivalued (R2.22).
    pub(super) fn context(&self) -> Context {
        let mut context = Context::new();
        for (items, verb) in [(&self.add, "add"), (&self.remove, "remove")] {
            for item in items {
                let key = format!("ec2:{verb}/{}", item.kind.to_lowercase());
                let values = context.entry(key).or_default();
                if !values.contains(&item.name) {
                    values.push(item.name.clone());
                }
            }
        }
        context
    }
}

fn modern_items(query: &Query, list: &str) -> Vec<Item> {
    let mut items = Vec::new();
    for member in query.members(list) {
        for (kind, name) in member.pairs() {
            items.push(Item::new(kind, name));
        }
    }
    items
}

impl Item {
    fn new(kind: &str, name: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            name: name.to_owned(),
        }
    }

    /// Whether the name has the form of its kind.
    pub(super) fn is_well_formed(&self) -> bool {
        const ORGANIZATION: &str = "arn:aws*:organizations::????????????:organization/o-*";
        const UNIT: &str = "arn:aws*:organizations::????????????:ou/o-*/ou-*";
        let name = self.name.as_str();
        match self.kind.as_str() {
            "UserId" => name.len() == 12 && name.bytes().all(|byte| byte.is_ascii_digit()),
            "Group" => name == "all",
            "OrganizationArn" => matches(ORGANIZATION, name),
            "OrganizationalUnitArn" => matches(UNIT, name),
            _ => false,
        }
    }
}
