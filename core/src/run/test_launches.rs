//! What test launches have made in targets, so that nothing of it stays whatever ends the run.

use std::sync::Arc;

use parking_lot::Mutex;

use crate::aws::clients::RegionClients;

/// What one test launch made in a target, or may have made.
#[derive(Clone, Debug)]
pub(crate) struct TestLaunch {
    pub(crate) clients: Arc<RegionClients>,
    /// The value of the tag that everything of this launch has; no other launch has it.
    pub(crate) mark: String,
    pub(crate) group: Made,
    pub(crate) instance: Made,
    /// Whether AWS has taken the order to terminate the instance.
    pub(crate) is_terminated: bool,
    /// Whether an earlier run left it.
    pub(crate) is_abandoned: bool,
}

/// Whether something was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Made {
    /// Nothing was asked for, or it is gone.
    No,
    /// It was asked for, and no answer came.
    Perhaps,
    /// It has this ID.
    Yes(String),
}

impl TestLaunch {
    /// A test launch that has made nothing yet.
    pub(crate) fn new(clients: &Arc<RegionClients>, mark: String) -> Self {
        Self {
            clients: Arc::clone(clients),
            mark,
            group: Made::No,
            instance: Made::No,
            is_terminated: false,
            is_abandoned: false,
        }
    }

    /// Whether something may still be there that nobody has told AWS to remove.
    pub(crate) fn may_be_left(&self) -> bool {
        self.group != Made::No || self.has_instance()
    }

    /// Whether an instance may be there that nobody has told AWS to terminate.
    pub(crate) fn has_instance(&self) -> bool {
        self.instance != Made::No && !self.is_terminated
    }
}

/// The test launches whose run was cut off before everything of them was removed.
#[derive(Debug, Default)]
pub(crate) struct TestLaunches(Mutex<Vec<TestLaunch>>);

impl TestLaunches {
    /// Follows a test launch: what is left of it when the guard is dropped can be taken.
    pub(crate) fn guard(self: &Arc<Self>, launch: TestLaunch) -> TestLaunchGuard {
        TestLaunchGuard {
            launches: Arc::clone(self),
            launch,
        }
    }

    /// Takes every test launch that was cut off.
    pub(crate) fn take(&self) -> Vec<TestLaunch> {
        std::mem::take(&mut *self.0.lock())
    }
}

/// A test launch under way. Dropping it keeps what is left of it for [`TestLaunches::take`].
#[derive(Debug)]
pub(crate) struct TestLaunchGuard {
    launches: Arc<TestLaunches>,
    pub(crate) launch: TestLaunch,
}

impl Drop for TestLaunchGuard {
    fn drop(&mut self) {
        if self.launch.may_be_left() {
            self.launches.0.lock().push(self.launch.clone());
        }
    }
}
