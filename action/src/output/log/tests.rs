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
    write(&Log::new(Box::new(out.clone()), None, style));
    String::from_utf8(out.0.lock().clone()).unwrap()
}

#[test]
fn text_of_others_cannot_write_commands() {
    let text = written(Style::GitHub, |log| {
        log.annotate(Level::Error, "a:b,c", "100 %\r\n::set-output name=x::y");
        log.line("first\n::error::forged");
        log.group("title\n::error::x", &["::error::y".to_owned()]);
    });
    let expected = "::error title=a%3Ab%2Cc::100 %25\\r\\n::set-output name=x::y\n\
                    first\\n::error::forged\n\
                    ::group::title\\n::error::x\n  \\::error::y\n::endgroup::\n";
    assert_eq!(text, expected);
}

/// What a lone carriage return, a line separator and the like are for each runner: they begin a
/// line, or they are shown as something else than they are.
#[test]
fn each_payload_stays_one_line_in_each_place_and_style() {
    type Place = fn(&Log, &str);
    let payloads = [
        "x\r::add-mask::y",
        "x\n::add-mask::y",
        "x\u{85}::add-mask::y",
        "x\u{2028}::add-mask::y",
        "##[command]y",
        "##vso[task.setvariable variable=x]y",
        "##teamcity[message text='y']",
        "section_start:1:x\r\u{1b}[0Ky",
        "\u{1b}]8;;https://example.com\u{7}y",
        "\u{202e}y",
    ];
    let places: [Place; 5] = [
        |log, text| log.line(text),
        |log, text| log.annotate(Level::Warning, "code", text),
        |log, text| log.annotate(Level::Warning, text, "text"),
        |log, text| log.group(text, &[]),
        |log, text| log.group("title", &[text.to_owned()]),
    ];
    for style in [Style::GitHub, Style::Plain, Style::Terminal(false)] {
        for (number, place) in places.iter().enumerate() {
            let usual = written(style, |log| place(log, "word"));
            for payload in payloads {
                let text = written(style, |log| place(log, payload));
                let name = format!("{style:?}, place {number}, {payload:?}: {text:?}");
                assert_eq!(text.lines().count(), usual.lines().count(), "{name}");
                assert!(!text.contains("##[") && !text.contains("##vso["), "{name}");
                assert!(
                    !text.contains("##teamcity[") && !text.contains('\r'),
                    "{name}"
                );
                let unseen = |c: char| c.is_control() && c != '\n' || c == '\u{202e}';
                assert!(
                    !text.contains(unseen) && !text.contains('\u{2028}'),
                    "{name}"
                );
            }
        }
    }
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
    let last = text.lines().rfind(|line| line.starts_with("::warning "));
    assert!(
        last.unwrap().starts_with("::warning title=more warnings::"),
        "{text}"
    );
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
    let colours = ["+", "~", "-", "!", "=", "x"].map(colour_of_change);
    let [added, changed, removed, refused, kept, none] = colours;
    assert!(removed == refused && none.is_none());
    let distinct = std::collections::BTreeSet::from([added, changed, removed, kept, none]);
    assert_eq!(distinct.len(), 5, "{colours:?}");
}

#[test]
fn account_ids_are_hidden_everywhere() {
    let text = written(Style::Plain, |log| {
        log.mask_account_ids();
        log.line("to 222222222222");
        log.annotate(Level::Warning, "222222222222", "x");
        log.group(
            "222222222222",
            &["arn:aws:iam::222222222222:root".to_owned()],
        );
    });
    let expected = "to ********2222\nwarning: ********2222: x\n********2222\n  \
                    arn:aws:iam::********2222:root\n";
    assert_eq!(text, expected);
}
