//! Where the text of each place came out, and what was wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use super::exits::Exits;
use super::payloads::{MARK, PAYLOADS};

/// What was seen of places.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// The exits that each comes out of.
    exits: BTreeMap<String, BTreeSet<&'static str>>,
    runs: usize,
    problems: Vec<String>,
}

impl Seen {
    pub(super) fn add(&mut self, place: &str, exits: &Exits) {
        self.runs += 1;
        let known = self.exits.entry(place.to_owned()).or_default();
        known.extend(exits.with(MARK));
        for problem in exits.problems() {
            let problem: String = problem.chars().take(600).collect();
            self.problems.push(format!("{place}: {problem}"));
        }
    }

    pub(super) fn merge(all: Vec<Self>) -> Self {
        let mut merged = Self::default();
        for one in all {
            merged.runs += one.runs;
            merged.problems.extend(one.problems);
            for (place, exits) in one.exits {
                merged.exits.entry(place).or_default().extend(exits);
            }
        }
        merged
    }

    /// How many places came out somewhere.
    pub(super) fn printed(&self) -> usize {
        let printed = self.exits.values().filter(|exits| !exits.is_empty());
        printed.count()
    }

    /// Prints the size, and fails if something came out that must not.
    #[expect(
        clippy::print_stdout,
        reason = "the size of a table is worth to be known"
    )]
    pub(super) fn check(&self, what: &str) {
        let (places, shown, payloads) = (self.exits.len(), self.printed(), PAYLOADS.len());
        println!(
            "{what}: {places} places, {shown} of them printed, by {payloads} payloads over 4 exits, \
             in {} runs",
            self.runs
        );
        let first: Vec<&str> = self.problems.iter().take(40).map(String::as_str).collect();
        let count = self.problems.len();
        assert!(first.is_empty(), "{count} problems:\n{}", first.join("\n"));
    }
}

/// Where each place comes out, as a file says it.
#[derive(Debug)]
pub(super) struct List {
    file: &'static str,
    /// The exits of each place, in words.
    places: BTreeMap<String, String>,
}

const NEVER: &str = "never";

impl List {
    pub(super) fn read(file: &'static str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/action/places");
        let text = std::fs::read_to_string(folder.join(file)).unwrap_or_default();
        let lines = text.lines().filter_map(|line| line.rsplit_once(": "));
        let places = lines.map(|(place, exits)| (place.to_owned(), exits.to_owned()));
        Self {
            file,
            places: places.collect(),
        }
    }

    /// Fails unless each place that was tried came out where the list says, or if one is missing
    /// in it; the list as it should be is left for its reader.
    pub(super) fn check(&self, seen: &Seen) {
        let mut right = self.places.clone();
        for (place, exits) in &seen.exits {
            let exits: Vec<&str> = exits.iter().copied().collect();
            let exits = if exits.is_empty() {
                NEVER.to_owned()
            } else {
                exits.join(", ")
            };
            right.insert(place.clone(), exits);
        }
        let mut text = String::new();
        for (place, exits) in &right {
            let _ = writeln!(text, "{place}: {exits}");
        }
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(self.file);
        std::fs::write(&path, text).unwrap();
        let mut wrong = right;
        wrong.retain(|place, exits| self.places.get(place) != Some(exits));
        let (file, path) = (self.file, path.display());
        assert!(wrong.is_empty(), "{file} should be {path}: {wrong:#?}");
    }
}
