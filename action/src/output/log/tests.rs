use std::sync::Arc;

use parking_lot::Mutex;

use super::*;

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn written(style: Style, write: impl Fn(&Log)) -> String {
    let out = Shared::default();
    write(&Log::new(Box::new(out.clone()), style));
    String::from_utf8(out.0.lock().clone()).unwrap()
}

#[test]
fn text_of_others_cannot_write_commands() {
    let text = written(Style::GitHub, |log| {
        log.annotate(Level::Error, "a:b,c", "100 %\r\n::set-output name=x::y");
        log.line("first\n::error::forged");
    });
    let expected = "::error title=a%3Ab%2Cc::100 %25%0D%0A::set-output \
                    name=x::y\nfirst\n\u{200b}::error::forged\n";
    assert_eq!(text, expected);
}

#[test]
fn annotations_are_no_more_than_github_shows() {
    let text = written(Style::GitHub, |log| {
        (0..15).for_each(|n| log.annotate(Level::Warning, "code", &format!("code: number {n}")));
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
fn colours_are_only_for_terminals_that_want_them() {
    let annotation = |style| {
        written(style, |log| {
            log.annotate(Level::Error, "code", "code: text");
        })
    };
    assert_eq!(
        annotation(Style::Terminal(true)),
        "\u{1b}[1;31merror\u{1b}[0m: code: text\n"
    );
    assert_eq!(annotation(Style::Terminal(false)), "error: code: text\n");
    let plan = |style| {
        written(style, |log| {
            log.group("Plan", &["+ more".to_owned(), "words".to_owned()]);
        })
    };
    assert_eq!(
        plan(Style::Terminal(true)),
        "Plan\n\u{1b}[32m  + more\u{1b}[0m\n  words\n"
    );
    assert_eq!(plan(Style::Terminal(false)), "Plan\n  + more\n  words\n");
}

#[test]
fn masked_text_is_hidden_everywhere() {
    let text = written(Style::Plain, |log| {
        log.mask("222222222222");
        log.line("to 222222222222");
        log.annotate(Level::Warning, "222222222222", "x");
    });
    assert_eq!(text, "to ***\nwarning: ***: x\n");
}
