//! Escapes text from AWS and users for the Markdown of the step summary.

/// Keeps what AWS and others wrote from being Markdown or HTML of the summary.
pub(super) fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            '\n' | '\r' => escaped.push(' '),
            '\\' | '|' | '*' | '_' | '[' | ']' | '#' | '!' | '`' | '~' | '@' => {
                escaped.extend(['\\', c]);
            }
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_others_is_no_markdown() {
        assert_eq!(escape("<b>| [x](y)\n"), "&lt;b>\\| \\[x\\](y) ");
    }

    proptest::proptest! {
        #[test]
        fn text_cannot_leave_its_line_or_its_cell(text in "\\PC*|[|`*_<&~@\n\r\\\\\\[\\]#!-]*|.*") {
            let escaped = escape(&text);
            proptest::prop_assert!(!escaped.contains(['\n', '\r', '<']));
            let mut before = None;
            for c in escaped.chars() {
                // A backslash of the text is itself escaped, so it escapes nothing.
                let bare = before != Some('\\');
                proptest::prop_assert!(!bare || !"|*_[]#!`~".contains(c), "{}", escaped);
                before = if bare { Some(c) } else { None };
            }
        }
    }
}
