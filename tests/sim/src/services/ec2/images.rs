//! DescribeImages.

use std::time::Duration;

use super::{authorize_all, filter, ids, may_launch, names_of};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Image, ImageState, Mapping, World};

/// The code of an image that failed for KMS is not known (open point 3 of the rule book).
const REASON_CODE: &str = "Client.InternalError";

pub(super) fn describe(world: &World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize_all(request, "ec2:DescribeImages")?;
    super::dry_run(query)?;
    ids::check_users(&query.list("Owner"), &ids::OWNERS)?;
    ids::check_users(&query.list("ExecutableBy"), &ids::USERS)?;
    let wanted = query.list("ImageId");
    for id in &wanted {
        ids::image(world, id, request)?;
    }
    let filters = query.members("Filter");
    // A look by ID sees what was shared at once, a search only later (R2.21).
    let as_of = if wanted.is_empty() {
        request.shared_as_of()
    } else {
        request.now
    };
    let shown = candidates(world, &wanted, &filters)
        .filter(|image| is_shown(world, image, query, request, as_of));
    let found = shown.filter_map(|image| match fits(world, image, &filters, request) {
        Ok(true) => Some(Ok(image)),
        Ok(false) => None,
        Err(fail) => Some(Err(fail)),
    });
    let (page, next) = filter::page(query, found, "ImageId")?;
    let images = Element::list(
        "imagesSet",
        page.into_iter().map(|image| render(world, image, request)),
    );
    Ok(Body::Xml(
        [images]
            .into_iter()
            .chain(next.map(|token| Element::of("nextToken", token)))
            .collect(),
    ))
}

/// The images that an answer may hold: where IDs are named, no others are looked at, and no more
/// than a page takes.
fn candidates<'a>(
    world: &'a World,
    wanted: &'a [&str],
    filters: &'a [Query],
) -> Box<dyn Iterator<Item = &'a Image> + 'a> {
    let by_id = filters
        .iter()
        .find(|filter| filter.get("Name") == Some("image-id"));
    let named = by_id
        .map(|filter| filter.list("Value"))
        .filter(|ids| !ids.iter().any(|id| id.contains(['*', '?'])));
    match (wanted, named) {
        ([], None) => Box::new(world.images.values()),
        ([], Some(ids)) => Box::new(ids.into_iter().filter_map(|id| world.images.get(id))),
        (ids, _) => Box::new(ids.iter().filter_map(|id| world.images.get(*id))),
    }
}

/// An image that exists and is not visible to the caller is simply not in the answer (R1.6).
fn is_shown(
    world: &World,
    image: &Image,
    query: &Query,
    request: &Request<'_>,
    as_of: Duration,
) -> bool {
    let own = image.owner == request.account();
    let (owners, users) = (query.list("Owner"), query.list("ExecutableBy"));
    let owner_fits = owners.is_empty()
        || owners
            .iter()
            .any(|owner| *owner == image.owner || (*owner == "self" && own));
    let user_fits = users.is_empty()
        || users.iter().any(|user| {
            // Through an organization or its units as well; `all` is a permission of its own
            // (R1.6).
            let explicit = |name: &String| name != "all" && image.launch_permissions.contains(name);
            match *user {
                "self" => names_of(world, request.account()).iter().any(explicit),
                other => image.launch_permissions.contains(other),
            }
        });
    let state_fits = match image.state {
        ImageState::Deregistered => false,
        ImageState::Disabled => own && query.get("IncludeDisabled") == Some("true"),
        // A deprecated one is hidden from others.
        ImageState::Available => {
            let deprecated = image.deprecated_at.is_some_and(|at| at <= request.now);
            own || !deprecated || query.get("IncludeDeprecated") == Some("true")
        }
        ImageState::Pending | ImageState::Failed | ImageState::Invalid | ImageState::Error => own,
    };
    ids::is_known(image, request)
        && owner_fits
        && state_fits
        && user_fits
        && may_launch(world, image, request, as_of)
}

