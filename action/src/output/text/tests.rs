use proptest::prelude::*;

use super::*;

#[test]
fn invisible_characters_are_shown_as_escapes() {
    let table = [
        ("a\r\nb", "a\\r\\nb"),
        ("\t\u{0}\u{1b}[2K", "\\t\\0\\u{1b}[2K"),
        ("\u{85}\u{9b}31m", "\\u{85}\\u{9b}31m"),
        ("\u{2028}\u{2029}", "\\u{2028}\\u{2029}"),
        ("\u{202e}\u{2066}\u{200f}", "\\u{202e}\\u{2066}\\u{200f}"),
        (
            "\u{200b}\u{200d}\u{feff}\u{ad}",
            "\\u{200b}\\u{200d}\\u{feff}\\u{ad}",
        ),
        ("\u{e0041}\u{e000}", "\\u{e0041}\\u{e000}"),
        // Text that people read stays as it is.
        (
            "\"it's\" C:\\x äöü 日本 ไทย ü",
            "\"it's\" C:\\x äöü 日本 ไทย ü",
        ),
    ];
    for (text, shown) in table {
        assert_eq!(visible(text), shown, "{text:?}");
    }
}

#[test]
fn commands_of_every_ci_system_are_broken() {
    let table = [
        ("::error::x", "\\::error::x"),
        (" \u{a0}::add-mask::x", " \\u{a0}::add-mask::x"),
        ("  ::stop-commands::x", "  \\::stop-commands::x"),
        ("a ##[command]x", "a ##\\[command]x"),
        ("a ###[error]x", "a ###\\[error]x"),
        (
            "##vso[task.setvariable variable=a]x",
            "##vso\\[task.setvariable variable=a]x",
        ),
        ("x ##teamcity[setParameter]", "x ##teamcity\\[setParameter]"),
        (
            "section_start:1:x\r\u{1b}[0K",
            "section_start\\:1:x\\r\\u{1b}[0K",
        ),
        ("a Section_START:1:x", "a Section_START\\:1:x"),
        ("travis_fold:start:x", "travis_fold\\:start:x"),
        ("--- section", "\\--- section"),
        ("+++ section", "\\+++ section"),
        // No commands.
        ("a::b ## x [y] #[z]", "a::b ## x [y] #[z]"),
        ("+ statement", "+ statement"),
    ];
    for (text, written) in table {
        assert_eq!(harmless_line(text), written, "{text:?}");
    }
}

#[test]
fn json_is_harmless_and_means_the_same() {
    let texts = [
        "##vso[task.setvariable variable=a]x",
        "###[error]x # #",
        "\\##[x]\\",
        "section_start:1:x\r\u{1b}[0K",
        "\u{85}\u{7f}\u{202e}\u{e0041}\u{2028}",
        "äöü \"日本\" 🦀 e\u{301}",
    ];
    for text in texts {
        let json = serde_json::json!({ text: [text] });
        for written in [json.to_string(), format!("{json:#}\n")] {
            let harmless = harmless_json(&written);
            assert_eq!(
                serde_json::from_str::<serde_json::Value>(&harmless).unwrap(),
                json
            );
            for hidden in [
                "##",
                "section_start:",
                "\u{1b}",
                "\u{85}",
                "\u{202e}",
                "\u{e0041}",
            ] {
                assert!(!harmless.contains(hidden), "{harmless}");
            }
        }
    }
    let usual = r#"{"text":"äöü 日本","list":[1,"a:b"]}"#;
    assert_eq!(harmless_json(usual), usual);
}

#[test]
fn long_text_is_cut() {
    assert_eq!(cut("äöü", 3), "äöü");
    assert_eq!(cut("äöüß!", 3), "äöü… (2 more characters)");
    assert!(harmless_line(&"x".repeat(100_000)).len() < 5_000);
}

#[test]
fn account_ids_keep_their_last_digits() {
    let table = [
        ("222222222233", "********2233"),
        (
            "arn:aws:iam::222222222233:root",
            "arn:aws:iam::********2233:root",
        ),
        ("111111111111,222222222222", "********1111,********2222"),
        ("snap-222222222222abcde", "snap-222222222222abcde"),
        ("ami-98765432109800000", "ami-98765432109800000"),
        (
            "key/12345678-1234-1234-1234-123456789012",
            "key/12345678-1234-1234-1234-123456789012",
        ),
        (
            "key-12345678-1234-1234-1234-123456789012",
            "key-12345678-1234-1234-1234-123456789012",
        ),
        ("2222-beef-2233", "2222-beef-2233"),
        ("1234567890123", "1234567890123"),
        ("img222222222233v2", "img********2233v2"),
        ("f222222222233f", "f********2233f"),
        ("%3A222222222233%3A", "%3A********2233%3A"),
        ("alias/k222222222233", "alias/k********2233"),
        ("2222-2222-2233", "****-****-2233"),
        ("of 2222-2222-2233, x-1", "of ****-****-2233, x-1"),
    ];
    for (text, masked) in table {
        assert_eq!(mask_account_ids(text), masked);
    }
}

/// Text made of the pieces that runners look for.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("::".to_owned()),
        Just("##".to_owned()),
        Just("#".to_owned()),
        Just("[".to_owned()),
        Just("vso".to_owned()),
        Just("section_start:".to_owned()),
        Just("\r".to_owned()),
        Just("\n".to_owned()),
        Just(" ".to_owned()),
        Just("\u{3000}".to_owned()),
        any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_runner_finds_a_command(text in hostile()) {
        let line = harmless_line(&text);
        prop_assert!(!line.contains(|c: char| c.is_control()), "{:?}", line);
        prop_assert!(!line.trim_start().starts_with("::"), "{:?}", line);
        let words = line.split("##").skip(1);
        for word in words {
            let after = word.trim_start_matches(|c: char| c.is_ascii_alphabetic());
            prop_assert!(!after.starts_with('['), "{:?}", line);
        }
        prop_assert!(!line.contains("section_start:"));
    }
}
