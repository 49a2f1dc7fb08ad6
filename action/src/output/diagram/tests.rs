//! Diagrams of every size are small, and nothing in them can end a label.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn resource(kind: Kind, id: usize, access: &[(&str, Access)]) -> Resource {
    Resource {
        kind,
        label: vec![format!("resource {id}")],
        ids: [id.to_string()].into(),
        keys: if kind == Kind::Image {
            [(id + 1).to_string()].into()
        } else {
            BTreeSet::new()
        },
        access: access
            .iter()
            .map(|(principal, access)| ((*principal).to_owned(), *access))
            .collect(),
    }
}

fn region(number: usize, resources: Vec<Resource>) -> RegionBox {
    RegionBox {
        regions: [format!("us-east-{}", number % 9 + 1).parse().unwrap()].into(),
        resources,
    }
}

fn drawn(regions: &[RegionBox]) -> Drawing {
    smallest(regions, "111111111111", false).unwrap()
}

/// A resource, and the access of principals by their numbers.
type Spec = (Kind, Vec<(usize, Access)>);

/// The resources of a Region, and what some of forty principals may do with them.
fn specs() -> impl Strategy<Value = Vec<Spec>> {
    let kind = prop_oneof![Just(Kind::Image), Just(Kind::Image), Just(Kind::Key)];
    let access = prop_oneof![
        Just(Access::Kept),
        Just(Access::Added),
        Just(Access::Removed)
    ];
    vec((kind, vec((0..40_usize, access), 1..20)), 1..10)
}

/// The Regions with these resources.
fn regions_of(specs: &[Vec<Spec>]) -> Vec<RegionBox> {
    let name = |n: usize| (300_000_000_000 + n as u64).to_string();
    let names: Vec<String> = (0..40).map(name).collect();
    let mut regions = Vec::new();
    for (number, specs) in specs.iter().enumerate() {
        let mut resources = Vec::new();
        for (n, (kind, access)) in specs.iter().enumerate() {
            let access: Vec<(&str, Access)> = access
                .iter()
                .map(|(n, access)| (names[*n].as_str(), *access))
                .collect();
            resources.push(resource(*kind, number * 100 + n, &access));
        }
        regions.push(region(number, resources));
    }
    regions
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn diagram_stays_small_and_counts_every_principal(specs in vec(specs(), 1..40)) {
        let regions = regions_of(&specs);
        let drawing = drawn(&regions);
        let text = &drawing.text;
        prop_assert!(drawing.edges.len() <= MAX_EDGES && text.len() <= MAX_CHARACTERS, "{}", text);
        let edges = text.lines().filter(|line| line.contains('|')).count();
        prop_assert_eq!(edges, drawing.edges.len());
        // Those who are not named are counted.
        let resources = regions.iter().flat_map(|region| &region.resources);
        let principals: BTreeSet<&String> = resources.flat_map(|r| r.access.keys()).collect();
        let groups = text.lines().filter(|line| line.starts_with("  T") && line.contains("([\""));
        prop_assert_eq!(groups.map(principals_in).sum::<usize>(), principals.len());
    }

    #[test]
    fn text_cannot_end_its_label(text in "\\PC*|[\"`|<>&\n\\[\\]{}()%#;=-]*|.*") {
        let image = resource(Kind::Image, 1, &[(&text, Access::Added)]);
        let drawing = drawn(&[region(1, vec![image])]);
        let label = drawing.text.lines().find(|line| line.starts_with("  T0([")).unwrap();
        let inner = label.strip_prefix("  T0([\"").and_then(|rest| rest.strip_suffix("\"])"));
        let inner = inner.unwrap();
        let special = ['"', '`', '|', '<', '\\', '[', '{', '%', '='];
        prop_assert!(!inner.contains(special), "{}", inner);
        prop_assert!(inner.chars().all(|c| !c.is_control()));
        prop_assert_eq!(drawing.text.lines().count(), 12, "{}", drawing.text);
    }
}

/// How many principals a box stands for.
fn principals_in(line: &str) -> usize {
    let label = line.split('"').nth(1).unwrap();
    let more = label
        .split("and ")
        .nth(1)
        .map_or(0, |more| more.split(' ').next().unwrap().parse().unwrap());
    more + label
        .split("<br>")
        .filter(|name| !name.starts_with("and "))
        .count()
}

