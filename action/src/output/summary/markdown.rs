//! Markdown of the step summary: what this tool writes is literal, all else is escaped.

use std::fmt::Display;

use crate::output::text::{cut, mask_account_ids, visible};

/// Takes the place of blocks for which there is no room.
const LEFT_OUT: &str = "\n… and more, which is in the summary of the run and in the report\n";

/// The longest text of others, in characters: GitHub takes a mebibyte for the summary of a step.
const LONGEST_TEXT: usize = 4_000;

/// `@` in text. GitHub looks for mentions in what is rendered, where a backslash is gone,
/// but not in code.
const AT: &str = "<code>@</code>";

/// A piece of Markdown. Only literals of this program enter it as they are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Markdown {
    text: String,
    /// Where blocks end that can be left out without harm to what follows.
    ends: Vec<usize>,
}

impl Markdown {
    /// Markdown of this program.
    pub(crate) fn literal(text: &'static str) -> Self {
        Self::of(text.to_owned())
    }

    fn of(text: String) -> Self {
        let ends = Vec::new();
        Self { text, ends }
    }

    /// Plain text, whoever wrote it.
    pub(crate) fn text(text: impl Display) -> Self {
        Self::of(escape(&text.to_string(), AT))
    }

    /// A message, in which what stands between backticks has the font of code.
    pub(crate) fn message(text: impl Display) -> Self {
        let text = cut(&text.to_string(), LONGEST_TEXT);
        let (mut message, mut rest) = (Self::default(), text.as_str());
        while let Some((before, code, after)) = first_quoted(rest) {
            message.push(Self::text(before));
            message.push(Self::code(code));
            rest = after;
        }
        message.then(Self::text(rest))
    }

    /// Plain text in the font of code.
    pub(crate) fn code(text: impl Display) -> Self {
        // GitHub mentions nobody in code.
        let text = escape(&text.to_string(), "\\@");
        Self::of(format!("<code>{text}</code>"))
    }

    /// A Mermaid diagram, which escapes its labels itself; folded unless it is open.
    pub(crate) fn diagram(text: &str, is_open: bool) -> Self {
        let picture = format!("\n```mermaid\n{text}```\n");
        if is_open {
            return Self::of(picture);
        }
        Self::of(format!(
            "\n<details><summary>Diagram</summary>\n{picture}\n</details>\n"
        ))
    }

    /// This as a link; without one if the address has a character that could end it.
    pub(crate) fn linked(self, address: &str) -> Self {
        let is_safe = |c: char| c.is_ascii_alphanumeric() || "-._~:/?#=&".contains(c);
        if address.starts_with("https://") && address.chars().all(is_safe) {
            Self::of(format!("[{}]({address})", self.text))
        } else {
            self
        }
    }

    pub(crate) fn push(&mut self, more: Self) {
        self.text.push_str(&more.text);
    }

    pub(crate) fn push_literal(&mut self, text: &'static str) {
        self.text.push_str(text);
    }

    /// This and then `more`.
    pub(crate) fn then(mut self, more: Self) -> Self {
        self.push(more);
        self
    }

    /// A row of a table.
    pub(crate) fn push_row(&mut self, cells: impl IntoIterator<Item = Self>) {
        self.text.push('|');
        for cell in cells {
            self.text.push(' ');
            self.push(cell);
            self.text.push_str(" |");
        }
        self.text.push('\n');
    }

    /// Ends a block, which a short text may leave out.
    pub(crate) fn end_block(&mut self) {
        self.ends.push(self.text.len());
    }

    /// The whole text; with account IDs masked if that is asked for.
    pub(crate) fn whole_text(&self, masks_accounts: bool) -> String {
        text_of(&self.text, masks_accounts)
    }

