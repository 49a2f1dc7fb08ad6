//! A file fits a few screens, and a line one column of them.

use std::fs;

use super::{repository, rust_files};

const MOST_LINES: usize = 400;
const WIDEST_LINE: usize = 100;

#[test]
fn files_and_lines_are_short() {
    let mut problems = Vec::new();
    for folder in ["core", "action", "examples", "tests"] {
        for file in rust_files(&repository().join(folder)) {
            let (path, text) = (file.display(), fs::read_to_string(&file).unwrap());
            if text.lines().count() > MOST_LINES {
                problems.push(format!("{path}: over {MOST_LINES} lines"));
            }
            for (number, line) in (1..).zip(text.lines()) {
                // The formatter breaks code, and a text may have to stay whole.
                let is_comment = line.trim_start().starts_with("//");
                if is_comment && line.chars().count() > WIDEST_LINE {
                    problems.push(format!("{path}:{number}: over {WIDEST_LINE} columns"));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}
