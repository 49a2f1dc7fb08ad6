//! What a run was given that nobody may read, and that an answer to any call may repeat.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

/// External IDs, known to a sharer and to the client that its calls go through.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Arc<Mutex<BTreeSet<String>>>);

impl Secrets {
    pub(crate) fn add(&self, secret: &str) {
        self.0.lock().insert(secret.to_owned());
    }

    pub(super) fn all(&self) -> BTreeSet<String> {
        self.0.lock().clone()
    }
}

/// Without them.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets")
    }
}