#[test]
fn every_line_names_what_another_line_draws() {
    let mut regions = Vec::new();
    for number in 0..2 {
        let id = number * 2 + 1;
        let both = [("222222222222", Access::Kept), ("o-a", Access::Added)];
        let resources = vec![
            resource(Kind::Image, id, &both),
            resource(Kind::Key, id + 1, &both[number..=number]),
        ];
        regions.push(region(number, resources));
    }
    let drawing = drawn(&regions);
    let lines = "  \
  T0([\"222222222222\"])
  T1([\"o-a\"])
  subgraph A[\"account 111111111111\"]
    subgraph P0[\"us-east-1\"]
      N0[\"resource 1\"]
      N1{{\"resource 2\"}}
      N0 -.-|encrypted under| N1
    end
    subgraph P1[\"us-east-2\"]
      N2[\"resource 3\"]
      N3{{\"resource 4\"}}
      N2 -.-|encrypted under| N3
    end
  end
  classDef box fill:none,stroke:#8b949e
  class A,P0,P1 box
  T0 -->|has launch permission| N0
  T0 -->|has key access| N1
  T0 -->|has launch permission| N2
  T1 ==>|got launch permission| N0
  T1 ==>|got launch permission| N2
  T1 ==>|got key access| N3
  linkStyle 5,6,7 stroke:#1a7f37,stroke-width:3px
";
    let (_, drawn) = drawing.text.split_once("flowchart LR\n").unwrap();
    assert_eq!(drawn, lines);
}

#[test]
fn groups_are_as_many_as_there_is_room_for() {
    // Each may use another image.
    let mut resources = Vec::new();
    for n in 0..5 {
        let principal = n.to_string();
        resources.push(resource(Kind::Image, n, &[(&principal, Access::Kept)]));
    }
    let resources: Vec<&Resource> = resources.iter().collect();
    for most in 1..8 {
        let groups = group_principals(&resources, most);
        assert_eq!(groups.len(), most.min(5), "{most}: {groups:?}");
        assert_eq!(groups.values().flatten().count(), 5, "{most}: {groups:?}");
    }
}

#[test]
fn resources_with_the_same_access_are_joined_before_others() {
    let access = |principal| resource(Kind::Image, 0, &[(principal, Access::Kept)]).access;
    let mut resources = Vec::new();
    for (id, principal) in ["a", "b", "a", "c"].into_iter().enumerate() {
        let mut image = resource(Kind::Image, id, &[]);
        image.access = access(principal);
        resources.push(image);
    }
    let regions = [region(0, resources)];
    let table = [
        (4, vec![1, 1, 1, 1]),
        (3, vec![2, 1, 1]),
        (2, vec![4]),
        (1, vec![4]),
    ];
    for (most, sizes) in table {
        let detail = simplify::Detail {
            regions: 1,
            resources: most,
            groups: 9,
        };
        let boxes = simplify::regions(&regions, detail);
        let drawn = boxes[0].resources.iter().map(|it| it.ids.len());
        assert_eq!(drawn.collect::<Vec<_>>(), sizes, "{most}");
    }
}

#[test]
fn regions_are_as_many_as_there_is_room_for() {
    let mut regions = Vec::new();
    for n in 0..5 {
        let principal = n.to_string();
        let image = resource(Kind::Image, n, &[(&principal, Access::Kept)]);
        regions.push(region(n, vec![image]));
    }
    for most in 1..8 {
        let detail = simplify::Detail {
            regions: most,
            resources: 9,
            groups: 9,
        };
        let boxes = simplify::regions(&regions, detail);
        assert_eq!(boxes.len(), most.min(5), "{most}");
        let all: BTreeSet<_> = boxes.iter().flat_map(|it| &it.regions).collect();
        assert_eq!(all.len(), 5, "{most}");
        let resources = boxes.iter().flat_map(|it| &it.resources);
        assert_eq!(resources.map(|it| it.ids.len()).sum::<usize>(), 5, "{most}");
    }
}

#[test]
fn regions_that_look_the_same_are_one_box() {
    let principals: Vec<String> = (0..50)
        .map(|n| format!("{:012}", 300_000_000_000_u64 + n))
        .collect();
    let access: Vec<(&str, Access)> = principals
        .iter()
        .map(|principal| (principal.as_str(), Access::Added))
        .collect();
    let mut regions = Vec::new();
    for n in 0..50 {
        regions.push(RegionBox {
            regions: [format!("us-west-{}", n + 1).parse().unwrap()].into(),
            resources: vec![
                resource(Kind::Image, n * 10, &access),
                resource(Kind::Key, n * 10 + 1, &access),
            ],
        });
    }
    let drawing = drawn(&regions);
    assert_eq!(drawing.edges.len(), 3);
    for part in ["and 47 more", "50 AMIs", "50 keys"] {
        assert!(drawing.text.contains(part), "{part}: {}", drawing.text);
    }
}

/// The relative luminance of a colour, as WCAG defines it.
fn luminance(colour: &str) -> f64 {
    let channel = |at: usize| {
        let value = u8::from_str_radix(&colour[at..at + 2], 16).unwrap();
        let value = f64::from(value) / 255.0;
        if value <= 0.03928 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
}

#[test]
fn colours_are_readable_in_light_and_in_dark() {
    // What GitHub has behind a diagram.
    let backgrounds = ["ffffff", "0d1117"];
    let access = [
        ("222222222222", Access::Added),
        ("333333333333", Access::Removed),
    ];
    let drawing = drawn(&[region(0, vec![resource(Kind::Key, 1, &access)])]);
    // No box has a background of its own.
    assert!(drawing.text.contains("  classDef box fill:none,"));
    assert!(drawing.text.contains("\n  class A,P0 box\n"));
    let edges = drawing.text.lines();
    let edges: String = edges.filter(|line| line.contains("linkStyle")).collect();
    let colours: Vec<&str> = edges.split('#').skip(1).map(|rest| &rest[..6]).collect();
    assert_eq!(colours.len(), 2, "{}", drawing.text);
    for colour in colours {
        for background in backgrounds {
            let mut both = [luminance(colour), luminance(background)];
            both.sort_by(f64::total_cmp);
            let contrast = (both[1] + 0.05) / (both[0] + 0.05);
            assert!(contrast >= 3.0, "{colour} on {background}: {contrast:.2}");
        }
    }
}
