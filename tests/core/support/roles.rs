//! Roles: their policies and their sessions.

use ami_share::aws_config::SdkConfig;
use aws_credential_types::Credentials;
use serde_json::{Value, json};

use super::World;
use super::launch::with_credentials;

impl World {
    /// Allows a role exactly these actions, with the inline policy that the world has for it.
    pub(crate) async fn allow_actions(&self, account: &str, role: &str, actions: &[&str]) {
        let statement = json!({ "Effect": "Allow", "Action": actions, "Resource": "*" });
        let document = json!({ "Version": "2012-10-17", "Statement": [statement] });
        self.put_role_policy(account, role, "more", &document).await;
    }

    pub(crate) async fn put_role_policy(
        &self,
        account: &str,
        role: &str,
        name: &str,
        document: &Value,
    ) {
        let iam = aws_sdk_iam::Client::new(&self.config(account));
        let call = iam.put_role_policy().role_name(role).policy_name(name);
        let call = call.policy_document(document.to_string());
        call.send().await.unwrap();
    }

    pub(crate) async fn create_service_linked_role(&self, account: &str, service: &str) {
        let iam = aws_sdk_iam::Client::new(&self.config(account));
        let call = iam.create_service_linked_role();
        call.aws_service_name(service).send().await.unwrap();
    }

    /// The configuration of a session of a role, which a session policy may narrow (R5.4).
    pub(crate) async fn assume_role(
        &self,
        account: &str,
        role: &str,
        policy: Option<&Value>,
    ) -> SdkConfig {
        let config = self.config(account);
        let arn = self.edit_role(account, role, |role| role.arn.clone());
        let call = aws_sdk_sts::Client::new(&config)
            .assume_role()
            .role_arn(arn)
            .role_session_name("test")
            .set_policy(policy.map(Value::to_string));
        let assumed = call.send().await.unwrap();
        let session = assumed.credentials().unwrap();
        let credentials = Credentials::new(
            session.access_key_id(),
            session.secret_access_key(),
            Some(session.session_token().to_owned()),
            None,
            "test",
        );
        with_credentials(&config, credentials)
    }
}
