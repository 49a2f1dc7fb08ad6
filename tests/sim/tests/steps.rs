//! Steps that many tests take: describe, share, copy, launch.

use ami_share_sim::wire::Fail;
use serde_json::{Value, json};

use super::caller::{Answer, Caller};
use super::support::{allow_to, policy_of, root, root_statement, seconds};

/// What the world has by name.
impl Caller {
    pub(crate) fn image(&self, name: &str) -> String {
        self.sim.facts().images[name].clone()
    }

    pub(crate) fn key(&self, name: &str) -> String {
        self.sim.facts().keys[name].clone()
    }
}

/// Images and snapshots.
impl Caller {
    pub(crate) async fn describe_image(&self, id: &str) -> Answer {
        let parameters = [("ImageId.1", id)];
        self.ec2("DescribeImages", &parameters).await.unwrap()
    }

    pub(crate) async fn describe_snapshot(&self, id: &str) -> Answer {
        let parameters = [("SnapshotId.1", id)];
        self.ec2("DescribeSnapshots", &parameters).await.unwrap()
    }

    /// The IDs of the snapshots behind an image.
    pub(crate) async fn snapshots(&self, image: &str) -> Vec<String> {
        let answer = self.describe_image(image).await;
        let ids = answer.all("snapshotId").into_iter();
        ids.map(str::to_owned).collect()
    }

    /// The ID of the first snapshot behind an image of this name.
    pub(crate) async fn snapshot_of(&self, image: &str) -> String {
        self.snapshots(&self.image(image)).await.remove(0)
    }

    /// The state of an image; nothing if it is not visible.
    pub(crate) async fn state(&self, image: &str) -> String {
        let filter = [("Filter.1.Name", "image-id"), ("Filter.1.Value.1", image)];
        let answer = self.ec2("DescribeImages", &filter).await.unwrap();
        answer.first("imageState").to_owned()
    }

    pub(crate) async fn deregister(&self, image: &str) -> Result<Answer, Fail> {
        self.ec2("DeregisterImage", &[("ImageId", image)]).await
    }
}

/// Sharing.
impl Caller {
    pub(crate) async fn share(&self, image: &str, account: &str) -> Result<Answer, Fail> {
        let parameters = [
            ("ImageId", image),
            ("LaunchPermission.Add.1.UserId", account),
        ];
        self.ec2("ModifyImageAttribute", &parameters).await
    }

    /// Makes an image public.
    pub(crate) async fn publish(&self, image: &str) -> Result<Answer, Fail> {
        let parameters = [("ImageId", image), ("LaunchPermission.Add.1.Group", "all")];
        self.ec2("ModifyImageAttribute", &parameters).await
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

    /// Lets an account use the key `golden` through EC2.
    pub(crate) async fn share_key(&self, account: &str) {
        let actions = [
            "kms:DescribeKey",
            "kms:Decrypt",
            "kms:ReEncrypt*",
            "kms:GenerateDataKeyWithoutPlaintext",
            "kms:CreateGrant",
        ];
        let mut statement = allow_to(root(account), actions.as_slice());
        statement["Sid"] = json!("Use");
        self.put_policy(statement).await.unwrap();
    }
}

/// The key `golden`.
impl Caller {
    /// Adds a statement to the default policy.
    pub(crate) async fn put_policy(&self, statement: Value) -> Result<Answer, Fail> {
        self.put_whole_policy(&policy_of(&[root_statement(), statement]))
            .await
    }

    /// Replaces the policy.
    pub(crate) async fn put_whole_policy(&self, policy: &str) -> Result<Answer, Fail> {
        let key = self.key("golden");
        let parameters = json!({ "KeyId": key, "PolicyName": "default", "Policy": policy });
        self.kms("PutKeyPolicy", parameters).await
    }

    pub(crate) async fn describe_key(&self, key: &str) -> Result<Answer, Fail> {
        self.kms("DescribeKey", json!({ "KeyId": key })).await
    }

    /// Makes a grant. Returns the answer.
    pub(crate) async fn grant(
        &self,
        grantee: &str,
        operations: &[&str],
        more: Value,
    ) -> Result<Value, Fail> {
        let mut parameters = json!({
            "KeyId": self.key("golden"),
            "GranteePrincipal": grantee,
            "Operations": operations,
        });
        for (name, value) in more.as_object().unwrap() {
            parameters[name] = value.clone();
        }
        Ok(self.kms("CreateGrant", parameters).await?.json())
    }

