//! Reads what AWS says now: the images, their snapshots and keys, our copies, and who may launch.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use futures::future;
use tokio::time::Instant;

use crate::error::{Code, Error, Errors};
use crate::id::{AmiId, KeyArn};
use crate::inventory::{Image, ImageState, Inventory, Key, KeyState};
use crate::key_policy::KeyPolicy;
use crate::request::ShareRequest;
use crate::run::Run;
use crate::tags;
use crate::wait::Pace;

/// How long an image that the user named may be unknown to AWS: it was made by an earlier step, perhaps a second ago.
const NAMED: Duration = Duration::from_secs(15);

/// The inventory that a plan of `request` is made from. With `wait`, images that are pending are awaited.
pub(crate) async fn observe(run: &Run<'_>, request: &ShareRequest, wait: bool) -> Result<Inventory, Errors> {
    let mut images = named(run, request).await?;
    if wait {
        Box::pin(await_pending(run, &mut images)).await?;
    }
    let destination = match &request.kms_key {
        Some(key) => Some(run.account.kms.describe_key(key.as_ref()).await?),
        None => None,
    };
    let mut inventory = Inventory {
        place: run.account.place.clone(),
        images,
        copies: Vec::new(),
        snapshots: BTreeMap::new(),
        keys: BTreeMap::new(),
        destination: destination.as_ref().map(|key| key.arn.clone()),
        launch_permissions: BTreeMap::new(),
    };
    if let Some(key) = destination {
        inventory.keys.insert(key.arn.clone(), key);
        copies(run, &mut inventory).await?;
    }
    snapshots(run, &mut inventory).await?;
    keys(run, &mut inventory).await?;
    launch_permissions(run, &mut inventory).await?;
    Ok(inventory)
}

/// The images that the user named; an error for each that does not show in time.
async fn named(run: &Run<'_>, request: &ShareRequest) -> Result<BTreeMap<AmiId, Image>, Errors> {
    let since = Instant::now();
    let mut pace = Pace::new((Duration::from_secs(1), Duration::from_secs(5)));
    loop {
        let found = run.account.ec2.images(&request.images).await?;
        let found: BTreeMap<AmiId, Image> = found.into_iter().map(|image| (image.id.clone(), image)).collect();
        let missing: Vec<&AmiId> = request.images.iter().filter(|id| !found.contains_key(*id)).collect();
        let Some(first) = missing.first() else { return Ok(found) };
        let pause = pace.next();
        if since.elapsed() + pause > NAMED {
            Errors::from_vec(missing.iter().map(|id| not_found(run, id)).collect())?;
        }
        run.wait(first, "to be shown by AWS", since, pause).await;
    }
}

fn not_found(run: &Run<'_>, id: &AmiId) -> Error {
    let place = &run.account.place;
    Error::new(
        Code::ImageNotFound,
        format!(
            "{} may not see {id}, or it does not exist",
            run.account.identity().map_or("the caller", |who| &who.arn)
        ),
        format!("check that {id} is an image in {} that account {} owns", place.region, place.account),
    )
    .at(&place.account, &place.region)
    .on(id)
}

async fn await_pending(run: &Run<'_>, images: &mut BTreeMap<AmiId, Image>) -> Result<(), Errors> {
    let pending: Vec<AmiId> =
        images.values().filter(|image| image.state == ImageState::Pending).map(|image| image.id.clone()).collect();
    if pending.is_empty() {
        return Ok(());
    }
    let settled = future::try_join_all(pending.iter().map(|id| run.watcher.settled(id, "to be available")));
    tokio::select! {
        settled = settled => {
            for image in settled?.into_iter().flatten() {
                images.insert(image.id.clone(), image);
            }
        }
        () = run.watcher.look(run) => {}
    }
    Ok(())
}

/// Images and snapshots that carry our tag of one of the images.
async fn copies(run: &Run<'_>, inventory: &mut Inventory) -> Result<(), Error> {
    let region = &inventory.place.region;
    let sources: Vec<String> = inventory.images.keys().map(|id| format!("{region}/{id}")).collect();
    let ec2 = &run.account.ec2;
    let (images, snapshots) = Box::pin(future::try_join(
        ec2.own_images_tagged(tags::SOURCE, sources.clone()),
        ec2.own_snapshots_tagged(tags::SOURCE, sources),
    ))
    .await?;
    inventory.copies = images;
    inventory.snapshots.extend(snapshots.into_iter().map(|snapshot| (snapshot.id.clone(), snapshot)));
    Ok(())
}

async fn snapshots(run: &Run<'_>, inventory: &mut Inventory) -> Result<(), Error> {
    let images = inventory.images.values().chain(&inventory.copies);
    let unknown: BTreeSet<_> =
        images.flat_map(Image::snapshots).filter(|id| !inventory.snapshots.contains_key(*id)).cloned().collect();
    let found = run.account.ec2.snapshots(&unknown).await?;
    inventory.snapshots.extend(found.into_iter().map(|snapshot| (snapshot.id.clone(), snapshot)));
    Ok(())
}

/// Every key of the images, and the policies of those that targets will need.
async fn keys(run: &Run<'_>, inventory: &mut Inventory) -> Result<(), Error> {
    let arns: BTreeSet<KeyArn> = inventory.images.values().flat_map(|image| inventory.keys_of(image)).collect();
    let unknown = arns.iter().filter(|arn| !inventory.keys.contains_key(*arn));
    let found = future::try_join_all(unknown.map(|arn| describe(run, arn))).await?;
    inventory.keys.extend(found.into_iter().map(|key| (key.arn.clone(), key)));

    let shared: BTreeSet<KeyArn> = match &inventory.destination {
        // Images already wholly under it are shared themselves, by the same key.
        Some(destination) => BTreeSet::from([destination.clone()]),
        None => arns,
    };
    let editable = inventory
        .keys
        .values()
        .filter(|key| shared.contains(&key.arn) && !key.aws_managed && key.arn.account() == &inventory.place.account);
    let policies = editable.map(|key| async {
        let text = run.account.kms.key_policy(&key.arn).await?;
        Ok::<_, Error>((key.arn.clone(), KeyPolicy::parse(&text).map_err(|error| error.to_string())))
    });
    for (arn, policy) in future::try_join_all(policies).await? {
        if let Some(key) = inventory.keys.get_mut(&arn) {
            key.policy = Some(policy);
        }
    }
    Ok(())
}

/// A key of another account may not let us look at it; that it is foreign is known from its ARN.
async fn describe(run: &Run<'_>, arn: &KeyArn) -> Result<Key, Error> {
    let foreign = arn.account() != &run.account.place.account;
    match run.account.kms.describe_key(arn.as_ref()).await {
        Err(error) if foreign && matches!(error.code, Code::AccessDenied | Code::KeyNotFound) => {
            Ok(Key { arn: arn.clone(), aws_managed: false, state: KeyState::Unseen, symmetric: true, policy: None })
        }
        described => described,
    }
}

/// Who may launch the images, and the copies that may be adopted. Only the owner may ask (R2.5).
async fn launch_permissions(run: &Run<'_>, inventory: &mut Inventory) -> Result<(), Error> {
    let images = inventory
        .images
        .values()
        .chain(&inventory.copies)
        .filter(|image| image.owner == inventory.place.account.as_ref() && image.state == ImageState::Available);
    let read = images.map(|image| async {
        Ok::<_, Error>((image.id.clone(), run.account.ec2.launch_permissions(&image.id).await?))
    });
    inventory.launch_permissions = future::try_join_all(read).await?.into_iter().collect();
    Ok(())
}
