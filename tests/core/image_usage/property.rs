//! Whoever uses an image keeps it, in every world and by every way of revoking.

use std::collections::BTreeSet;

use ami_share_sim::world::ImageState;

use super::*;

const ACCOUNTS: [&str; 3] = [B, C, D];

/// The accounts whose bit is set.
fn chosen(bits: u8) -> BTreeSet<&'static str> {
    let chosen = ACCOUNTS.iter().enumerate();
    let chosen = chosen.filter(|(index, _)| bits & (1 << index) != 0);
    chosen.map(|(_, account)| *account).collect()
}

fn launchers(world: &World) -> BTreeSet<&'static str> {
    let image_id = world.image_id("image-1");
    let permissions = world.edit_image(&image_id, |image| image.launch_permissions.clone());
    let mut accounts = BTreeSet::from(ACCOUNTS);
    accounts.retain(|account| permissions.contains(account));
    accounts
}

#[derive(Clone, Copy, Debug)]
enum Taken {
    First,
    AllButFirst,
    Everybody,
}

impl Taken {
    fn request(self, world: &World) -> ShareRequestBuilder {
        let named = world.build_request(&["image-1"]);
        match self {
            Self::First => into_revoke(named),
            Self::AllButFirst => named.unlisted(Unlisted::Revoke),
            Self::Everybody => world.build_request_for(&["image-1"], &[]).revoke(Revoke {
                all: true,
                ..Revoke::default()
            }),
        }
    }

    fn losing(self) -> BTreeSet<&'static str> {
        chosen(match self {
            Self::First => 0b001,
            Self::AllButFirst => 0b110,
            Self::Everybody => 0b111,
        })
    }
}

#[tokio::test(start_paused = true)]
async fn who_uses_an_image_keeps_it() {
    for shared in 1..8 {
        for using in 0..8 {
            for taken in [Taken::First, Taken::AllButFirst, Taken::Everybody] {
                check(shared, using, taken).await;
            }
        }
    }
}

async fn check(shared: u8, using: u8, taken: Taken) {
    let what = format!("shared {shared:03b}, using {using:03b}, taken {taken:?}");
    let world = World::generate(4, 1, 1, 1);
    let (shared, using) = (chosen(shared), chosen(using));
    let names: Vec<&str> = shared.iter().copied().collect();
    world
        .share(world.build_request_for(&["image-1"], &names))
        .await;
    for account in &using {
        use_image(&world, account, &world.image_id("image-1"), 1);
    }
    let plan = world.plan(taken.request(&world)).await;
    let in_use: BTreeSet<_> = &(&taken.losing() & &shared) & &using;
    let said = message(&plan, "image.in-use");
    assert_eq!(!in_use.is_empty(), !said.is_empty(), "{what}: {said}");
    for account in ACCOUNTS {
        assert_eq!(in_use.contains(account), said.contains(account), "{what}");
    }
    let sharer = Sharer::new(&world.config(A));
    let applied = sharer.apply(&plan).await;
    assert_eq!(applied.is_ok(), in_use.is_empty(), "{what}");
    let mut expected = shared;
    if in_use.is_empty() {
        expected.retain(|account| !taken.losing().contains(account));
        if matches!(taken, Taken::AllButFirst) {
            expected.insert(B);
        }
    }
    assert_eq!(launchers(&world), expected, "{what}");
}

/// A copy that `revoke-copies` would remove stays if anybody uses it, also the owner, and if that
/// is not known; nobody loses what it is known to use.
#[tokio::test(start_paused = true)]
async fn copy_is_removed_only_if_it_is_known_that_nobody_uses_it() {
    for shared in 1..8 {
        for using in 0..16 {
            for is_known in [true, false] {
                check_copy(shared, using, is_known).await;
            }
        }
    }
}

async fn check_copy(shared: u8, using: u8, is_known: bool) {
    let what = format!("shared {shared:03b}, using {using:04b}, known {is_known}");
    let mut world = World::generate(4, 1, 2, 1);
    let mut users = chosen(using & 0b111);
    if using & 0b1000 != 0 {
        users.insert(A);
    }
    let names: Vec<&str> = chosen(shared).into_iter().collect();
    let key = world.key_arn("key-2").parse().unwrap();
    let request = world.build_request_for(&["image-1"], &names).kms_key(key);
    let report = world.share(request).await;
    let copy = report.images[0].image.as_ref().unwrap().to_string();
    for account in &users {
        use_image(&world, account, &copy, 1);
    }
    if !is_known {
        world = world.with_fault(deny_calls(ASKS, "UnauthorizedOperation", "no"));
    }
    let revoke = world.build_request_for(&["image-1"], &[]).revoke(Revoke {
        all: true,
        copies: true,
        ..Revoke::default()
    });
    let ended = world.try_share(revoke).await;
    let is_refused = is_known && !users.is_empty();
    assert_eq!(ended.is_err(), is_refused, "{what}");
    let (is_gone, launchers) = world.edit_image(&copy, |image| {
        let mut accounts = BTreeSet::from(ACCOUNTS);
        accounts.retain(|account| image.launch_permissions.contains(account));
        (image.state == ImageState::Deregistered, accounts)
    });
    assert_eq!(is_gone, is_known && users.is_empty(), "{what}");
    if is_refused {
        assert_eq!(launchers, chosen(shared), "{what}");
    } else {
        assert!(launchers.is_empty(), "{what}");
    }
}
