//! A small tree of XML elements, written with `quick-xml`'s escaping.

use std::borrow::Cow;

use quick_xml::escape::escape;

/// An element with text or children.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    name: Cow<'static, str>,
    attribute: Option<(&'static str, &'static str)>,
    text: Option<String>,
    children: Vec<Self>,
}

impl Element {
    /// An empty element.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            attribute: None,
            text: None,
            children: Vec::new(),
        }
    }

    /// An element with text.
    pub fn of(name: impl Into<Cow<'static, str>>, text: impl ToString) -> Self {
        Self {
            text: Some(text.to_string()),
            ..Self::new(name)
        }
    }

    /// An element with text, if there is a text.
    pub fn optional(
        name: impl Into<Cow<'static, str>>,
        text: Option<impl ToString>,
    ) -> Option<Self> {
        text.map(|text| Self::of(name, text))
    }

    /// A list as EC2 writes it: the children are `item`s.
    pub fn list(
        name: impl Into<Cow<'static, str>>,
        items: impl IntoIterator<Item = Vec<Self>>,
    ) -> Self {
        Self::new(name).wrapped("item", items)
    }

    /// A list as Auto Scaling, IAM and STS write it: the children are `member`s.
    pub fn members(
        name: impl Into<Cow<'static, str>>,
        items: impl IntoIterator<Item = Vec<Self>>,
    ) -> Self {
        Self::new(name).wrapped("member", items)
    }

    /// With a child of a name for each item.
    fn wrapped(mut self, name: &'static str, items: impl IntoIterator<Item = Vec<Self>>) -> Self {
        for members in items {
            self.children.push(Self::new(name).children(members));
        }
        self
    }

    /// With an attribute.
    #[must_use]
    pub fn attribute(mut self, name: &'static str, value: &'static str) -> Self {
        self.attribute = Some((name, value));
        self
    }

    /// With one more child.
    #[must_use]
    pub fn child(mut self, child: Self) -> Self {
        self.children.push(child);
        self
    }

    /// With more children.
    #[must_use]
    pub fn children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children.extend(children);
        self
    }

    /// With a child that holds text.
    #[must_use]
    pub fn text(self, name: impl Into<Cow<'static, str>>, text: impl ToString) -> Self {
        self.child(Self::of(name, text))
    }

    /// The name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The children, to change them.
    pub(crate) fn children_mut(&mut self) -> &mut Vec<Self> {
        &mut self.children
    }

    /// Puts a text in the place of whatever the element has.
    pub(crate) fn set_text(&mut self, text: String) {
        self.text = Some(text);
        self.children.clear();
    }

    /// As a document.
    pub fn document(&self) -> String {
        let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        out.push('<');
        out.push_str(&self.name);
        if let Some((name, value)) = self.attribute {
            out.push_str(&format!(" {name}=\"{}\"", escape(value)));
        }
        out.push('>');
        if let Some(text) = &self.text {
            // XML has no escape for control characters; one would make the answer unreadable.
            let allowed = |c: &char| !c.is_control() || matches!(c, '\t' | '\n' | '\r');
            let text: String = text.chars().filter(allowed).collect();
            out.push_str(&escape(text.as_str()));
        }
        for child in &self.children {
            child.write(out);
        }
        out.push_str(&format!("</{}>", self.name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        let element = Element::new("a")
            .attribute("xmlns", "u")
            .text("b", "<&>\u{0}")
            .child(Element::list("l", [vec![]]));
        let expected = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<a \
                        xmlns=\"u\"><b>&lt;&amp;&gt;</b><l><item></item></l></a>";
        assert_eq!(element.document(), expected);
    }
}
