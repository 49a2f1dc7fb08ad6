//! STS: who we are.

use super::{Caller, Identity};
use crate::error::{Code, Error};

/// The account and principal behind the credentials (`sts:GetCallerIdentity`, which needs no permission, R5.6).
pub(crate) async fn caller_identity(client: &aws_sdk_sts::Client, caller: &Caller) -> Result<Identity, Error> {
    const ACTION: &str = "sts:GetCallerIdentity";
    let answer = caller.send(ACTION, None, client.get_caller_identity().send()).await?;
    let account = answer.account().and_then(|account| account.parse().ok());
    match (account, answer.arn()) {
        (Some(account), Some(arn)) => Ok(Identity { account, arn: arn.to_owned() }),
        _ => Err(Error::new(
            Code::AwsUnexpected,
            "STS did not say which account the credentials belong to",
            "check AWS_ENDPOINT_URL, where one is set: what answers there is not STS",
        )),
    }
}
