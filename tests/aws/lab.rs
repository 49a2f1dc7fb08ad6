//! Two accounts, a key, an encrypted image, a role, and their end.

use std::time::Duration;

use ami_share::aws_config::{self, BehaviorVersion, SdkConfig};
use aws_sdk_ec2::types::{Filter, ResourceType, Tag, TagSpecification};
use serde_json::json;

/// Marks all that a lab makes.
pub(crate) const TAG: &str = "ami-share-test";
pub(crate) const EXTERNAL_ID: &str = "ami-share-test";
const NEWEST: &str =
    "/aws/service/ami-amazon-linux-latest/al2023-ami-minimal-kernel-default-x86_64";

#[expect(
    clippy::disallowed_methods,
    reason = "which accounts these are can only be told from outside"
)]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// One account.
pub(crate) struct Side {
    pub(crate) account: String,
    pub(crate) config: SdkConfig,
    pub(crate) ec2: aws_sdk_ec2::Client,
    pub(crate) iam: aws_sdk_iam::Client,
    pub(crate) kms: aws_sdk_kms::Client,
}

impl Side {
    async fn of(profile: &str, region: &str) -> Self {
        let profile =
            variable(profile).expect("name a profile for each account: see tests/aws/README.md");
        let region = aws_config::Region::new(region.to_owned());
        let loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .profile_name(profile)
            .region(region);
        let config = loader.load().await;
        let identity = aws_sdk_sts::Client::new(&config)
            .get_caller_identity()
            .send()
            .await
            .unwrap();
        Self {
            account: identity.account().unwrap().to_owned(),
            ec2: aws_sdk_ec2::Client::new(&config),
            iam: aws_sdk_iam::Client::new(&config),
            kms: aws_sdk_kms::Client::new(&config),
            config,
        }
    }

    /// The state of an image, once it is pending no more, and its reason: code and message.
    pub(crate) async fn settled(&self, image: &str) -> (String, Option<String>, Option<String>) {
        loop {
            let by_id = Filter::builder().name("image-id").values(image).build();
            let found = self
                .ec2
                .describe_images()
                .filters(by_id)
                .send()
                .await
                .unwrap();
            let image = found.images().first();
            let state = image
                .and_then(|image| image.state())
                .map_or("pending", |state| state.as_str())
                .to_owned();
            if state != "pending" {
                let reason = image.and_then(|image| image.state_reason());
                let text = |of: Option<&str>| of.map(str::to_owned);
                return (
                    state,
                    text(reason.and_then(|of| of.code())),
                    text(reason.and_then(|of| of.message())),
                );
            }
            tokio::time::sleep(Duration::from_secs(15)).await;
        }
    }
}

/// The lab.
pub(crate) struct Lab {
    pub(crate) name: String,
    pub(crate) region: String,
    pub(crate) a: Side,
    pub(crate) b: Side,
    /// The ARN of A's key.
    pub(crate) key: String,
    /// A's image, encrypted under it.
    pub(crate) image: String,
}

impl Lab {
    pub(crate) async fn set_up() -> Self {
        let region = variable("AMI_SHARE_AWS_REGION").unwrap_or_else(|| "us-east-1".to_owned());
        let (a, b) = (
            Side::of("AMI_SHARE_AWS_A_PROFILE", &region).await,
            Side::of("AMI_SHARE_AWS_B_PROFILE", &region).await,
        );
        assert_ne!(a.account, b.account, "two accounts are needed");
        let name = format!("{TAG}-{:08x}", rand::random::<u32>());
        let tag = aws_sdk_kms::types::Tag::builder()
            .tag_key(TAG)
            .tag_value(&name)
            .build()
            .unwrap();
        let key = a
            .kms
            .create_key()
            .description(&name)
            .tags(tag)
            .send()
            .await
            .unwrap();
        let key = key.key_metadata().unwrap().arn().unwrap().to_owned();
        let newest = aws_sdk_ssm::Client::new(&a.config)
            .get_parameter()
            .name(NEWEST)
            .send()
            .await
            .unwrap();
        let public = newest.parameter().unwrap().value().unwrap().to_owned();
        let lab = Self {
            image: String::new(),
            name,
            region,
            a,
            b,
            key,
        };
        lab.sweep().await;
        lab.make_role().await;
        let image = lab.copy(&lab.a, &public, &lab.key, "source").await.unwrap();
        assert_eq!(lab.a.settled(&image).await.0, "available");
        Self { image, ..lab }
    }

