//! A Mermaid diagram of a report: which AMIs and keys there are, and who may do what with them.
//!
//! Mermaid refuses above 500 edges and 50,000 characters, and nobody can read a tenth of that, so
//! the diagram is drawn in less detail until it is small enough.

mod model;
mod simplify;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use ami_share::Report;

use self::model::{Access, Kind, RegionBox, Resource};
use self::simplify::Detail;
use super::principal_name::a_few;
use super::text::visible;

/// What a reader can follow.
const MAX_EDGES: usize = 24;
const MAX_CHARACTERS: usize = 10_000;
/// A diagram with less access says no more than a table, and one with more edges is looked at on
/// purpose.
const LEAST_ACCESS: usize = 3;
const OPEN_EDGES: usize = 8;
/// This many lines are in one box.
const LINES_IN_A_BOX: usize = 4;
/// The longest name that is shown whole.
const LONGEST_NAME: usize = 60;

/// From the most detail to the least.
const DETAILS: [Detail; 4] = [
    Detail {
        regions: 8,
        resources: 6,
        groups: 12,
    },
    Detail {
        regions: 8,
        resources: 1,
        groups: 6,
    },
    Detail {
        regions: 3,
        resources: 1,
        groups: 4,
    },
    Detail {
        regions: 1,
        resources: 1,
        groups: 1,
    },
];

/// A diagram of a report.
pub(super) struct Diagram {
    pub(super) text: String,
    /// Whether it says more than the tables, and is still read at a glance.
    pub(super) says_more: bool,
}

/// The diagram; `None` if nobody has, gains or loses access. `planned` says that the plan was not
/// carried out.
pub(super) fn of_report(report: &Report, planned: bool) -> Option<Diagram> {
    let regions = model::of_report(report, planned);
    let mut resources = regions.iter().flat_map(|region| &region.resources);
    if resources.all(|resource| resource.access.is_empty()) {
        return None;
    }
    let account = report.plan.account.as_ref();
    let drawing = smallest(&regions, account, planned)?;
    Some(Diagram {
        says_more: drawing.says_more(),
        text: drawing.text,
    })
}

/// The first drawing that is small enough.
fn smallest(regions: &[RegionBox], account: &str, planned: bool) -> Option<Drawing> {
    for detail in DETAILS {
        let regions = simplify::regions(regions, detail);
        let drawing = Drawing::new(&regions, account, detail.groups, planned);
        if drawing.edges.len() <= MAX_EDGES && drawing.text.len() <= MAX_CHARACTERS {
            return Some(drawing);
        }
    }
    None
}

/// The text of a diagram. Groups of principals are the nodes `T0`, `T1`, …, images and keys `N0`,
/// `N1`, …, Regions the subgraphs `P0`, `P1`, ….
struct Drawing {
    text: String,
    /// What each edge says, in order: Mermaid counts them to colour them.
    edges: Vec<Access>,
    /// How many of these only say which key an image is under.
    encryptions: usize,
    planned: bool,
}

// Writing to a String cannot fail.
impl Drawing {
    fn new(regions: &[RegionBox], account: &str, groups: usize, planned: bool) -> Self {
        // Wide enough for a line that names an image and its Region.
        let head = "%%{init: {\"flowchart\": {\"wrappingWidth\": 400}}}%%\nflowchart LR\n";
        let mut drawing = Self {
            text: head.to_owned(),
            edges: Vec::new(),
            encryptions: 0,
            planned,
        };
        let resources: Vec<&Resource> = regions
            .iter()
            .flat_map(|region| &region.resources)
            .collect();
        let groups = group_principals(&resources, groups);
        drawing.draw_groups(&groups);
        drawing.draw_account(account, regions);
        drawing.draw_access(&groups, &resources);
        drawing.colour(Access::Added, "stroke:#1a7f37,stroke-width:3px");
        drawing.colour(Access::Removed, "stroke:#cf222e,stroke-width:2px");
        drawing
    }

    fn says_more(&self) -> bool {
        let edges = self.edges.len();
        edges - self.encryptions >= LEAST_ACCESS && edges <= OPEN_EDGES
    }

    fn draw_groups(&mut self, groups: &Groups) {
        for (number, principals) in groups.values().enumerate() {
            let mut principals: Vec<&str> = principals.iter().map(String::as_str).collect();
            // An organization stands for many, so it is named before accounts.
            principals.sort_by_key(|name| name.starts_with(|c: char| c.is_ascii_digit()));
            let names = names(principals.into_iter());
            let _ = writeln!(self.text, "  T{number}([\"{names}\"])");
        }
    }

    /// The source account, with a subgraph for each Region.
    fn draw_account(&mut self, account: &str, regions: &[RegionBox]) {
        let _ = writeln!(self.text, "  subgraph A[\"account {}\"]", escape(account));
        let mut first = 0;
        for (number, region) in regions.iter().enumerate() {
            let name = names(region.regions.iter().map(AsRef::as_ref));
            let _ = writeln!(self.text, "    subgraph P{number}[\"{name}\"]");
            for (offset, resource) in region.resources.iter().enumerate() {
                self.draw_resource(first + offset, resource);
            }
            self.draw_encryption(first, &region.resources);
            first += region.resources.len();
            self.text.push_str("    end\n");
        }
        self.text.push_str("  end\n");
        // Edges are seen on what GitHub has behind a diagram, and not on Mermaid's own colours.
        let boxes = (0..regions.len()).map(|number| format!(",P{number}"));
        let boxes: String = boxes.collect();
        let _ = writeln!(self.text, "  classDef box fill:none,stroke:#8b949e");
        let _ = writeln!(self.text, "  class A{boxes} box");
    }

