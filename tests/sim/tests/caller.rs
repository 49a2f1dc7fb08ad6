//! Calls to a simulation as one principal, without HTTP between.

use ami_share_sim::Sim;
use ami_share_sim::wire::xml::Element;
use ami_share_sim::wire::{Body, Call, Fail, Params, Query, Service};
use serde_json::{Value, json};

use super::support::{allow, policy_of, role_arn};

/// An answer, as the text that goes over the wire.
#[derive(Debug)]
pub(crate) struct Answer(String);

impl Answer {
    /// The text of every element of a name.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let parts = self.0.split(&open).skip(1);
        parts.filter_map(|rest| rest.split(&close).next()).collect()
    }

    /// The text of the first element of a name.
    pub(crate) fn first(&self, name: &str) -> &str {
        self.all(name).first().copied().unwrap_or_default()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.0).unwrap()
    }
}

/// A principal that calls.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) sim: Sim,
    pub(crate) key: String,
    pub(crate) token: Option<String>,
    pub(crate) region: String,
}

/// The calls of each service.
impl Caller {
    pub(crate) async fn ec2(
        &self,
        operation: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Answer, Fail> {
        let params = Params::Query(Query::of(parameters));
        self.send(Service::Ec2, operation, params).await
    }

    pub(crate) async fn autoscaling(
        &self,
        operation: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Answer, Fail> {
        let params = Params::Query(Query::of(parameters));
        self.send(Service::AutoScaling, operation, params).await
    }

    pub(crate) async fn sts(
        &self,
        operation: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Answer, Fail> {
        let params = Params::Query(Query::of(parameters));
        self.send(Service::Sts, operation, params).await
    }

    pub(crate) async fn iam(
        &self,
        operation: &str,
        parameters: &[(&str, &str)],
    ) -> Result<Answer, Fail> {
        let params = Params::Query(Query::of(parameters));
        self.send(Service::Iam, operation, params).await
    }

    pub(crate) async fn kms(&self, operation: &str, parameters: Value) -> Result<Answer, Fail> {
        let Value::Object(members) = parameters else {
            panic!("parameters are an object")
        };
        let params = Params::Json(members);
        self.send(Service::Kms, operation, params).await
    }

    /// The answer of a call to KMS that succeeds.
    pub(crate) async fn kms_json(&self, operation: &str, parameters: Value) -> Value {
        self.kms(operation, parameters).await.unwrap().json()
    }

    pub(crate) async fn ssm(&self, operation: &str, parameters: Value) -> Result<Answer, Fail> {
        let Value::Object(members) = parameters else {
            panic!("parameters are an object")
        };
        let params = Params::Json(members);
        self.send(Service::Ssm, operation, params).await
    }

    pub(crate) async fn organizations(
        &self,
        operation: &str,
        parameters: Value,
    ) -> Result<Answer, Fail> {
        let Value::Object(members) = parameters else {
            panic!("parameters are an object")
        };
        let params = Params::Json(members);
        self.send(Service::Organizations, operation, params).await
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
            Body::Xml(elements) => elements.iter().map(Element::document).collect(),
        }))
    }
}

/// Other callers on the same world.
impl Caller {
    pub(crate) fn with_key(&self, key: &str) -> Self {
        Self {
            key: key.to_owned(),
            ..self.clone()
        }
    }

    /// A session by its key and token.
    pub(crate) fn with_session(&self, (key, token): (String, String)) -> Self {
        Self {
            key,
            token: Some(token),
            ..self.clone()
        }
    }

    pub(crate) fn in_region(&self, region: &str) -> Self {
        Self {
            region: region.to_owned(),
            ..self.clone()
        }
    }

    /// A session of a role, with more parameters of `AssumeRole`.
    pub(crate) async fn assume(&self, role: &str, more: &[(&str, &str)]) -> Result<Self, Fail> {
        let mut parameters = vec![("RoleArn", role), ("RoleSessionName", "test")];
        parameters.extend(more);
        let answer = self.sts("AssumeRole", &parameters).await?;
        let key = answer.first("AccessKeyId").to_owned();
        let token = answer.first("SessionToken").to_owned();
        Ok(self.with_session((key, token)))
    }

    /// An administrator of an account, in a session with a session policy.
    pub(crate) async fn limited(&self, account: &str, statements: &[Value]) -> Self {
        let role = role_arn(account, "administrator");
        let policy = policy_of(statements);
        self.assume(&role, &[("Policy", &policy)]).await.unwrap()
    }

    /// An administrator of an account who may do everything but these actions.
    pub(crate) async fn without(&self, account: &str, actions: &[&str]) -> Self {
        let deny = json!({ "Effect": "Deny", "Action": actions, "Resource": "*" });
        self.limited(account, &[allow("*"), deny]).await
    }

    /// An administrator of an account who may do everything but an action on a resource.
    pub(crate) async fn without_on(&self, account: &str, action: &str, resource: &str) -> Self {
        let deny = json!({ "Effect": "Deny", "Action": action, "Resource": resource });
        self.limited(account, &[allow("*"), deny]).await
    }

    /// Makes a role with a statement, and starts a session of it.
    pub(crate) async fn role(&self, account: &str, name: &str, statement: &Value) -> Self {
        let trust = policy_of(&[json!({
            "Effect": "Allow",
            "Principal": { "AWS": account },
            "Action": "sts:AssumeRole",
        })]);
        let parameters = [("RoleName", name), ("AssumeRolePolicyDocument", &trust)];
        self.iam("CreateRole", &parameters).await.unwrap();
        self.put_role_policy(name, statement).await.unwrap();
        self.assume(&role_arn(account, name), &[]).await.unwrap()
    }

    pub(crate) async fn put_role_policy(
        &self,
        role: &str,
        statement: &Value,
    ) -> Result<Answer, Fail> {
        let policy = policy_of(std::slice::from_ref(statement));
        let parameters = [
            ("RoleName", role),
            ("PolicyName", "p"),
            ("PolicyDocument", &policy),
        ];
        self.iam("PutRolePolicy", &parameters).await
    }
}
