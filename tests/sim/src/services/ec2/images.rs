//! DescribeImages.

use std::time::Duration;

use super::authorize::authorize_all;
use super::sharing::{may_launch, names_of, settings_of};
use super::{dry_run, filter, ids, image_attributes, lifecycle, marks, tags};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Fail, Outcome, Query, bool_text};
use crate::world::{Image, ImageState, Mapping, World};

/// AWS's code for an image that failed because of KMS is not known (R1.5.2).
const REASON_CODE: &str = "Client.InternalError";

pub(super) fn describe(world: &World, query: &Query, request: &Request<'_>) -> Outcome {
    authorize_all(request, "ec2:DescribeImages")?;
    dry_run(query)?;
    ids::check_users(&query.list("Owner"), &ids::OWNERS)?;
    ids::check_users(&query.list("ExecutableBy"), &ids::USERS)?;
    let requested = query.list("ImageId");
    for id in &requested {
        ids::image(world, id, request)?;
    }
    let filters = query.members("Filter");
    // A request by ID sees sharing at once, a search only later (R2.21).
    let as_of = if requested.is_empty() {
        request.shared_as_of()
    } else {
        request.now
    };
    let visible = candidates(world, &requested, &filters)
        .filter(|image| is_visible(world, image, query, request, as_of));
    let fitting = visible.filter_map(|image| match fits(world, image, &filters, request) {
        Ok(true) => Some(Ok(image)),
        Ok(false) => None,
        Err(fail) => Some(Err(fail)),
    });
    let page = filter::page(query, request, fitting, "ImageId")?;
    Ok(page.render("imagesSet", |image| render(world, image, request)))
}

/// The images that an answer may have. If the request names IDs, these are the only ones, so that a
/// large world costs no time.
fn candidates<'a>(
    world: &'a World,
    requested: &'a [&str],
    filters: &'a [Query],
) -> Box<dyn Iterator<Item = &'a Image> + 'a> {
    let mut ids = requested.to_vec();
    if ids.is_empty() {
        match filter::ids(filters, "image-id") {
            Some(named) => ids = named,
            None => return Box::new(world.images.values()),
        }
    }
    Box::new(ids.into_iter().filter_map(|id| world.images.get(id)))
}

/// Whether the caller sees an image and the request asks for it. An invisible image is simply not
/// in the answer (R1.6).
fn is_visible(
    world: &World,
    image: &Image,
    query: &Query,
    request: &Request<'_>,
    as_of: Duration,
) -> bool {
    let own = image.owner == request.account();
    let state_fits = match image.state_at(request.read_as_of()) {
        ImageState::Deregistered => false,
        ImageState::Disabled => own && query.get("IncludeDisabled") == Some("true"),
        // A deprecated image is hidden from others.
        ImageState::Available => {
            let deprecated = image.deprecated_at.is_some_and(|at| at <= request.now);
            own || !deprecated || query.get("IncludeDeprecated") == Some("true")
        }
        ImageState::Pending | ImageState::Failed | ImageState::Invalid | ImageState::Error => own,
    };
    state_fits
        && ids::is_known(image, request)
        && owner_fits(image, &query.list("Owner"), own)
        && user_fits(world, image, &query.list("ExecutableBy"), request)
        && may_launch(world, image, request, as_of)
}

fn owner_fits(image: &Image, owners: &[&str], own: bool) -> bool {
    let fits = |owner: &&str| *owner == image.owner || (*owner == "self" && own);
    owners.is_empty() || owners.iter().any(fits)
}

/// `self` and the caller's own ID mean every permission of its account, those of its organization
/// and units too, but not a public image: `all` is a permission of its own. Another account's ID
/// means what names that account (R2.25).
fn user_fits(world: &World, image: &Image, users: &[&str], request: &Request<'_>) -> bool {
    let permissions = &image.launch_permissions;
    let has_explicit = |name: &String| name != "all" && permissions.contains(name);
    let account = request.account();
    let fits = |user: &&str| {
        if *user == "self" || *user == account {
            return names_of(world, account).iter().any(has_explicit);
        }
        permissions.contains(user)
    };
    users.is_empty() || users.iter().any(fits)
}

fn fits(
    world: &World,
    image: &Image,
    filters: &[Query],
    request: &Request<'_>,
) -> Result<bool, Fail> {
    let tags = image.tags.get(request.account());
    filter::fits(filters, tags, |name| filter_values(world, image, name))
}

fn filter_values<'a>(world: &World, image: &'a Image, name: &str) -> Option<Vec<&'a str>> {
    let value = match name {
        "image-id" => &image.id,
        "name" => &image.name,
        "state" => image.state.as_str(),
        "owner-id" => &image.owner,
        "root-device-type" => &image.root_device_type,
        "architecture" => &image.architecture,
        "description" => &image.description,
        "image-type" => "machine",
        "hypervisor" => "xen",
        "virtualization-type" => &image.hardware.virtualization,
        "root-device-name" => &image.root_device,
        "is-public" => bool_text(image.is_public()),
        _ => return other_filter_values(world, image, name),
    };
    Some(vec![value])
}

/// The values of filters that have none, or several.
fn other_filter_values<'a>(world: &World, image: &'a Image, name: &str) -> Option<Vec<&'a str>> {
    let mut values: Vec<&str> = Vec::new();
    match name {
        "source-instance-id" => values.extend(image.source_instance.as_deref()),
        "product-code" => values.extend(image.product_codes.iter().map(String::as_str)),
        "state-reason-code" => values.extend(image.state_reason.as_ref().map(|_| REASON_CODE)),
        "state-reason-message" => values.extend(image.state_reason.as_deref()),
        "source-image-id" => values.extend(image.source.as_ref().map(|(id, _)| id.as_str())),
        "source-image-region" => {
            values.extend(image.source.as_ref().map(|(_, region)| region.as_str()));
        }
        "block-device-mapping.snapshot-id" => values.extend(image.snapshot_ids()),
        "block-device-mapping.encrypted" => {
            for id in image.snapshot_ids() {
                let snapshot = world.snapshots.get(id);
                let encrypted = snapshot.is_some_and(|snapshot| snapshot.key.is_some());
                values.push(bool_text(encrypted));
            }
        }
        _ => return None,
    }
    Some(values)
}

