//! Pictures of every size are small, and nothing in them can end a label.

use std::collections::BTreeSet;

use proptest::collection::vec;
use proptest::prelude::*;

use super::model::{Kind, May, Place, Thing};
use super::*;

fn thing(kind: Kind, id: usize, may: &[(&str, May)]) -> Thing {
    Thing {
        kind,
        label: vec![format!("thing {id}")],
        ids: [id.to_string()].into(),
        under: if kind == Kind::Ami {
            [(id + 1).to_string()].into()
        } else {
            BTreeSet::new()
        },
        may: may
            .iter()
            .map(|(who, may)| ((*who).to_owned(), *may))
            .collect(),
    }
}

fn place(number: usize, things: Vec<Thing>) -> Place {
    Place {
        regions: [format!("us-east-{}", number % 9 + 1).parse().unwrap()].into(),
        things,
    }
}

fn drawn(all: &[Place]) -> Drawing {
    smallest(all, "111111111111", false).unwrap()
}

/// Things of a Region, with who of so many people may what.
fn things() -> impl Strategy<Value = Vec<(Kind, Vec<(usize, May)>)>> {
    let kind = prop_oneof![Just(Kind::Ami), Just(Kind::Ami), Just(Kind::Key)];
    let may = prop_oneof![Just(May::Already), Just(May::Now), Just(May::NoMore)];
    vec((kind, vec((0..40_usize, may), 1..20)), 1..10)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn however_much_there_is_a_picture_stays_small_and_counts_everybody(all in vec(things(), 1..40)) {
        let names: Vec<String> = (0..40_u64).map(|n| (300_000_000_000 + n).to_string()).collect();
        let named = |may: &[(usize, May)]| may.iter().map(|(n, may)| (names[*n].as_str(), *may)).collect::<Vec<_>>();
        let all: Vec<Place> = all
            .iter()
            .enumerate()
            .map(|(number, things)| {
                let things = things.iter().enumerate();
                place(number, things.map(|(n, (kind, may))| thing(*kind, number * 100 + n, &named(may))).collect())
            })
            .collect();
        let drawing = drawn(&all);
        prop_assert!(drawing.edges.len() <= EDGES && drawing.text.len() <= CHARACTERS, "{}", drawing.text);
        let edges = drawing.text.lines().filter(|line| line.contains('|')).count();
        prop_assert_eq!(edges, drawing.edges.len());
        // Those who are not named are counted.
        let somebody: BTreeSet<&String> = all.iter().flat_map(|place| &place.things).flat_map(|t| t.may.keys()).collect();
        let counted: usize = drawing.text.lines().filter(|line| line.starts_with("  T") && line.contains("([\"")).map(people).sum();
        prop_assert_eq!(counted, somebody.len());
    }

    #[test]
    fn no_text_can_end_its_label(text in "\\PC*|[\"`|<>&\n\\[\\]{}()%#;=-]*|.*") {
        let drawing = drawn(&[place(1, vec![thing(Kind::Ami, 1, &[(&text, May::Now)])])]);
        let label = drawing.text.lines().find(|line| line.starts_with("  T0([")).unwrap();
        let inner = label.strip_prefix("  T0([\"").and_then(|rest| rest.strip_suffix("\"])")).unwrap();
        prop_assert!(!inner.contains(['"', '`', '|', '<', '\\', '[', '{', '%', '=']), "{}", inner);
        prop_assert!(inner.chars().all(|c| !c.is_control()));
        prop_assert_eq!(drawing.text.lines().count(), 10, "{}", drawing.text);
    }
}

/// How many people a box stands for.
fn people(line: &str) -> usize {
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
fn fifty_regions_that_look_alike_are_one_box() {
    let people: Vec<String> = (0..50)
        .map(|n| format!("{:012}", 300_000_000_000_u64 + n))
        .collect();
    let may: Vec<(&str, May)> = people.iter().map(|who| (who.as_str(), May::Now)).collect();
    let all: Vec<Place> = (0..50)
        .map(|n| Place {
            regions: [format!("us-west-{}", n + 1).parse().unwrap()].into(),
            things: vec![
                thing(Kind::Ami, n * 10, &may),
                thing(Kind::Key, n * 10 + 1, &may),
            ],
        })
        .collect();
    let drawing = drawn(&all);
    assert_eq!(drawing.edges.len(), 3);
    for part in ["and 47 more", "50 AMIs", "50 keys"] {
        assert!(drawing.text.contains(part), "{part}: {}", drawing.text);
    }
}
