//! A call of a run, read from its HTTP request.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;

/// A call of a run, and which part of the world it reads or changes: none if no run changes that.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in super::super) struct Call {
    pub(in super::super) run: usize,
    pub(in super::super) operation: String,
    pub(in super::super) touches: Option<String>,
    pub(super) adds_launch_permission: bool,
}

impl Call {
    pub(super) fn read(run: usize, request: &HttpRequest, contended: &[String]) -> Self {
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
        let target = request.headers().get("x-amz-target");
        let operation = target
            .and_then(|target| target.split('.').nth(1))
            .or_else(|| find_member(&body, "Action"))
            .unwrap();
        let touches = match operation {
            "GetKeyPolicy" | "PutKeyPolicy" => Some("policy"),
            "ListGrants" | "CreateGrant" | "RevokeGrant" => Some("grants"),
            "DescribeSnapshotAttribute" | "ModifySnapshotAttribute" => Some("snapshots"),
            "DescribeImageAttribute" | "ModifyImageAttribute" | "DeregisterImage" => {
                find_member(&body, "ImageId")
            }
            _ => None,
        };
        let touches = touches.map(str::to_owned);
        let adds = body.contains("LaunchPermission.Add.") && !body.contains("DryRun=true");
        Self {
            run,
            operation: operation.to_owned(),
            touches: touches.filter(|touched| contended.contains(touched)),
            adds_launch_permission: adds,
        }
    }

    pub(super) fn is_put(&self) -> bool {
        self.operation == "PutKeyPolicy"
    }

    pub(super) fn is_change(&self) -> bool {
        let reading = ["Get", "List", "Describe"];
        !reading.iter().any(|verb| self.operation.starts_with(verb))
    }

    /// Whether it matters which of the two comes first.
    pub(in super::super) fn depends_on(&self, other: &Self) -> bool {
        let same_part = self.touches == other.touches;
        if self.run == other.run {
            // Two parts that a run reads at once tell it the same in either order.
            return same_part || self.is_change() || other.is_change();
        }
        same_part && (self.is_change() || other.is_change())
    }
}

/// A member of a request in the query protocol.
fn find_member<'a>(body: &'a str, name: &str) -> Option<&'a str> {
    let mut pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(known, _)| *known == name)?;
    Some(value)
}
