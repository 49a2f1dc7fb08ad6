//! Calls to a simulation as one principal, without HTTP between.

use ami_share_sim::wire::{Body, Call, Fail, Params, Query, Service};
use ami_share_sim::{Options, Scenario, Sim};
use serde_json::{Value, json};

pub(crate) const A: &str = "111111111111";
pub(crate) const B: &str = "222222222222";

/// An answer, as the text that goes over the wire.
#[derive(Debug)]
pub(crate) struct Answer(String);

impl Answer {
    /// The text of every element of a name.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        self.0
            .split(&open)
            .skip(1)
            .filter_map(|rest| rest.split(&close).next())
            .collect()
    }

    /// The text of the first element of a name.
    pub(crate) fn first(&self, name: &str) -> &str {
        self.all(name).first().copied().unwrap_or_default()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.0).unwrap()
    }
}

/// Somebody who calls.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) sim: Sim,
    key: String,
    token: Option<String>,
    region: String,
}

impl Caller {
    pub(crate) async fn ec2(
        &self,
        operation: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Answer, Fail> {
        self.send(
            Service::Ec2,
            operation,
            Params::Query(Query::of(parameters)),
        )
        .await
    }

    pub(crate) async fn sts(
        &self,
        operation: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Answer, Fail> {
        self.send(
            Service::Sts,
            operation,
            Params::Query(Query::of(parameters)),
        )
        .await
    }

    pub(crate) async fn kms(&self, operation: &str, parameters: Value) -> Result<Answer, Fail> {
        let Value::Object(members) = parameters else {
            panic!("parameters are an object")
        };
        self.send(Service::Kms, operation, Params::Json(members))
            .await
    }

    pub(crate) async fn iam(
        &self,
        operation: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Answer, Fail> {
        self.send(
            Service::Iam,
            operation,
            Params::Query(Query::of(parameters)),
        )
        .await
    }

    pub(crate) async fn ssm(&self, operation: &str, parameters: Value) -> Result<Answer, Fail> {
        let Value::Object(members) = parameters else {
            panic!("parameters are an object")
        };
        self.send(Service::Ssm, operation, Params::Json(members))
            .await
    }

    async fn send(
        &self,
        service: Service,
        operation: &str,
        params: Params,
    ) -> Result<Answer, Fail> {
        let call = Call {
            service,
            operation: operation.to_owned(),
            params,
            access_key_id: self.key.clone(),
            session_token: self.token.clone(),
            region: self.region.clone(),
        };
        let body = self.sim.call(&call).await.expect("an answer")?;
        Ok(Answer(match body {
            Body::Json(value) => value.to_string(),
            Body::Xml(elements) => elements
                .iter()
                .map(ami_share_sim::wire::xml::Element::document)
                .collect(),
        }))
    }

    pub(crate) fn with_key(&self, key: &str) -> Self {
        Self {
            key: key.to_owned(),
            ..self.clone()
        }
    }

    /// The same world with a session's key and token.
    pub(crate) fn with_session(&self, (key, token): (String, String)) -> Self {
        Self {
            key,
            token: Some(token),
            ..self.clone()
        }
    }

    /// Shares a snapshot for copying.
    pub(crate) async fn share_snapshot(
        &self,
        snapshot: &str,
        account: &str,
    ) -> Result<Answer, Fail> {
        let parameters = [
            ("SnapshotId", snapshot),
            ("CreateVolumePermission.Add.1.UserId", account),
        ];
        self.ec2("ModifySnapshotAttribute", &parameters).await
    }

    /// Shares an image with an account for copying: launch permission, every snapshot, and the key
    /// `golden`.
    pub(crate) async fn share_wholly(&self, image: &str, account: &str) {
        self.share(image, account).await.unwrap();
        for snapshot in self.snapshots(image).await {
            self.share_snapshot(&snapshot, account).await.unwrap();
        }
        self.share_key(account).await;
    }

    /// Makes a role with a policy, and a session of it.
    pub(crate) async fn role(&self, account: &str, name: &str, policy: &Value) -> Self {
        let trust = json!({ "Statement": [{ "Effect": "Allow", "Principal": { "AWS": account }, "Action": "sts:AssumeRole" }] });
        let trust = trust.to_string();
        self.iam(
            "CreateRole",
            &[("RoleName", name), ("AssumeRolePolicyDocument", &trust)],
        )
        .await
        .unwrap();
        self.put_role_policy(name, policy).await.unwrap();
        self.assume(&format!("arn:aws:iam::{account}:role/{name}"), &[])
            .await
            .unwrap()
    }

    pub(crate) async fn put_role_policy(
        &self,
        role: &str,
        statement: &Value,
    ) -> Result<Answer, Fail> {
        let policy = json!({ "Statement": [statement] }).to_string();
        self.iam(
            "PutRolePolicy",
            &[
                ("RoleName", role),
                ("PolicyName", "p"),
                ("PolicyDocument", &policy),
            ],
        )
        .await
    }

    /// A new grant on the key `golden`; its answer.
    pub(crate) async fn grant(
        &self,
        grantee: &str,
        operations: &[&str],
        more: Value,
    ) -> Result<Value, Fail> {
        let mut parameters = json!({ "KeyId": self.key("golden"), "GranteePrincipal": grantee, "Operations": operations });
        for (name, value) in more.as_object().unwrap() {
            parameters[name] = value.clone();
        }
        Ok(self.kms("CreateGrant", parameters).await?.json())
    }

    pub(crate) fn in_region(&self, region: &str) -> Self {
        Self {
            region: region.to_owned(),
            ..self.clone()
        }
    }

    /// A session of a role, with a session policy where one is given.
    pub(crate) async fn assume(&self, role: &str, more: &[(&str, &str)]) -> Result<Self, Fail> {
        let parameters: Vec<_> = [("RoleArn", role), ("RoleSessionName", "test")]
            .iter()
            .chain(more)
            .copied()
            .collect();
        let answer = self.sts("AssumeRole", &parameters).await?;
        let key = answer.first("AccessKeyId").to_owned();
        Ok(Self {
            key,
            token: Some(answer.first("SessionToken").to_owned()),
            ..self.clone()
        })
    }

    /// An administrator of the caller's account who may do all but these actions.
    pub(crate) async fn without(&self, account: &str, actions: &[&str]) -> Self {
        let policy = json!({ "Statement": [
            { "Effect": "Allow", "Action": "*", "Resource": "*" },
            { "Effect": "Deny", "Action": actions, "Resource": "*" },
        ] });
        let role = format!("arn:aws:iam::{account}:role/administrator");
        self.assume(&role, &[("Policy", &policy.to_string())])
            .await
            .unwrap()
    }

    pub(crate) fn image(&self, name: &str) -> String {
        self.sim.facts().images[name].clone()
    }

    pub(crate) fn key(&self, name: &str) -> String {
        self.sim.facts().keys[name].clone()
    }

    /// The IDs of the snapshots behind an image.
    pub(crate) async fn snapshots(&self, image: &str) -> Vec<String> {
        let answer = self
            .ec2("DescribeImages", &[("ImageId.1", image)])
            .await
            .unwrap();
        answer
            .all("snapshotId")
            .into_iter()
            .map(str::to_owned)
            .collect()
    }

    pub(crate) async fn state(&self, image: &str) -> String {
        let filter = [("Filter.1.Name", "image-id"), ("Filter.1.Value.1", image)];
        self.ec2("DescribeImages", &filter)
            .await
            .unwrap()
            .first("imageState")
            .to_owned()
    }

    pub(crate) async fn share(&self, image: &str, account: &str) -> Result<Answer, Fail> {
        self.ec2(
            "ModifyImageAttribute",
            &[
                ("ImageId", image),
                ("LaunchPermission.Add.1.UserId", account),
            ],
        )
        .await
    }

    /// Lets an account use the key `golden` through EC2.
    pub(crate) async fn share_key(&self, account: &str) {
        self.put_policy(json!({
            "Sid": "Use",
            "Effect": "Allow",
            "Principal": { "AWS": format!("arn:aws:iam::{account}:root") },
            "Action": ["kms:DescribeKey", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKeyWithoutPlaintext", "kms:CreateGrant"],
            "Resource": "*",
        }))
        .await
        .unwrap();
    }

    /// Adds a statement to the default policy of the key `golden`.
    pub(crate) async fn put_policy(&self, statement: Value) -> Result<Answer, Fail> {
        let policy = json!({ "Version": "2012-10-17", "Statement": [root_statement(), statement] })
            .to_string();
        self.kms(
            "PutKeyPolicy",
            json!({ "KeyId": self.key("golden"), "PolicyName": "default", "Policy": policy }),
        )
        .await
    }

    /// Copies an image within the Region under the key `golden`.
    pub(crate) async fn copy(&self, image: &str, more: &[(&str, &str)]) -> Result<String, Fail> {
        let golden = self.key("golden");
        let parameters: Vec<_> = [("Encrypted", "true"), ("KmsKeyId", golden.as_str())]
            .iter()
            .chain(more)
            .copied()
            .collect();
        self.copy_as(image, &parameters).await
    }

    pub(crate) async fn copy_as(&self, image: &str, more: &[(&str, &str)]) -> Result<String, Fail> {
        let base = [
            ("SourceImageId", image),
            ("SourceRegion", "us-east-1"),
            ("Name", "a copy"),
        ];
        let parameters: Vec<_> = base.iter().chain(more).copied().collect();
        Ok(self
            .ec2("CopyImage", &parameters)
            .await?
            .first("imageId")
            .to_owned())
    }

    /// Launches; the answer to the call.
    pub(crate) async fn run_instance(
        &self,
        image: &str,
        more: &[(&str, &str)],
    ) -> Result<Answer, Fail> {
        let one = [("ImageId", image), ("MinCount", "1"), ("MaxCount", "1")];
        let parameters: Vec<_> = one.iter().chain(more).copied().collect();
        self.ec2("RunInstances", &parameters).await
    }

    /// Launches, and says how the instance ended: its state and `StateReason` message.
    pub(crate) async fn launch(
        &self,
        image: &str,
        more: &[(&str, &str)],
    ) -> Result<(String, String), Fail> {
        let answer = self.run_instance(image, more).await?;
        let shown = self
            .ec2(
                "DescribeInstances",
                &[("InstanceId.1", answer.first("instanceId"))],
            )
            .await
            .unwrap();
        Ok((
            shown.first("name").to_owned(),
            shown.first("message").to_owned(),
        ))
    }
}

pub(crate) fn allow(actions: &Value) -> Value {
    json!({ "Effect": "Allow", "Action": actions, "Resource": "*" })
}

pub(crate) fn root(account: &str) -> String {
    format!("arn:aws:iam::{account}:root")
}

/// `two-accounts`, changed.
pub(crate) fn scenario(change: impl FnOnce(&mut Scenario)) -> (Caller, Caller) {
    let mut scenario = Scenario::two_accounts();
    change(&mut scenario);
    callers(scenario, Options::default())
}

/// `two-accounts` where changes take their time.
pub(crate) fn delayed(delays: ami_share_sim::Delays) -> (Caller, Caller) {
    callers(
        Scenario::two_accounts(),
        Options {
            delays,
            ..Options::default()
        },
    )
}

pub(crate) fn root_statement() -> Value {
    json!({ "Sid": "Root", "Effect": "Allow", "Principal": { "AWS": format!("arn:aws:iam::{A}:root") }, "Action": "kms:*", "Resource": "*" })
}

/// The administrators of A and B in `two-accounts`.
pub(crate) fn two_accounts() -> (Caller, Caller) {
    callers(Scenario::two_accounts(), Options::default())
}

pub(crate) fn callers(scenario: Scenario, options: Options) -> (Caller, Caller) {
    let sim = Sim::new(scenario, options);
    let of = |account: &str| Caller {
        key: sim.facts().accounts[account].access_key_id.clone(),
        sim: sim.clone(),
        token: None,
        region: "us-east-1".to_owned(),
    };
    (of(A), of(B))
}

/// Asserts the code and the words of an error.
#[track_caller]
pub(crate) fn fails<T: std::fmt::Debug>(
    result: Result<T, Fail>,
    status: u16,
    code: &str,
    message: &str,
) {
    let fail = result.unwrap_err();
    assert_eq!(
        (fail.status, fail.code.as_ref(), fail.message.as_str()),
        (status, code, message)
    );
}

pub(crate) async fn seconds(seconds: u64) {
    tokio::time::advance(std::time::Duration::from_secs(seconds)).await;
}
