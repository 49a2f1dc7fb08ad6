//! One account of a lab.

use std::fmt;
use std::time::Duration;

use ami_share::aws_config::{self, BehaviorVersion, SdkConfig};
use aws_sdk_ec2::types::{Filter, Image};

#[expect(
    clippy::disallowed_methods,
    reason = "only the environment can say which accounts these are"
)]
pub(super) fn read_variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

pub(crate) struct Side {
    pub(crate) account: String,
    pub(crate) config: SdkConfig,
    pub(crate) ec2: aws_sdk_ec2::Client,
    pub(crate) iam: aws_sdk_iam::Client,
    pub(crate) kms: aws_sdk_kms::Client,
}

/// An image that is no longer pending.
pub(crate) struct Settled {
    pub(crate) state: String,
    /// Code and message of the reason, if it failed.
    reason: (Option<String>, Option<String>),
}

impl fmt::Display for Settled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (code, message) = &self.reason;
        let code = code.as_deref().unwrap_or("(no code)");
        let message = message.as_deref().unwrap_or("(no message)");
        write!(f, "{}: {code} ({message})", self.state)
    }
}

impl Side {
    /// Connects with the profile that an environment variable names.
    pub(super) async fn connect(variable: &str, region: &str) -> Self {
        let profile = read_variable(variable);
        let profile = profile.expect("name a profile for each account: see tests/aws/README.md");
        let loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .profile_name(profile)
            .region(aws_config::Region::new(region.to_owned()));
        let config = loader.load().await;
        let sts = aws_sdk_sts::Client::new(&config);
        let identity = sts.get_caller_identity().send().await.unwrap();
        Self {
            account: identity.account().unwrap().to_owned(),
            ec2: aws_sdk_ec2::Client::new(&config),
            iam: aws_sdk_iam::Client::new(&config),
            kms: aws_sdk_kms::Client::new(&config),
            config,
        }
    }

    /// Creates a key with a tag; returns its ARN.
    pub(super) async fn create_key(&self, tag: &str, name: &str) -> String {
        let tag = aws_sdk_kms::types::Tag::builder().tag_key(tag);
        let tag = tag.tag_value(name).build().unwrap();
        let create = self.kms.create_key().description(name).tags(tag);
        let created = create.send().await.unwrap();
        created.key_metadata().unwrap().arn().unwrap().to_owned()
    }

    pub(super) async fn list_images(&self, filter: Filter) -> Vec<Image> {
        let call = self.ec2.describe_images().owners("self").filters(filter);
        call.send().await.unwrap().images().to_vec()
    }

    /// Removes an image and its snapshots, unless it is gone or in use.
    pub(super) async fn remove_image(&self, image_id: &str) {
        let call = self.ec2.deregister_image().image_id(image_id);
        let _ = call.delete_associated_snapshots(true).send().await;
    }

    pub(crate) async fn wait_until_settled(&self, image_id: &str) -> Settled {
        loop {
            let filter = Filter::builder().name("image-id").values(image_id).build();
            let call = self.ec2.describe_images().filters(filter);
            let shown = call.send().await.unwrap();
            let image = shown.images().first();
            let state = image.and_then(|image| image.state());
            let state = state.map_or("pending", |state| state.as_str());
            if state != "pending" {
                let reason = image.and_then(|image| image.state_reason());
                let code = reason.and_then(|reason| reason.code());
                let message = reason.and_then(|reason| reason.message());
                return Settled {
                    state: state.to_owned(),
                    reason: (code.map(str::to_owned), message.map(str::to_owned)),
                };
            }
            tokio::time::sleep(Duration::from_secs(15)).await;
        }
    }
}
