//! A call that AWS throttles is made again at the pace, for as long as the run lasts.

use std::sync::Arc;

use aws_config::retry::RetryConfig;
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::FinalizerInterceptorContextRef;
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, Metadata};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};

use super::Pace;
use crate::aws::answer_error::read_error;
use crate::aws::explain::THROTTLING;

/// Tells the SDK to make throttled calls again, however often, each after the pause that the pace
/// says. They do not count among the attempts that other errors have.
#[derive(Debug)]
pub(in crate::aws) struct RetryThrottled {
    pub(in crate::aws) pace: Arc<Pace>,
    /// The prefix of its actions, such as `ec2`.
    pub(in crate::aws) service: &'static str,
    pub(in crate::aws) retries: RetryConfig,
}

/// How often AWS has throttled a call.
#[derive(Clone, Copy, Debug)]
struct Times(u32);

impl Storable for Times {
    type Storer = StoreReplace<Self>;
}

impl Intercept for RetryThrottled {
    fn name(&self) -> &'static str {
        "throttled calls are made again"
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let is_retried = bag
            .load::<RetryConfig>()
            .is_some_and(RetryConfig::has_retry);
        if !is_retried {
            return Ok(());
        }
        let Times(before) = bag.load::<Times>().copied().unwrap_or(Times(0));
        let Some(aws) = context.response().and_then(read_error) else {
            return Ok(());
        };
        let operation = bag.load::<Metadata>().map_or("", Metadata::name);
        let action = format!("{}:{operation}", self.service);
        let is_throttled = THROTTLING.contains(&aws.code.as_str());
        let is_server_error = |response: &HttpResponse| response.status().is_server_error();
        if is_throttled || context.response().is_some_and(is_server_error) {
            self.pace.tell(&action, aws);
        }
        if !is_throttled && before == 0 {
            return Ok(());
        }
        let times = before + u32::from(is_throttled);
        let attempts = self.retries.max_attempts().saturating_add(times);
        let mut retries = self.retries.clone().with_max_attempts(attempts);
        if is_throttled {
            let pause = self.pace.throttled(&action, times);
            retries = retries
                .with_initial_backoff(pause)
                .with_max_backoff(pause)
                .with_use_static_exponential_base(true);
        }
        bag.interceptor_state().store_put(retries);
        bag.interceptor_state().store_put(Times(times));
        Ok(())
    }
}
