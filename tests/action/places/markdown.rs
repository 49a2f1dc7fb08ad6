//! What a step summary may hold beside text: our own Markdown, HTML and diagram.

use super::runners::is_hidden;

const HEADING: &str = "### ami-share: ";
const TAGS: [&str; 8] = [
    "<br>",
    "&emsp;",
    "<code>",
    "</code>",
    "<details>",
    "</details>",
    "<summary>",
    "</summary>",
];

/// What is wrong with a summary; text in it is escaped everywhere.
pub(super) fn problems(summary: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let (mut in_diagram, mut cells) = (false, 0);
    for line in summary.lines() {
        let is_fence = line == "```mermaid" && !in_diagram || line == "```" && in_diagram;
        let is_right = if is_fence {
            in_diagram = !in_diagram;
            true
        } else if in_diagram {
            is_of_diagram(line)
        } else {
            let line = &line.replace("<code>@</code>", "");
            let bare = without_escapes(line);
            let bars = bare.matches('|').count();
            let is_row = bars == 0 || cells == 0 || bars == cells;
            cells = bars;
            is_row && is_text(&bare, bars > 0) && !is_mention(line)
        };
        if !is_right || line.chars().any(is_hidden) {
            problems.push(format!("summary: {line}"));
        }
    }
    if in_diagram {
        problems.push("summary: a diagram without an end".to_owned());
    }
    problems
}

/// Whether `@` is outside of code, escaped or not: GitHub looks for mentions in what is rendered.
fn is_mention(line: &str) -> bool {
    let (mut line, mut outside) = (line, String::new());
    while let Some((before, code)) = line.split_once("<code>") {
        outside.push_str(before);
        line = code.split_once("</code>").map_or("", |(_, after)| after);
    }
    outside.push_str(line);
    outside.contains('@')
}

/// The line without its escaped characters.
fn without_escapes(line: &str) -> String {
    let mut bare = String::new();
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        if c == '\\' {
            chars.next();
        } else {
            bare.push(c);
        }
    }
    without_links(&bare.replace("&lt;", "").replace("&amp;", ""))
}

/// The line without links to the console of AWS, of which their text is left.
fn without_links(line: &str) -> String {
    let mut line = line.to_owned();
    while let Some(middle) = line.find("](https://") {
        let (before, link) = line.split_at(middle);
        let Some((address, after)) = link["](https://".len()..].split_once(')') else {
            break;
        };
        let host = address.split('/').next().unwrap_or_default();
        let (region, host) = host.split_once('.').unwrap_or_default();
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-/?=#:.".contains(c);
        let is_ours = host == "console.aws.amazon.com"
            && region.split('-').count() == 3
            && address.chars().all(is_plain);
        let (Some((start, text)), true) = (before.rsplit_once('['), is_ours) else {
            break;
        };
        line = format!("{start}{text}{after}");
    }
    line
}

/// Whether nothing but our own Markdown is left of a line.
fn is_text(bare: &str, is_row: bool) -> bool {
    let mut text = bare.strip_prefix(HEADING).unwrap_or(bare).to_owned();
    for tag in TAGS {
        text = text.replace(tag, "");
    }
    text = text.replace("**", "");
    // A list of ours begins with a code in bold.
    let begins = ["#", "+ ", "> ", "=", "~"];
    let is_code = bare.starts_with("<code>") || bare.starts_with("&emsp;");
    let is_block = !is_code && begins.iter().any(|begin| text.starts_with(begin));
    let is_list =
        !is_code && text.starts_with("- ") && !bare.starts_with("- **") && !bare.starts_with("- …");
    let is_bare = text.contains(['<', '&', '*', '_', '[', ']', '#', '!', '`', '~', '@', '$']);
    let is_link = text.contains("://") || text.to_ascii_lowercase().contains("www.");
    let is_other_row = text.contains('|') && !is_row;
    !is_block && !is_list && !is_bare && !is_link && !is_other_row
}

/// Whether a line of a diagram is one of ours: quotes hold nothing that could end them.
fn is_of_diagram(line: &str) -> bool {
    if line.starts_with("%%{init: {\"flowchart\"") {
        return !line.contains("forged");
    }
    let parts: Vec<&str> = line.split('"').collect();
    let (around, label) = match parts[..] {
        [around] => (around.to_owned(), ""),
        [before, label, after] => (format!("{before}{after}"), label),
        _ => return false,
    };
    let words = [
        "flowchart",
        "subgraph",
        "end",
        "linkStyle",
        "classDef",
        "class",
    ];
    let first = around.split_whitespace().next().unwrap_or_default();
    let name = first.split(['[', '(', '{']).next().unwrap_or_default();
    let digits = name.trim_start_matches(['T', 'N', 'P', 'A']);
    let is_node = name.len() <= digits.len() + 1 && digits.bytes().all(|b| b.is_ascii_digit());
    let is_label = |c: char| c.is_alphanumeric() || " .,:/_-#;…".contains(c);
    // Asterisks stand for the digits of an account.
    let label = label.replace("<br>", "").replace("********", "");
    (words.contains(&first) || is_node) && label.chars().all(is_label) && !around.contains("forged")
}

#[test]
fn markdown_of_others_is_found() {
    let table = [
        "a <b>",
        "[a](b)",
        "[a](https://b.console.aws.amazon.com.example/c)",
        "[a](https://us-east-1.console.aws.amazon.com/c?d=<e>)",
        "a https://b",
        "a Www.b",
        "a `b`",
        "@a",
        "\\@a",
        "<code>a</code> \\@b",
        "# a",
        "- a",
        "a $b$",
        "a &#60;",
        "\u{202e}",
        "| a | b |\n|---|---|\n| a | b | c |",
        "```mermaid\n  T0([\"a\"])\n  click T0 b\n```",
        "```mermaid\n  T0([\"a\"b\"])\n```",
        "```mermaid\nflowchart LR",
    ];
    for text in table {
        assert_ne!(problems(text), [""; 0], "{text}");
    }
    let ours = "### ami-share: shared\n- **code** a \\[b\\]\n\n\
                | [<code>a</code>](https://us-east-1.console.aws.amazon.com/b?c=d#e:f=g) | b |\n|---|---|\n| \\| | c |\n\
                <code>@</code>a <code>\\@b</code>\n\
                ```mermaid\nflowchart LR\n  T0([\"a#34;<br>b\"])\n```\n";
    assert_eq!(problems(ours), [""; 0]);
}
