//! Which images with the tag of a copy are copies of this tool.

use super::*;
use crate::id::{SnapshotId, SourceImage};
use crate::plan::own_copy;
use crate::tags;

/// A copy of the image of the inventory's request, in the same Region.
struct Copy {
    region: RegionInventory,
    image: Image,
    source: SourceImage,
}

/// A copy with two volumes under the first key, made with this name.
fn copy(name: &str, made_with_name: &str) -> Copy {
    let mut inventory = inventory();
    let region = home(&mut inventory).clone();
    let source = SourceImage {
        region: region.location.region.clone(),
        ami: "ami-1a2b3c4d".parse().unwrap(),
    };
    let key = ARN.parse().unwrap();
    let identity = CopyImage::identify(&source, &region.location, &key, made_with_name);
    let mut copy = Copy {
        image: region.images[&source.ami].clone(),
        region,
        source,
    };
    copy.image.id = "ami-0000000a".parse().unwrap();
    copy.image.name = name.replace("DIGEST", &identity[..8]);
    copy.image.source = Some(("ami-1a2b3c4d".to_owned(), "us-east-1".to_owned()));
    copy.image.tags.insert(tags::REQUEST.to_owned(), identity);
    let second: SnapshotId = "snap-0000000b".parse().unwrap();
    copy.image.mappings[1].snapshot = Some(second.clone());
    let first = copy.region.snapshots.values().next().unwrap().clone();
    let snapshot = Snapshot {
        id: second.clone(),
        ..first
    };
    copy.region.snapshots.insert(second, snapshot);
    copy
}

impl Copy {
    fn doubt(&self) -> &'static str {
        own_copy::doubt(&self.image, &self.source, &self.region, None).unwrap_or_default()
    }

    /// Its second snapshot.
    fn snapshot(&mut self) -> &mut Snapshot {
        let id = "snap-0000000b".parse().unwrap();
        self.region.snapshots.get_mut(&id).unwrap()
    }
}

#[test]
fn copy_is_known_by_what_aws_says_of_it() {
    type Change = fn(&mut Copy);
    let table: [(&str, Change, &str); 10] = [
        ("nothing", |_| (), ""),
        (
            "source",
            |copy| copy.image.source = None,
            "AWS does not call it one",
        ),
        (
            "no tag",
            |copy| copy.image.tags.clear(),
            "it lacks the tag `ami-share:request`",
        ),
        (
            "description",
            |copy| copy.snapshot().description = "Copied for DestinationAmi ami-1 from".to_owned(),
            "its snapshots were made for another one",
        ),
        (
            "a volume in the clear",
            |copy| copy.snapshot().key = None,
            "its volumes are not all under one key",
        ),
        (
            "another key",
            |copy| copy.snapshot().key = Some(OTHER.parse().unwrap()),
            "its volumes are not all under one key",
        ),
        (
            "both keys",
            |copy| {
                for snapshot in copy.region.snapshots.values_mut() {
                    snapshot.key = Some(OTHER.parse().unwrap());
                }
            },
            "its tag `ami-share:request` is not what this version gives",
        ),
        // A pending copy shows no volumes yet; the key is that of the snapshots made for it.
        (
            "no volumes",
            |copy| {
                copy.image.state = ImageState::Pending;
                copy.image.mappings.clear();
                copy.region.keys.clear();
                copy.snapshot().description = "for DestinationAmi ami-0000000a from".to_owned();
            },
            "",
        ),
        (
            "no volumes, and snapshots made for another copy",
            |copy| {
                copy.image.state = ImageState::Pending;
                copy.image.mappings.clear();
                copy.region.keys.clear();
                copy.snapshot().description = "for DestinationAmi ami-0000000b from".to_owned();
            },
            "its tag `ami-share:request` is not what this version gives",
        ),
        // An image that is gone keeps nothing from a revoke.
        (
            "failed, and its snapshots are hidden",
            |copy| {
                copy.image.state = ImageState::Failed("failed".to_owned());
                copy.image.name = "another".to_owned();
                copy.region.snapshots.clear();
            },
            "its tag `ami-share:request` is not what this version gives",
        ),
    ];
    for (changed, change, doubt) in table {
        let mut copy = copy("golden", "golden");
        change(&mut copy);
        let found = copy.doubt();
        let is_none = doubt.is_empty() && found.is_empty();
        assert!(
            is_none || !doubt.is_empty() && found.starts_with(doubt),
            "{changed}: {found}"
        );
    }
}

#[test]
fn name_of_a_copy_is_looked_at_with_and_without_its_digest() {
    let long = "x".repeat(200);
    let cut = |end: &str| format!("{}{end}", &long[..128 - end.len()]);
    let digest = |name: String| name.replace("DIGESTxx", "DIGEST");
    let table = [
        ("golden".to_owned(), "golden", ""),
        ("golden-DIGEST".to_owned(), "golden", ""),
        ("golden-2".to_owned(), "golden", "its tag"),
        // Too short to have been cut.
        ("silver-DIGEST".to_owned(), "golden", "its tag"),
        (digest(cut("-DIGESTxx")), &long, "its name was cut"),
        (cut("-other"), &long, "its tag"),
    ];
    for (name, made_with, doubt) in table {
        let copy = copy(&name, made_with);
        let found = copy.doubt();
        let is_none = doubt.is_empty() && found.is_empty();
        assert!(
            is_none || !doubt.is_empty() && found.starts_with(doubt),
            "{name}: {found}"
        );
    }
}
