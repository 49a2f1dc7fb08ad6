//! What an owner does with an image that is there: disable, deprecate, protect (R1.1.4, R2.16,
//! R7.1).

use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{authorize, done, dry_run, ids, image_on};
use crate::policy::Context;
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Image, ImageState, Protection, World};

const DAY: Duration = Duration::from_hours(24);

fn allowed<'a>(
    world: &'a World,
    query: &'a Query,
    request: &Request<'_>,
    operation: &str,
) -> Result<&'a Image, Fail> {
    let id = query.need("ImageId")?;
    let action = format!("ec2:{operation}");
    authorize(
        request,
        &action,
        &[image_on(world, request.region, id, request)],
        &Context::new(),
    )?;
    ids::own_image(world, id, request)
}

/// `DisableImage` takes everybody's launch permission, and `EnableImage` does not give it back
/// (R2.16).
pub(super) fn enable(
    world: &mut World,
    query: &Query,
    request: &Request<'_>,
    operation: &str,
) -> Outcome {
    let image = allowed(world, query, request, operation)?;
    let (id, enable) = (image.id.clone(), operation == "EnableImage");
    match (image.state, enable) {
        (ImageState::Disabled, true) | (ImageState::Available, false) => {}
        // What is so already stays so; whether AWS says the same is not known.
        (ImageState::Available, true) | (ImageState::Disabled, false) => return Ok(done()),
        _ => return Err(ids::unavailable(image).unwrap_or_else(|| ids::image_not_found(&id))),
    }
    dry_run(query)?;
    if let Some(image) = world.images.get_mut(&id) {
        image.state = if enable {
            ImageState::Available
        } else {
            ImageState::Disabled
        };
        if !enable {
            image.launch_permissions.clear();
        }
    }
    Ok(done())
}

pub(super) fn deprecate(
    world: &mut World,
    query: &Query,
    request: &Request<'_>,
    operation: &str,
) -> Outcome {
    let id = allowed(world, query, request, operation)?.id.clone();
    let date = if operation == "EnableImageDeprecation" {
        Some(read_date(query.need("DeprecateAt")?, request)?)
    } else {
        None
    };
    dry_run(query)?;
    if let Some(image) = world.images.get_mut(&id) {
        (image.deprecation_time, image.deprecated_at) = date.unzip();
    }
    Ok(done())
}

/// A date in the future, to the minute, no more than ten years away (API of
/// EnableImageDeprecation).
fn read_date(text: &str, request: &Request<'_>) -> Result<(String, Duration), Fail> {
    let wrong = || {
        Fail::bad(
            "InvalidParameterValue",
            format!("The deprecation date {text} is not valid."),
        )
    };
    let date = OffsetDateTime::parse(text, &Rfc3339)
        .ok()
        .ok_or_else(wrong)?;
    let now = OffsetDateTime::from(request.clock.wall(request.now));
    let ahead = Duration::try_from(date - now).ok().ok_or_else(wrong)?;
    if ahead > 10 * 366 * DAY {
        return Err(wrong());
    }
    let at = request.now + ahead;
    // Seconds are rounded to the nearest minute.
    let minute = request.clock.epoch(at) / 60.0;
    let rounded = Duration::from_secs_f64((minute.round() - minute).abs() * 60.0);
    let at = if minute.round() < minute {
        at.saturating_sub(rounded)
    } else {
        at + rounded
    };
    Ok((request.clock.text(at), at))
}

pub(super) fn protect(
    world: &mut World,
    query: &Query,
    request: &Request<'_>,
    operation: &str,
) -> Outcome {
    let id = allowed(world, query, request, operation)?.id.clone();
    let cooldown = query.flag("WithCooldown")? == Some(true);
    dry_run(query)?;
    if let Some(image) = world.images.get_mut(&id) {
        image.protection = match (operation, &image.protection) {
            ("EnableImageDeregistrationProtection", _) => Protection::On { cooldown },
            (_, Protection::On { cooldown: true }) => Protection::Until(request.now + DAY),
            (_, Protection::Until(end)) => Protection::Until(*end),
            _ => Protection::Off,
        };
    }
    Ok(Body::Xml(vec![Element::of("return", "true")]))
}

/// As images show it.
pub(super) fn protection(image: &Image, request: &Request<'_>) -> &'static str {
    match image.protection {
        Protection::On { cooldown: true } => "enabled-with-cooldown",
        Protection::On { cooldown: false } => "enabled-without-cooldown",
        // The cooldown goes on after it was taken off; the documented word is for the setting.
        Protection::Until(end) if request.now < end => "enabled-with-cooldown",
        Protection::Off | Protection::Until(_) => "disabled",
    }
}
