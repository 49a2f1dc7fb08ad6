//! How much the SDK would make of an answer: elements of lists, and how deep values are nested.

/// Deeper than any answer of AWS.
const DEEPEST: i64 = 100;

const ELEMENTS: [&[u8]; 2] = [b"<item", b"<member"];

/// How many values in a list of JSON, or attributes in XML, take the room of one element.
const SMALL: usize = 8;

/// Counts in XML and JSON alike, frame by frame. An element in the text of a value may count too,
/// which only errs on the side of too many; a bracket there does not, or it could hide another.
#[derive(Debug, Default)]
pub(super) struct Elements {
    found: usize,
    /// Values and attributes.
    small: usize,
    /// How much of each element's begin was just read.
    matched: [usize; 2],
    depth: i64,
    deepest: i64,
    /// Whether the next byte is in a string of JSON, and whether it is escaped there.
    in_string: bool,
    is_escaped: bool,
}

impl Elements {
    /// Counts on in the next bytes, and returns how many elements there are so far.
    pub(super) fn count(&mut self, bytes: &[u8]) -> usize {
        for byte in bytes {
            for (begin, matched) in ELEMENTS.iter().zip(&mut self.matched) {
                if begin.get(*matched) == Some(byte) {
                    *matched += 1;
                } else {
                    *matched = usize::from(*byte == b'<');
                }
                if *matched == begin.len() {
                    self.found += 1;
                    *matched = 0;
                }
            }
            self.small += usize::from(matches!(byte, b',' | b'='));
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = self.in_string,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' | b'[' => {
                    self.found += usize::from(*byte == b'{');
                    self.depth += 1;
                    self.deepest = self.deepest.max(self.depth);
                }
                b'}' | b']' => self.depth -= 1,
                _ => {}
            }
        }
        self.found + self.small / SMALL
    }

    /// Whether values of JSON are nested deeper than AWS nests them.
    pub(super) fn is_deep(&self) -> bool {
        self.deepest > DEEPEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_counted_across_frames() {
        let text = "<a><item/><<item></item><member>x</member></a>{\"a\":[{}]}";
        for size in [1, 2, 3, 7, 100] {
            let mut elements = Elements::default();
            for frame in text.as_bytes().chunks(size) {
                elements.count(frame);
            }
            assert_eq!(elements.found, 5, "{size}");
            assert!(!elements.is_deep());
        }
    }

    #[test]
    fn plain_values_and_attributes_count_too() {
        for text in [
            "[".to_owned() + &"0,".repeat(80),
            "<a ".to_owned() + &"b=\"\" ".repeat(80),
            // A quotation mark in XML begins no string.
            "<x>\"</x><a ".to_owned() + &"b=\"\" ".repeat(80),
        ] {
            assert_eq!(Elements::default().count(text.as_bytes()), 10, "{text}");
        }
    }

    #[test]
    fn deep_values_are_found() {
        let mut elements = Elements::default();
        elements.count("[".repeat(101).as_bytes());
        assert!(elements.is_deep());
    }

    #[test]
    fn bracket_in_a_string_hides_no_other() {
        for text in ["}", "]", r#"\"}"#, r"\\", r"\u007d]"] {
            let mut elements = Elements::default();
            elements.count(format!("[\"{text}\",").repeat(101).as_bytes());
            assert!(elements.is_deep(), "{text}");
        }
        let mut elements = Elements::default();
        elements.count(format!("[\"{}\"]", "[{".repeat(101)).as_bytes());
        assert!(!elements.is_deep());
    }
}
