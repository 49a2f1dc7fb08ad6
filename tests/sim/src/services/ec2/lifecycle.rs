//! What an owner does with an image: disable, deprecate, protect (R1.1.4, R2.16, R7.1).

use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::authorize::authorize_image;
use super::{dry_run, ids, return_true, snapshot_tier};
use crate::services::Request;
use crate::wire::xml::Element;
use crate::wire::{Body, Fail, Outcome, Query};
use crate::world::{Image, ImageState, Protection, World};

const DAY: Duration = Duration::from_hours(24);
/// A deprecation date is at most this far away (API of EnableImageDeprecation).
const TEN_YEARS: Duration = Duration::from_hours(10 * 366 * 24);

/// The image that a request names, if the caller may do this to it.
fn authorized_image<'a>(
    world: &'a World,
    query: &Query,
    request: &Request<'_>,
    operation: &str,
) -> Result<&'a Image, Fail> {
    let id = query.need("ImageId")?;
    authorize_image(world, id, &format!("ec2:{operation}"), request)?;
    ids::own_image(world, id, request)
}

/// `DisableImage` removes every launch permission, and `EnableImage` does not restore them (R2.16).
pub(super) fn enable(
    world: &mut World,
    query: &Query,
    request: &Request<'_>,
    operation: &str,
) -> Outcome {
    let image = authorized_image(world, query, request, operation)?;
    let (id, enable) = (image.id.clone(), operation == "EnableImage");
    match (image.state, enable) {
        // Its snapshots are restored first (R7.31).
        (ImageState::Disabled, true) => snapshot_tier::check_restored(world, image)?,
        (ImageState::Available, false) => {}
        // Nothing to do; whether AWS answers this too is not known.
        (ImageState::Available, true) | (ImageState::Disabled, false) => return Ok(return_true()),
        _ => {
            ids::check_available(image)?;
            return Err(ids::image_not_found(&id));
        }
    }
    dry_run(query)?;
    if let Some(image) = world.images.get_mut(&id) {
        if enable {
            image.state = ImageState::Available;
        } else {
            image.state = ImageState::Disabled;
            image.launch_permissions.clear();
        }
    }
    Ok(return_true())
}

pub(super) fn deprecate(
    world: &mut World,
    query: &Query,
    request: &Request<'_>,
    operation: &str,
) -> Outcome {
    let id = authorized_image(world, query, request, operation)?
        .id
        .clone();
    let date = if operation == "EnableImageDeprecation" {
        Some(read_date(query.need("DeprecateAt")?, request)?)
    } else {
        None
    };
    dry_run(query)?;
    if let Some(image) = world.images.get_mut(&id) {
        (image.deprecation_time, image.deprecated_at) = date.unzip();
    }
    Ok(return_true())
}

/// A date in the future, rounded to the nearest minute.
fn read_date(text: &str, request: &Request<'_>) -> Result<(String, Duration), Fail> {
    let Some(at) = future_moment(text, request) else {
        let message = format!("The deprecation date {text} is not valid.");
        return Err(Fail::invalid_value(message));
    };
    let minute = request.clock.epoch(at) / 60.0;
    let rounded = Duration::from_secs_f64((minute.round() - minute).abs() * 60.0);
    let at = if minute.round() < minute {
        at.saturating_sub(rounded)
    } else {
        at + rounded
    };
    Ok((request.clock.text(at), at))
}

/// The moment of a date that is neither in the past nor too far away.
fn future_moment(text: &str, request: &Request<'_>) -> Option<Duration> {
    let date = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    let now = OffsetDateTime::from(request.clock.wall(request.now));
    let ahead = Duration::try_from(date - now).ok()?;
    (ahead <= TEN_YEARS).then_some(request.now + ahead)
}

pub(super) fn protect(
    world: &mut World,
    query: &Query,
    request: &Request<'_>,
    operation: &str,
) -> Outcome {
    let id = authorized_image(world, query, request, operation)?
        .id
        .clone();
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

/// Deregistration protection, as images show it.
pub(super) fn protection(image: &Image, request: &Request<'_>) -> &'static str {
    match image.protection {
        Protection::On { cooldown: true } => "enabled-with-cooldown",
        Protection::On { cooldown: false } => "enabled-without-cooldown",
        // The cooldown continues after the protection was disabled. AWS documents no word for that
        // time; this is the word of the setting.
        Protection::Until(end) if request.now < end => "enabled-with-cooldown",
        Protection::Off | Protection::Until(_) => "disabled",
    }
}
