//! Fewer boxes where they are many: AMIs for which the same holds become one, and so do Regions
//! that look alike.

use std::collections::BTreeMap;

use super::model::{Kind, May, Place, Thing};

/// How many boxes are drawn one by one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Detail {
    /// Regions.
    pub(super) places: usize,
    /// AMIs of a Region, and keys of it.
    pub(super) things: usize,
    /// Groups of those who may do the same.
    pub(super) groups: usize,
}

pub(super) fn places(all: &[Place], detail: Detail) -> Vec<Place> {
    let few = |place: &Place| Place {
        things: things(&place.things, detail.things),
        ..place.clone()
    };
    let all: Vec<Place> = all.iter().map(few).collect();
    if all.len() <= detail.places {
        return all;
    }
    let mut alike: Vec<Place> = Vec::new();
    for place in all {
        match alike.iter_mut().find(|known| look(known) == look(&place)) {
            Some(known) => join(known, place),
            None => alike.push(place),
        }
    }
    // What looks different and is too much all the same is one more box, in which the details are
    // lost.
    if alike.len() > detail.places {
        let mut rest = alike.split_off(detail.places - 1).into_iter();
        if let Some(first) = rest.next() {
            let one = |place: Place| Place {
                things: things(&place.things, 1),
                ..place
            };
            let mut last = one(first);
            for place in rest {
                last.regions.extend(place.regions);
                last.things.extend(place.things);
            }
            alike.push(one(last));
        }
    }
    alike
}

/// What two Regions that look alike have in common.
fn look(place: &Place) -> Vec<(Kind, &BTreeMap<String, May>)> {
    place
        .things
        .iter()
        .map(|thing| (thing.kind, &thing.may))
        .collect()
}

fn join(known: &mut Place, place: Place) {
    known.regions.extend(place.regions);
    for (known, thing) in known.things.iter_mut().zip(&place.things) {
        known.absorb(thing);
    }
}

fn things(all: &[Thing], most: usize) -> Vec<Thing> {
    let mut few = Vec::new();
    for kind in [Kind::Ami, Kind::Key] {
        let of_kind: Vec<&Thing> = all.iter().filter(|thing| thing.kind == kind).collect();
        if of_kind.len() <= most {
            few.extend(of_kind.into_iter().cloned());
            continue;
        }
        let alike = merged(&of_kind, |known, thing| known.may == thing.may);
        if alike.len() <= most {
            few.extend(alike)
        } else {
            few.extend(merged(&of_kind, |_, _| true))
        }
    }
    few
}

fn merged(things: &[&Thing], same: impl Fn(&Thing, &Thing) -> bool) -> Vec<Thing> {
    let mut all: Vec<Thing> = Vec::new();
    for thing in things {
        match all.iter_mut().find(|known| same(known, thing)) {
            Some(known) => known.absorb(thing),
            None => all.push((*thing).clone()),
        }
    }
    all
}
