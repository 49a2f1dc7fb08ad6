//! Two accounts with a key, an encrypted image and a role, until they are torn down.

mod side;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_ec2::types::{Filter, Image, ResourceType, Tag, TagSpecification};
use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use aws_smithy_types::error::ErrorMetadata;
use serde_json::json;

use self::side::{Side, read_variable};

/// Marks everything that a lab creates.
pub(crate) const TAG: &str = "ami-share-test";
pub(crate) const EXTERNAL_ID: &str = "ami-share-test";
const NEWEST: &str =
    "/aws/service/ami-amazon-linux-latest/al2023-ami-minimal-kernel-default-x86_64";
const DAY: Duration = Duration::from_hours(24);

pub(crate) struct Lab {
    pub(crate) name: String,
    pub(crate) region: String,
    pub(crate) a: Side,
    pub(crate) b: Side,
    /// The ARN of A's key.
    pub(crate) key: String,
    /// A's image, encrypted with it.
    pub(crate) image_id: String,
}

impl Lab {
    pub(crate) async fn set_up() -> Self {
        let region = read_variable("AMI_SHARE_AWS_REGION");
        let region = region.unwrap_or_else(|| "us-east-1".to_owned());
        let a = Side::connect("AMI_SHARE_AWS_A_PROFILE", &region).await;
        let b = Side::connect("AMI_SHARE_AWS_B_PROFILE", &region).await;
        assert_ne!(a.account, b.account, "two accounts are needed");
        let name = format!("{TAG}-{:08x}", rand::random::<u32>());
        let key = a.create_key(TAG, &name).await;
        let ssm = aws_sdk_ssm::Client::new(&a.config);
        let newest = ssm.get_parameter().name(NEWEST).send().await.unwrap();
        let public = newest.parameter().unwrap().value().unwrap().to_owned();
        let lab = Self {
            image_id: String::new(),
            name,
            region,
            a,
            b,
            key,
        };
        lab.remove_old_images().await;
        lab.create_role().await;
        let copied = lab.copy(&lab.a, &public, &lab.key, "source").await;
        let image_id = copied.unwrap();
        let settled = lab.a.wait_until_settled(&image_id).await;
        assert_eq!(settled.state, "available");
        Self { image_id, ..lab }
    }

    fn build_tags(&self, kind: ResourceType) -> TagSpecification {
        let tag = Tag::builder().key(TAG).value(&self.name).build();
        let tags = TagSpecification::builder().resource_type(kind);
        tags.tags(tag).build()
    }

    /// Starts a copy that belongs to the lab; the error describes the refusal.
    pub(crate) async fn copy(
        &self,
        by: &Side,
        image_id: &str,
        key: &str,
        name: &str,
    ) -> Result<String, String> {
        let call = by.ec2.copy_image().source_region(&self.region);
        let call = call
            .source_image_id(image_id)
            .name(format!("{}-{name}", self.name))
            .encrypted(true)
            .kms_key_id(key)
            .tag_specifications(self.build_tags(ResourceType::Image))
            .tag_specifications(self.build_tags(ResourceType::Snapshot));
        match call.send().await {
            Ok(copied) => Ok(copied.image_id().unwrap().to_owned()),
            Err(error) => Err(describe_refusal(error.into_service_error().meta())),
        }
    }

    /// Creates a role in B that A may assume, for `target-role`.
    async fn create_role(&self) {
        let trust = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Principal": { "AWS": format!("arn:aws:iam::{}:root", self.a.account) },
            "Action": "sts:AssumeRole",
            "Condition": { "StringEquals": { "sts:ExternalId": EXTERNAL_ID } },
        }] });
        let policy = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow",
            "Action": ["ec2:*", "kms:*", "iam:SimulatePrincipalPolicy"],
            "Resource": "*",
        }] });
        let create = self.b.iam.create_role().role_name(&self.name);
        let create = create.assume_role_policy_document(trust.to_string());
        create.send().await.unwrap();
        let put = self.b.iam.put_role_policy().role_name(&self.name);
        let put = put.policy_name("all").policy_document(policy.to_string());
        put.send().await.unwrap();
    }

    /// Removes images that killed labs left more than a day ago; younger ones may be in use.
    async fn remove_old_images(&self) {
        for side in [&self.a, &self.b] {
            let tagged = Filter::builder().name("tag-key").values(TAG).build();
            for image in side.list_images(tagged).await {
                if is_older_than_a_day(&image) {
                    let id = image.image_id().unwrap_or_default();
                    println!("removing {id} of {}, left by a killed lab", side.account);
                    side.remove_image(id).await;
                }
            }
        }
    }

    pub(crate) async fn tear_down(&self) {
        for side in [&self.b, &self.a] {
            let tag = format!("tag:{TAG}");
            let own = Filter::builder().name(tag).values(&self.name).build();
            for image in side.list_images(own).await {
                side.remove_image(image.image_id().unwrap_or_default())
                    .await;
            }
        }
        let iam = &self.b.iam;
        let delete = iam.delete_role_policy().role_name(&self.name);
        let _ = delete.policy_name("all").send().await;
        let _ = iam.delete_role().role_name(&self.name).send().await;
        let delete = self.a.kms.schedule_key_deletion().key_id(&self.key);
        let delete = delete.pending_window_in_days(7);
        delete.send().await.unwrap();
    }
}

fn is_older_than_a_day(image: &Image) -> bool {
    let Some(date) = image.creation_date() else {
        return false;
    };
    let Ok(created) = DateTime::from_str(date, Format::DateTime) else {
        return false;
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let day_ago = i64::try_from((now - DAY).as_secs()).unwrap();
    created.secs() < day_ago
}

/// A refusal as the rule book writes it.
pub(crate) fn describe_refusal(meta: &ErrorMetadata) -> String {
    let code = meta.code().unwrap_or("(no code)");
    let message = meta.message().unwrap_or("(no message)");
    format!("{code}: {message}")
}