    /// The grants on a key.
    pub(crate) async fn grants(&self, key: &str) -> Vec<Value> {
        let answer = self.kms_json("ListGrants", json!({ "KeyId": key })).await;
        answer["Grants"].as_array().unwrap().clone()
    }

    /// Makes a key in the caller's account. Returns its ARN.
    pub(crate) async fn create_key(&self) -> String {
        let answer = self.kms_json("CreateKey", json!({})).await;
        answer["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
    }

    /// The ARN of AWS's own key for EBS in the caller's account.
    pub(crate) async fn aws_ebs_key(&self) -> String {
        let answer = self.describe_key("alias/aws/ebs").await.unwrap().json();
        answer["KeyMetadata"]["Arn"].as_str().unwrap().to_owned()
    }
}

/// Copies and launches.
impl Caller {
    /// Copies an image within the Region under the key `golden`.
    pub(crate) async fn copy(&self, image: &str, more: &[(&str, &str)]) -> Result<String, Fail> {
        self.copy_under(image, &self.key("golden"), more).await
    }

    /// Copies an image within the Region under a key.
    pub(crate) async fn copy_under(
        &self,
        image: &str,
        key: &str,
        more: &[(&str, &str)],
    ) -> Result<String, Fail> {
        let mut parameters = vec![("Encrypted", "true"), ("KmsKeyId", key)];
        parameters.extend(more);
        self.copy_as(image, &parameters).await
    }

    pub(crate) async fn copy_as(&self, image: &str, more: &[(&str, &str)]) -> Result<String, Fail> {
        let mut parameters = vec![
            ("SourceImageId", image),
            ("SourceRegion", "us-east-1"),
            ("Name", "a copy"),
        ];
        parameters.extend(more);
        let answer = self.ec2("CopyImage", &parameters).await?;
        Ok(answer.first("imageId").to_owned())
    }

    /// The state of a copied image when the copy has ended, with the reasons of the image and of a
    /// snapshot.
    pub(crate) async fn end_of_copy(&self, image: &str) -> (String, String, String) {
        seconds(4).await;
        let shown = self.describe_image(image).await;
        let failed = [
            ("Owner.1", "self"),
            ("Filter.1.Name", "status"),
            ("Filter.1.Value.1", "error"),
        ];
        let snapshots = self.ec2("DescribeSnapshots", &failed).await.unwrap();
        let (state, reason) = (shown.first("imageState"), shown.first("message"));
        let of_snapshot = snapshots.first("statusMessage");
        (state.to_owned(), reason.to_owned(), of_snapshot.to_owned())
    }

    /// Launches an instance. Returns the answer to the call.
    pub(crate) async fn run_instance(
        &self,
        image: &str,
        more: &[(&str, &str)],
    ) -> Result<Answer, Fail> {
        let mut parameters = vec![("ImageId", image), ("MinCount", "1"), ("MaxCount", "1")];
        parameters.extend(more);
        self.ec2("RunInstances", &parameters).await
    }

    /// Launches an instance. Returns how it ended: its state and the message of its `StateReason`.
    pub(crate) async fn launch(
        &self,
        image: &str,
        more: &[(&str, &str)],
    ) -> Result<(String, String), Fail> {
        let answer = self.run_instance(image, more).await?;
        let named = [("InstanceId.1", answer.first("instanceId"))];
        let shown = self.ec2("DescribeInstances", &named).await.unwrap();
        let (state, message) = (shown.first("name"), shown.first("message"));
        Ok((state.to_owned(), message.to_owned()))
    }

    /// The state in which a launch ends.
    pub(crate) async fn launch_state(&self, image: &str) -> String {
        self.launch(image, &[]).await.unwrap().0
    }

    pub(crate) async fn stop(&self, instance: &str) -> Result<Answer, Fail> {
        self.ec2("StopInstances", &[("InstanceId.1", instance)])
            .await
    }

    pub(crate) async fn terminate(&self, instance: &str) -> Result<Answer, Fail> {
        self.ec2("TerminateInstances", &[("InstanceId.1", instance)])
            .await
    }

    /// Gives a service-linked role of the caller's account what AWS publishes for such roles.
    pub(crate) async fn grant_to_service_role(&self, key: &str, role: &str) {
        let operations = [
            "Encrypt",
            "Decrypt",
            "ReEncryptFrom",
            "ReEncryptTo",
            "GenerateDataKey",
            "GenerateDataKeyWithoutPlaintext",
            "DescribeKey",
            "CreateGrant",
        ];
        let grant = json!({ "KeyId": key, "GranteePrincipal": role, "Operations": operations });
        self.kms("CreateGrant", grant).await.unwrap();
    }
}
