//! Recipients of an image or snapshot, each since a moment.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::ser::{Serialize, Serializer};

/// The names in a permission: accounts, `all`, organizations and organizational units, each since a
/// moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shared(BTreeMap<String, Duration>);

impl Shared {
    /// Adds a name from the beginning. Returns whether it is new.
    pub fn insert(&mut self, name: String) -> bool {
        self.add(name, Duration::ZERO)
    }

    /// Adds a name from a moment on. A name that is there keeps its time (R2.3).
    pub fn add(&mut self, name: String, since: Duration) -> bool {
        let new = !self.0.contains_key(&name);
        self.0.entry(name).or_insert(since);
        new
    }

    /// Removes a name.
    pub fn remove(&mut self, name: &str) -> bool {
        self.0.remove(name).is_some()
    }

    /// Removes every name.
    pub fn clear(&mut self) {
        self.0.clear();
    }

    /// Whether a name is there.
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Whether any of these was there at a moment. Sharing takes effect with a delay (R2.21).
    pub fn names_any(&self, names: &[String], at: Duration) -> bool {
        names
            .iter()
            .any(|name| self.0.get(name).is_some_and(|since| *since <= at))
    }

    /// Every name, in the order of the text.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Every name that was there at a moment.
    pub fn iter_at(&self, moment: Duration) -> impl Iterator<Item = &str> {
        let named = self.0.iter().filter(move |(_, since)| **since <= moment);
        named.map(|(name, _)| name.as_str())
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Shared {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.keys())
    }
}
