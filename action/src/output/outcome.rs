//! How far a run came, as a value that everything written afterwards is made of.

use ami_share::report::Conclusion;
use ami_share::{Error, Plan, Report};

/// What a run came to, until it ended or was interrupted.
#[derive(Clone, Debug)]
pub(crate) enum Outcome {
    /// There is no plan: these errors prevented it, or the run was interrupted before.
    Unplanned(Vec<Error>),
    /// A plan was made and not carried out.
    Planned(Box<Report>),
    /// The run checked whether targets can launch, and changed nothing.
    Verified(Box<Report>),
    /// The run read who uses the images, and changed nothing.
    Used(Box<Report>),
    /// A plan was carried out, or a part of it.
    Applied(Box<Report>),
}

impl Outcome {
    /// Whether the log told of an error or a finding.
    pub(crate) fn has_codes(&self) -> bool {
        match self {
            Self::Unplanned(errors) => !errors.is_empty(),
            Self::Planned(report)
            | Self::Verified(report)
            | Self::Used(report)
            | Self::Applied(report) => {
                let mut checks = report.verifications.iter();
                !report.errors.is_empty()
                    || !report.findings.is_empty()
                    || checks.any(|check| check.conclusion == Conclusion::Blocked)
            }
        }
    }

    /// What failed.
    pub(crate) fn errors(&self) -> &[Error] {
        match self {
            Self::Unplanned(errors) => errors,
            Self::Planned(report)
            | Self::Verified(report)
            | Self::Used(report)
            | Self::Applied(report) => &report.errors,
        }
    }

    /// The plan that was carried out, or that a later run can carry out.
    pub(crate) fn plan_to_approve(&self) -> Option<&Plan> {
        match self {
            Self::Planned(report) | Self::Applied(report) => Some(&report.plan),
            Self::Unplanned(_) | Self::Verified(_) | Self::Used(_) => None,
        }
    }

    /// The report; `None` if there is no plan.
    pub(crate) fn report(&self) -> Option<&Report> {
        match self {
            Self::Unplanned(_) => None,
            Self::Planned(report)
            | Self::Verified(report)
            | Self::Used(report)
            | Self::Applied(report) => Some(report),
        }
    }
}
