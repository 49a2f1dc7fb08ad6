//! Reads what checks go by, from the source account and from targets. What cannot be read stands
//! there as its error.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future;

use super::keys::GRANT;
use crate::aws::clients::RegionClients;
use crate::diagnostic::Error;
use crate::id::{AccountId, AmiId, KeyArn, Principal, Region, SourceImage};
use crate::inventory::{Image, Key};
use crate::plan::Plan;
use crate::policy::key_policy::KeyPolicy;
use crate::run::Run;

/// Everything that was read.
pub(super) struct Evidence {
    /// What is shared of each image of the request, by Region.
    pub(super) images: BTreeMap<(SourceImage, Region), (AmiId, Result<SharedSeen, Error>)>,
    /// Targets by account and Region; nothing where no role was given.
    pub(super) targets: BTreeMap<(AccountId, Region), Result<TargetSeen, Error>>,
    /// The targets' own copies of the images of the request.
    pub(super) own_copies: BTreeMap<(AccountId, SourceImage, Region), AmiId>,
}

/// A shared image, as its owner sees it.
pub(super) struct SharedSeen {
    pub(super) launch: BTreeSet<Principal>,
    /// By snapshot, who may make volumes of it.
    pub(super) snapshots: BTreeMap<String, BTreeSet<Principal>>,
    pub(super) keys: Vec<Key>,
}

/// A target in one Region.
pub(super) struct TargetSeen {
    /// The shared images that it sees, and its own copies.
    pub(super) images: BTreeMap<AmiId, Image>,
    /// The keys of its own copies.
    pub(super) own_keys: BTreeMap<AmiId, Vec<Key>>,
    /// Whether Allowed AMIs hide images (R7.3).
    pub(super) allowed_images: Result<String, Error>,
    /// Whether new volumes are encrypted though their snapshots are not.
    pub(super) encrypts: Result<bool, Error>,
    /// The key of new volumes; nothing where that is `aws/ebs` (R1.3.5).
    pub(super) default_key: Result<Option<Key>, Error>,
    /// What identity policies allow each launcher.
    pub(super) launchers: Vec<Launcher>,
}

/// A role that launches.
pub(super) struct Launcher {
    pub(super) arn: String,
    /// Whether each action is allowed on each resource.
    pub(super) allowed: Result<BTreeMap<(String, String), bool>, Error>,
}

/// What a launch asks of every key, in one context or another.
const USES: [&str; 5] = [
    "kms:DescribeKey",
    "kms:Decrypt",
    "kms:ReEncryptFrom",
    "kms:ReEncryptTo",
    "kms:GenerateDataKeyWithoutPlaintext",
];
pub(super) const RUN: &str = "ec2:RunInstances";

pub(super) async fn all(run: &Run<'_>, plan: &Plan) -> Evidence {
    let images = plan.launch_permissions().filter_map(|launch| {
        let (shared, image) = (&launch.shared, run.image_of(&launch.shared)?);
        Some(async move {
            let seen = Box::pin(shared_image(run, &shared.region, &image)).await;
            (
                (shared.source.clone(), shared.region.clone()),
                (image, seen),
            )
        })
    });
    let images: BTreeMap<_, _> = future::join_all(images).await.into_iter().collect();
    let own_copies: BTreeMap<_, _> = plan
        .target_copies()
        .filter_map(|copy| {
            let location = (
                copy.account.clone(),
                copy.shared.source.clone(),
                copy.shared.region.clone(),
            );
            Some((location, run.target_copy(copy)?))
        })
        .collect();
    let mut wanted = Vec::new();
    for (account, reached) in &run.targets {
        for region in &plan.regions {
            wanted.push((
                account,
                region,
                reached.as_ref().map(|reached| reached.in_region(region)),
            ));
        }
    }
    let targets = wanted.into_iter().map(|(account, region, clients)| async {
        let seen = match clients {
            Ok(clients) => Box::pin(target(run, plan, clients, &images, &own_copies)).await,
            Err(error) => Err(error.clone()),
        };
        ((account.clone(), region.clone()), seen)
    });
    let targets: BTreeMap<_, _> = future::join_all(targets).await.into_iter().collect();
    Evidence {
        images,
        targets,
        own_copies,
    }
}

