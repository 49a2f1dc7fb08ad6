//! Key policies that were parsed before: each call that uses a key asks for its policy, which may
//! name hundreds of principals.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;

use crate::policy::Document;

/// When there are more, all are forgotten: a world has a few keys that are in use.
const MOST: usize = 256;

/// The documents by their texts, which say all that they depend on.
static KEPT: LazyLock<Mutex<HashMap<String, Arc<Document>>>> = LazyLock::new(Mutex::default);

/// The document of a text, or one without statements if the text is none.
pub(super) fn parse(text: &str) -> Arc<Document> {
    let mut kept = KEPT.lock();
    if let Some(document) = kept.get(text) {
        return Arc::clone(document);
    }
    if kept.len() >= MOST {
        kept.clear();
    }
    let document = Arc::new(Document::from_text(text).unwrap_or_default());
    kept.insert(text.to_owned(), Arc::clone(&document));
    document
}