    pub(crate) fn tags(&self, kind: ResourceType) -> TagSpecification {
        TagSpecification::builder()
            .resource_type(kind)
            .tags(Tag::builder().key(TAG).value(&self.name).build())
            .build()
    }

    /// Starts a copy of the lab's own; or says with which code it was refused.
    pub(crate) async fn copy(
        &self,
        by: &Side,
        image: &str,
        key: &str,
        what: &str,
    ) -> Result<String, String> {
        let call = by
            .ec2
            .copy_image()
            .source_region(&self.region)
            .source_image_id(image)
            .name(format!("{}-{what}", self.name));
        let call = call.encrypted(true).kms_key_id(key);
        let call = call
            .tag_specifications(self.tags(ResourceType::Image))
            .tag_specifications(self.tags(ResourceType::Snapshot));
        let copied = call.send().await;
        copied
            .map(|copied| copied.image_id().unwrap().to_owned())
            .map_err(|error| said(error.into_service_error().meta()))
    }

    /// A role in B that A may assume, as `target-role`.
    async fn make_role(&self) {
        let trust = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": { "AWS": format!("arn:aws:iam::{}:root", self.a.account) },
            "Action": "sts:AssumeRole",
            "Condition": { "StringEquals": { "sts:ExternalId": EXTERNAL_ID } },
        }] });
        let all = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": ["ec2:*", "kms:*", "iam:SimulatePrincipalPolicy"], "Resource": "*" }] });
        let call = self
            .b
            .iam
            .create_role()
            .role_name(&self.name)
            .assume_role_policy_document(trust.to_string());
        call.send().await.unwrap();
        let call = self
            .b
            .iam
            .put_role_policy()
            .role_name(&self.name)
            .policy_name("all")
            .policy_document(all.to_string());
        call.send().await.unwrap();
    }

    /// Removes what killed labs left a day ago; younger ones may be at work.
    async fn sweep(&self) {
        for side in [&self.a, &self.b] {
            let tagged = Filter::builder().name("tag-key").values(TAG).build();
            let found = side
                .ec2
                .describe_images()
                .owners("self")
                .filters(tagged)
                .send()
                .await
                .unwrap();
            for image in found.images() {
                let id = image.image_id().unwrap_or_default();
                let made = image.creation_date().and_then(|date| {
                    aws_smithy_types::DateTime::from_str(
                        date,
                        aws_smithy_types::date_time::Format::DateTime,
                    )
                    .ok()
                });
                let now = std::time::SystemTime::now()
                    .duration_since(std::time::UNIX_EPOCH)
                    .unwrap()
                    .as_secs();
                if made.is_some_and(|made| made.secs() + 86_400 < i64::try_from(now).unwrap()) {
                    println!(
                        "removing {id} of {}, left by a lab that was killed",
                        side.account
                    );
                    let _ = side
                        .ec2
                        .deregister_image()
                        .image_id(id)
                        .delete_associated_snapshots(true)
                        .send()
                        .await;
                }
            }
        }
    }

    pub(crate) async fn tear_down(&self) {
        for side in [&self.b, &self.a] {
            let own = Filter::builder()
                .name(format!("tag:{TAG}"))
                .values(&self.name)
                .build();
            let found = side
                .ec2
                .describe_images()
                .owners("self")
                .filters(own)
                .send()
                .await
                .unwrap();
            for id in found.images().iter().filter_map(|image| image.image_id()) {
                let _ = side
                    .ec2
                    .deregister_image()
                    .image_id(id)
                    .delete_associated_snapshots(true)
                    .send()
                    .await;
            }
        }
        let _ = self
            .b
            .iam
            .delete_role_policy()
            .role_name(&self.name)
            .policy_name("all")
            .send()
            .await;
        let _ = self.b.iam.delete_role().role_name(&self.name).send().await;
        self.a
            .kms
            .schedule_key_deletion()
            .key_id(&self.key)
            .pending_window_in_days(7)
            .send()
            .await
            .unwrap();
    }
}

/// A refusal as it stands in the rule book.
pub(crate) fn said(meta: &aws_smithy_types::error::ErrorMetadata) -> String {
    format!(
        "{}: {}",
        meta.code().unwrap_or("(no code)"),
        meta.message().unwrap_or("(no message)")
    )
}