fn render(world: &World, image: &Image, request: &Request<'_>) -> Vec<Element> {
    let account = request.account();
    let location = format!("{}/{}", image.owner, image.name);
    let mut members = vec![
        Element::of("imageId", &image.id),
        Element::of("imageLocation", location),
        Element::of("imageState", image.state_at(request.read_as_of()).as_str()),
        Element::of("imageOwnerId", &image.owner),
        Element::of("creationDate", request.clock.text(image.created)),
        Element::of("isPublic", image.is_public()),
        Element::of("architecture", &image.architecture),
        Element::of("imageType", "machine"),
        Element::of("name", &image.name),
        Element::of("rootDeviceType", &image.root_device_type),
        Element::of("rootDeviceName", &image.root_device),
        block_device_mapping(world, image),
        Element::of("virtualizationType", &image.hardware.virtualization),
        Element::of("hypervisor", "xen"),
        Element::of("platformDetails", "Linux/UNIX"),
        Element::of("usageOperation", "RunInstances"),
        Element::of("freeTierEligible", true),
    ];
    let description = Some(&image.description).filter(|text| !text.is_empty());
    let source_instance = image.source_instance.as_ref();
    members.extend(Element::optional("description", description));
    members.extend(Element::optional(
        "imdsSupport",
        image.imds_support.as_ref(),
    ));
    members.extend(Element::optional(
        "deprecationTime",
        image.deprecation_time.as_ref(),
    ));
    members.extend(Element::optional("sourceInstanceId", source_instance));
    if image.owner == account {
        let protection = lifecycle::protection(image, request);
        members.push(Element::of("deregistrationProtection", protection));
    }
    members.extend(image_allowed(world, image, request));
    // Recipients do not see the owner's tags: each account has its own (R1.6).
    let tags = tags::visible(&image.tags, &image.owner, account);
    members.extend(tags::render(&tags));
    if let Some(message) = &image.state_reason {
        let reason = Element::new("stateReason");
        members.push(reason.text("code", REASON_CODE).text("message", message));
    }
    if !image.product_codes.is_empty() {
        members.push(image_attributes::product_codes(image));
    }
    if let Some((id, region)) = &image.source {
        members.push(Element::of("sourceImageId", id));
        members.push(Element::of("sourceImageRegion", region));
    }
    members.extend(hardware(image));
    members.extend(marks::render(image, request));
    members
}

/// What the image says of the machine that it needs (R7.28).
fn hardware(image: &Image) -> Vec<Element> {
    let hardware = &image.hardware;
    let mut members = vec![Element::of("enaSupport", hardware.ena)];
    members.extend(Element::optional("bootMode", hardware.boot_mode.as_ref()));
    members.extend(Element::optional("tpmSupport", hardware.tpm.as_ref()));
    let types = |name: &'static str, patterns: &[String]| {
        let items = patterns
            .iter()
            .map(|pattern| vec![Element::of("instanceType", pattern)]);
        Element::list(name, items)
    };
    let (supported, unsupported) = (&hardware.supported, &hardware.unsupported);
    if !supported.is_empty() || !unsupported.is_empty() {
        let specification = Element::new("instanceTypeSpecification");
        let specification = specification.child(types("supportedInstanceTypeSet", supported));
        members.push(specification.child(types("unsupportedInstanceTypeSet", unsupported)));
    }
    members
}

/// Whether the account's Allowed AMIs let it use an image of another account (R7.3).
fn image_allowed(world: &World, image: &Image, request: &Request<'_>) -> Option<Element> {
    let allowed = &settings_of(world, request)?.allowed_images;
    if image.owner == request.account() || allowed.state.is_none() {
        return None;
    }
    let is_allowed = allowed.fit(image, request.now);
    Some(Element::of("imageAllowed", is_allowed))
}

fn block_device_mapping(world: &World, image: &Image) -> Element {
    let mut items = Vec::new();
    for mapping in &image.mappings {
        let mut members = vec![Element::of("deviceName", &mapping.device)];
        members.extend(Element::optional(
            "virtualName",
            mapping.virtual_name.as_ref(),
        ));
        members.extend(ebs(world, mapping));
        items.push(members);
    }
    Element::list("blockDeviceMapping", items)
}

fn ebs(world: &World, mapping: &Mapping) -> Option<Element> {
    let Some(id) = &mapping.snapshot else {
        // A new, empty volume.
        let ebs = Element::new("ebs")
            .text("volumeSize", mapping.size?)
            .text("deleteOnTermination", mapping.delete_on_termination)
            .text("volumeType", &mapping.volume_type)
            .text("encrypted", mapping.encrypted);
        return Some(ebs);
    };
    let snapshot = world.snapshots.get(id);
    let encrypted = snapshot.is_some_and(|snapshot| snapshot.key.is_some());
    let ebs = Element::new("ebs")
        .text("snapshotId", id)
        .text("volumeSize", snapshot.map_or(8, |snapshot| snapshot.size))
        .text("deleteOnTermination", mapping.delete_on_termination)
        .text("volumeType", &mapping.volume_type)
        .text("encrypted", encrypted);
    Some(ebs)
}
