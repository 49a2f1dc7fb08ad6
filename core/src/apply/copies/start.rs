//! Starts a copy, or finds the one that another run started with the same token.

use tokio::time::Instant;

use super::CopyJob;
use crate::aws::ec2::NewCopy;
use crate::diagnostic::{Code, Error, Finding, FindingCode};
use crate::id::AmiId;
use crate::inventory::{Image, ImageState};
use crate::limits::{NEW_ID_INVISIBLE, OTHER_COPY_INVISIBLE, SHARE_PROPAGATION};
use crate::plan::adopt::{self, Candidate};
use crate::report::Event;
use crate::tags;

impl CopyJob<'_> {
    /// Starts the copy. The client token of an attempt is the same for every run that needs this
    /// copy, so that a lost answer, a killed run or a concurrent run leads to the same image
    /// (R1.2.2); only a dead image requires a new attempt.
    pub(super) async fn start(&mut self) -> Result<AmiId, Error> {
        let (copy, progress) = (self.copy, &self.run.progress);
        let mut name = copy.name.clone();
        let mut backoff = progress.poll_backoff(self.run.timing.poll);
        let since = Instant::now();
        loop {
            let error = match self.request(&name).await {
                Ok(id) => match self.is_dead(&id).await {
                    Ok(true) => {
                        self.attempt += 1;
                        continue;
                    }
                    looked => {
                        // AWS makes it, even if it cannot be looked at.
                        self.report_started(&id);
                        return looked.map(|_is_dead| id);
                    }
                },
                Err(error) => error,
            };
            if error.is_aws(&["IdempotentParameterMismatch"]) {
                // Another run used the token with other tags or another name: its copy is used.
                match self.find_copy_of_other_run().await? {
                    Some(id) => return Ok(self.adopt(id)),
                    None => self.attempt += 1,
                }
            } else if error.is_aws(&["InvalidAMIName.Duplicate"]) && name == copy.name {
                name = copy.fallback_name();
                self.warn_of_name(&name);
            } else if let Some(what) = self.reason_to_wait(&error, since) {
                // A target is told the same of an image that is gone.
                let source = self.run.source_clients(&copy.source.region);
                self.run.check_usable(&source, &copy.source.ami).await?;
                let pause = backoff.next();
                progress
                    .wait_out(&error, &copy.source, what, since, pause)
                    .await;
            } else {
                return Err(error);
            }
        }
    }

    async fn request(&self, name: &str) -> Result<AmiId, Error> {
        let client_token = self.copy.client_token(self.attempt);
        let request = NewCopy {
            source: &self.copy.source,
            completion: self.copy.completion,
            name,
            description: &self.copy.description,
            key: &self.copy.key,
            client_token: &client_token,
            tags: &self.copy.tags,
        };
        self.clients.ec2.copy_image(&request).await
    }

    /// What to wait for before the copy is requested again; `None` if the error is final.
    fn reason_to_wait(&self, error: &Error, since: Instant) -> Option<&'static str> {
        // The limit counts the copies of others too, and those end in time (R1.5.10, R1.7).
        if error.is_aws(&["ResourceLimitExceeded"]) {
            return Some("to be copied: as many copies as AWS allows are under way");
        }
        // A target may not see yet what was shared with it a moment ago (R1.5.1, R1.5.14, R2.21).
        let in_target = self.copy.account != self.run.source.identity.account;
        let may_appear = in_target && is_unseen(error) && since.elapsed() < SHARE_PROPAGATION;
        may_appear.then_some("to be seen by the target")
    }

    fn report_started(&self, id: &AmiId) {
        self.run.progress.emit(&Event::CopyStarted {
            account: self.copy.account.clone(),
            source: self.copy.source.clone(),
            region: self.copy.region.clone(),
            copy: id.clone(),
        });
    }

    fn warn_of_name(&self, name: &str) {
        let message = format!(
            "AWS calls `{}` a duplicate, so the copy is named `{name}`",
            self.copy.name
        );
        let finding = Finding::warn(FindingCode::CopyNameTaken, &self.copy.source, message);
        self.run.progress.emit(&Event::Found(finding));
    }

    /// Whether the image that AWS answers the token of an attempt with failed, or is gone.
    async fn is_dead(&self, id: &AmiId) -> Result<bool, Error> {
        if self.copy.leftovers.images.contains(id) || self.has_failed(id) {
            return Ok(true);
        }
        let progress = &self.run.progress;
        let mut backoff = progress.poll_backoff(self.run.timing.poll);
        let since = Instant::now();
        loop {
            match self.clients.ec2.image(id).await {
                Ok(Some(image)) => return Ok(image.state == ImageState::Deregistered),
                Ok(None) => return Ok(true),
                Err(error) if error.is_aws(&["InvalidAMIID.Unavailable"]) => return Ok(true),
                // A new ID may be unknown for a while (R1.1.7).
                Err(error) if error.is_aws(&["InvalidAMIID.NotFound"]) => {
                    if since.elapsed() >= NEW_ID_INVISIBLE {
                        return Ok(true);
                    }
                    let pause = backoff.next();
                    progress
                        .wait_out(&error, id, "to be shown by AWS", since, pause)
                        .await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether the copy that a token was used for existed once: its snapshots say for which image
    /// they were made.
    async fn is_other_copy_gone(&self, tagged: &[Image]) -> Result<bool, Error> {
        if !tagged.is_empty() {
            return Ok(false);
        }
        let ec2 = &self.clients.ec2;
        let identity = vec![self.copy.identity.clone()];
        for snapshot in ec2.own_snapshots_tagged(tags::REQUEST, identity).await? {
            if let Some(id) = adopt::copied_for(&snapshot)
                && ec2.images([&id]).await?.is_empty()
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The copy that another run started; `None` if it failed, is gone, or never showed.
    async fn find_copy_of_other_run(&self) -> Result<Option<AmiId>, Error> {
        const WHAT: &str = "to show the copy that another run started";
        let (copy, progress) = (self.copy, &self.run.progress);
        let mut backoff = progress.poll_backoff(self.run.timing.poll);
        let since = Instant::now();
        loop {
            let identity = vec![copy.identity.clone()];
            let tagged = self
                .clients
                .ec2
                .own_images_tagged(tags::REQUEST, identity)
                .await?;
            let snapshots = self.snapshots_of(&tagged).await?;
            let (mut adoptable, mut failed) = (Vec::new(), false);
            for image in &tagged {
                match adopt::judge(image, &snapshots, copy, &self.clients.location) {
                    Candidate::Adoptable => adoptable.push(image),
                    Candidate::Failed => failed = true,
                    _ => {}
                }
            }
            // Every run takes the oldest, so that all take the same.
            let age = |image: &&Image| (image.creation_date.clone(), image.id.clone());
            if let Some(oldest) = adoptable.into_iter().min_by_key(age) {
                return Ok(Some(oldest.id.clone()));
            }
            if failed
                || since.elapsed() >= OTHER_COPY_INVISIBLE
                || self.is_other_copy_gone(&tagged).await?
            {
                return Ok(None);
            }
            let pause = backoff.next();
            progress.wait(&copy.source, WHAT, since, pause).await;
        }
    }
}

/// Whether AWS may only not know yet that the image is shared. The same codes say other things too,
/// which stay as they are.
fn is_unseen(error: &Error) -> bool {
    let Some(aws) = &error.aws else {
        return false;
    };
    match aws.code.as_str() {
        "InvalidAMIID.NotFound" => true,
        "InvalidRequest" => aws.message.contains("access the storage"),
        "AuthFailure" => error.code == Code::AccessDenied,
        _ => false,
    }
}
