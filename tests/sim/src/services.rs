//! The simulated services. The file of each has the router of its operations.

pub(crate) mod autoscaling;
mod ec2;
mod iam;
mod kms;
mod organizations;
mod pages;
mod ssm;
pub(crate) mod sts;

use std::time::Duration;

use crate::auth;
use crate::clock::Clock;
use crate::options::Options;
use crate::partition;
use crate::policy::Context;
use crate::wire::{Call, Fail, Outcome, Params, Service};
use crate::world::{ImageState, Principal, World};

/// The request of an operation: who makes it, where and when. The parameters come apart from it.
pub(crate) struct Request<'a> {
    pub(crate) caller: &'a Principal,
    pub(crate) region: &'a str,
    pub(crate) now: Duration,
    pub(crate) clock: &'a Clock,
    pub(crate) options: &'a Options,
    /// How old the answer to a read may be.
    pub(crate) staleness: Duration,
    /// Why a copy that starts now will fail, and the state in which the image ends.
    pub(crate) fail_copy: Option<(String, ImageState)>,
    /// How long a copy that starts now takes.
    pub(crate) copy_time: Duration,
}

impl Request<'_> {
    /// The caller's account.
    pub(crate) fn account(&self) -> &str {
        &self.caller.facts.account
    }

    /// The condition keys that the request carries, whatever its operation.
    pub(crate) fn context(&self) -> Context {
        let mut context = auth::context(self.caller, self.region);
        let seconds = format!("{:.0}", self.clock.epoch(self.now));
        auth::set(&mut context, "aws:CurrentTime", &self.clock.text(self.now));
        auth::set(&mut context, "aws:EpochTime", &seconds);
        context
    }

    /// The name of the partition of the Region.
    pub(crate) fn partition(&self) -> &'static str {
        partition::of_region(self.region).name
    }

    /// The moment whose state a read shows.
    pub(crate) fn read_as_of(&self) -> Duration {
        self.now.saturating_sub(self.staleness)
    }

    /// The moment up to which sharing has taken effect for search, launch and copy (R2.21).
    pub(crate) fn shared_as_of(&self) -> Duration {
        self.now.saturating_sub(self.options.delays.sharing)
    }
}

/// Lets the service of a call answer it.
pub(crate) fn answer(world: &mut World, call: &Call, request: &Request<'_>) -> Outcome {
    let operation = call.operation.as_str();
    match (call.service, &call.params) {
        (Service::AutoScaling, Params::Query(query)) => {
            autoscaling::call(world, operation, query, request)
        }
        (Service::Ec2, Params::Query(query)) => ec2::call(world, operation, query, request),
        (Service::Iam, Params::Query(query)) => iam::call(world, operation, query, request),
        (Service::Sts, Params::Query(query)) => sts::call(world, operation, query, request),
        (Service::Kms, Params::Json(members)) => kms::call(world, operation, members, request),
        (Service::Organizations, Params::Json(members)) => {
            organizations::call(world, operation, members, request)
        }
        (Service::Ssm, Params::Json(members)) => ssm::call(world, operation, members, request),
        _ => Err(Fail::bad("InvalidAction", "")),
    }
}