    /// A text of at most `longest` characters: without the blocks that would make it longer.
    pub(crate) fn short_text(&self, masks_accounts: bool, longest: usize) -> String {
        let whole = self.whole_text(masks_accounts);
        if whole.chars().count() <= longest {
            return whole;
        }
        let mut room = longest.saturating_sub(LEFT_OUT.len());
        let (mut text, mut start) = (String::new(), 0);
        for end in self.ends.iter().copied().chain([self.text.len()]) {
            let block = text_of(&self.text[start..end], masks_accounts);
            start = end;
            let characters = block.chars().count();
            if characters <= room {
                room -= characters;
                text.push_str(&block);
            }
        }
        text + LEFT_OUT
    }
}

/// What is before, between and after the first two backticks.
fn first_quoted(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('`')?;
    let (code, after) = rest.split_once('`')?;
    Some((before, code, after))
}

fn text_of(text: &str, masks_accounts: bool) -> String {
    if masks_accounts {
        mask_account_ids(text)
    } else {
        text.to_owned()
    }
}

/// Keeps what AWS and others wrote from being Markdown, HTML, mathematics, a link or endless;
/// `at_sign` takes the place of `@`.
fn escape(text: &str, at_sign: &str) -> String {
    let text = visible(&cut(text, LONGEST_TEXT));
    let mut escaped = String::new();
    for (at, c) in text.char_indices() {
        match c {
            '<' => escaped.push_str("&lt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '|' | '*' | '_' | '[' | ']' | '#' | '!' | '`' | '~' | '$' => {
                escaped.extend(['\\', c]);
            }
            '@' => escaped.push_str(at_sign),
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
            ("a/b a.b WWW.x", "a/b a.b WWW\\.x"),
            ("\u{202e}\r", "\\\\u{202e}\\\\r"),
            ("a @team/x", "a <code>@</code>team/x"),
        ];
        for (text, escaped) in table {
            assert_eq!(escape(text, AT), escaped);
        }
    }

    #[test]
    fn only_an_address_is_a_link() {
        let table = [
            ("https://x/y#z", "[name](https://x/y#z)"),
            ("https://x/y)", "name"),
            ("javascript:x", "name"),
        ];
        for (address, link) in table {
            assert_eq!(Markdown::text("name").linked(address).text, link);
        }
    }

    #[test]
    fn text_without_an_end_is_cut() {
        let long = "`|".repeat(100_000);
        for markdown in [
            Markdown::text(&long),
            Markdown::code(&long),
            Markdown::message(&long),
        ] {
            assert!(markdown.text.len() < 20 * LONGEST_TEXT);
            assert!(markdown.text.ends_with(" more characters)") || markdown.text.ends_with('>'));
        }
    }

    #[test]
    fn words_between_backticks_are_code() {
        let table = [
            ("give `a|b` or c", "give <code>a\\|b</code> or c"),
            ("`a` and `b", "<code>a</code> and \\`b"),
            ("``` <b>", "<code></code>\\` &lt;b>"),
            ("`@a` @b", "<code>\\@a</code> <code>@</code>b"),
        ];
        for (text, message) in table {
            assert_eq!(Markdown::message(text).text, message);
        }
    }

    #[test]
    fn short_text_leaves_out_whole_blocks_and_says_so() {
        let mut text = Markdown::literal("# head\n");
        text.end_block();
        for length in [10, 500, 20] {
            text.push(Markdown::text("é".repeat(length)));
            text.push_literal("\n");
            text.end_block();
        }
        assert_eq!(text.short_text(false, 1_000), text.whole_text(false));
        let short = text.short_text(false, 200);
        let [first, last] = [10, 20].map(|length| "é".repeat(length));
        assert_eq!(short, format!("# head\n{first}\n{last}\n{LEFT_OUT}"));
        for longest in LEFT_OUT.len()..700 {
            let short = text.short_text(true, longest);
            assert!(short.chars().count() <= longest, "{longest}: {short}");
        }
    }

    proptest::proptest! {
        #[test]
        fn text_cannot_leave_its_line_or_its_cell(
            text in "\\PC*|[|`*_<&~@$w.:/\n\r\\\\\\[\\]#!-]*|.*",
        ) {
            let escaped = escape(&text, AT).replace(AT, " ");
            proptest::prop_assert!(!escaped.contains('@'));
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
