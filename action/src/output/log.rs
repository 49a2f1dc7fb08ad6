//! The log: plain lines for any CI, with GitHub's workflow commands where GitHub reads it.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

/// GitHub shows this many annotations of each level of a step, and drops the others.
const SHOWN_ANNOTATIONS: usize = 10;

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    GitHub,
    Plain,
    /// Somebody watches at a terminal; whether in colours.
    Terminal(bool),
}

/// How serious a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    Error,
    Warning,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

/// Writes the log. Masked text never reaches it.
pub(crate) struct Log {
    out: Mutex<Box<dyn Write + Send>>,
    style: Style,
    masked: Mutex<Vec<String>>,
    /// How many annotations GitHub was given, by level.
    annotations: [AtomicUsize; 2],
}

impl Log {
    pub(crate) fn new(out: Box<dyn Write + Send>, style: Style) -> Self {
        Self {
            out: Mutex::new(out),
            style,
            masked: Mutex::default(),
            annotations: Default::default(),
        }
    }

    /// Whether somebody watches at a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        matches!(self.style, Style::Terminal(_))
    }

    /// Keeps a text out of the log, here and, on GitHub, in what later steps write.
    pub(crate) fn mask(&self, text: &str) {
        if self.style == Style::GitHub {
            // Written before it is masked here, or GitHub would be told to mask the stars.
            self.write(&format!("::add-mask::{}", escape_data(text)));
        }
        self.masked.lock().push(text.to_owned());
    }

    /// The text with every masked part hidden.
    pub(crate) fn hide(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for masked in &*self.masked.lock() {
            text = text.replace(masked.as_str(), "***");
        }
        text
    }

    pub(crate) fn line(&self, text: &str) {
        for line in text.lines() {
            let line = self.hide(line);
            // GitHub must not run a line of logged text as a workflow command.
            let guard = if self.style == Style::GitHub && line.trim_start().starts_with("::") {
                "\u{200b}"
            } else {
                ""
            };
            self.write(&format!("{guard}{line}"));
        }
    }

    /// A message that GitHub shows with the run; elsewhere a line that begins with its level.
    pub(crate) fn annotate(&self, level: Level, title: &str, text: &str) {
        let (title, text) = (self.hide(title), self.hide(text));
        let word = level.word();
        match self.style {
            Style::GitHub => self.annotate_on_github(level, &title, &text),
            Style::Plain | Style::Terminal(false) => {
                self.write(&format!("{word}: {}", one_line(&title, &text)));
            }
            Style::Terminal(true) => {
                let colour = if level == Level::Error { 31 } else { 33 };
                let line = one_line(&title, &text);
                self.write(&format!("\u{1b}[1;{colour}m{word}\u{1b}[0m: {line}"));
            }
        }
    }

    fn annotate_on_github(&self, level: Level, title: &str, text: &str) {
        let word = level.word();
        let number = 1 + self.annotations[level as usize].fetch_add(1, Ordering::Relaxed);
        if number < SHOWN_ANNOTATIONS {
            let (title, text) = (escape_property(title), escape_data(text));
            self.write(&format!("::{word} title={title}::{text}"));
            return;
        }
        // The last one that GitHub shows says where the others are.
        if number == SHOWN_ANNOTATIONS {
            self.write(&format!(
                "::{word} title=more {word}s::the step summary and the log below have them all"
            ));
        }
        self.line(&format!("{word}: {}", one_line(title, text)));
    }

    /// Messages that are known all at once: if GitHub would drop some, the last that it shows holds
    /// the rest.
    pub(crate) fn annotate_all(&self, level: Level, messages: &[(String, String)]) {
        let shown = if self.style == Style::GitHub && messages.len() > SHOWN_ANNOTATIONS {
            SHOWN_ANNOTATIONS - 1
        } else {
            messages.len()
        };
        let (first, rest) = messages.split_at(shown);
        for (title, text) in first {
            self.annotate(level, title, text);
        }
        if !rest.is_empty() {
            let texts: Vec<String> = rest.iter().map(|(_, text)| self.hide(text)).collect();
            let (word, count) = (level.word(), rest.len());
            let text = escape_data(&texts.join("\n"));
            self.write(&format!("::{word} title={count} more::{text}"));
        }
    }

    /// Lines under a heading, folded on GitHub.
    pub(crate) fn group(&self, title: &str, lines: &[String]) {
        let github = self.style == Style::GitHub;
        if github {
            self.write(&format!("::group::{}", escape_data(&self.hide(title))));
        } else {
            self.line(title);
        }
        for line in lines {
            let coloured = self.style == Style::Terminal(true);
            match colour_of_change(line).filter(|_| coloured) {
                Some(colour) => self.line(&format!("\u{1b}[{colour}m  {line}\u{1b}[0m")),
                None => self.line(&format!("  {line}")),
            }
        }
        if github {
            self.write("::endgroup::");
        }
    }

    fn write(&self, line: &str) {
        let mut out = self.out.lock();
        // A closed pipe must not end a share half way.
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}

/// A message in one line; the title is not repeated if the text begins with it.
fn one_line(title: &str, text: &str) -> String {
    let text = text.strip_prefix(&format!("{title}: ")).unwrap_or(text);
    format!("{title}: {}", text.replace(['\r', '\n'], " "))
}

/// The colour of a line of a plan, by its sign.
fn colour_of_change(line: &str) -> Option<u8> {
    match line.trim_start().chars().next()? {
        '+' => Some(32),
        '~' => Some(33),
        '-' | '!' => Some(31),
        '=' => Some(2),
        _ => None,
    }
}

fn escape_data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn escape_property(text: &str) -> String {
    escape_data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests;
