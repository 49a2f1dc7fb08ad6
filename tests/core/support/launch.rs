//! Launches in targets: how the instance ended, or the error code.

use ami_share::aws_config::{Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_ec2::types::InstanceStateName;

use super::{B, World};

impl World {
    /// Launches as B's administrator.
    pub(crate) async fn launch_as_b(&self, image_id: &str) -> String {
        self.launch_in(B, "us-east-1", image_id).await
    }

    /// Launches as an account's administrator in a Region.
    pub(crate) async fn launch_in(&self, account: &str, region: &str, image_id: &str) -> String {
        let region = Region::new(region.to_owned());
        let config = self.config(account).to_builder().region(region).build();
        let ec2 = aws_sdk_ec2::Client::new(&config);
        launch_with_client(&ec2, &ec2, image_id).await
    }

    /// Launches as a role of an account, which the account's administrator assumes.
    pub(crate) async fn launch_as_role(&self, account: &str, role: &str, image_id: &str) -> String {
        let config = self.assume_role(account, role, None).await;
        self.launch_with_config(account, &config, image_id).await
    }

    /// Launches as the service-linked role of a service, as Auto Scaling does.
    pub(crate) async fn launch_as_service(
        &self,
        account: &str,
        service: &str,
        image_id: &str,
    ) -> String {
        let (id, token) = self.sim.service_session(account, service).unwrap();
        let credentials = Credentials::new(id, "secret", Some(token), None, "test");
        let config = with_credentials(&self.config(account), credentials);
        self.launch_with_config(account, &config, image_id).await
    }

    /// Launches as one service-linked role, by its name.
    pub(crate) async fn launch_as_service_role(
        &self,
        account: &str,
        role: &str,
        image_id: &str,
    ) -> String {
        let (id, token) = self.sim.service_role_session(account, role).unwrap();
        let credentials = Credentials::new(id, "secret", Some(token), None, "test");
        let config = with_credentials(&self.config(account), credentials);
        self.launch_with_config(account, &config, image_id).await
    }

    async fn launch_with_config(
        &self,
        account: &str,
        launcher: &SdkConfig,
        image_id: &str,
    ) -> String {
        let launcher = aws_sdk_ec2::Client::new(launcher);
        let observer = aws_sdk_ec2::Client::new(&self.config(account));
        launch_with_client(&launcher, &observer, image_id).await
    }

    pub(crate) async fn terminate_instances_of(&self, account: &str) {
        let ec2 = aws_sdk_ec2::Client::new(&self.config(account));
        let shown = ec2.describe_instances().send().await.unwrap();
        let mut ids = Vec::new();
        for reservation in shown.reservations() {
            let instances = reservation.instances().iter();
            ids.extend(instances.filter_map(|instance| instance.instance_id.clone()));
        }
        let call = ec2.terminate_instances().set_instance_ids(Some(ids));
        call.send().await.unwrap();
    }
}

/// Launches with one client and reads with another how the instance ended.
pub(crate) async fn launch_with_client(
    launcher: &aws_sdk_ec2::Client,
    observer: &aws_sdk_ec2::Client,
    image_id: &str,
) -> String {
    let call = launcher.run_instances().image_id(image_id);
    let launched = match call.min_count(1).max_count(1).send().await {
        Ok(launched) => launched,
        Err(error) => return error.into_service_error().meta().code().unwrap().to_owned(),
    };
    let id = launched.instances()[0].instance_id().unwrap();
    let call = observer.describe_instances().instance_ids(id);
    let shown = call.send().await.unwrap();
    let instance = &shown.reservations()[0].instances()[0];
    let state = instance.state().unwrap().name().unwrap();
    assert!(matches!(
        state,
        InstanceStateName::Running | InstanceStateName::Terminated
    ));
    state.as_str().to_owned()
}

pub(super) fn with_credentials(config: &SdkConfig, credentials: Credentials) -> SdkConfig {
    let provider = SharedCredentialsProvider::new(credentials);
    config.to_builder().credentials_provider(provider).build()
}
