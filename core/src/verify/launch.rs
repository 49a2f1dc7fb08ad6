//! Launches a real instance in a target: the only proof that a launch works. The instance does
//! nothing, reaches nobody, and is terminated as soon as it runs.

mod clean_up;
mod group;
mod mark;
mod sweep;
mod verdict;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::time::{self, Instant};

use self::verdict::{End, Outcome, Tester};
use crate::aws::clients::RegionClients;
use crate::aws::ec2::{NewInstance, Subnet};
use crate::diagnostic::Error;
use crate::id::AmiId;
use crate::inventory::Image;
use crate::limits::{TEST_LAUNCH, TEST_LAUNCH_CLEAN_UP};
use crate::plan::{Plan, TargetCopy};
use crate::report::{Check, CheckName, Conclusion, Event, Verification};
use crate::run::Run;
use crate::run::effect::ChangeKind;
use crate::run::test_launches::{Made, TestLaunch};

pub(crate) use clean_up::remove_left;
pub(super) use sweep::sweep;

/// How many instance types are tried, if the first ones cannot be had.
const CANDIDATES: usize = 3;

/// Launches the target's image, waits until the instance runs or ends, and terminates it. A target
/// that is known to fail launches nothing.
pub(super) async fn verify_by_launch(run: &Run<'_>, plan: &Plan, verification: &mut Verification) {
    let clients = run.target_clients(&verification.account, &verification.region);
    let image_id = verification.image.clone();
    let is_blocked = verification.conclusion == Conclusion::Blocked;
    let (Some(clients), Some(image_id), false) = (clients, image_id, is_blocked) else {
        let detail = "nothing was launched: see the other checks";
        return verification.push(Check::unknown(CheckName::Launch, detail));
    };
    let mut effect = run.until_in_effect(&clients, given_resources(plan, verification, &image_id));
    loop {
        let outcome = launch_once(run, plan, &clients, &image_id).await;
        let kinds = outcome.kinds_behind();
        let tester = Tester {
            arn: &clients.identity.arn,
            is_stand_in: is_stand_in(plan, verification, &clients),
        };
        // A target is told the same of an image that is gone or disabled.
        let owner = owner_of(run, plan, &clients, verification);
        if kinds.contains(&ChangeKind::Sharing)
            && let Err(error) = run.check_usable(&owner, &image_id).await
        {
            let check = verdict::judge_lost(&error, tester);
            return verification.push(check);
        }
        if !effect.outlasts_any(kinds, outcome.answer().as_ref()).await {
            let check = verdict::judge(&outcome, tester);
            return verification.push(check);
        }
    }
}

/// Who owns what a target launches: the target, if that is its own copy.
fn owner_of(
    run: &Run<'_>,
    plan: &Plan,
    target: &Arc<RegionClients>,
    verification: &Verification,
) -> Arc<RegionClients> {
    let (account, region) = (&verification.account, &verification.region);
    let is_own = |copy: &TargetCopy| {
        let shared = &copy.shared;
        (&copy.account, &shared.source, &shared.region) == (account, &verification.source, region)
    };
    if plan.target_copies().any(is_own) {
        Arc::clone(target)
    } else {
        run.source_clients(region)
    }
}

/// Whether other roles launch, and may do so as far as is known.
fn is_stand_in(plan: &Plan, verification: &Verification, clients: &RegionClients) -> bool {
    let options = &plan.request.options.in_targets;
    let arn = &clients.identity.arn;
    let mut names = options.launch_role_names().peekable();
    let is_named = names.peek().is_some();
    let is_one = names.any(|name| arn.contains(&format!(":assumed-role/{name}/")));
    let others_may = [CheckName::KeyAccess, CheckName::LauncherIam];
    is_named && !is_one && others_may.iter().all(|check| verification.says_yes(*check))
}

