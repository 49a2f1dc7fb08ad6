//! Writes JSON in which no CI system finds a command, without holding all of it: the report of a
//! thousand targets has megabytes.

use std::io::{self, Write};

use super::text::harmless_line_of_json;

/// Hands each line on once it is whole.
pub(super) struct HarmlessJson<W> {
    out: W,
    line: Vec<u8>,
}

impl<W: Write> HarmlessJson<W> {
    pub(super) fn new(out: W) -> Self {
        let line = Vec::new();
        Self { out, line }
    }
}

impl<W: Write> Write for HarmlessJson<W> {
    fn write(&mut self, json: &[u8]) -> io::Result<usize> {
        for part in json.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend(part);
            if part.ends_with(b"\n") {
                self.flush_line()?;
            }
        }
        Ok(json.len())
    }

    /// Writes what there is of the last line too, so it comes at the end.
    fn flush(&mut self) -> io::Result<()> {
        self.flush_line()?;
        self.out.flush()
    }
}

impl<W: Write> HarmlessJson<W> {
    fn flush_line(&mut self) -> io::Result<()> {
        let line = std::str::from_utf8(&self.line).map_err(io::Error::other)?;
        self.out.write_all(harmless_line_of_json(line).as_bytes())?;
        self.line.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;
    use crate::output::text::harmless_json;

    proptest! {
        /// However the text comes in pieces, it is what it is as a whole, and means the same.
        #[test]
        fn pieces_become_what_the_whole_becomes(
            texts in prop::collection::vec("[ -~\\n\u{85}\u{202e}é]{0,12}|##\\[x\\]|::group::", 0..6),
            piece in 1_usize..9,
        ) {
            let value = json!({ "a": texts, "b": { "c": [] } });
            let whole = serde_json::to_string_pretty(&value).unwrap();
            let mut written = Vec::new();
            let mut out = HarmlessJson::new(&mut written);
            for piece in whole.as_bytes().chunks(piece) {
                out.write_all(piece).unwrap();
            }
            out.flush().unwrap();
            let written = String::from_utf8(written).unwrap();
            prop_assert_eq!(&written, &harmless_json(&whole));
            prop_assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), value);
        }
    }
}