async fn shared_image(run: &Run<'_>, region: &Region, id: &AmiId) -> Result<SharedSeen, Error> {
    let clients = run.source_clients(region);
    let (image, launch) = future::try_join(
        clients.ec2.known_image(id),
        clients.ec2.launch_permissions(id),
    )
    .await?;
    let snapshots = image.snapshots().map(|id| async {
        Ok::<_, Error>((id.to_string(), clients.ec2.snapshot_permissions(id).await?))
    });
    let (snapshots, keys) = Box::pin(future::try_join(
        future::try_join_all(snapshots),
        keys(run, &clients, &image),
    ))
    .await?;
    Ok(SharedSeen {
        launch,
        snapshots: snapshots.into_iter().collect(),
        keys,
    })
}

/// The keys of an image, with their policies and grants as far as those may be read.
async fn keys(
    run: &Run<'_>,
    clients: &Arc<RegionClients>,
    image: &Image,
) -> Result<Vec<Key>, Error> {
    let snapshots = clients.ec2.snapshots(image.snapshots()).await?;
    let arns: BTreeSet<KeyArn> = snapshots
        .into_iter()
        .filter_map(|snapshot| snapshot.key)
        .collect();
    let own = |arn: &KeyArn| arn.account() == &clients.location.account;
    let read = arns.iter().map(|arn| async move {
        let by = if own(arn) {
            Arc::clone(clients)
        } else {
            run.key_clients(arn)
        };
        key(&by, arn.as_ref()).await
    });
    future::try_join_all(read).await
}

async fn key(clients: &RegionClients, name: &str) -> Result<Key, Error> {
    let mut key = clients.kms.describe_key(name).await?;
    let (policy, grants) = future::join(
        clients.kms.key_policy(&key.arn),
        clients.kms.grants(&key.arn),
    )
    .await;
    // Why a policy is not known stands in its place.
    key.policy = Some(match policy {
        Ok(text) => KeyPolicy::parse(&text).map_err(|error| error.to_string()),
        Err(error) => Err(format!("its policy could not be read: {error}")),
    });
    key.grants = grants.ok();
    Ok(key)
}

type Images = BTreeMap<(SourceImage, Region), (AmiId, Result<SharedSeen, Error>)>;

async fn target(
    run: &Run<'_>,
    plan: &Plan,
    clients: Arc<RegionClients>,
    shared: &Images,
    own_copies: &BTreeMap<(AccountId, SourceImage, Region), AmiId>,
) -> Result<TargetSeen, Error> {
    let (account, region) = (&clients.location.account, &clients.location.region);
    let here: Vec<_> = shared
        .iter()
        .filter(|((_, of), _)| of == region)
        .map(|(_, seen)| seen)
        .collect();
    let own_here = own_copies
        .iter()
        .filter(|((of, _, at), _)| (of, at) == (account, region))
        .map(|(_, id)| id);
    let ids: BTreeSet<AmiId> = here
        .iter()
        .map(|(id, _)| id)
        .chain(own_here)
        .cloned()
        .collect();
    let images = clients.ec2.images(&ids).await?;
    let own = images
        .iter()
        .filter(|image| image.owner == account.as_ref());
    let own_keys = own.map(|image| async {
        Ok::<_, Error>((image.id.clone(), keys(run, &clients, image).await?))
    });
    let own_keys: BTreeMap<AmiId, Vec<Key>> = Box::pin(future::try_join_all(own_keys))
        .await?
        .into_iter()
        .collect();
    let settings = future::join3(
        clients.ec2.allowed_images(),
        clients.ec2.encrypts_by_default(),
        default_key(&clients),
    );
    let (allowed_images, encrypts, default_key) = Box::pin(settings).await;
    let of_shared = here
        .iter()
        .filter_map(|(_, seen)| seen.as_ref().ok())
        .flat_map(|seen| &seen.keys);
    let every = of_shared
        .chain(own_keys.values().flatten())
        .chain(default_key.iter().flatten());
    let arns: BTreeSet<String> = every.map(|key| key.arn.to_string()).collect();
    let owner = |id: &AmiId| {
        images
            .iter()
            .find(|image| &image.id == id)
            .map_or(plan.account.as_ref(), |image| &image.owner)
    };
    let owners: BTreeMap<AmiId, String> = ids
        .iter()
        .map(|id| (id.clone(), owner(id).to_owned()))
        .collect();
    let launchers = plan
        .launchers(account)
        .into_iter()
        .map(|arn| launcher(&clients, arn, &owners, &arns));
    let launchers = future::join_all(launchers).await;
    let images = images
        .into_iter()
        .map(|image| (image.id.clone(), image))
        .collect();
    Ok(TargetSeen {
        images,
        own_keys,
        allowed_images,
        encrypts,
        default_key,
        launchers,
    })
}

