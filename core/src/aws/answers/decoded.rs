//! Text of an answer as a reader sees it, whatever it is encoded in: JSON, XML, a URL, or one in
//! another. Each character knows which bytes of the answer it stands for.

use std::ops::Range;

/// AWS encodes twice at most: a message in JSON that holds one in XML, or a query in XML.
const MOST_TIMES: usize = 4;

/// A character, and where its bytes are.
type Char = (char, Range<usize>);

/// Text without its encodings.
#[derive(Debug)]
pub(super) struct Decoded(Vec<Char>);

impl Decoded {
    pub(super) fn of(text: &str) -> Self {
        let chars = text.char_indices();
        let plain = chars.map(|(at, c)| (c, at..at + c.len_utf8())).collect();
        let mut decoded = Self(plain);
        for _ in 0..MOST_TIMES {
            let once = decoded.decode();
            let is_plain = once.0.len() == decoded.0.len();
            decoded = once;
            if is_plain {
                break;
            }
        }
        decoded
    }

    /// Where the text has this word, in upper or lower case and not as a part of a longer word.
    pub(super) fn find(&self, word: &str) -> Vec<Range<usize>> {
        let word: Vec<char> = word.chars().collect();
        let (Some(first), Some(last)) = (word.first(), word.last()) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        let mut at = 0;
        while let Some(end) = Some(at + word.len()).filter(|end| *end <= self.0.len()) {
            let goes_on = |edge: &char, other: Option<&Char>| {
                is_of_word(*edge) && other.is_some_and(|(c, _)| is_of_word(*c))
            };
            let chars = self.0.get(at..end).unwrap_or_default();
            let is_it = chars.iter().zip(&word);
            let is_it = is_it
                .into_iter()
                .all(|((c, _), w)| c.eq_ignore_ascii_case(w));
            let before = at.checked_sub(1).and_then(|before| self.0.get(before));
            if is_it && !goes_on(first, before) && !goes_on(last, self.0.get(end)) {
                let begin = chars.first().map_or(0, |(_, bytes)| bytes.start);
                found.push(begin..chars.last().map_or(begin, |(_, bytes)| bytes.end));
                at = end;
            } else {
                at += 1;
            }
        }
        found
    }

    fn decode(&self) -> Self {
        let mut decoded = Vec::with_capacity(self.0.len());
        let mut rest = self.0.as_slice();
        while let Some((c, bytes)) = rest.first() {
            let (c, length) = encoded_char(rest).unwrap_or((*c, 1));
            let end = rest.get(length - 1).map_or(bytes.end, |(_, last)| last.end);
            decoded.push((c, bytes.start..end));
            rest = rest.get(length..).unwrap_or_default();
        }
        Self(decoded)
    }
}

/// The character that a text begins with in encoded form, and how many characters that form has.
fn encoded_char(text: &[Char]) -> Option<(char, usize)> {
    // A reference of XML is the longest form.
    let begin: String = text.iter().take(12).map(|(c, _)| *c).collect();
    let (form, rest) = begin.split_at_checked(1)?;
    match form {
        "%" => Some((hexadecimal(rest.get(..2)?)?, 3)),
        "\\" => match rest.chars().next()? {
            'u' => Some((hexadecimal(rest.get(1..5)?)?, 6)),
            'n' => Some(('\n', 2)),
            'r' => Some(('\r', 2)),
            't' => Some(('\t', 2)),
            c @ ('/' | '\\' | '"') => Some((c, 2)),
            _ => None,
        },
        "&" => {
            let (name, _) = rest.split_once(';')?;
            let c = match name {
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "quot" => '"',
                "apos" => '\'',
                number => match number.strip_prefix('#')?.strip_prefix(['x', 'X']) {
                    Some(number) => hexadecimal(number)?,
                    None => char::from_u32(number.strip_prefix('#')?.parse().ok()?)?,
                },
            };
            Some((c, name.chars().count() + 2))
        }
        _ => None,
    }
}

fn hexadecimal(digits: &str) -> Option<char> {
    let is_hexadecimal = digits.chars().all(|c| c.is_ascii_hexdigit());
    let number = u32::from_str_radix(digits, 16).ok();
    number.filter(|_| is_hexadecimal).and_then(char::from_u32)
}

fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '_' | '-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn found(text: &str, word: &str) -> Vec<String> {
        let places = Decoded::of(text).find(word);
        places.into_iter().map(|it| text[it].to_owned()).collect()
    }

    #[test]
    fn word_is_found_in_every_form() {
        for form in [
            "a/b+c=",
            r"a\/b+c=",
            r"a\u002fb\u002Bc\u003d",
            "a&#x2f;b&#43;c&#X3D;",
            "a%2fb%2Bc%3d",
            "a%252Fb%252bc%253D",
            "a%2Fb+c%3D",
            r"a&#x5c;u002fb+c=",
            "A/B+C=",
        ] {
            for (before, after) in [("", ""), ("is ", "."), ("\"", "\\nhost"), ("<M>", "</M>")] {
                let text = format!("{before}{form}{after}");
                assert_eq!(found(&text, "a/b+c="), [form], "{text}");
            }
        }
    }

    #[test]
    fn part_of_a_longer_word_is_not_found() {
        for text in ["producer", "my-prod", "prod_1", "%70roducer", "pro", ""] {
            assert!(found(text, "prod").is_empty(), "{text}");
        }
        assert_eq!(found("role/prod, prod.", "prod"), ["prod", "prod"]);
        assert!(found("anything", "").is_empty());
    }

    proptest! {
        #[test]
        fn any_text_is_decoded(text in ".{0,60}|[%&;#x\\\\u0-9a-f]{0,40}", word in "[a-f0-9]{1,3}") {
            for place in Decoded::of(&text).find(&word) {
                prop_assert!(text.get(place).is_some());
            }
        }
    }
}
