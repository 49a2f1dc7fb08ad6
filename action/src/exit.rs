//! How a run ends.

use std::process::{ExitCode, Termination};

use ami_share::Error;
use ami_share::diagnostic::Code;

/// How a run ended; its number is the exit status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Everything was done.
    Done = 0,
    /// A step failed.
    Failed = 1,
    /// An input is wrong; AWS was not called.
    BadInput = 2,
    /// The plan refuses.
    Refused = 3,
    /// The deadline passed.
    Deadline = 4,
    /// The run was told to stop.
    Cancelled = 130,
}

impl Exit {
    /// Every way to end.
    pub const ALL: &'static [Self] = &[
        Self::Done,
        Self::Failed,
        Self::BadInput,
        Self::Refused,
        Self::Deadline,
        Self::Cancelled,
    ];

    /// The word that the report has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::BadInput => "bad-input",
            Self::Refused => "refused",
            Self::Deadline => "deadline",
            Self::Cancelled => "cancelled",
        }
    }

    /// The end of a run with these errors.
    pub(crate) fn of_errors<'a>(mut errors: impl Iterator<Item = &'a Error>) -> Self {
        if errors.any(|error| error.code == Code::Deadline) {
            Self::Deadline
        } else {
            Self::Failed
        }
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self as u8)
    }
}
