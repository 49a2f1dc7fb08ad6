//! IDs: of the form of AWS's, and the same in every run.

use sha2::{Digest as _, Sha256};

use super::World;

impl World {
    /// Hexadecimal digits that were never issued before.
    pub fn issue(&mut self, digits: usize) -> String {
        self.issued += 1;
        hex(&format!("issued {}", self.issued), digits)
    }

    /// A new ID of EC2: 17 digits, of which the first is 0 (recorded).
    pub fn new_id(&mut self, prefix: &str) -> String {
        format!("{prefix}-0{}", self.issue(16))
    }
}

/// At most 64 hexadecimal digits, derived from a text.
pub fn hex(text: &str, digits: usize) -> String {
    let mut hex = String::new();
    for byte in Sha256::digest(text.as_bytes()) {
        hex.push_str(&format!("{byte:02x}"));
    }
    hex.truncate(digits);
    hex
}

/// 32 hexadecimal digits as a UUID.
pub(crate) fn uuid(digits: &str) -> String {
    let mut uuid = digits.to_owned();
    for position in [8, 13, 18, 23] {
        uuid.insert(position, '-');
    }
    uuid
}
