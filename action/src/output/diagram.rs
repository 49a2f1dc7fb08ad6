//! A Mermaid picture of a report: which AMIs and keys there are, and who may do what with them.
//!
//! Mermaid refuses above 500 edges and 50,000 characters, and nobody can read a tenth of that, so
//! the picture is drawn in less detail until it is small enough.

mod model;
mod simplify;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use ami_share::Report;

use self::model::{Kind, May, Place, Thing};
use self::simplify::Detail;

/// What a reader can follow.
const EDGES: usize = 24;
const CHARACTERS: usize = 10_000;
/// So many names are in one box.
const NAMES: usize = 3;
/// The longest name that is shown whole.
const LONGEST: usize = 60;

const DETAILS: [Detail; 4] = [
    Detail {
        places: 8,
        things: 6,
        groups: 12,
    },
    Detail {
        places: 8,
        things: 1,
        groups: 6,
    },
    Detail {
        places: 3,
        things: 1,
        groups: 4,
    },
    Detail {
        places: 1,
        things: 1,
        groups: 1,
    },
];

/// The picture; nothing where nobody has, gets or loses anything. `planned` says that the plan was
/// not carried out.
pub(crate) fn of(report: &Report, planned: bool) -> Option<String> {
    let all = model::of(report, planned);
    if all
        .iter()
        .flat_map(|place| &place.things)
        .all(|thing| thing.may.is_empty())
    {
        return None;
    }
    smallest(&all, report.plan.account.as_ref(), planned).map(|drawing| drawing.text)
}

/// The first drawing that is small enough.
fn smallest(all: &[Place], account: &str, planned: bool) -> Option<Drawing> {
    let mut drawn = DETAILS.iter().map(|detail| {
        Drawing::new(planned).draw(account, &simplify::places(all, *detail), detail.groups)
    });
    drawn.find(|drawing| drawing.edges.len() <= EDGES && drawing.text.len() <= CHARACTERS)
}

struct Drawing {
    text: String,
    /// What each edge says, in order: Mermaid counts them to colour them.
    edges: Vec<May>,
    planned: bool,
}

// Writing to a String cannot fail.
impl Drawing {
    fn new(planned: bool) -> Self {
        // Wide enough for a line that names an image and its Region.
        let head = "%%{init: {\"flowchart\": {\"wrappingWidth\": 400}}}%%\nflowchart LR\n";
        Self {
            text: head.to_owned(),
            edges: Vec::new(),
            planned,
        }
    }

    fn draw(mut self, account: &str, places: &[Place], groups: usize) -> Self {
        let things: Vec<&Thing> = places.iter().flat_map(|place| &place.things).collect();
        let may = grouped(&things, groups);
        for (number, who) in may.values().enumerate() {
            let mut who: Vec<&str> = who.iter().map(String::as_str).collect();
            // Whoever is not an account is many.
            who.sort_by_key(|who| who.starts_with(|c: char| c.is_ascii_digit()));
            let _ = writeln!(self.text, "  T{number}([\"{}\"])", names(who.into_iter()));
        }
        let _ = writeln!(self.text, "  subgraph A[\"account {}\"]", safe(account));
        let mut first = 0;
        for (number, place) in places.iter().enumerate() {
            let regions = names(place.regions.iter().map(AsRef::as_ref));
            let _ = writeln!(self.text, "    subgraph P{number}[\"{regions}\"]");
            for (n, thing) in place.things.iter().enumerate() {
                self.thing(first + n, thing);
            }
            let numbered = || {
                place
                    .things
                    .iter()
                    .enumerate()
                    .map(|(n, thing)| (first + n, thing))
            };
            for (ami, image) in numbered() {
                for (key, _) in numbered()
                    .filter(|(_, key)| key.kind == Kind::Key && !key.ids.is_disjoint(&image.under))
                {
                    let _ = writeln!(self.text, "      N{ami} -.-|encrypted under| N{key}");
                    self.edges.push(May::Already);
                }
            }
            first += place.things.len();
            self.text.push_str("    end\n");
        }
        self.text.push_str("  end\n");
        for (number, relations) in may.keys().enumerate() {
            for (thing, may) in relations {
                self.edge(number, *thing, things[*thing].kind, *may);
            }
        }
        self.colour(May::Now, "stroke:#1a7f37,stroke-width:3px");
        self.colour(May::NoMore, "stroke:#cf222e,stroke-width:2px");
        self
    }

