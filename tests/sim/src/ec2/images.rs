//! DescribeImages.

use super::{authorize_all, filter, ids, may_launch};
use crate::sim::Ask;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Image, ImageState, World};

pub(super) fn describe(world: &World, query: &Query, ask: &Ask<'_>) -> Outcome {
    authorize_all(ask, "ec2:DescribeImages")?;
    super::dry_run(query)?;
    let wanted = query.list("ImageId");
    for id in &wanted {
        ids::image(world, id, ask)?;
    }
    let candidates: Vec<&Image> = if wanted.is_empty() {
        world.images.values().collect()
    } else {
        wanted.iter().filter_map(|id| world.images.get(*id)).collect()
    };
    let filters = query.members("Filter");
    let mut found = Vec::new();
    for image in candidates {
        if is_shown(image, query, ask) && fits(image, &filters, ask)? {
            found.push(image);
        }
    }
    let (page, next) = filter::page(query, found, "ImageId")?;
    let images = Element::list("imagesSet", page.into_iter().map(|image| render(world, image, ask)));
    Ok(Body::Xml([images].into_iter().chain(next.map(|token| Element::of("nextToken", token))).collect()))
}

/// An image that exists and is not visible to the caller is simply not in the answer (R1.6).
fn is_shown(image: &Image, query: &Query, ask: &Ask<'_>) -> bool {
    let account = &ask.who.facts.account;
    let own = image.owner == *account;
    let (owners, users) = (query.list("Owner"), query.list("ExecutableBy"));
    let owner_fits = owners.is_empty() || owners.iter().any(|owner| *owner == image.owner || (*owner == "self" && own));
    let user_fits = users.is_empty()
        || users.iter().any(|user| {
            let wanted = if *user == "self" { account.as_str() } else { user };
            image.launch_permissions.contains(wanted)
        });
    let state_fits = match image.state {
        ImageState::Deregistered => false,
        ImageState::Disabled => own && query.get("IncludeDisabled") == Some("true"),
        ImageState::Available => true,
        ImageState::Pending | ImageState::Failed => own,
    };
    ids::is_known(image, ask) && may_launch(image, account) && owner_fits && user_fits && state_fits
}

fn fits(image: &Image, filters: &[Query], ask: &Ask<'_>) -> Result<bool, Fail> {
    filter::fits(filters, image.tags.get(&ask.who.facts.account), |name| {
        Some(match name {
            "image-id" => vec![&image.id],
            "name" => vec![&image.name],
            "state" => vec![image.state.as_str()],
            "owner-id" => vec![&image.owner],
            "root-device-type" => vec![&image.root_device_type],
            "is-public" => vec![if image.launch_permissions.contains("all") { "true" } else { "false" }],
            "source-image-id" => image.source.iter().map(|(id, _)| id.as_str()).collect(),
            "source-image-region" => image.source.iter().map(|(_, region)| region.as_str()).collect(),
            "block-device-mapping.snapshot-id" => {
                image.mappings.iter().filter_map(|mapping| mapping.snapshot.as_deref()).collect()
            }
            _ => return None,
        })
    })
}

fn render(world: &World, image: &Image, ask: &Ask<'_>) -> Vec<Element> {
    let account = &ask.who.facts.account;
    let mut members = vec![
        Element::of("imageId", &image.id),
        Element::of("imageLocation", format!("{}/{}", image.owner, image.name)),
        Element::of("imageState", image.state.as_str()),
        Element::of("imageOwnerId", &image.owner),
        Element::of("creationDate", ask.clock.text(image.created)),
        Element::of("isPublic", image.launch_permissions.contains("all")),
        Element::of("architecture", "x86_64"),
        Element::of("imageType", "machine"),
        Element::of("name", &image.name),
        Element::of("description", &image.description),
        Element::of("rootDeviceType", &image.root_device_type),
        Element::of("rootDeviceName", image.mappings.first().map_or("/dev/xvda", |mapping| &mapping.device)),
        Element::list(
            "blockDeviceMapping",
            image.mappings.iter().map(|mapping| {
                let mut members = vec![Element::of("deviceName", &mapping.device)];
                members.extend(mapping.virtual_name.as_ref().map(|name| Element::of("virtualName", name)));
                members.extend(mapping.snapshot.as_ref().map(|id| {
                    let snapshot = world.snapshots.get(id);
                    Element::new("ebs")
                        .text("snapshotId", id)
                        .text("volumeSize", snapshot.map_or(8, |snapshot| snapshot.size))
                        .text("deleteOnTermination", true)
                        .text("volumeType", "gp3")
                        .text("encrypted", snapshot.is_some_and(|snapshot| snapshot.key.is_some()))
                }));
                members
            }),
        ),
        Element::of("virtualizationType", "hvm"),
        Element::of("hypervisor", "xen"),
        Element::of("enaSupport", true),
        Element::of("platformDetails", "Linux/UNIX"),
    ];
    // Recipients do not see the owner's tags: each account has its own (R1.6).
    members.extend(image.tags.get(account).filter(|tags| !tags.is_empty()).map(super::tags::render));
    members.extend(image.state_reason.as_ref().map(|message| {
        // The code of an image that failed for KMS is unknown (open point 3 of the rule book).
        Element::new("stateReason").text("code", "Client.InternalError").text("message", message)
    }));
    if !image.product_codes.is_empty() {
        let codes = image
            .product_codes
            .iter()
            .map(|code| vec![Element::of("productCode", code), Element::of("type", "marketplace")]);
        members.push(Element::list("productCodes", codes));
    }
    members.extend(
        image
            .source
            .iter()
            .flat_map(|(id, region)| [Element::of("sourceImageId", id), Element::of("sourceImageRegion", region)]),
    );
    members
}
