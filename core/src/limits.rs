//! Every limit, quota and delay of AWS that this code knows, each with its rule in
//! `tests/sim/RULES.md`.

pub(crate) mod rates;

use std::ops::RangeInclusive;
use std::time::Duration;

/// How many snapshots AWS copies at once into a Region of an account (R1.5.10).
pub(crate) const CONCURRENT_SNAPSHOT_COPIES: usize = 20;
/// How fast a time-based copy can be, and the steps between (R7.5).
pub(crate) const COPY_COMPLETION: RangeInclusive<Duration> =
    Duration::from_mins(15)..=Duration::from_hours(48);
pub(crate) const COPY_COMPLETION_STEP: Duration = Duration::from_mins(15);

/// The characters of an AMI's name (R1.2.1).
pub(crate) const AMI_NAME_CHARACTERS: RangeInclusive<usize> = 3..=128;
/// The characters of an AMI's description.
pub(crate) const DESCRIPTION_CHARACTERS: usize = 255;
/// The characters of an SSM parameter's name, and the levels of a path.
pub(crate) const PARAMETER_NAME_CHARACTERS: RangeInclusive<usize> = 1..=1000;
pub(crate) const PARAMETER_LEVELS: usize = 15;
/// The characters of a launch template's name (R4.19). How many there can be, and how many versions
/// of each, only AWS counts: versions that were deleted leave their numbers.
pub(crate) const LAUNCH_TEMPLATE_NAME_CHARACTERS: RangeInclusive<usize> = 3..=128;

/// How many tags a resource can have (R1.7), and the characters of each key and value.
pub(crate) const TAGS_PER_RESOURCE: usize = 50;
pub(crate) const TAG_KEY_CHARACTERS: usize = 128;
pub(crate) const TAG_VALUE_CHARACTERS: usize = 256;

/// How many accounts, organizations and units an image can be shared with, unless AWS raised the
/// quota (R1.7).
pub(crate) const LAUNCH_PERMISSIONS_PER_IMAGE: usize = 1_000;
/// How many principals go into one call that changes permissions: what AWS takes for snapshots,
/// and far below the 10,000 that it takes for images (R1.7), so that the answer comes in time.
pub(crate) const PRINCIPALS_PER_CALL: usize = 500;
/// How many values a filter of EC2 can have.
pub(crate) const FILTER_VALUES: usize = 200;
/// How many images or snapshots a page of EC2 holds at most.
pub(crate) const PAGE_SIZE: i32 = 1_000;
/// How many volumes a page holds at most: AWS advises against asking without pages.
pub(crate) const VOLUME_PAGE_SIZE: i32 = 500;

/// More pages than any list has: 50,000 grants of a key are 500 (R3.3.5), and pages may be empty.
pub(crate) const MOST_PAGES: usize = 1_000;
/// The same of EC2, of which a page has up to a thousand entries, and 20 can be read a second.
pub(crate) const MOST_EC2_PAGES: usize = 300;

/// More levels of units than an organization has: service control policies allow five.
pub(crate) const MOST_LEVELS: usize = 20;

/// More entries than any list has that this tool asks for.
pub(crate) const LONGEST_LIST: usize = 200_000;

/// The largest answer that is read. The largest that AWS gives, a page of a thousand images, has a
/// few MiB.
pub(crate) const LARGEST_ANSWER: usize = 64 << 20;
/// The largest answer that is an error.
pub(crate) const LARGEST_ERROR: usize = 1 << 20;

/// More elements of lists than one answer of AWS has: a page of a thousand images with 50 tags
/// each. The SDK makes a large value of each, however short its text is.
pub(crate) const MOST_ELEMENTS: usize = 100_000;

/// How many bytes a key policy can have, unless AWS raised the limit (R3.2.2).
pub(crate) const KEY_POLICY_BYTES: usize = 32_768;
/// The longest key policy that is read, also where AWS raised the limit.
pub(crate) const LARGEST_KEY_POLICY: usize = 16 * KEY_POLICY_BYTES;
/// How many grants a key can have, unless AWS raised the quota (R3.3.5), and how many a page of
/// them holds at most.
pub(crate) const GRANTS_PER_KEY: usize = 50_000;
pub(crate) const GRANT_PAGE_SIZE: i32 = 100;
/// How many characters the inline policies of a role can have together, without white space (R5.8).
pub(crate) const INLINE_POLICY_CHARACTERS: usize = 10_240;

