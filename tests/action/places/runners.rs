//! What the runners of CI systems take for commands in a log, as their sources and documentation
//! have it. Where they differ, the model takes what any of them takes.

/// Every character that ends a line for some reader of a log.
const LINE_ENDS: [char; 7] = [
    '\n', '\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}',
];

/// What a runner found in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command {
    /// Its name, or the form that another runner looks for.
    pub(super) name: String,
    /// GitHub's properties, as they are written.
    pub(super) properties: String,
    pub(super) data: String,
}

impl Command {
    fn of(name: &str, data: &str) -> Self {
        Self {
            name: name.to_owned(),
            properties: String::new(),
            data: data.to_owned(),
        }
    }

    /// Whether this tool writes such commands, and in this form.
    fn is_ours(&self) -> bool {
        let titled = self.properties.strip_prefix("title=");
        match self.name.as_str() {
            "error" | "warning" => titled.is_some_and(|title| !title.contains([',', ':'])),
            "debug" | "group" => self.properties.is_empty(),
            "endgroup" => self.properties.is_empty() && self.data.is_empty(),
            "add-mask" => {
                let is_digits = self.data.bytes().all(|byte| byte.is_ascii_digit());
                self.properties.is_empty() && self.data.len() == 12 && is_digits
            }
            _ => false,
        }
    }
}

/// The commands in a log that this tool does not write.
pub(super) fn foreign_commands(log: &str) -> Vec<Command> {
    let mut found = commands(log);
    found.retain(|command| !command.is_ours());
    found
}

/// Every command of every runner.
pub(super) fn commands(log: &str) -> Vec<Command> {
    let mut found = Vec::new();
    for line in log.split(LINE_ENDS) {
        found.extend(command_of_github(line));
        found.extend(first_in_brackets(line, "##["));
        found.extend(first_in_brackets(line, "##vso["));
        found.extend(first_in_brackets(line, "##teamcity["));
        found.extend(section_of_buildkite(line));
    }
    found.extend(sections_of_gitlab(log));
    // What a terminal, or a log that is shown as in one, does not show as it is.
    if let Some(c) = log.chars().find(|c| is_hidden(*c)) {
        found.push(Command::of("hidden character", &format!("{c:?}")));
    }
    found
}

/// `::name properties::data`, after blanks.
fn command_of_github(line: &str) -> Option<Command> {
    let (head, data) = line.trim_start().strip_prefix("::")?.split_once("::")?;
    let (name, properties) = head.split_once(' ').unwrap_or((head, ""));
    Some(Command {
        name: name.to_owned(),
        properties: properties.trim().to_owned(),
        data: data.to_owned(),
    })
}

/// `##[name]data` of GitHub and Azure, `##vso[name]data`, `##teamcity[name]`: anywhere in a line.
fn first_in_brackets(line: &str, begin: &str) -> Option<Command> {
    let lower = line.to_ascii_lowercase();
    let (_, rest) = lower.split_once(begin)?;
    rest.contains(']').then(|| Command::of(begin, rest))
}

fn section_of_buildkite(line: &str) -> Option<Command> {
    let begins = ["--- ", "+++ ", "~~~ ", "^^^ "];
    let begin = begins.into_iter().find(|begin| line.starts_with(begin))?;
    Some(Command::of(begin, line))
}

/// `section_start:TIME:NAME` and its end, anywhere, and what Travis has in their place.
fn sections_of_gitlab(log: &str) -> Vec<Command> {
    let words = [
        "section_start:",
        "section_end:",
        "travis_fold:",
        "travis_time:",
    ];
    let mut found = Vec::new();
    for word in words {
        found.extend(log.split(word).skip(1).map(|rest| Command::of(word, rest)));
    }
    found
}

/// Controls, separators of lines, marks of direction, what has no width, and tags.
pub(super) fn is_hidden(c: char) -> bool {
    let ranges = [
        '\u{ad}'..='\u{ad}',
        '\u{61c}'..='\u{61c}',
        '\u{200b}'..='\u{200f}',
        '\u{2028}'..='\u{202e}',
        '\u{2060}'..='\u{206f}',
        '\u{feff}'..='\u{feff}',
        '\u{fff9}'..='\u{fffb}',
        '\u{e0000}'..='\u{e0fff}',
    ];
    c != '\n' && (c.is_control() || ranges.iter().any(|range| range.contains(&c)))
}

#[test]
fn runners_find_every_form_of_command() {
    let table = [
        ("a\r::set-output name=a::b", "set-output"),
        ("a\u{2028} \u{3000}::add-path::b", "add-path"),
        ("::error title=a,file=b::c", "error"),
        ("::add-mask::1", "add-mask"),
        ("a ##[group]b", "##["),
        ("a ###[error]b", "##["),
        ("a ##vso[task.setvariable variable=a]b", "##vso["),
        ("a ##TeamCity[b]", "##teamcity["),
        ("+++ a", "+++ "),
        ("a section_start:1:b\r\u{1b}[0K", "section_start:"),
        ("a\u{202e}b", "hidden character"),
        ("a\u{9b}b", "hidden character"),
    ];
    for (log, name) in table {
        let found = foreign_commands(log);
        let has = found.iter().any(|command| command.name == name);
        assert!(has, "{log:?}: {found:?}");
    }
    let ours = "::error title=a%2Cb::c\n::group::d\n e\n::endgroup::\n::add-mask::111111111111\n";
    assert_eq!(foreign_commands(ours), []);
    assert_eq!(commands(ours).len(), 4);
}
