//! YAML as far as a configuration file needs it: one document of mappings, lists and texts. Anchors
//! and tags are refused: they make a short file large, and a plan hard to read.

use std::collections::BTreeSet;

use granit_parser::{Event, Parser, ScalarStyle, Span, StrInput};

use super::is_plain;

/// A file has a mapping of groups, which have mappings of lists.
const DEEPEST: usize = 6;

/// A value of the file. Every scalar is text as it is written: an account ID may begin with a zero.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// `null`, or nothing at all.
    Nothing,
    Text(String),
    List(Vec<Self>),
    Mapping(Vec<(String, Self)>),
}

/// What is wrong, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    /// Such as `groups[1].tags`; blank at the top.
    pub(super) path: String,
    pub(super) message: String,
}

/// Reads the one document of a file.
pub(super) fn parse(text: &str) -> Result<Node, Wrong> {
    let mut reader = Reader {
        events: Parser::new_from_str(text),
        path: Vec::new(),
        line: 1,
    };
    reader.expect_document()?;
    let first = reader.next()?;
    let node = reader.node(first)?;
    let mut next = reader.next()?;
    if next == Event::DocumentEnd {
        next = reader.next()?;
    }
    if next != Event::StreamEnd {
        return Err(reader.wrong("the file has more than one document"));
    }
    Ok(node)
}

struct Reader<'a> {
    events: Parser<'a, StrInput<'a>>,
    /// Where it is, from the top.
    path: Vec<String>,
    line: usize,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Result<Event<'a>, Wrong> {
        match self.events.next() {
            Some(Ok((event, Span { start, .. }))) => {
                self.line = start.line();
                Ok(event)
            }
            Some(Err(error)) => {
                self.line = error.marker().line();
                Err(self.wrong(&format!("it is no YAML: {}", error.info())))
            }
            None => Err(self.wrong("it ends early")),
        }
    }

    fn expect_document(&mut self) -> Result<(), Wrong> {
        loop {
            match self.next()? {
                Event::StreamStart => {}
                Event::DocumentStart(..) => return Ok(()),
                _ => return Err(self.wrong("the file is empty")),
            }
        }
    }

    fn node(&mut self, event: Event<'a>) -> Result<Node, Wrong> {
        let (anchor, tag) = match &event {
            Event::Scalar(_, _, anchor, tag)
            | Event::SequenceStart(_, anchor, tag)
            | Event::MappingStart(_, anchor, tag) => (*anchor, tag.is_some()),
            _ => (1, false),
        };
        if anchor != 0 || tag {
            let message = "anchors (`&`), aliases (`*`) and tags (`!`) are not allowed";
            return Err(self.wrong(message));
        }
        if self.path.len() > DEEPEST {
            return Err(self.wrong("it is nested too deeply"));
        }
        match event {
            Event::SequenceStart(..) => self.list(),
            Event::MappingStart(..) => self.mapping(),
            Event::Scalar(text, style, ..) => Ok(scalar(&text, style)),
            _ => Err(self.wrong("a value is missing")),
        }
    }

    fn list(&mut self) -> Result<Node, Wrong> {
        let mut nodes = Vec::new();
        loop {
            let event = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(Node::List(nodes));
            }
            self.path.push(format!("[{}]", nodes.len()));
            nodes.push(self.node(event)?);
            self.path.pop();
        }
    }

    fn mapping(&mut self) -> Result<Node, Wrong> {
        let (mut members, mut keys) = (Vec::new(), BTreeSet::new());
        loop {
            let event = self.next()?;
            if event == Event::MappingEnd {
                return Ok(Node::Mapping(members));
            }
            let Node::Text(key) = self.node(event)? else {
                return Err(self.wrong("a key is not a text"));
            };
            self.path.push(key.clone());
            if !keys.insert(key.clone()) {
                return Err(self.wrong("is given twice"));
            }
            let event = self.next()?;
            let value = self.node(event)?;
            self.path.pop();
            members.push((key, value));
        }
    }

    fn wrong(&self, message: &str) -> Wrong {
        let mut path = String::new();
        for part in &self.path {
            if !path.is_empty() && !is_index(part) {
                path.push('.');
            }
            // The path of the file may lead to another one, of which nothing is to be shown.
            let is_shown = is_index(part) || is_plain(part);
            path.push_str(if is_shown { part } else { "a key" });
        }
        Wrong {
            path,
            message: format!("line {}: {message}", self.line),
        }
    }
}

/// Whether a part of a path is the place in a list.
fn is_index(part: &str) -> bool {
    let number = part
        .strip_prefix('[')
        .and_then(|part| part.strip_suffix(']'));
    number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn scalar(text: &str, style: ScalarStyle) -> Node {
    let is_nothing = matches!(text, "" | "~" | "null" | "Null" | "NULL");
    if is_nothing && style == ScalarStyle::Plain {
        return Node::Nothing;
    }
    Node::Text(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Node {
        Node::Text(text.to_owned())
    }

    #[test]
    fn scalars_are_texts_as_they_are_written() {
        let file = "a: 012345678901\nb: true\nc: '1.10'\nd:\ne: [0x1f, no]\nf:\n  g: |\n    h\n";
        let expected = Node::Mapping(vec![
            ("a".to_owned(), text("012345678901")),
            ("b".to_owned(), text("true")),
            ("c".to_owned(), text("1.10")),
            ("d".to_owned(), Node::Nothing),
            ("e".to_owned(), Node::List(vec![text("0x1f"), text("no")])),
            (
                "f".to_owned(),
                Node::Mapping(vec![("g".to_owned(), text("h\n"))]),
            ),
        ]);
        assert_eq!(parse(file), Ok(expected));
    }

    #[test]
    fn what_is_wrong_is_named_with_its_place() {
        let deep = "[".repeat(200);
        let table = [
            ("", "", "the file is empty"),
            ("# nothing\n", "", "the file is empty"),
            ("a: [1, {b: 1, b: 2}]", "a[1].b", "line 1: is given twice"),
            ("a: 1\n\na: 2", "a", "line 3: is given twice"),
            ("a: &x 1", "a", "anchors"),
            ("\"root:$6$hash\": &x 1", "a key", "anchors"),
            ("a: {\"[root\": &x 1}", "a.a key", "anchors"),
            ("a: *x", "a", "no YAML"),
            ("a: !!int 1", "a", "tags"),
            ("? [1]\n: 2", "", "a key is not a text"),
            ("a: 1\n---\nb: 2", "", "more than one document"),
            ("a: [1", "", "no YAML"),
            ("a: {b: {c: {d: {e: {f: {g: 1}}}}}}", "", "too deeply"),
            (&deep, "", "line 1"),
        ];
        for (file, path, message) in table {
            let wrong = parse(file).expect_err(file);
            assert!(wrong.message.contains(message), "{file}: {wrong:?}");
            assert!(path.is_empty() || wrong.path == path, "{file}: {wrong:?}");
        }
    }
}
