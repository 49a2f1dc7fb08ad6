//! Lists of AWS come in pages: a call that reads one asks for all of them.

use std::fs;
use std::path::Path;

/// What AWS answers whole, or of one thing.
const WHOLE: [&str; 11] = [
    "describe_image_attribute",
    "describe_key",
    "describe_organization()",
    "describe_regions",
    "describe_snapshot_attribute",
    "get_",
    // Requests that name what they want.
    "describe_images().image_ids(",
    "describe_launch_template_versions()",
    "describe_locked_snapshots().set_snapshot_ids(",
    "describe_subnets().subnet_ids(",
    "describe_instances().instance_ids(",
];

/// How a list is read to its end. The SDK would take a token that comes again for its end.
const PAGED: &str = ".into_paginator().stop_on_duplicate_token(false)";

/// How a list is handed to the function beside it that reads such a list to its end.
const HANDED_ON: &str = "self.pages_of_";

/// The calls in a source that read a list and send it without pages.
fn unpaged(source: &str) -> Vec<String> {
    let text: String = source.split_whitespace().collect();
    let mut found = Vec::new();
    for start in ["describe_", "list_", "simulate_"] {
        for (position, _) in text.match_indices(&format!(".{start}")) {
            let call = &text[position + 1..];
            let sent = &call[..call.find(".send(").unwrap_or(call.len())];
            let is_whole = WHOLE.iter().any(|name| call.starts_with(name));
            if !is_whole && !sent.contains(PAGED) && !sent.contains(HANDED_ON) {
                found.push(sent.to_owned());
            }
        }
    }
    // Whoever made the call, its pages are read to the end.
    for (position, _) in text.match_indices(".into_paginator()") {
        if !text[position..].starts_with(PAGED) {
            found.push(text[..position].to_owned());
        }
    }
    found
}

#[test]
fn list_without_pages_is_found() {
    let paged = "let call = self.client.list_roles().path_prefix(p); call.into_paginator()\
                 .stop_on_duplicate_token(false).send()";
    assert!(unpaged(paged).is_empty());
    let handed_on = "let call = || self.client.list_roles(); self.pages_of_roles(call)";
    assert!(unpaged(handed_on).is_empty());
    for to_first_repeat in [
        "self.client.list_roles().into_paginator().send()",
        "call().into_paginator().send()",
    ] {
        assert!(!unpaged(to_first_repeat).is_empty(), "{to_first_repeat}");
    }
    assert_eq!(unpaged("self.client.list_roles().send()"), ["list_roles()"]);
    assert!(unpaged("self.client.describe_images() .image_ids(id).send()").is_empty());
}

#[test]
fn every_list_is_read_in_pages() {
    let room = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../core/src/aws");
    let mut lists = 0;
    for folder in [room.clone(), room.join("ec2"), room.join("iam")] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                continue;
            }
            let source = fs::read_to_string(&path).unwrap();
            lists += source.matches("into_paginator").count();
            assert_eq!(unpaged(&source), Vec::<String>::new(), "{}", path.display());
            // Only this file knows how long a list can be.
            let reads_pages = path.ends_with("pages.rs");
            let is_bounded = reads_pages || !source.contains("try_next");
            assert!(is_bounded, "{}", path.display());
        }
    }
    assert!(lists >= 9, "{lists}");
}
