//! Which instances and security groups are those of a test launch: they carry its mark, a token
//! that only its launcher makes of that mark, and no other launch has either.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};

use crate::aws::clients::RegionClients;
use crate::aws::ec2::{Instance, SecurityGroup};
use crate::digest::hex_sha256;
use crate::limits::TEST_LAUNCH_ABANDONED;

/// The tag of what test launches make; its value is the mark of one launch.
pub(crate) const TAG: &str = "ami-share:verify";
/// How the names of their security groups begin.
const GROUP: &str = "ami-share-verify";

/// A mark that no other launch has: when it was made, in seconds since 1970, and a random number.
pub(super) fn new_mark(now: i64) -> String {
    // Each state has keys of its own, from the randomness of the system.
    let random = [(); 2].map(|()| RandomState::new().build_hasher().finish());
    format!("{now}-{:016x}{:016x}", random[0], random[1])
}

/// Whether the launch of this mark must be over, and whoever made it gone.
fn is_abandoned(mark: &str, now: i64) -> bool {
    let made = mark.split('-').next().and_then(|made| made.parse().ok());
    let age = i64::try_from(TEST_LAUNCH_ABANDONED.as_secs()).unwrap_or(i64::MAX);
    made.is_some_and(|made: i64| made.saturating_add(age) < now)
}

/// The client token of a launch. It proves the launch: EC2 keeps it, and nobody can set it later.
pub(super) fn client_token(clients: &RegionClients, mark: &str, instance_type: &str) -> String {
    hex_sha256(format!("{} {instance_type}", seal(clients, mark)))
}

/// The name of the security group of a launch.
pub(super) fn group_name(clients: &RegionClients, mark: &str) -> String {
    let seal = hex_sha256(seal(clients, mark));
    format!("{GROUP}-{}", seal.get(..32).unwrap_or(&seal))
}

/// The mark with what it belongs to: an account, a Region, and the role that launches.
fn seal(clients: &RegionClients, mark: &str) -> String {
    let location = &clients.location;
    let launcher = launcher(&clients.identity.arn);
    format!("{mark} {} {} {launcher}", location.account, location.region)
}

/// Who launches, whatever the session is called.
fn launcher(arn: &str) -> &str {
    let Some((head, role)) = arn.split_once(":assumed-role/") else {
        return arn;
    };
    let name = role.split('/').next().unwrap_or(role);
    let length = head.len() + ":assumed-role/".len() + name.len();
    arn.get(..length).unwrap_or(arn)
}

/// Whether an instance is that of a launch of ours.
pub(super) fn is_our_instance(clients: &RegionClients, instance: &Instance) -> bool {
    let Some(mark) = instance.tags.get(TAG) else {
        return false;
    };
    let token = client_token(clients, mark, &instance.kind);
    instance.client_token.as_deref() == Some(token.as_str())
}

/// Whether a security group is that of a launch of ours.
pub(super) fn is_our_group(clients: &RegionClients, group: &SecurityGroup) -> bool {
    let mark = group.tags.get(TAG);
    mark.is_some_and(|mark| group.name == group_name(clients, mark))
}

/// The mark of an instance that a run of ours left, if this is one.
pub(super) fn abandoned_instance<'a>(
    clients: &RegionClients,
    instance: &'a Instance,
    now: i64,
) -> Option<&'a str> {
    let mark = instance.tags.get(TAG)?;
    let is_left = !instance.is_ending() && is_abandoned(mark, now);
    (is_left && is_our_instance(clients, instance)).then_some(mark)
}

/// The mark of a security group that a run of ours left, if this is one.
pub(super) fn abandoned_group<'a>(
    clients: &RegionClients,
    group: &'a SecurityGroup,
    now: i64,
) -> Option<&'a str> {
    let mark = group.tags.get(TAG)?;
    (is_abandoned(mark, now) && is_our_group(clients, group)).then_some(mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_differ_and_age() {
        let (mark, other) = (new_mark(1000), new_mark(1000));
        assert_ne!(mark, other);
        let age = i64::try_from(TEST_LAUNCH_ABANDONED.as_secs()).unwrap();
        assert!(!is_abandoned(&mark, 1000 + age));
        assert!(is_abandoned(&mark, 1001 + age));
        for wrong in ["", "x", "-1", "yes-1"] {
            assert!(!is_abandoned(wrong, i64::MAX), "{wrong}");
        }
    }

    #[test]
    fn launcher_is_the_role_without_its_session() {
        let session = "arn:aws:sts::222222222222:assumed-role/consumer/ami-share-7";
        let role = "arn:aws:sts::222222222222:assumed-role/consumer";
        assert_eq!(launcher(session), role);
        let user = "arn:aws:iam::222222222222:user/jo";
        assert_eq!(launcher(user), user);
    }
}