async fn default_key(clients: &RegionClients) -> Result<Option<Key>, Error> {
    match clients.ec2.default_key().await? {
        Some(name) if !name.ends_with("alias/aws/ebs") => {
            let key = key(clients, &name).await?;
            Ok((!key.aws_managed).then_some(key))
        }
        _ => Ok(None),
    }
}

async fn launcher(
    clients: &RegionClients,
    arn: String,
    images: &BTreeMap<AmiId, String>,
    keys: &BTreeSet<String>,
) -> Launcher {
    let allowed = Box::pin(allowed(clients, &arn, images, keys)).await;
    Launcher { arn, allowed }
}

/// What a launcher's identity policies say of a launch, as EC2 asks it (R4.1): policies may let
/// only images of some owners through.
async fn allowed(
    clients: &RegionClients,
    launcher: &str,
    images: &BTreeMap<AmiId, String>,
    keys: &BTreeSet<String>,
) -> Result<BTreeMap<(String, String), bool>, Error> {
    let (account, region) = (&clients.location.account, &clients.location.region);
    let keys: Vec<String> = keys.iter().cloned().collect();
    let via = (
        "kms:ViaService",
        format!("ec2.{region}.{}", region.partition().dns_suffix()),
    );
    let by_service = ("kms:GrantIsForAWSResource", "true".to_owned());
    let simulate = |actions: &'static [&'static str],
                    resources: Vec<String>,
                    context: Vec<(&'static str, String)>| async move {
        if resources.is_empty() {
            return Ok(Vec::new());
        }
        clients
            .iam
            .simulate(launcher, actions, &resources, &context)
            .await
    };
    let of_images = images.iter().map(|(image, owner)| {
        let owner = ("ec2:Owner", owner.clone());
        simulate(&[RUN], vec![image_arn(region, image)], vec![owner])
    });
    let (uses, grants, runs, of_images) = Box::pin(future::try_join4(
        simulate(&USES, keys.clone(), vec![via.clone()]),
        simulate(&[GRANT], keys, vec![via, by_service]),
        simulate(
            &[RUN],
            run_resources(account, region, &BTreeSet::new()),
            Vec::new(),
        ),
        future::try_join_all(of_images),
    ))
    .await?;
    let all = uses
        .into_iter()
        .chain(grants)
        .chain(runs)
        .chain(of_images.into_iter().flatten());
    Ok(all
        .map(|(action, resource, allowed)| ((action, resource), allowed))
        .collect())
}

/// What RunInstances asks for: the image, and what is made or used.
pub(super) fn run_resources(
    account: &AccountId,
    region: &Region,
    images: &BTreeSet<AmiId>,
) -> Vec<String> {
    let partition = region.partition();
    let own = [
        "instance",
        "volume",
        "network-interface",
        "security-group",
        "subnet",
    ];
    let own = own.map(|kind| format!("arn:{partition}:ec2:{region}:{account}:{kind}/*"));
    own.into_iter()
        .chain(images.iter().map(|image| image_arn(region, image)))
        .collect()
}

pub(super) fn image_arn(region: &Region, image: &AmiId) -> String {
    format!("arn:{}:ec2:{region}::image/{image}", region.partition())
}
