//! A crate of somebody else, which tests with the simulated AWS as crates.io has it.

#![cfg(test)]

use std::time::Duration;

use ami_share_sim::{Handled, Options, Scenario, Sim};
use bytes::Bytes;

/// The body of an answer to a call of EC2, without an SDK.
async fn call(sim: &Sim, account: &str, body: String) -> String {
    let key = &sim.facts().accounts[account].access_key_id;
    let scope = format!("{key}/20260101/us-east-1/ec2/aws4_request");
    let signature = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0");
    let request = http::Request::post("/").header("authorization", signature);
    let request = request.body(Bytes::from(body)).unwrap();
    let Handled::Answer(answer) = sim.handle(request).await else {
        panic!("no answer")
    };
    String::from_utf8(answer.into_body().to_vec()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn image_is_seen_only_once_it_is_shared() {
    let options = Options {
        copy_time: Duration::from_secs(3_600),
        ..Options::default()
    };
    let sim = Sim::new(Scenario::two_accounts(), options);
    let image = &sim.facts().images["plain"];
    let describe = format!("Action=DescribeImages&ImageId.1={image}");
    let hidden = call(&sim, "222222222222", describe.clone()).await;
    assert!(
        hidden.contains("<imagesSet>") && !hidden.contains("<imageId>"),
        "{hidden}"
    );

    let share = format!(
        "Action=ModifyImageAttribute&ImageId={image}&LaunchPermission.Add.1.UserId=222222222222"
    );
    call(&sim, "111111111111", share).await;
    let shown = call(&sim, "222222222222", describe).await;
    assert!(
        shown.contains(&format!("<imageId>{image}</imageId>")),
        "{shown}"
    );
    let last = sim.journal().pop().unwrap();
    assert_eq!(last.action, "ec2:DescribeImages");
    assert_eq!(serde_json::to_value(&last).unwrap()["status"], 200);
}