/// What a run may have given access to, of what the launch of an image needs.
fn given_resources(plan: &Plan, verification: &Verification, image_id: &AmiId) -> Vec<String> {
    let mut resources = vec![image_id.to_string()];
    let keys = super::keys_of(plan, verification).into_iter();
    resources.extend(keys.map(ToString::to_string));
    resources
}

/// Launches once, and removes everything that was made for that.
async fn launch_once(
    run: &Run<'_>,
    plan: &Plan,
    clients: &Arc<RegionClients>,
    image_id: &AmiId,
) -> Outcome {
    let mark = mark::new_mark(run.source.now());
    let mut guard = run.test_launches.guard(TestLaunch::new(clients, mark));
    let test = Test {
        run,
        plan,
        clients,
        image_id,
    };
    let trying = Box::pin(test.launch(&mut guard.launch));
    let outcome = match time::timeout(TEST_LAUNCH, trying).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => Outcome::Refused(error),
        Err(_elapsed) => Outcome::TookTooLong,
    };
    clean_up::end(&run.progress, &mut guard.launch, TEST_LAUNCH_CLEAN_UP).await;
    outcome
}

/// The launch of one image in one target.
struct Test<'a> {
    run: &'a Run<'a>,
    plan: &'a Plan,
    clients: &'a RegionClients,
    image_id: &'a AmiId,
}

/// What a launch needs, once nothing stands in its way.
struct Prepared {
    image: Image,
    /// The instance types to try.
    types: Vec<String>,
    /// The security group.
    group: String,
    tags: BTreeMap<String, String>,
}

