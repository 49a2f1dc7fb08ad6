//! Markdown of the step summary: what this tool writes is literal, all else is escaped.

use std::fmt::Display;

use crate::output::text::{mask_account_ids, visible};

/// A piece of Markdown. Only literals of this program enter it as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Markdown(String);

impl Markdown {
    /// Markdown of this program.
    pub(crate) fn literal(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    /// Plain text, whoever wrote it.
    pub(crate) fn text(text: impl Display) -> Self {
        Self(escape(&text.to_string()))
    }

    /// Plain text in the font of code.
    pub(crate) fn code(text: impl Display) -> Self {
        let text = escape(&text.to_string());
        Self(format!("<code>{text}</code>"))
    }

    /// A Mermaid diagram, which escapes its labels itself; folded unless it is open.
    pub(crate) fn diagram(text: &str, is_open: bool) -> Self {
        let picture = format!("\n```mermaid\n{text}```\n");
        if is_open {
            return Self(picture);
        }
        Self(format!(
            "\n<details><summary>Diagram</summary>\n{picture}\n</details>\n"
        ))
    }

    pub(crate) fn push(&mut self, more: Self) {
        self.0.push_str(&more.0);
    }

    pub(crate) fn push_literal(&mut self, text: &'static str) {
        self.0.push_str(text);
    }

    /// This and then `more`.
    pub(crate) fn then(mut self, more: Self) -> Self {
        self.push(more);
        self
    }

    /// A row of a table.
    pub(crate) fn push_row(&mut self, cells: impl IntoIterator<Item = Self>) {
        self.0.push('|');
        for cell in cells {
            self.0.push(' ');
            self.push(cell);
            self.0.push_str(" |");
        }
        self.0.push('\n');
    }

    /// The text for the file; with account IDs masked if that is asked for.
    pub(crate) fn into_text(self, masks_accounts: bool) -> String {
        if masks_accounts {
            mask_account_ids(&self.0)
        } else {
            self.0
        }
    }
}

/// Keeps what AWS and others wrote from being Markdown, HTML, mathematics or a link.
fn escape(text: &str) -> String {
    let text = visible(text);
    let mut escaped = String::new();
    for (at, c) in text.char_indices() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '|' | '*' | '_' | '[' | ']' | '#' | '!' | '`' | '~' | '@' | '$' => {
                escaped.extend(['\\', c]);
            }
            // GitHub makes links of `://` and of `www.` wherever they are.
            '/' if text[..at].ends_with(':') => escaped.push_str("\\/"),
            '.' if text[..at].to_ascii_lowercase().ends_with("www") => escaped.push_str("\\."),
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
        let table = [
            ("<b>| [x](y)\n", "&lt;b>\\| \\[x\\](y)\\\\n"),
            ("$a$ https://x www.x", "\\$a\\$ https:\\//x www\\.x"),
            ("\u{202e}\r", "\\\\u{202e}\\\\r"),
        ];
        for (text, escaped) in table {
            assert_eq!(escape(text), escaped);
        }
    }

    proptest::proptest! {
        #[test]
        fn text_cannot_leave_its_line_or_its_cell(
            text in "\\PC*|[|`*_<&~@$w.:/\n\r\\\\\\[\\]#!-]*|.*",
        ) {
            let escaped = escape(&text);
            proptest::prop_assert!(!escaped.contains(|c: char| c.is_control() || c == '<'));
            proptest::prop_assert!(!escaped.contains("://") && !escaped.contains("www."));
            let mut before = None;
            for c in escaped.chars() {
                // A backslash of the text is itself escaped, so it escapes nothing.
                let bare = before != Some('\\');
                proptest::prop_assert!(!bare || !"|*_[]#!`~$".contains(c), "{}", escaped);
                before = if bare { Some(c) } else { None };
            }
        }
    }
}
