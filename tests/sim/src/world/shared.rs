//! With whom something is shared, and since when.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::ser::{Serialize, Serializer};

/// Whom a permission names: accounts, `all`, organizations and organizational units, each since a
/// moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shared(BTreeMap<String, Duration>);

impl Shared {
    /// Names somebody from the beginning; says whether it was new.
    pub fn insert(&mut self, who: String) -> bool {
        self.add(who, Duration::ZERO)
    }

    /// Names somebody from a moment on; who is there stays as it was (R2.3).
    pub fn add(&mut self, who: String, since: Duration) -> bool {
        let new = !self.0.contains_key(&who);
        self.0.entry(who).or_insert(since);
        new
    }

    /// Takes somebody out.
    pub fn remove(&mut self, who: &str) -> bool {
        self.0.remove(who).is_some()
    }

    /// Takes everybody out.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether somebody is named.
    pub fn contains(&self, who: &str) -> bool {
        self.0.contains_key(who)
    }

    /// Whether any of these was already named at a moment: sharing is published with a delay
    /// (R2.21).
    pub fn names_any(&self, names: &[String], at: Duration) -> bool {
        names
            .iter()
            .any(|name| self.0.get(name).is_some_and(|since| *since <= at))
    }

    /// Everybody, in the order of the text.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is nobody.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Shared {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.keys())
    }
}
