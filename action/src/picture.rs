//! A Mermaid picture of a report: which AMIs and keys there are, and who may do what with them.
//!
//! Mermaid refuses above 500 edges and 50,000 characters. Whoever may do the same is one node, and so are Regions
//! beyond the first few: what is folded is counted.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use ami_share::{KeyArn, Principal, Region, Report, SharedImage};

/// So many Regions are drawn.
const REGIONS: usize = 8;
/// So many images of a Region are drawn one by one.
const IMAGES: usize = 6;
/// So many principals are named in a node.
const NAMES: usize = 3;
/// So many different groups of principals are drawn.
const GROUPS: usize = 12;

/// One box, and who can launch what it stands for.
struct Node<'a> {
    label: String,
    region: &'a Region,
    launchers: BTreeSet<&'a Principal>,
}

/// The picture; nothing where nothing is shared.
pub(crate) fn of(report: &Report) -> Option<String> {
    let images: Vec<&SharedImage> = report.images.iter().filter(|image| !image.principals.is_empty()).collect();
    if images.is_empty() {
        return None;
    }
    let regions: BTreeSet<&Region> = images.iter().map(|image| &image.region).collect();
    let drawn: BTreeSet<&Region> = regions.iter().take(REGIONS).copied().collect();
    let nodes: Vec<Node<'_>> = drawn.iter().flat_map(|region| boxes(&images, region)).collect();
    let keys: Vec<(&KeyArn, BTreeSet<&Principal>)> = report
        .keys
        .iter()
        .filter(|key| drawn.contains(key.key.region()))
        .map(|key| (&key.key, key.principals.iter().collect()))
        .collect();
    let mut text = format!("flowchart LR\n  A[\"account {}\"]\n", report.plan.account);
    for (number, region) in drawn.iter().enumerate() {
        let _ = writeln!(text, "  subgraph R{number}[\"{region}\"]");
        for (n, node) in nodes.iter().enumerate().filter(|(_, node)| node.region == *region) {
            let _ = writeln!(text, "    I{n}[\"{}\"]", node.label);
        }
        for (n, (key, _)) in keys.iter().enumerate().filter(|(_, (key, _))| key.region() == *region) {
            let id = key.as_ref().rsplit('/').next().unwrap_or_default();
            let _ = writeln!(text, "    K{n}{{{{\"key {id}\"}}}}");
        }
        let _ = writeln!(text, "  end\n  A --- R{number}");
    }
    if regions.len() > drawn.len() {
        let _ = writeln!(text, "  A --- more[\"{} more Regions\"]", regions.len() - drawn.len());
    }
    groups(&mut text, &nodes, &keys);
    Some(text)
}

/// The images of a Region, or one box for all of them where they are many.
fn boxes<'a>(images: &[&'a SharedImage], region: &'a Region) -> Vec<Node<'a>> {
    let here: Vec<&SharedImage> = images.iter().copied().filter(|image| &image.region == region).collect();
    if here.len() > IMAGES {
        let launchers = here.iter().flat_map(|image| &image.principals).collect();
        return vec![Node { label: format!("{} AMIs", here.len()), region, launchers }];
    }
    let label = |image: &SharedImage| match &image.image {
        Some(id) if *id != image.source.ami => format!("{id}<br>copy of {}", image.source.ami),
        Some(id) => id.to_string(),
        None => format!("copy of {}", image.source.ami),
    };
    here.into_iter()
        .map(|image| Node { label: label(image), region, launchers: image.principals.iter().collect() })
        .collect()
}

/// One node for all who may do the same, and its edges.
fn groups(text: &mut String, nodes: &[Node<'_>], keys: &[(&KeyArn, BTreeSet<&Principal>)]) {
    let everybody: BTreeSet<&Principal> =
        nodes.iter().flat_map(|node| &node.launchers).chain(keys.iter().flat_map(|(_, who)| who)).copied().collect();
    let mut alike: BTreeMap<(Vec<usize>, Vec<usize>), Vec<&Principal>> = BTreeMap::new();
    for principal in everybody {
        let launches = nodes.iter().enumerate().filter(|(_, node)| node.launchers.contains(principal));
        let uses = keys.iter().enumerate().filter(|(_, (_, who))| who.contains(principal));
        let may = (launches.map(|(n, _)| n).collect(), uses.map(|(n, _)| n).collect());
        alike.entry(may).or_default().push(principal);
    }
    let folded = alike.len().saturating_sub(GROUPS);
    for (number, ((launches, uses), who)) in alike.into_iter().enumerate().take(GROUPS) {
        let _ = writeln!(text, "  T{number}([\"{}\"])", names(&who));
        for image in launches {
            let _ = writeln!(text, "  I{image} -- launch --> T{number}");
        }
        for key in uses {
            let _ = writeln!(text, "  K{key} -. use .-> T{number}");
        }
    }
    if folded > 0 {
        let _ = writeln!(text, "  others([\"{folded} more groups of targets\"])");
    }
}

fn names(who: &[&Principal]) -> String {
    let short = |principal: &Principal| match principal {
        Principal::Account(account) => account.to_string(),
        other => other.to_string().rsplit('/').next().unwrap_or_default().to_owned(),
    };
    let named: Vec<String> = who.iter().take(NAMES).map(|principal| short(principal)).collect();
    match who.len() {
        more if more > NAMES => format!("{}<br>and {} more", named.join("<br>"), more - NAMES),
        _ => named.join("<br>"),
    }
}