    fn thing(&mut self, number: usize, thing: &Thing) {
        let (open, close, plural) = match thing.kind {
            Kind::Ami => ("[", "]", "AMIs"),
            Kind::Key => ("{{", "}}", "keys"),
        };
        let label = match thing.ids.len() {
            1 => thing
                .label
                .iter()
                .map(|line| safe(line))
                .collect::<Vec<_>>()
                .join("<br>"),
            many => format!("{many} {plural}"),
        };
        let _ = writeln!(self.text, "      N{number}{open}\"{label}\"{close}");
    }

    fn edge(&mut self, group: usize, thing: usize, kind: Kind, may: May) {
        let does = if kind == Kind::Ami { "launch" } else { "use" };
        let (line, says) = match (may, self.planned) {
            (May::Already, _) => ("-->", format!("can {does}")),
            (May::Now, true) => ("==>", format!("will be able to {does}")),
            (May::Now, false) => ("==>", format!("can now {does}")),
            (May::NoMore, true) => ("--x", format!("will no longer {does}")),
            (May::NoMore, false) => ("--x", format!("can no longer {does}")),
        };
        let _ = writeln!(self.text, "  T{group} {line}|{says}| N{thing}");
        self.edges.push(may);
    }

    fn colour(&mut self, may: May, style: &str) {
        let of = self
            .edges
            .iter()
            .enumerate()
            .filter(|(_, edge)| **edge == may);
        let numbers: Vec<String> = of.map(|(number, _)| number.to_string()).collect();
        if !numbers.is_empty() {
            let _ = writeln!(self.text, "  linkStyle {} {style}", numbers.join(","));
        }
    }
}

type Relations = BTreeMap<usize, May>;

/// Those who may do the same, by what they may. Beyond so many groups the rest is one, which may
/// what any of it may.
fn grouped(things: &[&Thing], most: usize) -> BTreeMap<Relations, BTreeSet<String>> {
    let mut of_each: BTreeMap<&String, Relations> = BTreeMap::new();
    for (number, thing) in things.iter().enumerate() {
        for (who, may) in &thing.may {
            of_each.entry(who).or_default().insert(number, *may);
        }
    }
    let mut groups: BTreeMap<Relations, BTreeSet<String>> = BTreeMap::new();
    for (who, may) in of_each {
        groups.entry(may).or_default().insert(who.clone());
    }
    let mut rest = (Relations::new(), BTreeSet::new());
    while groups.len() + usize::from(!rest.1.is_empty()) > most
        && let Some((may, who)) = groups.pop_last()
    {
        for (thing, may) in may {
            let held = rest.0.entry(thing).or_insert(may);
            *held = (*held).max(may);
        }
        rest.1.extend(who);
    }
    if !rest.1.is_empty() {
        groups.entry(rest.0).or_default().extend(rest.1);
    }
    groups
}

fn names<'a>(all: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = all.len().saturating_sub(NAMES);
    let mut named: Vec<String> = all.take(NAMES).map(safe).collect();
    if more > 0 {
        named.push(format!("and {more} more"));
    }
    named.join("<br>")
}

/// Text in a label: whatever could end it, or be Markdown, HTML or a command, is written by its
/// number.
fn safe(text: &str) -> String {
    let mut safe = String::new();
    for c in text.chars().take(LONGEST) {
        if c.is_alphanumeric() || " .,:/_-".contains(c) {
            safe.push(c);
        } else {
            let _ = write!(safe, "#{};", u32::from(c));
        }
    }
    if text.chars().nth(LONGEST).is_some() {
        safe + "…"
    } else {
        safe
    }
}

#[cfg(test)]
mod tests;