    fn draw_resource(&mut self, number: usize, resource: &Resource) {
        let (open, close, plural) = match resource.kind {
            Kind::Image => ("[", "]", "AMIs"),
            Kind::Key => ("{{", "}}", "keys"),
        };
        let label = if resource.ids.len() == 1 {
            let lines: Vec<String> = resource.label.iter().map(|line| escape(line)).collect();
            lines.join("<br>")
        } else {
            format!("{} {plural}", resource.ids.len())
        };
        let _ = writeln!(self.text, "      N{number}{open}\"{label}\"{close}");
    }

    /// Which images of a Region are encrypted under which keys; `first` is the number of its first
    /// resource.
    fn draw_encryption(&mut self, first: usize, resources: &[Resource]) {
        for (image, encrypted) in resources.iter().enumerate() {
            for (key, resource) in resources.iter().enumerate() {
                if resource.kind == Kind::Key && !resource.ids.is_disjoint(&encrypted.keys) {
                    let (image, key) = (first + image, first + key);
                    let _ = writeln!(self.text, "      N{image} -.-|encrypted under| N{key}");
                    self.edges.push(Access::Kept);
                    self.encryptions += 1;
                }
            }
        }
    }

    fn draw_access(&mut self, groups: &Groups, resources: &[&Resource]) {
        for (group, access_of_group) in groups.keys().enumerate() {
            for (number, access) in access_of_group {
                // What is given is known; whether it is enough to launch, only checks tell.
                let what = match resources[*number].kind {
                    Kind::Image => "launch permission",
                    Kind::Key => "key access",
                };
                let (line, says) = match (access, self.planned) {
                    (Access::Kept, _) => ("-->", format!("has {what}")),
                    (Access::Added, true) => ("==>", format!("would get {what}")),
                    (Access::Added, false) => ("==>", format!("got {what}")),
                    (Access::Removed, true) => ("--x", format!("would lose {what}")),
                    (Access::Removed, false) => ("--x", format!("lost {what}")),
                };
                let _ = writeln!(self.text, "  T{group} {line}|{says}| N{number}");
                self.edges.push(*access);
            }
        }
    }

    fn colour(&mut self, access: Access, style: &str) {
        let mut numbers = Vec::new();
        for (number, edge) in self.edges.iter().enumerate() {
            if *edge == access {
                numbers.push(number.to_string());
            }
        }
        if !numbers.is_empty() {
            let _ = writeln!(self.text, "  linkStyle {} {style}", numbers.join(","));
        }
    }
}

/// The access to each resource, by the resource's number.
type AccessByResource = BTreeMap<usize, Access>;

/// Principals with the same access, by that access.
type Groups = BTreeMap<AccessByResource, BTreeSet<String>>;

/// Groups the principals. If there are more than `most` groups, the rest becomes one, with the
/// access that any of its principals has.
fn group_principals(resources: &[&Resource], most: usize) -> Groups {
    let mut principals: BTreeMap<&String, AccessByResource> = BTreeMap::new();
    for (number, resource) in resources.iter().enumerate() {
        for (principal, access) in &resource.access {
            let of_principal = principals.entry(principal).or_default();
            of_principal.insert(number, *access);
        }
    }
    let mut groups = Groups::new();
    for (principal, access) in principals {
        groups.entry(access).or_default().insert(principal.clone());
    }
    let (mut access_of_rest, mut rest) = (AccessByResource::new(), BTreeSet::new());
    while groups.len() + usize::from(!rest.is_empty()) > most
        && let Some((access, principals)) = groups.pop_last()
    {
        for (number, access) in access {
            let known = access_of_rest.entry(number).or_insert(access);
            *known = (*known).max(access);
        }
        rest.extend(principals);
    }
    if !rest.is_empty() {
        groups.entry(access_of_rest).or_default().extend(rest);
    }
    groups
}

/// The first names, a line each, and how many more there are.
fn names<'a>(all: impl Iterator<Item = &'a str>) -> String {
    a_few(all.map(escape), LINES_IN_A_BOX).join("<br>")
}

/// Text in a label: characters that could end it, or be Markdown, HTML or a command, are written by
/// their number.
fn escape(text: &str) -> String {
    let text = visible(text);
    let mut escaped = String::new();
    for c in text.chars().take(LONGEST_NAME) {
        if c.is_alphanumeric() || " .,:/_-".contains(c) {
            escaped.push(c);
        } else {
            let _ = write!(escaped, "#{};", u32::from(c));
        }
    }
    if text.chars().nth(LONGEST_NAME).is_some() {
        escaped.push('…');
    }
    escaped
}

#[cfg(test)]
mod tests;
