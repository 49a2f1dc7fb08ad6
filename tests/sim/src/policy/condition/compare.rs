//! Compares numbers, dates and addresses.

use std::cmp::Ordering;
use std::net::IpAddr;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

pub(super) fn compare_numbers(one: &str, other: &str) -> Option<Ordering> {
    let (one, other): (f64, f64) = (one.parse().ok()?, other.parse().ok()?);
    one.partial_cmp(&other)
}

pub(super) fn compare_dates(one: &str, other: &str) -> Option<Ordering> {
    Some(parse_date(one)?.cmp(&parse_date(other)?))
}

/// A date as IAM takes it: a moment, a day, or seconds since 1970.
fn parse_date(text: &str) -> Option<OffsetDateTime> {
    for text in [text, &format!("{text}T00:00:00Z")] {
        if let Ok(moment) = OffsetDateTime::parse(text, &Rfc3339) {
            return Some(moment);
        }
    }
    OffsetDateTime::from_unix_timestamp(text.parse().ok()?).ok()
}

/// Whether an address is in a network such as `10.0.0.0/8`, or is that address.
pub(super) fn is_in_network(address: &str, network: &str) -> bool {
    let (first, length) = match network.split_once('/') {
        Some((first, length)) => (first, Some(length)),
        None => (network, None),
    };
    let (Ok(address), Ok(first)) = (address.parse(), first.parse()) else {
        return false;
    };
    let (address, first, bits) = match (address, first) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (one.to_bits().into(), other.to_bits().into(), 32),
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits(), other.to_bits(), 128),
        _ => return false,
    };
    let Some(length) = length.map_or(Some(bits), |length| length.parse().ok()) else {
        return false;
    };
    let differing: u128 = address ^ first;
    length <= bits && differing.checked_shr(bits - length).unwrap_or(0) == 0
}
