//! The log: plain lines for any CI, with GitHub's workflow commands where GitHub reads it.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::text::{harmless_line, mask_account_ids};

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

/// Writes the log. Every text passes through it, and none leaves it as a command of a CI system.
pub(crate) struct Log {
    out: Mutex<Box<dyn Write + Send>>,
    /// Where errors go outside GitHub, which reads them in the log.
    errors: Option<Mutex<Box<dyn Write + Send>>>,
    style: Style,
    masks_accounts: AtomicBool,
    /// How many annotations GitHub was given, by level.
    annotations: [AtomicUsize; 2],
}

impl Log {
    pub(crate) fn new(
        out: Box<dyn Write + Send>,
        errors: Option<Box<dyn Write + Send>>,
        style: Style,
    ) -> Self {
        Self {
            out: Mutex::new(out),
            errors: errors.map(Mutex::new),
            style,
            masks_accounts: AtomicBool::new(false),
            annotations: Default::default(),
        }
    }

    /// Whether somebody watches at a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        matches!(self.style, Style::Terminal(_))
    }

    /// Hides every account ID that is written from now on, but for its last digits.
    pub(crate) fn mask_account_ids(&self) {
        self.masks_accounts.store(true, Ordering::Relaxed);
    }

    /// Whether account IDs are hidden.
    pub(crate) fn masks_account_ids(&self) -> bool {
        self.masks_accounts.load(Ordering::Relaxed)
    }

    /// Has GitHub hide an account ID in what later steps write.
    pub(crate) fn mask_in_later_steps(&self, account: &str) {
        if self.style == Style::GitHub {
            self.write(&format!("::add-mask::{}", escape_data(account)));
        }
    }

    /// The text as it may be written: in one line, harmless, masked.
    pub(crate) fn clean(&self, text: &str) -> String {
        let line = harmless_line(text);
        if self.masks_account_ids() {
            mask_account_ids(&line)
        } else {
            line
        }
    }

    /// Writes one line.
    pub(crate) fn line(&self, text: &str) {
        self.write(&self.clean(text));
    }

    /// Writes a line that GitHub shows only to those who debug a run.
    pub(crate) fn debug(&self, text: &str) {
        let text = self.clean(text);
        match self.style {
            Style::GitHub => self.write(&format!("::debug::{}", escape_data(&text))),
            Style::Plain | Style::Terminal(_) => self.write(&format!("debug: {text}")),
        }
    }

    /// A message that GitHub shows with the run; elsewhere a line that begins with its level.
    pub(crate) fn annotate(&self, level: Level, title: &str, text: &str) {
        let (title, text) = (self.clean(title), self.clean(text));
        let word = level.word();
        match self.style {
            Style::GitHub => self.annotate_on_github(level, &title, &text),
            Style::Plain | Style::Terminal(false) => {
                let line = format!("{word}: {}", with_title(&title, &text));
                self.write_at(level, &line);
            }
            Style::Terminal(true) => {
                let colour = if level == Level::Error { 31 } else { 33 };
                let line = with_title(&title, &text);
                let line = format!("\u{1b}[1;{colour}m{word}\u{1b}[0m: {line}");
                self.write_at(level, &line);
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
        self.write(&format!("{word}: {}", with_title(title, text)));
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
            let texts: Vec<String> = rest.iter().map(|(_, text)| self.clean(text)).collect();
            let (word, count) = (level.word(), rest.len());
            let text = escape_data(&texts.join("\n"));
            self.write(&format!("::{word} title={count} more::{text}"));
        }
    }

    /// Lines that only GitHub can fold; elsewhere they are left out.
    pub(crate) fn fold(&self, title: &str, lines: &[String]) {
        if self.style == Style::GitHub {
            self.group(title, lines);
        }
    }

    /// Lines under a heading, folded on GitHub.
    pub(crate) fn group(&self, title: &str, lines: &[String]) {
        let github = self.style == Style::GitHub;
        let title = self.clean(title);
        if github {
            self.write(&format!("::group::{}", escape_data(&title)));
        } else {
            self.write(&title);
        }
        self.changes(lines);
        if github {
            self.write("::endgroup::");
        }
    }

    /// Lines of a plan, each in the colour of its sign.
    pub(crate) fn changes(&self, lines: &[String]) {
        for line in lines {
            let text = self.clean(&format!("  {line}"));
            let coloured = self.style == Style::Terminal(true);
            match colour_of_change(line).filter(|_| coloured) {
                Some(colour) => self.write(&format!("\u{1b}[{colour}m{text}\u{1b}[0m")),
                None => self.write(&text),
            }
        }
    }

    fn write(&self, line: &str) {
        write_line(&self.out, line);
    }

    /// Writes a message where those of its level go outside GitHub.
    fn write_at(&self, level: Level, line: &str) {
        match &self.errors {
            Some(errors) if level == Level::Error => write_line(errors, line),
            _ => self.write(line),
        }
    }
}

/// The one place that writes: a line that is clean, or a command and a colour of ours.
fn write_line(stream: &Mutex<Box<dyn Write + Send>>, line: &str) {
    let mut stream = stream.lock();
    // A closed pipe must not end a share half way. The whole line is one write, so that no other
    // stream comes between.
    let line = format!("{line}\n");
    let _ = stream
        .write_all(line.as_bytes())
        .and_then(|()| stream.flush());
}

/// A message under its title, which is not repeated if the text begins with it.
fn with_title(title: &str, text: &str) -> String {
    let text = text.strip_prefix(&format!("{title}: ")).unwrap_or(text);
    format!("{title}: {text}")
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