impl Test<'_> {
    /// Launches, and waits until the instance runs or ends. Whatever is made is in `launch` before
    /// it is asked for.
    async fn launch(&self, launch: &mut TestLaunch) -> Result<Outcome, Error> {
        let prepared = match self.prepare(launch).await? {
            Ok(prepared) => prepared,
            Err(outcome) => return Ok(outcome),
        };
        // What says that a type cannot be had says nothing of the image, so the next one is tried.
        let mut refused = None;
        for instance_type in prepared.types.iter().take(CANDIDATES) {
            match self.run_instance(launch, &prepared, instance_type).await {
                Ok(id) => return self.await_end(launch, &prepared.image, &id).await,
                Err(error) if verdict::is_about_type(&error) => {
                    refused.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(refused.map_or(Outcome::NoType(None), Outcome::Refused))
    }

    /// What is launched, where, and on which type.
    ///
    /// # Errors
    /// Within: what stands in the way.
    async fn prepare(&self, launch: &mut TestLaunch) -> Result<Result<Prepared, Outcome>, Error> {
        // 1. Without making anything.
        let ec2 = &self.clients.ec2;
        let Some(image) = ec2.images([self.image_id]).await?.into_iter().next() else {
            return Ok(Err(Outcome::Invisible(self.image_id.clone())));
        };
        let place = match self.subnet_id() {
            Some(id) => Some(ec2.subnet(id).await?),
            None => self.default_place().await?,
        };
        let Some(place) = place else {
            return Ok(Err(Outcome::NoDefaultVpc));
        };
        let types = self.instance_types(&image, &place).await?;
        if types.is_empty() {
            return Ok(Err(Outcome::NoType(place.zone)));
        }
        // 2. A security group of its own that lets nothing in or out: the default one may let
        //    others in, and one that is shared could go while another launch is in it.
        let tags = self.tags(&launch.mark);
        let group = self.make_closed_group(launch, &place.vpc, &tags).await?;
        Ok(group.ok_or(Outcome::OpenGroup).map(|group| Prepared {
            image,
            types,
            group,
            tags,
        }))
    }

    /// Launches on an instance type; the ID of the instance.
    async fn run_instance(
        &self,
        launch: &mut TestLaunch,
        prepared: &Prepared,
        instance_type: &str,
    ) -> Result<String, Error> {
        let token = mark::client_token(self.clients, &launch.mark, instance_type);
        let new = NewInstance {
            image: &prepared.image,
            instance_type,
            subnet: self.subnet_id(),
            group: &prepared.group,
            client_token: &token,
            tags: &prepared.tags,
        };
        launch.instance = Made::Perhaps;
        match self.clients.ec2.run_instance(&new).await {
            Ok(instance) => {
                self.report_start(&instance.id);
                Ok(instance.id)
            }
            Err(error) => {
                if verdict::is_final(&error) {
                    launch.instance = Made::No;
                }
                Err(error)
            }
        }
    }

    fn subnet_id(&self) -> Option<&str> {
        let (account, region) = (
            &self.clients.location.account,
            &self.clients.location.region,
        );
        let launch = &self.plan.request.options.in_targets.launch;
        launch.subnet_in(account, region)
    }

    async fn default_place(&self) -> Result<Option<Subnet>, Error> {
        let vpc = self.clients.ec2.default_vpc().await?;
        Ok(vpc.map(|vpc| Subnet { vpc, zone: None }))
    }

    /// The instance types to try: the one that the request names, or those that fit the image and
    /// that the Region, or the zone of the subnet, offers.
    async fn instance_types(&self, image: &Image, place: &Subnet) -> Result<Vec<String>, Error> {
        let ec2 = &self.clients.ec2;
        if let Some(name) = &self.plan.request.options.in_targets.launch.instance_type {
            return Ok(vec![name.clone()]);
        }
        let fitting = ec2.fitting_types(image).await?;
        match &place.zone {
            Some(zone) if !fitting.is_empty() => ec2.offered_types(zone, &fitting).await,
            _ => Ok(fitting),
        }
    }

    /// The tags of everything that is made: the request's, as policies may ask for them, and the
    /// mark.
    fn tags(&self, mark: &str) -> BTreeMap<String, String> {
        let mut tags = self.plan.request.options.tags.clone();
        tags.insert(mark::TAG.to_owned(), mark.to_owned());
        tags
    }

    fn report_start(&self, instance: &str) {
        let location = &self.clients.location;
        self.run.progress.emit(&Event::TestInstanceStarted {
            account: location.account.clone(),
            region: location.region.clone(),
            image: self.image_id.clone(),
            instance: instance.to_owned(),
        });
    }

    /// Waits until the instance runs or ends: EC2 accepts a launch before it has used the keys
    /// (R4.4).
    async fn await_end(
        &self,
        launch: &mut TestLaunch,
        image: &Image,
        id: &str,
    ) -> Result<Outcome, Error> {
        let mut backoff = self.run.progress.poll_backoff(clean_up::POLL);
        let since = Instant::now();
        let instance = loop {
            // EC2 may not show a new instance yet.
            if let Some(instance) = self.clients.ec2.instance(id).await? {
                // It is ended later, so it must be the one that this launch made.
                if !mark::is_our_instance(self.clients, &instance) {
                    return Err(self.clients.ec2.unexpected_instance(id));
                }
                launch.instance = Made::Yes(instance.id.clone());
                if instance.state != "pending" {
                    break instance;
                }
            }
            let what = "to run, in a target";
            self.run
                .progress
                .wait(id, what, since, backoff.next())
                .await;
        };
        let id = id.to_owned();
        if instance.state == "running" {
            return Ok(Outcome::Ran(id));
        }
        let (code, words) = instance
            .end
            .unwrap_or((instance.state.clone(), instance.state));
        let needs_keys = self.needs_keys(image).await;
        Ok(Outcome::Ended(End {
            instance: id,
            code,
            words,
            needs_keys,
        }))
    }

    /// Whether a launch of the image uses any key.
    async fn needs_keys(&self, image: &Image) -> bool {
        let mut mappings = image.mappings.iter();
        mappings.any(|mapping| mapping.is_encrypted)
            || matches!(self.clients.ec2.encrypts_by_default().await, Ok(true))
    }
}
