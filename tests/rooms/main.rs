//! The order of the rooms of each crate: a room names only rooms below it. The order is written
//! here and nowhere else; `docs/ARCHITECTURE.md` says what is in each room.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read the code has failed"
)]

mod lists;
mod paths;
mod sizes;

use std::fs;
use std::path::{Path, PathBuf};

use paths::{Named, named_paths};

/// The rooms of a crate from the top down. Rooms in one row do not name each other.
struct House {
    source: &'static str,
    rooms: &'static [&'static [&'static str]],
}

const CORE: House = House {
    source: "core/src",
    rooms: &[
        &["lib"],
        &["sharer"],
        &["apply"],
        &["verify", "observe"],
        &["run"],
        &["report"],
        &["plan"],
        &["aws"],
        &["inventory"],
        &["request"],
        &["policy"],
        &["tags"],
        &["diagnostic"],
        &["id"],
        &["digest", "limits"],
    ],
};

const ACTION: House = House {
    source: "action/src",
    rooms: &[
        &["main"],
        &["blank"],
        &["process"],
        &["command_line"],
        &["lib"],
        &["runner"],
        &["output"],
        &["settings"],
        &["aws_variables"],
        &["inputs"],
        &["files"],
        &["exit"],
    ],
};

const SIM: House = House {
    source: "tests/sim/src",
    rooms: &[
        &["main"],
        &["cli"],
        &["lib"],
        &["door"],
        &["sim"],
        &["services"],
        &["auth"],
        &["wire"],
        &["scenario"],
        &["world"],
        &["policy"],
        &["clock", "json_file", "options", "partition"],
    ],
};

#[test]
fn library_names_only_rooms_below() {
    CORE.check();
}

#[test]
fn action_names_only_rooms_below() {
    ACTION.check();
}

#[test]
fn simulated_aws_names_only_rooms_below() {
    SIM.check();
}

#[test]
fn architecture_lists_the_rooms_in_their_order() {
    let text = fs::read_to_string(repository().join("docs/ARCHITECTURE.md")).unwrap();
    for house in [CORE, ACTION, SIM] {
        let heading = format!("`{}`", house.source);
        let (_, section) = text.split_once(&heading).unwrap();
        let mut listed = section.lines().filter_map(|line| {
            let name = line.strip_prefix("| `")?.split('`').next()?;
            Some(name.trim_end_matches('/').trim_end_matches(".rs"))
        });
        for room in house.rooms.iter().copied().flatten() {
            assert_eq!(listed.next(), Some(*room), "rooms of {}", house.source);
        }
    }
}

#[test]
fn upward_paths_are_found_in_every_form() {
    let forms = [
        "use crate::sharer::Sharer;",
        "use crate::{id::AmiId, sharer};",
        "use super::super::sharer::Sharer;",
        "fn f() { crate::sharer::start() }",
        "fn f() { println!(\"{}\", crate::sharer::start()) }",
        "mod inner { use super::super::super::sharer::Sharer; }",
    ];
    for text in forms {
        let problems = CORE.problems(&["plan", "keys"], text);
        assert_eq!(problems.len(), 1, "{text}: {problems:?}");
    }
    let allowed = [
        "use crate::id::AmiId;",
        "use super::images::check;",
        "// use crate::sharer::Sharer;",
        "const TEXT: &str = \"crate::sharer\";",
        "#[cfg(test)] mod tests { use crate::sharer::Sharer; }",
    ];
    for text in allowed {
        assert!(CORE.problems(&["plan", "keys"], text).is_empty(), "{text}");
    }
}

impl House {
    fn check(&self) {
        let folder = repository().join(self.source);
        let mut problems = Vec::new();
        for file in rust_files(&folder) {
            let relative = file.strip_prefix(&folder).unwrap().with_extension("");
            let module: Vec<&str> = relative.iter().map(|part| part.to_str().unwrap()).collect();
            // Files of tests may use everything.
            if module
                .iter()
                .any(|part| ["tests", "properties"].contains(part))
            {
                continue;
            }
            let text = fs::read_to_string(&file).unwrap();
            problems.extend(self.problems(&module, &text));
        }
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }

    /// The paths of a file that name a room which is not below its own.
    fn problems(&self, module: &[&str], text: &str) -> Vec<String> {
        let (room, file) = (module[0], module.join("/"));
        let Some(level) = self.level(room) else {
            return vec![format!("{file}: the room {room} is not in the order")];
        };
        let root: &[&str] = if ["lib", "main"].contains(&room) {
            &[]
        } else {
            module
        };
        let mut problems = Vec::new();
        for Named { room: named, path } in named_paths(root, text) {
            // What is no room is defined or re-exported at the root of the crate.
            let named_level = self.level(&named).or_else(|| self.level("lib"));
            if named != room && named_level <= Some(level) {
                problems.push(format!("{file} names {path}, which is not below {room}"));
            }
        }
        problems
    }

    fn level(&self, room: &str) -> Option<usize> {
        self.rooms.iter().position(|row| row.contains(&room))
    }
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            files.push(path);
        }
    }
    files
}
