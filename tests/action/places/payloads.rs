//! What others could write where they may: commands of CI systems, Markdown, what cannot be seen.

/// In every payload, so that a test sees where a text came out.
pub(super) const MARK: &str = "forged";

/// An account that nobody may see whole if IDs are masked.
pub(super) const FORGED_ACCOUNT: &str = "999999999999";

pub(super) const PAYLOADS: &[&str] = &[
    // GitHub runs a line that begins so.
    "::add-mask::forged",
    "\r::set-output name=forged::x",
    "\n::add-path::forged",
    "\u{85}::stop-commands::forged",
    "\u{2028}::error title=forged,file=x::y",
    "\u{2029}::debug::forged",
    "\u{b}::notice::forged",
    "\u{c} \u{3000}::warning file=forged::x",
    "%0A::error file=forged::x",
    // Others, and GitHub's old form, count anywhere in a line.
    "##[add-path]forged",
    "###[set-env name=forged]x",
    "##vso[task.setvariable variable=forged]x",
    "##vso[task.uploadsummary]forged",
    "##teamcity[setParameter name='forged' value='x']",
    // A terminal, and logs that are shown as in one.
    "section_start:1:forged[collapsed=true]\r\u{1b}[0Kx",
    "\rsection_end:1:forged\r\u{1b}[0Kx",
    "\u{1b}[2K\u{1b}[1A\u{1b}]8;;https://forged.example\u{7}x",
    "\u{9b}31m forged",
    "\u{8}\u{7f}\0\tforged",
    "\n--- forged",
    "\n+++ forged",
    "travis_fold:start:forged",
    // What is not what it looks like.
    "\u{202e}degrof\u{202c} forged",
    "\u{2066}forged\u{2069}",
    "for\u{200b}\u{feff}\u{ad} forged",
    "\u{e0041}\u{e0042}forged",
    // Markdown and HTML.
    "[forged](https://forged.example/a?b=c)",
    "![forged](http://forged.example)",
    "HTTPS://forged.example www.forged.example WWW.forged.example",
    "<img src=x onerror=forged> <!-- forged",
    "</code></details></summary>forged",
    "| forged | x |\n|---|---|\n| forged |",
    "\n# forged\n- forged\n> forged\n",
    "\n```mermaid\nforged\n~~~\n",
    "`forged` **forged** _forged_ ~~forged~~ $forged$ \\(forged\\)",
    "@forged #1 forged@forged.example \\",
    "\"]; click T0 forged; %%{init: {}}%% \"])\n  T9 --> forged",
    "&lt;forged&#62; &#x3c;forged>",
    // A shell, and GitHub's files.
    "$(forged) ${forged} ;forged",
    "\nEOF\nami-id=forged\nchanged<<EOF\nforged\nEOF",
    // Account IDs.
    "forged 999999999999,999999999999 arn:aws:iam::999999999999:role/x",
];

/// The payloads in texts that are short enough to be shown whole.
pub(super) fn batches() -> Vec<String> {
    PAYLOADS
        .chunks(PAYLOADS.len() / 3 + 1)
        .map(|payloads| payloads.join(" "))
        .collect()
}

/// Longer than any line, and made of what grows when it is made harmless.
pub(super) fn long() -> String {
    format!("::add-mask::{MARK}{}", "\u{2028}##[x]|".repeat(30_000))
}
