//! Where the statements of a policy are in its text.

/// A place in a text: line and column, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column, in units of UTF-16.
    pub column: usize,
}

/// Where each statement begins and ends. A statement begins where the one before it ends, or after
/// the bracket that opens the list, as a reader of JSON counts (R7.20). The text is valid JSON.
pub fn statement_spans(text: &str) -> Vec<(Position, Position)> {
    let mut spans = Vec::new();
    let (mut at, mut start) = (Position { line: 1, column: 1 }, None);
    let (mut depth, mut list_depth) = (0_usize, 0_usize);
    let (mut in_text, mut escaped, mut in_statements) = (false, false, false);
    let mut last_text = String::new();
    for c in text.chars() {
        at = after(at, c);
        if in_text {
            in_text = escaped || c != '"';
            escaped = !escaped && c == '\\';
            last_text.push(c);
            continue;
        }
        match c {
            '"' => {
                in_text = true;
                last_text.clear();
            }
            ':' if depth == 1 => in_statements = last_text == "Statement\"",
            ',' if depth == 1 => in_statements = false,
            '{' | '[' => {
                depth += 1;
                if in_statements && depth == 2 {
                    start = Some(at);
                    list_depth = if c == '[' { 2 } else { 1 };
                }
            }
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                if c == '}'
                    && in_statements
                    && depth == list_depth
                    && let Some(from) = start
                {
                    spans.push((from, at));
                    start = Some(at);
                }
            }
            _ => {}
        }
    }
    spans
}

fn after(at: Position, c: char) -> Position {
    if c == '\n' {
        return Position {
            line: at.line + 1,
            column: 1,
        };
    }
    Position {
        column: at.column + c.len_utf16(),
        ..at
    }
}
