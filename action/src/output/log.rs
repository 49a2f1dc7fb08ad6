//! The log: plain lines for any CI, with GitHub's workflow commands where GitHub reads it.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    GitHub,
    Plain,
    /// Somebody watches; whether in colours.
    Terminal(bool),
}

/// How loud a message is.
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

/// Writes the log. What is masked never reaches it.
pub(crate) struct Log {
    out: Mutex<Box<dyn Write + Send>>,
    style: Style,
    masked: Mutex<Vec<String>>,
    annotated: [AtomicUsize; 2],
}

/// GitHub shows so many annotations of each kind of a step, and drops the others.
const ANNOTATIONS: usize = 10;

impl Log {
    pub(crate) fn new(out: Box<dyn Write + Send>, style: Style) -> Self {
        Self {
            out: Mutex::new(out),
            style,
            masked: Mutex::default(),
            annotated: Default::default(),
        }
    }

    /// Whether somebody watches.
    pub(crate) fn is_terminal(&self) -> bool {
        matches!(self.style, Style::Terminal(_))
    }

    /// Keeps a text out of the log, here and, on GitHub, in what later steps write.
    pub(crate) fn mask(&self, text: &str) {
        if self.style == Style::GitHub {
            // Written before it is masked here, or GitHub would be told to mask the stars.
            self.write(&format!("::add-mask::{}", escape_data(text)));
        }
        self.masked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(text.to_owned());
    }

    pub(crate) fn line(&self, text: &str) {
        for line in text.lines() {
            let line = self.hide(line);
            // A line that GitHub would take as a command of ours must not begin as one.
            let guard = if self.style == Style::GitHub && line.trim_start().starts_with("::") {
                "\u{200b}"
            } else {
                ""
            };
            self.write(&format!("{guard}{line}"));
        }
    }

    /// A message that GitHub shows beside the run; elsewhere a line that begins with its level.
    pub(crate) fn annotate(&self, level: Level, title: &str, text: &str) {
        let (title, text) = (self.hide(title), self.hide(text));
        let word = level.word();
        let plain = || {
            let text = text.strip_prefix(&format!("{title}: ")).unwrap_or(&text);
            format!("{title}: {}", text.replace(['\r', '\n'], " "))
        };
        match self.style {
            Style::GitHub => {
                let before = self.annotated[level as usize].fetch_add(1, Ordering::Relaxed);
                if before + 1 == ANNOTATIONS {
                    self.write(&format!(
                        "::{word} title=more {word}s::the step summary and the log below have them \
                         all"
                    ));
                }
                if before + 1 < ANNOTATIONS {
                    self.write(&format!(
                        "::{word} title={}::{}",
                        escape_property(&title),
                        escape_data(&text)
                    ));
                } else {
                    self.line(&format!("{word}: {}", plain()));
                }
            }
            Style::Plain | Style::Terminal(false) => self.write(&format!("{word}: {}", plain())),
            Style::Terminal(true) => {
                let colour = if level == Level::Error { 31 } else { 33 };
                self.write(&format!("\u{1b}[1;{colour}m{word}\u{1b}[0m: {}", plain()));
            }
        }
    }

    /// Messages that are known all at once: where GitHub would drop some, the last that it shows
    /// holds the rest.
    pub(crate) fn annotate_all(&self, level: Level, messages: &[(String, String)]) {
        let shown = if self.style == Style::GitHub && messages.len() > ANNOTATIONS {
            ANNOTATIONS - 1
        } else {
            messages.len()
        };
        let (first, rest) = messages.split_at(shown);
        for (title, text) in first {
            self.annotate(level, title, text);
        }
        if !rest.is_empty() {
            let texts: Vec<String> = rest.iter().map(|(_, text)| self.hide(text)).collect();
            let (word, title) = (level.word(), format!("{} more", rest.len()));
            self.write(&format!(
                "::{word} title={title}::{}",
                escape_data(&texts.join("\n"))
            ));
        }
    }

    /// Lines under a heading, folded on GitHub.
    pub(crate) fn group(&self, title: &str, lines: &[String]) {
        match self.style {
            Style::GitHub => self.write(&format!("::group::{}", escape_data(&self.hide(title)))),
            Style::Plain | Style::Terminal(_) => self.line(title),
        }
        for line in lines {
            match colour(line).filter(|_| self.style == Style::Terminal(true)) {
                Some(colour) => self.line(&format!("\u{1b}[{colour}m  {line}\u{1b}[0m")),
                None => self.line(&format!("  {line}")),
            }
        }
        if self.style == Style::GitHub {
            self.write("::endgroup::");
        }
    }

    pub(crate) fn hide(&self, text: &str) -> String {
        let masked = self.masked.lock().unwrap_or_else(PoisonError::into_inner);
        masked.iter().fold(text.to_owned(), |text, masked| {
            text.replace(masked.as_str(), "***")
        })
    }

    fn write(&self, line: &str) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        // A closed pipe must not end a share half way.
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}

/// The colour of what is added, changed, taken away, and of what is so already.
fn colour(line: &str) -> Option<u8> {
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
mod tests {
    use std::sync::Arc;

    use super::*;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn written(style: Style, write: impl Fn(&Log)) -> String {
        let out = Shared::default();
        write(&Log::new(Box::new(out.clone()), style));
        String::from_utf8(out.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn values_cannot_write_commands_of_their_own() {
        let text = written(Style::GitHub, |log| {
            log.annotate(Level::Error, "a:b,c", "100 %\r\n::set-output name=x::y");
            log.line("first\n::error::forged");
        });
        let expected = "::error title=a%3Ab%2Cc::100 %25%0D%0A::set-output \
                        name=x::y\nfirst\n\u{200b}::error::forged\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn no_more_annotations_than_github_shows() {
        let text = written(Style::GitHub, |log| {
            (0..15)
                .for_each(|n| log.annotate(Level::Warning, "code", &format!("code: number {n}")));
            log.annotate(Level::Error, "other", "one");
        });
        let of = |word: &str| {
            text.lines()
                .filter(|line| line.starts_with(&format!("::{word} ")))
                .count()
        };
        assert_eq!((of("warning"), of("error")), (10, 1));
        assert!(
            (0..15).all(|n| text.contains(&format!("number {n}"))),
            "{text}"
        );
    }

    #[test]
    fn colours_are_for_terminals_that_want_them() {
        let said = |style| {
            written(style, |log| {
                log.annotate(Level::Error, "code", "code: text")
            })
        };
        assert_eq!(
            said(Style::Terminal(true)),
            "\u{1b}[1;31merror\u{1b}[0m: code: text\n"
        );
        assert_eq!(said(Style::Terminal(false)), "error: code: text\n");
        let plan = |style| {
            written(style, |log| {
                log.group("Plan", &["+ more".to_owned(), "words".to_owned()])
            })
        };
        assert_eq!(
            plan(Style::Terminal(true)),
            "Plan\n\u{1b}[32m  + more\u{1b}[0m\n  words\n"
        );
        assert_eq!(plan(Style::Terminal(false)), "Plan\n  + more\n  words\n");
    }

    #[test]
    fn what_is_masked_is_hidden_everywhere() {
        let text = written(Style::Plain, |log| {
            log.mask("222222222222");
            log.line("to 222222222222");
            log.annotate(Level::Warning, "222222222222", "x");
        });
        assert_eq!(text, "to ***\nwarning: ***: x\n");
    }
}
