//! In every world: no image that somebody uses, that is outside of the groups or that stays is
//! taken from anybody, disabled or deregistered.

use std::collections::BTreeSet;

use super::*;

const COUNT: u32 = 5;

/// Numbers that are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

#[tokio::test(start_paused = true)]
async fn images_that_anybody_needs_are_taken_from_nobody() {
    let mut numbers = Numbers(0x2545_f491_4f6c_dd1d);
    let (mut taken, mut spared) = (0, 0);
    for case in 0..24 {
        let world = build_group(COUNT).await;
        let keep_last = usize::try_from(numbers.below(3)).unwrap() + 1;
        let mut needed: BTreeSet<u32> = BTreeSet::new();
        let mut counted = Vec::new();
        for number in 1..=COUNT {
            let id = world.image_id(&format!("image-{number}"));
            match numbers.below(7) {
                0 => use_image(&world, A, &id, 1),
                1 => use_image(&world, B, &id, 1),
                2 => use_image(&world, "300000000000", &id, 1),
                3 => world.edit_image(&id, |image| {
                    let tags = image.tags.get_mut(A).unwrap();
                    tags.insert("Product".to_owned(), "other".to_owned());
                }),
                _ => {
                    counted.push(number);
                    continue;
                }
            }
            let is_outside = world.edit_image(&id, |image| image.tags[A]["Product"] == "other");
            if !is_outside {
                counted.push(number);
            }
            needed.insert(number);
        }
        needed.extend(counted.iter().rev().take(keep_last));
        for _ in 0..4 {
            let ended = world
                .try_share(request(&world, with_deregistration(keep_last)))
                .await;
            ended.unwrap_or_else(|report| panic!("{case}: {:?}", report.errors));
            tokio::time::advance(DAY * 15).await;
        }
        for number in 1..=COUNT {
            let standing = standing(&world, &format!("image-{number}"));
            if needed.contains(&number) {
                spared += 1;
                let is_left = ["shared", "deprecated"].contains(&standing);
                assert!(is_left, "{case}: image {number} is {standing}");
            } else {
                taken += 1;
                assert_eq!(standing, "gone", "{case}: image {number}");
            }
        }
    }
    assert!(taken > 20 && spared > 20, "{taken} {spared}");
}
