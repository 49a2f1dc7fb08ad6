//! A role that a job on GitHub assumes with its ID tokens (OIDC), again whenever a
//! session ends: a session that an earlier step has started does not outlast a long copy.

mod id_token;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider, future};
use aws_sdk_sts::types::Credentials as Session;
use tokio::sync::{Mutex, Semaphore};

use super::Caller;
use super::answers::Secrets;
use super::config::{in_region, with_defaults};
use super::explain;
use super::local_settings::InvalidSetting;
use super::roles::is_about_region;
use crate::diagnostic::{Code, Error};
use crate::id::{Region, RoleArn};
use crate::request::ShareRequest;
use id_token::{IdToken, TokenRequest};

const ACTION: &str = "sts:AssumeRoleWithWebIdentity";
/// A session that ends sooner is not given to another client.
const RENEWED_BEFORE: Duration = Duration::from_mins(1);

/// A role that a job on GitHub with `id-token: write` assumes with its ID tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitHubRole {
    arn: RoleArn,
    tokens: TokenRequest,
    session_time: Option<Duration>,
}

impl GitHubRole {
    /// The role, and what a job has as `ACTIONS_ID_TOKEN_REQUEST_URL` and
    /// `ACTIONS_ID_TOKEN_REQUEST_TOKEN`.
    ///
    /// # Errors
    /// One of the variables cannot be what GitHub sets.
    pub fn new(arn: RoleArn, url: &str, token: &str) -> Result<Self, InvalidSetting> {
        let tokens = TokenRequest::new(url, token)?;
        Ok(Self {
            arn,
            tokens,
            session_time: None,
        })
    }

    /// Sets how long each session lasts; without it AWS makes it an hour.
    #[must_use]
    pub fn session_time(mut self, time: Duration) -> Self {
        self.session_time = Some(time);
        self
    }

    /// Checks that the role is in the partition of the request's Regions, as no session of another
    /// one is accepted there.
    ///
    /// # Errors
    /// It is in another one.
    pub fn check_partition(&self, request: &ShareRequest) -> Result<(), InvalidSetting> {
        let (of_role, home) = (self.arn.partition(), request.home());
        if of_role == home.partition() {
            return Ok(());
        }
        let role = &self.arn;
        let of_home = home.partition();
        Err(InvalidSetting {
            name: "role-to-assume",
            reason: format!("`{role}` is in the partition {of_role}, and {home} is in {of_home}"),
        })
    }

    /// The configuration with the role's credentials, which renew themselves
    /// (`sts:AssumeRoleWithWebIdentity`, in the first Region of the request whose STS answers).
    #[must_use]
    pub fn configure(&self, config: &SdkConfig, request: &ShareRequest) -> SdkConfig {
        let home = request.home().clone();
        let mut regions = vec![home.clone()];
        regions.extend(request.regions().into_iter().filter(|other| *other != home));
        let credentials = GitHubCredentials {
            role: self.clone(),
            session: request.options.in_targets.session(),
            regions,
            config: with_defaults(config, &Secrets::default()),
            last: Mutex::default(),
        };
        let provider = SharedCredentialsProvider::new(credentials);
        config.to_builder().credentials_provider(provider).build()
    }
}

#[derive(Debug)]
struct GitHubCredentials {
    role: GitHubRole,
    /// The name of the sessions.
    session: String,
    /// Whose STS is asked, one after the other until one answers.
    regions: Vec<Region>,
    config: SdkConfig,
    /// The last session, for all clients of a run: each of them would ask for one of its own.
    last: Mutex<Option<Credentials>>,
}

impl ProvideCredentials for GitHubCredentials {
    fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        future::ProvideCredentials::new(async {
            let mut last = self.last.lock().await;
            if let Some(session) = last.as_ref().filter(|session| self.is_fresh(session)) {
                return Ok(session.clone());
            }
            let session = Box::pin(self.provide()).await;
            let session = session.map_err(CredentialsError::provider_error)?;
            Ok(last.insert(session).clone())
        })
    }
}

impl GitHubCredentials {
    fn is_fresh(&self, session: &Credentials) -> bool {
        let clock = self.config.time_source();
        let now = clock.map_or_else(SystemTime::now, |clock| clock.now());
        session
            .expiry()
            .is_some_and(|expiry| expiry > now + RENEWED_BEFORE)
    }

    async fn provide(&self) -> Result<Credentials, Error> {
        let token = self.role.tokens.fetch(&self.config).await;
        let token = token.map_err(|error| error.on(&self.role.arn))?;
        let mut answer = Err(Error::new(Code::Credentials, "the request has no Region"));
        for region in &self.regions {
            answer = self.assume(&token, region).await;
            if !is_about_region(&answer) {
                break;
            }
        }
        answer
    }

    async fn assume(&self, token: &IdToken, region: &Region) -> Result<Credentials, Error> {
        let client = aws_sdk_sts::Client::new(&in_region(&self.config, region));
        let seconds = self.role.session_time.map(|time| time.as_secs());
        let call = client
            .assume_role_with_web_identity()
            .role_arn(self.role.arn.as_ref())
            .role_session_name(&self.session)
            .set_duration_seconds(seconds.and_then(|seconds| seconds.try_into().ok()))
            .web_identity_token(token.secret());
        let caller = Caller {
            identity: None,
            region: region.clone(),
            permits: Arc::new(Semaphore::new(1)),
            pace: None,
        };
        let answer = caller.send_at_once(ACTION, Some(self.role.arn.as_ref()), call.send());
        let answer = answer.await.map_err(|error| self.explain(error, token))?;
        let session = answer.credentials().and_then(to_credentials);
        session.ok_or_else(|| caller.unexpected(&self.role.arn, "STS answered without a session"))
    }

    /// The error of a token that STS does not take, with what it says of the job: most often that
    /// is not what the role trusts.
    fn explain(&self, mut error: Error, token: &IdToken) -> Error {
        let Some(aws) = &error.aws else {
            return error;
        };
        let explained = [Code::Throttled, Code::RegionOff, Code::AwsUnavailable];
        if explained.contains(&error.code) {
            return error;
        }
        let is_untrusted = error.code == Code::AccessDenied;
        error.code = if is_untrusted {
            Code::RoleNotAssumable
        } else {
            Code::Credentials
        };
        error.message = format!("{} cannot be assumed with GitHub's ID token", self.role.arn);
        let remedy = explain::known_remedy(ACTION, aws);
        let remedy = remedy.unwrap_or("see what STS said, and correct the role or its provider");
        error.remedy = format!("{remedy}. The token says `aud` {}", token.describe());
        error
    }
}

fn to_credentials(session: &Session) -> Option<Credentials> {
    let expiry = SystemTime::try_from(*session.expiration()).ok()?;
    Some(Credentials::new(
        session.access_key_id(),
        session.secret_access_key(),
        Some(session.session_token().to_owned()),
        Some(expiry),
        "GitHubRole",
    ))
}
