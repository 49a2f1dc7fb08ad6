//! Makes text of others harmless: names, tags, policies and AWS's answers come from elsewhere, and
//! no reader of a log or a summary may take them for a command or for words of this tool.

/// The longest line; the report has the whole text.
const LONGEST_LINE: usize = 4_000;

/// GitLab and Travis fold a log at these words and a colon.
const FOLDS: [&str; 4] = ["section_start", "section_end", "travis_fold", "travis_time"];

/// One line of text that can be written anywhere: what cannot be seen is visible, no CI system
/// finds a command in it, and it is not too long.
pub(crate) fn harmless_line(text: &str) -> String {
    break_commands(&visible(&cut(text, LONGEST_LINE)))
}

/// The text in one line, with an escape such as `\r` or `\u{202e}` for each character that cannot
/// be seen: controls, separators of lines, marks of direction, characters without width.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii_graphic() || c == ' ' {
            shown.push(c);
        } else {
            // The standard library knows what can be printed. It escapes a combining mark only at
            // the start of a string, where there is nothing to combine with.
            let pair: String = ['a', c].iter().collect();
            shown.extend(pair.escape_debug().skip(1));
        }
    }
    shown
}

/// JSON with the same meaning, in which nothing is invisible and no CI system finds a command:
/// later steps print outputs and the report.
pub(crate) fn harmless_json(json: &str) -> String {
    // Line by line, as the report of a thousand targets is long. Nothing above goes over a line.
    json.split_inclusive('\n')
        .map(harmless_line_of_json)
        .collect()
}

pub(crate) fn harmless_line_of_json(json: &str) -> String {
    let mut written = String::with_capacity(json.len());
    for c in json.chars() {
        // Blanks between values; within a text JSON has escapes for them.
        if c == '\n' || visible(c.encode_utf8(&mut [0; 4])).chars().eq([c]) {
            written.push(c);
        } else {
            push_json_escape(&mut written, c);
        }
    }
    // These characters are never part of an escape, and only texts hold them.
    written = written.replace("##", "#\\u0023");
    replace_colons(&written, "\\u003a")
}

/// Puts something in place of each colon that ends the marker of a section, in upper or lower case.
fn replace_colons(text: &str, colon: &str) -> String {
    let mut replaced = String::with_capacity(text.len());
    for part in text.split_inclusive(':') {
        match part.strip_suffix(':') {
            Some(before) if ends_with_fold(before) => {
                replaced.push_str(before);
                replaced.push_str(colon);
            }
            _ => replaced.push_str(part),
        }
    }
    replaced
}

fn ends_with_fold(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    FOLDS.iter().any(|name| text.ends_with(name))
}

fn push_json_escape(json: &mut String, c: char) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        json.push_str(&format!("\\u{unit:04x}"));
    }
}

/// The beginning of a text that is longer than `longest` characters, and how much is left out.
pub(crate) fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => {
            let more = text[end..].chars().count();
            format!("{}… ({more} more characters)", &text[..end])
        }
        None => text.to_owned(),
    }
}

/// Puts a backslash into whatever a CI system could take for a command.
///
/// A runner is not asked which it is: the log of one may be shown by another.
fn break_commands(line: &str) -> String {
    let mut broken = replace_colons(&break_brackets(line), "\\:");
    // GitHub runs a line that begins with colons, also after blanks; Buildkite begins a section
    // at three signs and a blank.
    let start = broken.len() - broken.trim_start().len();
    let begins = |marker: &str| broken[start..].starts_with(marker);
    if ["::", "--- ", "+++ ", "~~~ ", "^^^ "]
        .into_iter()
        .any(begins)
    {
        broken.insert(start, '\\');
    }
    broken
}

/// Breaks `##[error]`, `##vso[…]` and `##teamcity[…]`, which count anywhere in a line.
fn break_brackets(line: &str) -> String {
    let mut broken = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("##") {
        let (before, marker) = rest.split_at(at + 2);
        broken.push_str(before);
        let word = marker.len()
            - marker
                .trim_start_matches(|c: char| c.is_ascii_alphabetic())
                .len();
        if marker[word..].starts_with('[') {
            broken.push_str(&marker[..word]);
            broken.push('\\');
            rest = &marker[word..];
        } else {
            // Another sign may follow: `###[` is `##[` too.
            broken.truncate(broken.len() - 1);
            rest = &rest[at + 1..];
        }
    }
    broken.push_str(rest);
    broken
}

/// Hides every account ID but its last four digits, so that a reader can still tell accounts apart.
///
/// An account ID is a run of twelve digits, or three groups of four. Twelve digits within the ID of
/// a resource or of a key are none.
pub(crate) fn mask_account_ids(text: &str) -> String {
    let mut masked = String::with_capacity(text.len());
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let mut rest = text;
    while !rest.is_empty() {
        let word = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        push_masked(&mut masked, &rest[..word]);
        let between = rest[word..].find(is_part).unwrap_or(rest.len() - word);
        masked.push_str(&rest[word..word + between]);
        rest = &rest[word + between..];
    }
    masked
}

/// Adds a word of letters, digits and dashes.
fn push_masked(text: &mut String, word: &str) {
    let parts: Vec<&str> = word.split('-').collect();
    for (n, part) in parts.iter().enumerate() {
        if n > 0 {
            text.push('-');
        }
        let is_group = |part: &&str| part.len() == 4 && is_number(part);
        let begins = |first: usize| {
            let groups = parts.get(first..first + 3);
            groups.is_some_and(|groups| groups.iter().all(is_group)) && !is_uuid(&parts, first)
        };
        if begins(n) || n > 0 && begins(n - 1) {
            text.push_str("****");
        } else if is_hex_id(part) || n >= 4 && is_uuid(&parts, n - 3) {
            text.push_str(part);
        } else {
            push_masked_runs(text, part);
        }
    }
}

/// Adds a part of a word, of which every run of twelve digits is hidden but for the last four.
fn push_masked_runs(text: &mut String, part: &str) {
    let mut rest = part;
    while !rest.is_empty() {
        let letters = rest
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(rest.len());
        text.push_str(&rest[..letters]);
        rest = &rest[letters..];
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        let (run, after) = rest.split_at(digits);
        if run.len() == 12 {
            text.push_str("********");
            text.push_str(&run[8..]);
        } else {
            text.push_str(run);
        }
        rest = after;
    }
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether it is what follows `ami-` or the like.
fn is_hex_id(part: &str) -> bool {
    part.len() == 17 && part.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Whether these three parts are the middle of an ID such as a key has: 8, 4, 4, 4 and 12 digits.
fn is_uuid(parts: &[&str], middle: usize) -> bool {
    let Some(parts) = middle
        .checked_sub(1)
        .and_then(|first| parts.get(first..first + 5))
    else {
        return false;
    };
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [8, 4, 4, 4, 12]
}

#[cfg(test)]
mod tests;
