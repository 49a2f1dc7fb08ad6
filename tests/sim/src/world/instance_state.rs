//! The states of instances as time passes, and what stays of them.

use std::time::Duration;

use super::{Instance, LooseVolume, World};

/// A state that an instance is going to.
#[derive(Clone, Debug)]
pub struct NextState {
    /// When it gets there.
    pub at: Duration,
    /// `running` or `terminated`.
    pub state: &'static str,
}

impl World {
    /// Ends an instance, at once or after the time that its account needs for it.
    pub(crate) fn terminate(&mut self, id: &str, now: Duration) {
        let Some(instance) = self.instances.get(id) else {
            return;
        };
        if matches!(instance.state, "shutting-down" | "terminated") {
            return;
        }
        let launching = self.launching(&instance.owner, &instance.region);
        if launching.shutdown_time.is_zero() {
            self.finish_termination(id, now);
        } else if let Some(instance) = self.instances.get_mut(id) {
            instance.state = "shutting-down";
            instance.next = Some(NextState {
                at: now + launching.shutdown_time,
                state: "terminated",
            });
        }
    }

    /// Brings instances to their states at `now`.
    pub(super) fn advance_instances(&mut self, now: Duration) {
        let mut due = Vec::new();
        for instance in self.instances.values_mut() {
            if let Some(next) = instance.next.take_if(|next| now >= next.at) {
                due.push((instance.id.clone(), next.state));
            }
        }
        for (id, state) in due {
            if state == "terminated" {
                self.finish_termination(&id, now);
            } else if let Some(instance) = self.instances.get_mut(&id) {
                instance.state = state;
            }
        }
    }

    /// The instance is gone: its volumes too, but for those that are to stay.
    pub(crate) fn finish_termination(&mut self, id: &str, now: Duration) {
        self.retire_grants(id);
        let Some(instance) = self.instances.get_mut(id) else {
            return;
        };
        (instance.state, instance.next) = ("terminated", None);
        let mut kept = Vec::new();
        for volume in std::mem::take(&mut instance.volumes) {
            if !volume.delete_on_termination {
                kept.push(loose(instance, volume, now));
            }
        }
        for loose in kept {
            self.volumes.insert(loose.volume.id.clone(), loose);
        }
    }

    /// Retires the grants that serve an instance.
    pub(crate) fn retire_grants(&mut self, instance: &str) {
        for key in self.keys.values_mut() {
            key.grants
                .retain(|grant| grant.instance.as_deref() != Some(instance));
        }
    }
}

fn loose(instance: &Instance, volume: super::Volume, now: Duration) -> LooseVolume {
    LooseVolume {
        volume,
        owner: instance.owner.clone(),
        region: instance.region.clone(),
        zone: instance.zone.clone(),
        kind: "gp3".to_owned(),
        created: now,
        tags: instance.volume_tags.clone(),
    }
}