/// How long an image that the user named may be unknown to AWS: an earlier step made it, perhaps a
/// second ago (R1.1.7).
pub(crate) const NAMED_IMAGE_INVISIBLE: Duration = Duration::from_secs(15);
/// How long an image that this tool made may be unknown to AWS (R1.1.7) before it counts as gone.
pub(crate) const NEW_ID_INVISIBLE: Duration = Duration::from_mins(10);
/// How long looks must not show an image that was there before it counts as gone (R1.1.7).
pub(crate) const IMAGE_ABSENT: Duration = Duration::from_secs(30);
/// How long the copy of another run may be missing from searches by tag, where AWS has used its
/// token: after that it was deregistered.
pub(crate) const OTHER_COPY_INVISIBLE: Duration = Duration::from_mins(1);
/// How long after the start of its read the put of a key policy may take effect. KMS has no
/// compare-and-set, so every run that changes a key relies on all others to keep this.
pub(crate) const KEY_POLICY_CHANGE: Duration = Duration::from_secs(3);
/// The longest that a put of a key policy may be under way.
pub(crate) const KEY_POLICY_PUT: Duration = Duration::from_secs(2);
/// How much of that a put gets at least, as it takes as long as a read: after a read that leaves
/// less, the policy is read again.
pub(crate) const SHORTEST_KEY_POLICY_PUT: Duration = Duration::from_millis(1_500);
/// How long AWS may take to put a key policy or grants into effect (R3.2.7, R3.3.7).
pub(crate) const KEY_ACCESS_PROPAGATION: Duration = Duration::from_mins(5);
/// How long IAM may take to put a role or its policies into effect (R5.8, R7.33).
pub(crate) const ROLE_PROPAGATION: Duration = Duration::from_mins(2);
/// How long what is read of permissions may be out of date before a no is final (R2.21, R3.3.10).
pub(crate) const PERMISSION_PROPAGATION: Duration = Duration::from_mins(1);
/// How long a shared image may take to be seen in a target (R2.21).
pub(crate) const SHARE_PROPAGATION: Duration = Duration::from_mins(2);
/// How long SSM may take to check a parameter (R5.9) before the image counts as refused.
pub(crate) const PARAMETER_CHECK: Duration = Duration::from_mins(2);

/// How many watermarks an image can have (R7.13), and the characters of a name.
pub(crate) const WATERMARKS_PER_IMAGE: usize = 5;
pub(crate) const WATERMARK_CHARACTERS: RangeInclusive<usize> = 3..=128;

/// How many accounts a report on the usage of an image covers (R7.12).
pub(crate) const USAGE_REPORT_ACCOUNTS: usize = 200;
/// How old such a report may be to be used again: it is up to a day behind anyway (R7.12).
pub(crate) const USAGE_REPORT_FRESH: Duration = Duration::from_hours(1);
/// How many versions a launch template can have (R4.19), and AWS looks at for references (R7.12).
pub(crate) const TEMPLATE_VERSIONS: usize = 10_000;

/// How many instance types a page holds at most.
pub(crate) const INSTANCE_TYPE_PAGE_SIZE: i32 = 100;
/// How long a test launch may take until its instance runs: some types take minutes.
pub(crate) const TEST_LAUNCH: Duration = Duration::from_mins(10);
/// How long a run waits until what its test launch made is gone.
pub(crate) const TEST_LAUNCH_CLEAN_UP: Duration = Duration::from_mins(5);
/// How long it waits if its deadline has passed.
pub(crate) const CLEAN_UP_AFTER_DEADLINE: Duration = Duration::from_mins(1);
/// How old what a test launch made must be, to be left by a run that is gone: longer than a test
/// launch and its end can take.
pub(crate) const TEST_LAUNCH_ABANDONED: Duration = Duration::from_mins(16);
/// How long a new instance or security group may be unknown to AWS, as a new image may (R1.1.7).
pub(crate) const NEW_INSTANCE_INVISIBLE: Duration = Duration::from_secs(30);

/// Services of which AWS documents that they launch instances by a service-linked role of their own
/// (R4.11, R7.29). There may be others.
pub(crate) const LAUNCHING_SERVICES: [&str; 7] = [
    "autoscaling.amazonaws.com",
    "batch.amazonaws.com",
    "ec2fleet.amazonaws.com",
    "eks-nodegroup.amazonaws.com",
    "imagebuilder.amazonaws.com",
    "spot.amazonaws.com",
    "spotfleet.amazonaws.com",
];
