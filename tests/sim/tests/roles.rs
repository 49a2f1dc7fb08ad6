//! STS.

use super::support::*;

#[tokio::test]
async fn rule_5_1_every_refusal_of_a_role_reads_the_same() {
    let (a, b) = two_accounts();
    let consumer = format!("arn:aws:iam::{B}:role/consumer");
    let none = format!("arn:aws:iam::{B}:role/none");
    let launcher = format!("arn:aws:iam::{B}:role/launcher");
    let message =
        |who: &str, role: &str| format!("User: {who} is not authorized to perform: sts:AssumeRole on resource: {role}");
    let admin = format!("arn:aws:iam::{A}:user/admin");
    let denied = "AccessDenied";
    fails(a.assume(&consumer, &[]).await.map(|_| ()), 403, denied, &message(&admin, &consumer));
    fails(a.assume(&consumer, &[("ExternalId", "other")]).await.map(|_| ()), 403, denied, &message(&admin, &consumer));
    fails(a.assume(&none, &[("ExternalId", "example")]).await.map(|_| ()), 403, denied, &message(&admin, &none));
    fails(a.assume(&launcher, &[]).await.map(|_| ()), 403, denied, &message(&admin, &launcher));
    let session = format!("arn:aws:sts::{A}:assumed-role/administrator/test");
    let without = a.without(A, &["sts:AssumeRole"]).await;
    fails(
        without.assume(&consumer, &[("ExternalId", "example")]).await.map(|_| ()),
        403,
        denied,
        &message(&session, &consumer),
    );
    let consumer = a.assume(&consumer, &[("ExternalId", "example")]).await.unwrap();
    let who = consumer.sts("GetCallerIdentity", &[]).await.unwrap();
    assert_eq!(who.first("Arn"), format!("arn:aws:sts::{B}:assumed-role/consumer/test"));
    b.assume(&launcher, &[]).await.unwrap();
}

#[tokio::test]
async fn rule_5_6_everybody_may_ask_who_he_is() {
    let (a, _) = two_accounts();
    let nobody = a.without(A, &["*"]).await;
    assert_eq!(nobody.sts("GetCallerIdentity", &[]).await.unwrap().first("Account"), A);
    let invalid = "The security token included in the request is invalid.";
    fails(a.with_key("AKIAUNKNOWN").sts("GetCallerIdentity", &[]).await, 403, "InvalidClientTokenId", invalid);
}