fn fits(
    world: &World,
    image: &Image,
    filters: &[Query],
    request: &Request<'_>,
) -> Result<bool, Fail> {
    filter::fits(
        filters,
        image.tags.get(&request.caller.facts.account),
        |name| {
            Some(match name {
                "image-id" => vec![&image.id],
                "name" => vec![&image.name],
                "state" => vec![image.state.as_str()],
                "owner-id" => vec![&image.owner],
                "root-device-type" => vec![&image.root_device_type],
                "architecture" => vec![&image.architecture],
                "description" => vec![&image.description],
                "source-instance-id" => image.source_instance.iter().map(String::as_str).collect(),
                "image-type" => vec!["machine"],
                "hypervisor" => vec!["xen"],
                "virtualization-type" => vec!["hvm"],
                "root-device-name" => vec![&image.root_device],
                "product-code" => image.product_codes.iter().map(String::as_str).collect(),
                "state-reason-code" => image.state_reason.iter().map(|_| REASON_CODE).collect(),
                "state-reason-message" => image.state_reason.iter().map(String::as_str).collect(),
                "is-public" => vec![if image.launch_permissions.contains("all") {
                    "true"
                } else {
                    "false"
                }],
                "source-image-id" => image.source.iter().map(|(id, _)| id.as_str()).collect(),
                "source-image-region" => image
                    .source
                    .iter()
                    .map(|(_, region)| region.as_str())
                    .collect(),
                "block-device-mapping.encrypted" => {
                    let snapshots = image
                        .mappings
                        .iter()
                        .filter_map(|mapping| mapping.snapshot.as_ref());
                    let encrypted = |id: &String| {
                        world
                            .snapshots
                            .get(id)
                            .is_some_and(|snapshot| snapshot.key.is_some())
                    };
                    snapshots
                        .map(|id| if encrypted(id) { "true" } else { "false" })
                        .collect()
                }
                "block-device-mapping.snapshot-id" => image
                    .mappings
                    .iter()
                    .filter_map(|mapping| mapping.snapshot.as_deref())
                    .collect(),
                _ => return None,
            })
        },
    )
}

fn render(world: &World, image: &Image, request: &Request<'_>) -> Vec<Element> {
    let account = request.account();
    let mut members = vec![
        Element::of("imageId", &image.id),
        Element::of("imageLocation", format!("{}/{}", image.owner, image.name)),
        Element::of("imageState", image.state.as_str()),
        Element::of("imageOwnerId", &image.owner),
        Element::of("creationDate", request.clock.text(image.created)),
        Element::of("isPublic", image.launch_permissions.contains("all")),
        Element::of("architecture", &image.architecture),
        Element::of("imageType", "machine"),
        Element::of("name", &image.name),
        Element::of("rootDeviceType", &image.root_device_type),
        Element::of("rootDeviceName", &image.root_device),
        Element::list(
            "blockDeviceMapping",
            image.mappings.iter().map(|mapping| {
                let mut members = vec![Element::of("deviceName", &mapping.device)];
                members.extend(
                    mapping
                        .virtual_name
                        .as_ref()
                        .map(|name| Element::of("virtualName", name)),
                );
                members.extend(ebs(world, mapping));
                members
            }),
        ),
        Element::of("virtualizationType", "hvm"),
        Element::of("hypervisor", "xen"),
        Element::of("platformDetails", "Linux/UNIX"),
        Element::of("usageOperation", "RunInstances"),
        Element::of("freeTierEligible", true),
    ];
    let text = |name: &'static str, value: &Option<String>| {
        value.as_ref().map(|value| Element::of(name, value))
    };
    members.extend(
        Some(&image.description)
            .filter(|text| !text.is_empty())
            .map(|text| Element::of("description", text)),
    );
    members.extend(text("imdsSupport", &image.imds_support));
    members.extend(text("deprecationTime", &image.deprecation_time));
    members.extend(text("sourceInstanceId", &image.source_instance));
    if image.owner == account {
        members.push(Element::of(
            "deregistrationProtection",
            super::lifecycle::protection(image, request),
        ));
    }
    // What an account allows itself to see is told of others' images only (R7.3).
    let settings =
        super::settings_of(world, account, request.region).map(|settings| &settings.allowed_images);
    if let Some(allowed) =
        settings.filter(|allowed| allowed.state.is_some() && image.owner != account)
    {
        members.push(Element::of("imageAllowed", allowed.fit(&image.owner)));
    }
    // Recipients do not see the owner's tags: each account has its own (R1.6).
    members.extend(super::tags::seen(&image.tags, &image.owner, account));
    members.extend(image.state_reason.as_ref().map(|message| {
        Element::new("stateReason")
            .text("code", REASON_CODE)
            .text("message", message)
    }));
    if !image.product_codes.is_empty() {
        let codes = image.product_codes.iter().map(|code| {
            vec![
                Element::of("productCode", code),
                Element::of("type", "marketplace"),
            ]
        });
        members.push(Element::list("productCodes", codes));
    }
    members.extend(image.source.iter().flat_map(|(id, region)| {
        [
            Element::of("sourceImageId", id),
            Element::of("sourceImageRegion", region),
        ]
    }));
    members
}

fn ebs(world: &World, mapping: &Mapping) -> Option<Element> {
    let Some(id) = &mapping.snapshot else {
        // A volume without data behind it.
        return mapping.size.map(|size| {
            Element::new("ebs")
                .text("volumeSize", size)
                .text("deleteOnTermination", mapping.delete_on_termination)
                .text("volumeType", &mapping.volume_type)
        });
    };
    let snapshot = world.snapshots.get(id);
    let element = Element::new("ebs")
        .text("snapshotId", id)
        .text("volumeSize", snapshot.map_or(8, |snapshot| snapshot.size))
        .text("deleteOnTermination", mapping.delete_on_termination)
        .text("volumeType", &mapping.volume_type)
        .text(
            "encrypted",
            snapshot.is_some_and(|snapshot| snapshot.key.is_some()),
        );
    Some(element)
}
