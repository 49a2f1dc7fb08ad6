//! Every finding appears before anything is changed, or in the run that it is about.

mod images;
mod key_policies;
mod keys;
mod plans;
mod request;
mod runs;
pub(crate) mod targets;

use std::collections::BTreeSet;

use ami_share::diagnostic::{FindingCode, Severity};
use ami_share::request::ShareRequestBuilder;
use ami_share::{Finding, Sharer};
use ami_share_sim::world::{Image, ImageState, World as State};
use tokio::sync::OnceCell;

use super::support::*;

/// A finding by code and severity.
type CodeAndSeverity = (&'static str, Severity);

/// The findings that appeared.
#[derive(Default)]
pub(crate) struct Seen {
    codes: BTreeSet<CodeAndSeverity>,
    /// Each of them.
    pub(crate) findings: Vec<Finding>,
}

impl Seen {
    fn record(&mut self, findings: &[Finding]) {
        for finding in findings {
            // Where other parts are left, what refuses a part leaves it out.
            let severity = match finding.severity {
                Severity::LeaveOut => Severity::Refuse,
                severity => severity,
            };
            self.codes.insert((finding.code.as_str(), severity));
        }
        self.findings.extend_from_slice(findings);
    }

    /// Changes the world, plans, and expects exactly this finding.
    async fn expect(
        &mut self,
        expected: CodeAndSeverity,
        images: &[&str],
        change: impl FnOnce(&mut State, &str),
        adapt: impl FnOnce(ShareRequestBuilder) -> ShareRequestBuilder,
    ) {
        let world = World::new();
        let golden = world.key_arn("golden");
        world.sim.edit(|state| change(state, &golden));
        let plan = world.plan(adapt(world.build_request(images))).await;
        assert_eq!(plan.findings.len(), 1, "{:?}", plan.findings);
        let finding = &plan.findings[0];
        assert_eq!((finding.code.as_str(), finding.severity), expected);
        assert!(finding.message.len() > 20 && finding.remedy.len() > 20);
        assert!(world.count_changes().is_empty());
        if expected.1 == Severity::Refuse {
            let sharer = Sharer::new(&world.config(A));
            let report = sharer.apply(&plan).await.unwrap_err().report;
            assert_eq!(report.errors[0].code.as_str(), "plan.refused");
            assert!(world.count_changes().is_empty());
        }
        self.record(&plan.findings);
    }

    /// The same for a world as it is.
    async fn expect_of_request(
        &mut self,
        expected: CodeAndSeverity,
        images: &[&str],
        adapt: impl FnOnce(ShareRequestBuilder) -> ShareRequestBuilder,
    ) {
        self.expect(expected, images, |_, _| (), adapt).await;
    }

    /// The same for the request to share `golden`.
    async fn expect_of_golden(
        &mut self,
        expected: CodeAndSeverity,
        change: impl FnOnce(&mut State, &str),
    ) {
        self.expect(expected, &["golden"], change, |request| request)
            .await;
    }
}

fn under_golden(request: ShareRequestBuilder) -> ShareRequestBuilder {
    request.kms_key("alias/golden".parse().unwrap())
}

fn image_named<'a>(state: &'a mut State, name: &str) -> &'a mut Image {
    let mut images = state.images.values_mut();
    images.find(|image| image.name == name).unwrap()
}

/// At least one finding of each code and severity. Two tests want them, and one collects them.
pub(crate) async fn collect_all() -> &'static Seen {
    static ALL: OnceCell<Seen> = OnceCell::const_new();
    ALL.get_or_init(collect_anew).await
}

async fn collect_anew() -> Seen {
    let mut seen = Seen::default();
    keys::collect(&mut seen).await;
    key_policies::collect(&mut seen).await;
    images::collect(&mut seen).await;
    request::collect(&mut seen).await;
    plans::collect(&mut seen).await;
    runs::collect(&mut seen).await;
    targets::collect(&mut seen).await;
    seen
}

#[tokio::test(start_paused = true)]
async fn every_finding_code_appears_with_each_severity() {
    let seen = collect_all().await;
    let mut declared = BTreeSet::new();
    for code in FindingCode::ALL {
        for severity in code.severities() {
            declared.insert((code.as_str(), *severity));
        }
    }
    assert_eq!(seen.codes, declared);
}

#[tokio::test(start_paused = true)]
async fn plan_under_wrong_account_asks_only_for_identity() {
    let world = World::new();
    let request = world.build_request(&["golden"]);
    world
        .plan(request.allowed_accounts([B.parse().unwrap()]))
        .await;
    assert_eq!(world.list_actions(0), ["sts:GetCallerIdentity"]);
}

#[tokio::test(start_paused = true)]
async fn disabled_copy_is_not_used() {
    let world = World::new();
    let first = world.share(world.build_copy_request(&["plain"])).await;
    let first = first.images[0].image.as_ref().unwrap();
    world.sim.edit(|state| {
        state.images.get_mut(first.as_ref()).unwrap().state = ImageState::Disabled;
        state.tokens.clear();
    });
    let report = world.share(world.build_copy_request(&["plain"])).await;
    assert_eq!(list_codes(&report), ["copy.disabled"]);
    assert_ne!(report.images[0].image.as_ref(), Some(first));
}
